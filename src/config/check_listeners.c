/* Checks of where clients reach the server: certificates, transports, redirection, proxies, and the
 * addresses and ports of NAT behaviour discovery. */
#include "config/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
		check_error(check, id, "%s: %.200s cannot be found", name, *file);
		return;
	}
	free(*file);
	*file = path;
	if (access(path, R_OK) != 0)
		check_error(check, id, "%s: %.200s cannot be read: %s", name, path,
		            strerror(errno));
}

void check_files(struct check *check)
{
	struct config *config = check->config;

	resolve_file(check, OPTION_ID_cert, "cert", &config->cert);
	resolve_file(check, OPTION_ID_pkey, "pkey", &config->pkey);
	resolve_file(check, OPTION_ID_ca_file, "CA-file", &config->ca_file);
	resolve_file(check, OPTION_ID_dh_file, "dh-file", &config->dh_file);
	resolve_file(check, OPTION_ID_prometheus_cert, "prometheus-cert", &config->prometheus_cert);
	resolve_file(check, OPTION_ID_prometheus_key, "prometheus-key", &config->prometheus_key);
}

void check_certificate(struct check *check)
{
	const struct config *config = check->config;

	if (config->cert != NULL && config->pkey == NULL)
		check_error(check, OPTION_ID_cert,
		            "cert needs pkey, the file with its private key (which may be the same "
		            "file)");
	if (config->pkey != NULL && config->cert == NULL)
		check_error(check, OPTION_ID_pkey,
		            "pkey needs cert, the file with its certificate (which may be the same "
		            "file)");
	if (config->pkey_pwd != NULL && config->pkey == NULL)
		check_warn(check, OPTION_ID_pkey_pwd, "pkey-pwd is of no use without pkey");
	if (config->ca_file != NULL && config->cert == NULL)
		check_warn(check, OPTION_ID_ca_file, "CA-file is of no use without cert and pkey");
}

void check_transports(struct check *check)
{
	const struct config *config = check->config;
	bool has_certificate = config->cert != NULL;

	if (!config->udp && !config->tcp && !config->tls && !config->dtls)
		check_error(check, OPTION_ID_udp,
		            "udp, tcp, tls and dtls are all off: there is nothing to listen on");
	else if (!config->udp && !config->tcp && !has_certificate)
		check_error(check, OPTION_ID_udp,
		            "udp and tcp are off, and tls and dtls need cert and pkey");
	if (!config->tlsv1_2 && config->dtls && has_certificate)
		check_warn(check, OPTION_ID_tlsv1_2,
		           "no-tlsv1_2: DTLS is served all the same, and is 1.2: dtls=no turns it "
		           "off");
	if (config->tls && check_is_set(check, OPTION_ID_tls) && !has_certificate)
		check_warn(check, OPTION_ID_tls, "tls is not served: it needs cert and pkey");
	if (config->dtls && check_is_set(check, OPTION_ID_dtls) && !has_certificate)
		check_warn(check, OPTION_ID_dtls, "dtls is not served: it needs cert and pkey");
}

/* ---- redirection ---- */

void check_alternate_servers(struct check *check)
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
			check_error(check, lists[i].id, "%s: %zu servers are more than %d",
			            lists[i].name, lists[i].count, SERVERS_MAX);
	if (config->udp_self_balance && config->aux_server.count == 0)
		check_warn(check, OPTION_ID_udp_self_balance,
		           "udp-self-balance does nothing without aux-server, which says where to "
		           "send "
		           "clients");
}

/* ---- proxies ---- */

/* RFC 5780's other port: the next one, unless it is named. */
static unsigned alternative(unsigned named, unsigned port)
{
	return named != 0 ? named : port + 1;
}

static bool serves_certified(const struct config *config, bool is_wanted)
{
	return is_wanted && config->cert != NULL;
}

/* Whether proxies come to this address, too: to each that is listened on. */
static bool is_listened_on(const struct config *config, const struct transport_addr *addr)
{
	const struct addr_list *list = &config->listening_ip;

	for (size_t i = 0; i < list->count; i++)
		if (addr_is_any(&list->item[i]) || addr_equal_ip(&list->item[i], addr))
			return true;
	return list->count == 0;
}

static bool is_auxiliary(const struct config *config, unsigned port)
{
	for (size_t i = 0; i < config->aux_server.count; i++) {
		const struct transport_addr *server = &config->aux_server.item[i];

		if (addr_port(server) == port && is_listened_on(config, server))
			return true;
	}
	return false;
}

/* Returns the option by which clients without a proxy come to a port; NULL: none does. */
static const char *option_of_port(const struct config *config, unsigned port)
{
	unsigned plain = config->listening_port, tls = config->tls_listening_port;
	const struct {
		const char *option;
		unsigned port;
		bool is_used;
	} ports[] = {
		{"listening-port", plain, true},
		{"tls-listening-port", tls, true},
		{"alt-listening-port", alternative(config->alt_listening_port, plain),
	         config->rfc5780},
		{"alt-tls-listening-port", alternative(config->alt_tls_listening_port, tls),
	         config->rfc5780 && config->cert != NULL},
	};

	for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
		if (ports[i].is_used && ports[i].port == port)
			return ports[i].option;
	return is_auxiliary(config, port) ? "aux-server" : NULL;
}

static void check_proxy_port(struct check *check, enum option_id id, const char *name,
                             unsigned port)
{
	const char *other = port != 0 ? option_of_port(check->config, port) : NULL;

	if (other != NULL)
		check_error(check, id,
		            "%s: port %u is that of %s too: clients there send no header, and "
		            "proxies' must not be forged: give it another",
		            name, port, other);
}

void check_proxies(struct check *check)
{
	const struct config *config = check->config;
	bool has_port = config->tcp_proxy_port != 0 || config->udp_proxy_port != 0;

	if (has_port && config->proxy_trusted.count == 0)
		check_warn(check, OPTION_ID_proxy_trusted,
		           "proxy-trusted names nobody, so everyone is refused at %s: name your "
		           "proxies",
		           config->tcp_proxy_port != 0 ? "tcp-proxy-port" : "udp-proxy-port");
	if (config->udp_proxy_port != 0 && !config->udp && !serves_certified(config, config->dtls))
		check_warn(check, OPTION_ID_udp_proxy_port,
		           "udp-proxy-port is of no use: neither UDP nor DTLS is served");
	if (config->tcp_proxy_port != 0 && !config->tcp && !serves_certified(config, config->tls))
		check_warn(check, OPTION_ID_tcp_proxy_port,
		           "tcp-proxy-port is of no use: neither TCP nor TLS is served");
	if (!has_port && config->proxy_trusted.count > 0)
		check_warn(check, OPTION_ID_proxy_trusted,
		           "proxy-trusted is of no use without tcp-proxy-port or udp-proxy-port");
	check_proxy_port(check, OPTION_ID_tcp_proxy_port, "tcp-proxy-port", config->tcp_proxy_port);
	check_proxy_port(check, OPTION_ID_udp_proxy_port, "udp-proxy-port", config->udp_proxy_port);
}

/* ---- Binding ---- */

void check_binding(struct check *check)
{
	const struct config *config = check->config;

	if (config->stun_only && config->no_stun)
		check_error(check, OPTION_ID_no_stun,
		            "no-stun and stun-only leave nothing to serve: say which is meant");
	if (config->secure_stun && config->no_auth)
		check_warn(check, OPTION_ID_secure_stun,
		           "secure-stun is of no use with no-auth: nobody has to authenticate");
	if (config->rfc3489_compatibility && (config->no_stun || config->secure_stun))
		check_warn(check, OPTION_ID_rfc3489_compatibility,
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
		check_error(check, id, "%s: there is no port above 65535: give one", name);
	for (unsigned i = 0; i < which; i++)
		if (ports[i] == ports[which])
			check_error(check, id, "%s: port %u is that of %s: give another", name,
			            ports[which], names[i]);
}

static void check_other_ports(struct check *check)
{
	const struct config *config = check->config;
	unsigned port = config->listening_port, tls_port = config->tls_listening_port;
	const unsigned ports[4] = {
		port,
		alternative(config->alt_listening_port, port),
		tls_port,
		alternative(config->alt_tls_listening_port, tls_port),
	};

	check_other_port(check, OPTION_ID_alt_listening_port, "alt-listening-port", ports, 1);
	if (config->cert == NULL || port == tls_port)
		return;
	if (ports[1] == tls_port)
		check_error(
			check, OPTION_ID_alt_listening_port,
			"alt-listening-port: port %u is that of tls-listening-port: give another",
			tls_port);
	check_other_port(check, OPTION_ID_alt_tls_listening_port, "alt-tls-listening-port", ports,
	                 3);
}

static enum option_id set_alternative(const struct check *check)
{
	return check_is_set(check, OPTION_ID_alt_listening_port) ? OPTION_ID_alt_listening_port
	                                                         : OPTION_ID_alt_tls_listening_port;
}

void check_nat_discovery(struct check *check)
{
	const struct config *config = check->config;

	if (!config->rfc5780) {
		if (check_is_set(check, OPTION_ID_alt_listening_port) ||
		    check_is_set(check, OPTION_ID_alt_tls_listening_port))
			check_warn(check, set_alternative(check),
			           "alt-listening-port and alt-tls-listening-port are of no use "
			           "without "
			           "rfc5780");
		return;
	}
	check_other_ports(check);
	if (config->no_stun)
		check_warn(check, OPTION_ID_rfc5780, "rfc5780 is of no use with no-stun");
	else if (!config->udp)
		check_warn(check, OPTION_ID_rfc5780,
		           "rfc5780: without udp clients cannot find out how NATs filter");
}
