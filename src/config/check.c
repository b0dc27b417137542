/* Options compared with each other and with the system: what each source alone cannot know. */
#include "config/config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/option.h"

enum { SECRETS_MAX = 32 }; /* each is tried in turn for every user that comes */

struct check {
	struct config *config;
	struct config_report *report;
	bool has_error, is_out_of_memory;
};

static void (*const checks[])(struct check *check);

/* Puts a problem where the option was set, so that the operator finds the line. */
static void say(struct check *check, enum config_severity severity, enum option_id id,
                const char *message, va_list args)
{
	char text[CONFIG_MESSAGE_SIZE];

	vsnprintf(text, sizeof text, message, args);
	config_report_add(check->report, severity, config_source_name(check->config, id),
	                  check->config->origin[id].line, "%s", text);
}

PRINTF_LIKE(3, 4)
static void error(struct check *check, enum option_id id, const char *message, ...)
{
	va_list args;

	va_start(args, message);
	say(check, CONFIG_ERROR, id, message, args);
	va_end(args);
	check->has_error = true;
}

PRINTF_LIKE(3, 4)
static void warn(struct check *check, enum option_id id, const char *message, ...)
{
	va_list args;

	va_start(args, message);
	say(check, CONFIG_WARNING, id, message, args);
	va_end(args);
}

static bool is_set(const struct check *check, enum option_id id)
{
	return check->config->origin[id].source != CONFIG_FROM_DEFAULT;
}

enum err config_check(struct config *config, struct config_report *report)
{
	struct check check = {config, report, false, false};

	for (size_t i = 0; checks[i] != NULL; i++)
		checks[i](&check);
	if (check.is_out_of_memory)
		return ERR_NO_MEMORY;
	return check.has_error ? ERR_INVALID : OK;
}

/* ---- listeners and TLS ---- */

/* Relative names are looked for where the configuration file is. */
static void resolve_file(struct check *check, enum option_id id, const char *name, char **file)
{
	char *path;
	enum err err;

	if (*file == NULL)
		return;
	err = config_find_file(*file, &path);
	if (err == ERR_NO_MEMORY) {
		check->is_out_of_memory = true;
		return;
	}
	if (err != OK) {
		error(check, id, "%s: %.200s cannot be found", name, *file);
		return;
	}
	free(*file);
	*file = path;
	if (access(path, R_OK) != 0)
		error(check, id, "%s: %.200s cannot be read: %s", name, path, strerror(errno));
}

static void check_files(struct check *check)
{
	struct config *config = check->config;

	resolve_file(check, OPTION_ID_cert, "cert", &config->cert);
	resolve_file(check, OPTION_ID_pkey, "pkey", &config->pkey);
	resolve_file(check, OPTION_ID_ca_file, "CA-file", &config->ca_file);
	resolve_file(check, OPTION_ID_dh_file, "dh-file", &config->dh_file);
}

static void check_certificate(struct check *check)
{
	const struct config *config = check->config;

	if (config->cert != NULL && config->pkey == NULL)
		error(check, OPTION_ID_cert,
		      "cert needs pkey, the file with its private key (which may be the same "
		      "file)");
	if (config->pkey != NULL && config->cert == NULL)
		error(check, OPTION_ID_pkey,
		      "pkey needs cert, the file with its certificate (which may be the same "
		      "file)");
	if (config->pkey_pwd != NULL && config->pkey == NULL)
		warn(check, OPTION_ID_pkey_pwd, "pkey-pwd is of no use without pkey");
	if (config->ca_file != NULL && config->cert == NULL)
		warn(check, OPTION_ID_ca_file, "CA-file is of no use without cert and pkey");
}

static void check_transports(struct check *check)
{
	const struct config *config = check->config;
	bool has_certificate = config->cert != NULL;

	if (!config->udp && !config->tcp && !config->tls && !config->dtls)
		error(check, OPTION_ID_udp,
		      "udp, tcp, tls and dtls are all off: there is nothing to listen on");
	else if (!config->udp && !config->tcp && !has_certificate)
		error(check, OPTION_ID_udp,
		      "udp and tcp are off, and tls and dtls need cert and pkey");
	if (config->tls && is_set(check, OPTION_ID_tls) && !has_certificate)
		warn(check, OPTION_ID_tls, "tls is not served: it needs cert and pkey");
	if (config->dtls && is_set(check, OPTION_ID_dtls) && !has_certificate)
		warn(check, OPTION_ID_dtls, "dtls is not served: it needs cert and pkey");
}

/* ---- redirection ---- */

static void check_alternate_servers(struct check *check)
{
	enum { SERVERS_MAX = 64 }; /* as the lists of the relay threads have room for */
	const struct config *config = check->config;
	const struct {
		enum option_id id;
		const char *name;
		size_t count;
	} lists[] = {
		{OPTION_ID_alternate_server, "alternate-server", config->alternate_server.count},
		{OPTION_ID_udp_alternate_server, "udp-alternate-server",
	         config->udp_alternate_server.count},
		{OPTION_ID_tcp_alternate_server, "tcp-alternate-server",
	         config->tcp_alternate_server.count},
		{OPTION_ID_aux_server, "aux-server",
	         config->udp_self_balance ? config->aux_server.count : 0},
		{OPTION_ID_tls_alternate_server, "tls-alternate-server",
	         config->tls_alternate_server.count},
	};

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		if (lists[i].count > SERVERS_MAX)
			error(check, lists[i].id, "%s: %zu servers are more than %d", lists[i].name,
			      lists[i].count, SERVERS_MAX);
	if (config->udp_self_balance && config->aux_server.count == 0)
		warn(check, OPTION_ID_udp_self_balance,
		     "udp-self-balance does nothing without aux-server, which says where to send "
		     "clients");
}

/* ---- relaying ---- */

static void check_ports(struct check *check)
{
	const struct config *config = check->config;

	if (config->min_port > config->max_port)
		error(check, OPTION_ID_min_port,
		      "min-port %u is above max-port %u: no port is left to relay from",
		      config->min_port, config->max_port);
	if (config->listening_port >= config->min_port &&
	    config->listening_port <= config->max_port)
		warn(check, OPTION_ID_listening_port,
		     "listening-port %u lies between min-port and max-port: it is never relayed "
		     "from",
		     config->listening_port);
}

static bool serves_certified(const struct config *config, bool is_wanted)
{
	return is_wanted && config->cert != NULL;
}

static void check_proxies(struct check *check)
{
	const struct config *config = check->config;
	bool has_port = config->tcp_proxy_port != 0 || config->udp_proxy_port != 0;

	if (has_port && config->proxy_trusted.count == 0)
		warn(check, OPTION_ID_proxy_trusted,
		     "proxy-trusted names nobody, so everyone is refused at %s: name your proxies",
		     config->tcp_proxy_port != 0 ? "tcp-proxy-port" : "udp-proxy-port");
	if (config->udp_proxy_port != 0 && !config->udp && !serves_certified(config, config->dtls))
		warn(check, OPTION_ID_udp_proxy_port,
		     "udp-proxy-port is of no use: neither UDP nor DTLS is served");
	if (config->tcp_proxy_port != 0 && !config->tcp && !serves_certified(config, config->tls))
		warn(check, OPTION_ID_tcp_proxy_port,
		     "tcp-proxy-port is of no use: neither TCP nor TLS is served");
	if (!has_port && config->proxy_trusted.count > 0)
		warn(check, OPTION_ID_proxy_trusted,
		     "proxy-trusted is of no use without tcp-proxy-port or udp-proxy-port");
	if (has_port && (config->tcp_proxy_port == config->listening_port ||
	                 config->udp_proxy_port == config->listening_port ||
	                 config->tcp_proxy_port == config->tls_listening_port ||
	                 config->udp_proxy_port == config->tls_listening_port))
		error(check, OPTION_ID_tcp_proxy_port,
		      "a port for proxies is listening-port or tls-listening-port too: clients "
		      "there "
		      "send no header, and proxies' must not be forged: give it another");
}

static bool has_family(const struct addr_list *list, int family)
{
	for (size_t i = 0; i < list->count; i++)
		if (addr_family(&list->item[i]) == family)
			return true;
	return false;
}

static bool has_addr(const struct addr_list *list, const struct transport_addr *addr)
{
	for (size_t i = 0; i < list->count; i++)
		if (addr_equal_ip(&list->item[i], addr))
			return true;
	return false;
}

static const char *family_name(int family)
{
	return family == AF_INET6 ? "IPv6" : "IPv4";
}

static void check_relay_ips(struct check *check)
{
	const struct config *config = check->config;

	for (size_t i = 0; i < config->relay_ip.count; i++)
		if (addr_is_any(&config->relay_ip.item[i]))
			error(check, OPTION_ID_relay_ip,
			      "relay-ip: peers cannot answer to an address of only zeros: give one "
			      "that this machine has, or leave relay-ip out");
	if (config->relay_ip.count > 0 && !has_family(&config->relay_ip, AF_INET) &&
	    strcmp(config->allocation_default_address_family, "ipv4") == 0)
		warn(check, OPTION_ID_relay_ip,
		     "relay-ip has no IPv4 address: clients that do not ask for IPv6 are refused "
		     "(440)");
	if (config->relay_ip.count > 0 && config->listening_ip.count > 0 &&
	    has_family(&config->listening_ip, AF_INET6) && !has_family(&config->relay_ip, AF_INET6))
		warn(check, OPTION_ID_relay_ip,
		     "relay-ip has no IPv6 address although listening-ip has one: clients that ask "
		     "for IPv6 are refused (440)");
}

static void check_external_ip(struct check *check, size_t index)
{
	const struct external_list *list = &check->config->external_ip;
	const struct external_addr *external = &list->item[index];
	const struct addr_list *relay = &check->config->relay_ip;
	int family = addr_family(&external->public_ip);
	char text[ADDR_TEXT_SIZE];

	if (external->has_private && relay->count > 0 && !has_addr(relay, &external->private_ip))
		warn(check, OPTION_ID_external_ip,
		     "external-ip: %s is not among relay-ip, so nothing is mapped to it",
		     addr_format_ip(&external->private_ip, text));
	if (!external->has_private && relay->count > 0 && !has_family(relay, family))
		warn(check, OPTION_ID_external_ip,
		     "external-ip: %s stands for no relay-ip: none is %s",
		     addr_format_ip(&external->public_ip, text), family_name(family));
	for (size_t i = 0; i < index; i++)
		if (!external->has_private && !list->item[i].has_private &&
		    addr_family(&list->item[i].public_ip) == family)
			error(check, OPTION_ID_external_ip,
			      "external-ip: two %s addresses without a local one: say which "
			      "stands for which: PUBLIC/PRIVATE",
			      family_name(family));
}

static void check_external_ips(struct check *check)
{
	for (size_t i = 0; i < check->config->external_ip.count; i++)
		check_external_ip(check, i);
}

static bool is_in(const struct range_list *list, const struct transport_addr *addr)
{
	for (size_t i = 0; i < list->count; i++)
		if (addr_range_contains(&list->item[i], addr))
			return true;
	return false;
}

/* Both clients of a call are often on this server, and each is then a peer at a relay address. */
static void check_hairpin(struct check *check, const struct transport_addr *addr)
{
	const struct config *config = check->config;
	char text[ADDR_TEXT_SIZE];

	if (!is_in(&config->denied_peer_ip, addr) || is_in(&config->allowed_peer_ip, addr))
		return;
	addr_format_ip(addr, text);
	warn(check, OPTION_ID_denied_peer_ip,
	     "denied-peer-ip covers %s, an address of this server: two clients of it cannot reach "
	     "each other; allowed-peer-ip=%s lets them",
	     text, text);
}

static void check_peer_rules(struct check *check)
{
	const struct config *config = check->config;

	for (size_t i = 0; i < config->relay_ip.count; i++)
		check_hairpin(check, &config->relay_ip.item[i]);
	for (size_t i = 0; i < config->external_ip.count; i++)
		check_hairpin(check, &config->external_ip.item[i].public_ip);
	if (config->allow_loopback_peers)
		warn(check, OPTION_ID_allow_loopback_peers,
		     "allow-loopback-peers lets clients reach every service on this machine's "
		     "loopback: it is for tests alone");
}

static void check_lifetimes(struct check *check)
{
	const struct config *config = check->config;

	if (config->max_allocate_lifetime < 600)
		warn(check, OPTION_ID_max_allocate_lifetime,
		     "max-allocate-lifetime is below the 600 seconds that clients get by default "
		     "(RFC 8656 section 7.2)");
	if (config->channel_lifetime != 600)
		warn(check, OPTION_ID_channel_lifetime,
		     "channel-lifetime: clients rely on 600 seconds (RFC 8656 section 12)");
	if (config->permission_lifetime != 300)
		warn(check, OPTION_ID_permission_lifetime,
		     "permission-lifetime: clients rely on 300 seconds (RFC 8656 section 9)");
}

static void complete_address_family(struct check *check)
{
	struct config *config = check->config;
	char *keep;

	if (!config->keep_address_family)
		return;
	keep = strdup("keep");
	if (keep == NULL) {
		check->is_out_of_memory = true;
		return;
	}
	free(config->allocation_default_address_family);
	config->allocation_default_address_family = keep;
}

/* ---- Binding ---- */

static void check_binding(struct check *check)
{
	const struct config *config = check->config;

	if (config->stun_only && config->no_stun)
		error(check, OPTION_ID_no_stun,
		      "no-stun and stun-only leave nothing to serve: say which is meant");
	if (config->secure_stun && config->no_auth)
		warn(check, OPTION_ID_secure_stun,
		     "secure-stun is of no use with no-auth: nobody has to authenticate");
	if (config->rfc3489_compatibility && (config->no_stun || config->secure_stun))
		warn(check, OPTION_ID_rfc3489_compatibility,
		     "rfc3489-compatibility is of no use with %s: its clients get no answer",
		     config->no_stun ? "no-stun" : "secure-stun");
}

/* ---- NAT behaviour discovery ---- */

static void check_other_port(struct check *check, enum option_id id, const char *name,
                             const unsigned ports[4], unsigned which)
{
	static const char *const names[] = {"listening-port", "alt-listening-port",
	                                    "tls-listening-port", "alt-tls-listening-port"};

	if (ports[which] > 65535)
		error(check, id, "%s: there is no port above 65535: give one", name);
	for (unsigned i = 0; i < which; i++)
		if (ports[i] == ports[which])
			error(check, id, "%s: port %u is that of %s: give another", name,
			      ports[which], names[i]);
}

static void check_other_ports(struct check *check)
{
	const struct config *config = check->config;
	unsigned port = config->listening_port, tls_port = config->tls_listening_port;
	const unsigned ports[4] = {
		port,
		config->alt_listening_port ? config->alt_listening_port : port + 1,
		tls_port,
		config->alt_tls_listening_port ? config->alt_tls_listening_port : tls_port + 1,
	};

	check_other_port(check, OPTION_ID_alt_listening_port, "alt-listening-port", ports, 1);
	if (config->cert == NULL || port == tls_port)
		return;
	if (ports[1] == tls_port)
		error(check, OPTION_ID_alt_listening_port,
		      "alt-listening-port: port %u is that of tls-listening-port: give another",
		      tls_port);
	check_other_port(check, OPTION_ID_alt_tls_listening_port, "alt-tls-listening-port", ports,
	                 3);
}

static void check_nat_discovery(struct check *check)
{
	const struct config *config = check->config;

	if (!config->rfc5780) {
		if (is_set(check, OPTION_ID_alt_listening_port) ||
		    is_set(check, OPTION_ID_alt_tls_listening_port))
			warn(check, OPTION_ID_rfc5780,
			     "alt-listening-port and alt-tls-listening-port are of no use without "
			     "rfc5780");
		return;
	}
	check_other_ports(check);
	if (config->no_stun)
		warn(check, OPTION_ID_rfc5780, "rfc5780 is of no use with no-stun");
	else if (!config->udp)
		warn(check, OPTION_ID_rfc5780,
		     "rfc5780: without udp clients cannot find out how NATs filter");
}

/* ---- authentication ---- */

/* As in coturn: who names users or secrets wants them used. */
static void complete_mechanisms(struct check *check)
{
	struct config *config = check->config;

	if (config->user.count > 0)
		config->lt_cred_mech = true;
	if (config->static_auth_secret.count > 0)
		config->use_auth_secret = true;
}

static void check_mechanisms(struct check *check)
{
	const struct config *config = check->config;
	bool authenticates = config->lt_cred_mech || config->use_auth_secret;

	if (config->no_auth && authenticates)
		error(check, OPTION_ID_no_auth,
		      "no-auth cannot go together with lt-cred-mech, user, use-auth-secret or "
		      "static-auth-secret: say which is meant");
	else if (config->no_auth)
		warn(check, OPTION_ID_no_auth,
		     "no-auth makes this an open relay that anyone can use and misuse");
	else if (!authenticates && !config->stun_only)
		warn(check, OPTION_ID_lt_cred_mech,
		     "no authentication is configured, so the server relays for nobody: set "
		     "static-auth-secret, or user and realm");
	if (config->lt_cred_mech && config->user.count == 0 && config->userdb == NULL)
		warn(check, OPTION_ID_lt_cred_mech,
		     "lt-cred-mech: there are no users: set user or userdb");
	if (config->use_auth_secret && config->static_auth_secret.count == 0 &&
	    config->userdb == NULL)
		warn(check, OPTION_ID_use_auth_secret,
		     "use-auth-secret: there is no secret: set static-auth-secret or userdb");
}

static void check_secrets(struct check *check)
{
	const struct config *config = check->config;
	const char *nonce_secret = config->stateless_nonce_secret;

	if (config->static_auth_secret.count > SECRETS_MAX)
		error(check, OPTION_ID_static_auth_secret,
		      "static-auth-secret: %zu secrets are more than %d: drop those that nothing "
		      "uses",
		      config->static_auth_secret.count, SECRETS_MAX);
	if (nonce_secret != NULL && strlen(nonce_secret) < 16)
		warn(check, OPTION_ID_stateless_nonce_secret,
		     "stateless-nonce-secret is shorter than 16 characters and can be guessed");
}

static bool has_hexadecimal_key(const struct config *config)
{
	for (size_t i = 0; i < config->user.count; i++)
		if (strncmp(strchr(config->user.item[i], ':'), ":0x", 3) == 0)
			return true;
	return false;
}

static void use_host_name(struct check *check)
{
	char name[256] = "";

	if (gethostname(name, sizeof name - 1) != 0 || name[0] == 0) {
		error(check, OPTION_ID_realm, "realm is missing, such as realm=example.org");
		return;
	}
	check->config->realm = strdup(name);
	if (check->config->realm == NULL)
		check->is_out_of_memory = true;
	warn(check, OPTION_ID_realm,
	     "realm is missing, such as realm=example.org; the machine's name %s is used", name);
}

static void check_realm(struct check *check)
{
	const struct config *config = check->config;

	if (config->realm != NULL || (!config->lt_cred_mech && !config->use_auth_secret))
		return;
	if (has_hexadecimal_key(config))
		error(check, OPTION_ID_user,
		      "user: keys in hexadecimal were made for a realm: set realm to it");
	else
		use_host_name(check);
}

/* ---- process ---- */

static void check_sources(struct check *check)
{
	const struct config *config = check->config;

	if (config->no_config && config->config_file != NULL)
		warn(check, OPTION_ID_config_file,
		     "config-file is not read: no-config was given as well");
}

static void check_accounts(struct check *check)
{
	const struct config *config = check->config;

	if (config->proc_user != NULL && getpwnam(config->proc_user) == NULL)
		error(check, OPTION_ID_proc_user, "proc-user: there is no user %.64s",
		      config->proc_user);
	if (config->proc_group != NULL && getgrnam(config->proc_group) == NULL)
		error(check, OPTION_ID_proc_group, "proc-group: there is no group %.64s",
		      config->proc_group);
}

/* Each allocation takes its max-bps of the capacity, so there must be one. */
static void check_capacity(struct check *check)
{
	const struct config *config = check->config;

	if (config->bps_capacity != 0 && config->max_bps == 0)
		error(check, OPTION_ID_bps_capacity,
		      "bps-capacity: set max-bps too, which is what each allocation takes of it");
	else if (config->bps_capacity != 0 && config->bps_capacity < config->max_bps)
		warn(check, OPTION_ID_bps_capacity,
		     "bps-capacity: less than max-bps, so one allocation has all of it");
}

/* coturn's names for what is no file. */
static void complete_log(struct check *check)
{
	struct config *config = check->config;
	const char *name = config->log_file;
	char *replacement = NULL;

	if (name == NULL)
		return;
	if (strcmp(name, "syslog") == 0) {
		config->syslog = true;
	} else if (strcmp(name, "stdout") == 0 || strcmp(name, "-") == 0) {
		replacement = strdup("/dev/stdout");
		if (replacement == NULL) {
			check->is_out_of_memory = true;
			return;
		}
	} else {
		return;
	}
	free(config->log_file);
	config->log_file = replacement;
}

static void check_log(struct check *check)
{
	const struct config *config = check->config;

	if (config->syslog && config->log_file != NULL)
		warn(check, OPTION_ID_syslog, "syslog: the log goes there and not to log-file");
	if (config->daemon && !config->syslog && config->log_file == NULL)
		warn(check, OPTION_ID_daemon,
		     "daemon: nobody sees the log of a program in the background: set log-file or "
		     "syslog");
}

/* clang-format off */
static void (*const checks[])(struct check *check) = {
	check_files,
	check_certificate,
	check_transports,
	check_ports,
	check_proxies,
	check_relay_ips,
	check_external_ips,
	check_peer_rules,
	check_lifetimes,
	check_alternate_servers,
	complete_address_family,
	check_binding,
	check_nat_discovery,
	check_capacity,
	complete_mechanisms,
	check_mechanisms,
	check_realm,
	check_secrets,
	check_sources,
	check_accounts,
	complete_log,
	check_log,
	NULL,
};
/* clang-format on */
