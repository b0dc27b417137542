/* Every type, and what is said of every value that it cannot hold; options checked with each other. */
#include "config/config.h"

#include <arpa/inet.h>
#include <unistd.h>

#include "config_fixture.h"

static void is_ip(const struct transport_addr *addr, const char *want, const char *what)
{
	char text[ADDR_TEXT_SIZE];

	is_text(addr_format_ip(addr, text), want, "%s", what);
	is_int(addr_port(addr), 0, "%s has no port", what);
}

static void test_defaults(void)
{
	struct fixture fixture;

	fixture_begin(&fixture);
	is_int(fixture.config->listening_port, 3478, "listening-port");
	is_int(fixture.config->tls_listening_port, 5349, "tls-listening-port");
	is_int(fixture.config->min_port, 49152, "min-port");
	is_int(fixture.config->max_port, 65535, "max-port");
	ok(fixture.config->udp && fixture.config->tcp && fixture.config->tls &&
	           fixture.config->dtls,
	   "all transports are on");
	ok(!fixture.config->no_auth && !fixture.config->allow_loopback_peers, "nothing is open");
	is_int(fixture.config->stream_queue_size, 1048576, "stream-queue-size");
	is_int(fixture.config->stale_nonce, 600, "stale-nonce");
	is_text(fixture.config->rest_api_separator, ":", "rest-api-separator");
	is_text(fixture.config->network_engine, "sharded", "network-engine");
	is_text(fixture.config->log_min_level, "info", "log-min-level");
	ok(fixture.config->realm == NULL && fixture.config->cert == NULL, "texts are NULL");
	is_int(fixture.config->user.count, 0, "lists are empty");
	is_int(fixture.config->origin[OPTION_ID_realm].source, CONFIG_FROM_DEFAULT,
	       "all by default");
	fixture_end(&fixture);
}

static void test_numbers(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "relay-threads=128\nlistening-port=65535\nstale-nonce=0\n"
	                       "idle-timeout=2m\nmax-allocate-lifetime=1h\nhandshake-timeout=5s\n"
	                       "stream-queue-size=64k\nsock-buf-size=8M\n"
	                       "channel-lifetime\nunauthorized-ratelimit-rps\n");
	is_int(fixture.err, OK, "numbers are read");
	is_int(fixture.config->relay_threads, 128, "NUMBER at its limit");
	is_int(fixture.config->listening_port, 65535, "PORT at its limit");
	is_int(fixture.config->stale_nonce, 0, "DURATION of none");
	is_int(fixture.config->idle_timeout, 120, "minutes");
	is_int(fixture.config->max_allocate_lifetime, 3600, "hours");
	is_int(fixture.config->handshake_timeout, 5, "seconds");
	is_int(fixture.config->stream_queue_size, 65536, "k");
	is_int(fixture.config->sock_buf_size, 8 << 20, "M");
	is_int(fixture.config->channel_lifetime, 600, "a bare name has the default");
	is_int(fixture.config->unauthorized_ratelimit_rps, 100, "of a number as well");
	fixture_end(&fixture);

	fixture_read(&fixture, "sock-buf-size=1G\nstream-queue-size=1048576\nidle-timeout=60S\n");
	is_int(fixture.config->sock_buf_size, 1 << 30, "G");
	is_int(fixture.config->stream_queue_size, 1 << 20, "bytes");
	is_int(fixture.config->idle_timeout, 60, "a unit of either case");
	fixture_end(&fixture);
}

static void test_addresses(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "listening-ip=192.0.2.1\nlistening-ip=2001:db8::1\n"
	                       "external-ip=203.0.113.5/10.0.0.5\nexternal-ip=2001:db8::5\n"
	                       "nat64-prefix=2001:db8:64::/96\n"
	                       "allowed-peer-ip=10.0.0.1\ndenied-peer-ip=10.0.0.0-10.0.0.9\n"
	                       "denied-peer-ip=2001:db8::/32\n");
	is_int(fixture.err, OK, "addresses are read");
	is_ip(&fixture.config->listening_ip.item[0], "192.0.2.1", "IPv4");
	is_ip(&fixture.config->listening_ip.item[1], "2001:db8::1", "IPv6");
	is_ip(&fixture.config->external_ip.item[0].public_ip, "203.0.113.5", "public");
	is_ip(&fixture.config->external_ip.item[0].private_ip, "10.0.0.5", "private");
	ok(!fixture.config->external_ip.item[1].has_private, "an external address alone");
	is_int(fixture.config->nat64_prefix.item[0].bits, 96, "a NAT64 prefix");
	is_ip(&fixture.config->allowed_peer_ip.item[0].high, "10.0.0.1", "a range of one");
	is_ip(&fixture.config->denied_peer_ip.item[0].high, "10.0.0.9", "a range");
	is_ip(&fixture.config->denied_peer_ip.item[1].high,
	      "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "a prefix");
	fixture_end(&fixture);
}

static void test_empty_address(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "listening-ip=\nlistening-ip=::\nrelay-ip=\n");
	is_int(fixture.config->listening_ip.count, 2, "as coturn's file has it");
	is_ip(&fixture.config->listening_ip.item[0], "0.0.0.0", "nothing is every IPv4 address");
	has_problem(&fixture, CONFIG_ERROR, 3, "relay-ip: the value is missing");
	fixture_end(&fixture);
}

static void is_server(const struct transport_addr *addr, const char *wanted, const char *name)
{
	char text[ADDR_TEXT_SIZE];

	is_text(addr_format(addr, text), wanted, "%s", name);
}

static void test_servers(void)
{
	static const char *const refused[] = {"turn.example.org",
	                                      "turn.example.org:3478",
	                                      "0.0.0.0",
	                                      "192.0.2.1:",
	                                      "192.0.2.1:65536",
	                                      "[::]:3478",
	                                      "3478",
	                                      ""};
	struct fixture fixture;
	char line[64];

	fixture_read(&fixture, "alternate-server=192.0.2.1:4000\nalternate-server=192.0.2.1\n"
	                       "tls-alternate-server=[2001:db8::1]:5349\n"
	                       "tls-alternate-server=2001:db8::2\n");
	is_int(fixture.err, OK, "servers are read");
	is_int(fixture.config->alternate_server.count, 2, "all of them");
	is_server(&fixture.config->alternate_server.item[0], "192.0.2.1:4000", "with a port");
	is_server(&fixture.config->alternate_server.item[1], "192.0.2.1:0", "and without");
	is_server(&fixture.config->tls_alternate_server.item[0], "[2001:db8::1]:5349", "IPv6");
	is_server(&fixture.config->tls_alternate_server.item[1], "[2001:db8::2]:0",
	          "IPv6 without a port");
	fixture_end(&fixture);
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		snprintf(line, sizeof line, "udp-alternate-server=%s\n", refused[i]);
		fixture_read(&fixture, line);
		is_int(fixture.err, ERR_INVALID, "no server: \"%s\"", refused[i]);
		fixture_end(&fixture);
	}
}

static void test_aux_servers(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "aux-server=192.0.2.1:9999\naux-server=[2001:db8::1]:9999\n"
	                       "aux-server=192.0.2.2\n");
	is_int(fixture.err, OK, "addresses with ports are read");
	is_int(fixture.config->aux_server.count, 3, "all of them");
	is_int(addr_port(&fixture.config->aux_server.item[1]), 9999, "a port");
	is_int(addr_port(&fixture.config->aux_server.item[2]), 0, "one that was not given");
	fixture_end(&fixture);
}

static void is_family(const char *text, const char *family)
{
	struct fixture fixture;

	fixture_read(&fixture, text);
	is_int(config_check(fixture.config, &fixture.report), OK, "%s", family);
	is_text(fixture.config->allocation_default_address_family, family, "default family");
	fixture_end(&fixture);
}

static void test_families(void)
{
	is_family("", "ipv4");
	is_family("allocation-default-address-family=ipv6\n", "ipv6");
	is_family("keep-address-family\n", "keep");
	is_family("keep-address-family=no\nallocation-default-address-family=ipv6\n", "ipv6");
	is_family("keep-address-family\nallocation-default-address-family=ipv6\n", "ipv6");
}

static void test_self_balance(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "udp-self-balance\nno-auth\n");
	ok(config_check(fixture.config, &fixture.report) == OK, "self-balance is accepted");
	has_problem(&fixture, CONFIG_WARNING, 1,
	            "udp-self-balance does nothing without aux-server");
	fixture_end(&fixture);
}

static void test_texts(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "realm=\nlog-min-level=warning\nrest-api-separator=|\n"
	                       "user=anna:a:b\nuser=b:0x0123456789abcdef0123456789ABCDEF\n"
	                       "static-auth-secret=one\nstatic-auth-secret=two\n");
	is_int(fixture.err, OK, "texts are read");
	ok(fixture.config->realm == NULL, "an empty text is none");
	is_text(fixture.config->log_min_level, "warning", "one of a choice");
	is_text(fixture.config->rest_api_separator, "|", "one character");
	is_text(fixture.config->user.item[0], "anna:a:b", "a password may have colons");
	is_int(fixture.config->static_auth_secret.count, 2, "a list of texts");
	fixture_end(&fixture);
}

static void test_bad_values(void)
{
	static const struct {
		const char *line, *said;
	} cases[] = {
		{"relay-threads=many", "\"many\" is not a number from 0 to 128"},
		{"relay-threads=-1", "is not a number from 0 to 128"},
		{"relay-threads=+1", "is not a number"},
		{"relay-threads=129", "is not a number from 0 to 128"},
		{"relay-threads=4k", "is not a number"},
		{"relay-threads=0x10", "is not a number"},
		{"relay-threads=99999999999999999999", "is not a number"},
		{"relay-threads", "relay-threads: the value is missing: relay-threads=NUMBER"},
		{"listening-port=0", "is not a port: give a number from 1 to 65535"},
		{"listening-port=65536", "is not a port"},
		{"listening-port=", "the value is missing"},
		{"idle-timeout=soon", "is not a time from 1 to 86400 seconds, such as"},
		{"idle-timeout=1d", "is not a time"},
		{"idle-timeout=1 m", "is not a time"},
		{"idle-timeout=5124095576030432h", "is not a time"},
		{"stream-queue-size=1", "is not a size from 16384 to 1073741824 bytes"},
		{"stream-queue-size=1T", "is not a size"},
		{"stream-queue-size=18014398509482008k", "is not a size"},
		{"udp=2", "\"2\" is neither yes nor no"},
		{"log-min-level=loud", "is not one of: debug info warning error"},
		{"log-min-level=info warning", "is not one of"},
		{"allocation-default-address-family=ipv5", "is not one of: ipv4 ipv6 keep"},
		{"aux-server=turn.example.org:3478", "is not the address of a server"},
		{"aux-server=0.0.0.0:3478", "is not the address of a server"},
		{"listening-device=a-name-of-16-chr", "is longer than 15 bytes"},
		{"log-min-level=inf", "is not one of"},
		{"rest-api-separator=::", "is longer than 1 byte"},
		{"rest-api-separator=", "is empty"},
		{"network-engine=threads", "is not one of: sharded paired dedicated 1 2 3"},
		{"ne=4", "is not one of"},
		{"listening-ip=localhost", "\"localhost\" is not an IP address"},
		{"listening-ip=192.0.2.1:3478", "is not an IP address"},
		{"listening-ip=[2001:db8::1]", "is not an IP address"},
		{"listening-ip=192.0.2.256", "is not an IP address"},
		{"relay-ip=", "the value is missing: relay-ip=IP"},
		{"external-ip=203.0.113.5/", "is not an external address"},
		{"external-ip=203.0.113.5/2001:db8::1", "both of one family"},
		{"external-ip=/10.0.0.1", "is not an external address"},
		{"external-ip=203.0.113.5/10.0.0.1/10.0.0.2", "is not an external address"},
		{"denied-peer-ip=10.0.0.9-10.0.0.1", "lower end first"},
		{"denied-peer-ip=10.0.0.1/8", "no bits beyond the prefix"},
		{"denied-peer-ip=10.0.0.0/33", "is not a range"},
		{"denied-peer-ip=10.0.0.0-2001:db8::1", "is not a range"},
		{"denied-peer-ip=private", "is not a range"},
		{"nat64-prefix=2001:db8::/33", "is not a NAT64 prefix"},
		{"nat64-prefix=10.0.0.0/8", "is not a NAT64 prefix"},
		{"user=anna", "give a name, a colon and a password"},
		{"user=:hidden", "give a name, a colon and a password"},
		{"user=anna:", "the password behind the colon is missing"},
		{"user=anna:0xhidden", "a key is 0x and 32 hexadecimal digits"},
		{"user=anna:0x0123456789abcdef", "a key is 0x and 32 hexadecimal digits"},
		{"static-auth-secret=hidden\x07", "contains a control character"},
		{"user=", "the value is missing: user=NAME:PASSWORD"},
		{"static-auth-secret", "the value is missing"},
	};
	struct fixture fixture;
	char text[256];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, "\n%s\n", cases[i].line);
		fixture_read(&fixture, text);
		is_int(fixture.err, ERR_INVALID, "%s is refused", cases[i].line);
		is_int(fixture.report.count, 1, "with one line");
		has_problem(&fixture, CONFIG_ERROR, 2, cases[i].said);
		is_text(fixture.report.problem[0].source, "test.conf", "that names the file");
		ok(strncmp(fixture.report.problem[0].message, cases[i].line,
		           strcspn(cases[i].line, "=")) == 0,
		   "and begins with the option");
		ok(!mentions(&fixture, "hidden"), "and shows no secret");
		fixture_end(&fixture);
	}
}

static void test_long_values(void)
{
	struct fixture fixture;
	char text[1200];

	memset(text, 'a', sizeof text);
	memcpy(text, "realm=", 6);
	text[6 + 764] = 0;
	fixture_read(&fixture, text);
	has_problem(&fixture, CONFIG_ERROR, 1, "is longer than 763 bytes");
	fixture_end(&fixture);

	memset(text, 'a', sizeof text);
	memcpy(text, "user=", 5);
	memcpy(text + 5 + 513, ":x", 3);
	fixture_read(&fixture, text);
	has_problem(&fixture, CONFIG_ERROR, 1, "the name is longer than 512 bytes");
	fixture_end(&fixture);
}

static void test_compatible(void)
{
	static const struct {
		enum config_severity severity;
		unsigned line;
		const char *text, *said;
	} cases[] = {
		{CONFIG_ERROR, 1, "min-port=6000\nmax-port=5000\n",
	         "min-port 6000 is above max-port 5000"},
		{CONFIG_WARNING, 1, "listening-port=50000\n", "lies between min-port and max-port"},
		{CONFIG_ERROR, 1, "cert=/dev/null\n", "cert needs pkey"},
		{CONFIG_ERROR, 1, "pkey=/dev/null\n", "pkey needs cert"},
		{CONFIG_ERROR, 1, "CA-file=/no/such/file\n",
	         "CA-file: /no/such/file cannot be found"},
		{CONFIG_WARNING, 1, "pkey-pwd=x\n", "pkey-pwd is of no use"},
		{CONFIG_WARNING, 1, "tls\n", "tls is not served: it needs cert"},
		{CONFIG_ERROR, 1, "no-udp\nno-tcp\nno-tls\nno-dtls\n", "nothing to listen on"},
		{CONFIG_ERROR, 1, "no-udp\nno-tcp\n", "tls and dtls need cert and pkey"},
		{CONFIG_ERROR, 1, "relay-ip=0.0.0.0\n",
	         "cannot answer to an address of only zeros"},
		{CONFIG_WARNING, 1, "relay-ip=2001:db8::1\n", "relay-ip has no IPv4 address"},
		{CONFIG_WARNING, 1, "relay-ip=192.0.2.1\nlistening-ip=2001:db8::1\n",
	         "relay-ip has no IPv6 address"},
		{CONFIG_WARNING, 2, "relay-ip=10.0.0.1\nexternal-ip=203.0.113.1/10.0.0.2\n",
	         "10.0.0.2 is not among relay-ip"},
		{CONFIG_WARNING, 2, "relay-ip=10.0.0.1\nexternal-ip=2001:db8::1\n", "none is IPv6"},
		{CONFIG_ERROR, 2, "external-ip=203.0.113.1\nexternal-ip=203.0.113.2\n",
	         "two IPv4 addresses without a local one"},
		{CONFIG_WARNING, 2, "relay-ip=10.0.0.1\ndenied-peer-ip=10.0.0.0/8\n",
	         "denied-peer-ip covers 10.0.0.1, an address of this server"},
		{CONFIG_WARNING, 1, "allow-loopback-peers\n", "for tests alone"},
		{CONFIG_WARNING, 1, "max-allocate-lifetime=60\n", "below the 600 seconds"},
		{CONFIG_WARNING, 1, "channel-lifetime=60\n", "RFC 8656 section 12"},
		{CONFIG_WARNING, 1, "permission-lifetime=60\n", "RFC 8656 section 9"},
		{CONFIG_ERROR, 2, "stun-only\nno-stun\n", "leave nothing to serve"},
		{CONFIG_WARNING, 1, "secure-stun\nno-auth\n", "nobody has to authenticate"},
		{CONFIG_WARNING, 1, "rfc3489-compatibility\nno-stun\n", "of no use with no-stun"},
		{CONFIG_WARNING, 1, "rfc3489-compatibility\nsecure-stun\n",
	         "of no use with secure-stun"},
		{CONFIG_WARNING, 1, "alt-listening-port=3479\n", "of no use without rfc5780"},
		{CONFIG_WARNING, 2, "\nalt-tls-listening-port=3479\n", "of no use without rfc5780"},
		{CONFIG_ERROR, 2, "rfc5780\nalt-listening-port=3478\n",
	         "port 3478 is that of listening-port"},
		{CONFIG_ERROR, 0, "rfc5780\nlistening-port=65535\n", "no port above 65535"},
		{CONFIG_WARNING, 1, "rfc5780\nno-udp\n", "cannot find out how NATs filter"},
		{CONFIG_WARNING, 1, "rfc5780\nno-stun\n", "rfc5780 is of no use with no-stun"},
		{CONFIG_WARNING, 1, "udp-proxy-port=1\nno-udp\n", "udp-proxy-port is of no use"},
		{CONFIG_WARNING, 1, "tcp-proxy-port=1\nno-tcp\n", "tcp-proxy-port is of no use"},
		{CONFIG_ERROR, 1, "tcp-proxy-port=3478\n",
	         "tcp-proxy-port: port 3478 is that of listening-port"},
		{CONFIG_ERROR, 2, "tcp-proxy-port=1\nudp-proxy-port=5349\n",
	         "udp-proxy-port: port 5349 is that of tls-listening-port"},
		{CONFIG_ERROR, 2, "rfc5780\ntcp-proxy-port=3479\n",
	         "tcp-proxy-port: port 3479 is that of alt-listening-port"},
		{CONFIG_ERROR, 2, "aux-server=192.0.2.1:80\ntcp-proxy-port=80\n",
	         "tcp-proxy-port: port 80 is that of aux-server"},
		{CONFIG_ERROR, 1, "no-auth\nlt-cred-mech\n", "no-auth cannot go together"},
		{CONFIG_ERROR, 1, "no-auth\nuser=a:b\nrealm=x\n", "no-auth cannot go together"},
		{CONFIG_WARNING, 1, "no-auth\n", "open relay"},
		{CONFIG_WARNING, 0, "fingerprint\n", "the server relays for nobody"},
		{CONFIG_WARNING, 1, "lt-cred-mech\nrealm=x\n", "there are no users"},
		{CONFIG_WARNING, 1, "use-auth-secret\nrealm=x\n", "there is no secret"},
		{CONFIG_WARNING, 0, "user=a:b\n", "realm is missing"},
		{CONFIG_ERROR, 1, "user=a:0x0123456789abcdef0123456789abcdef\n", "set realm to it"},
		{CONFIG_WARNING, 1, "stateless-nonce-secret=short\n", "can be guessed"},
		{CONFIG_ERROR, 1, "proc-user=no such user\n", "there is no user no such user"},
		{CONFIG_ERROR, 1, "proc-group=no such group\n", "there is no group no such group"},
		{CONFIG_WARNING, 1, "syslog\nlog-file=/x\n", "the log goes there"},
		{CONFIG_WARNING, 1, "daemon\n", "nobody sees the log"},
	};
	struct fixture fixture;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		fixture_read(&fixture, cases[i].text);
		is_int(fixture.err, OK, "each option alone is right");
		fixture.err = config_check(fixture.config, &fixture.report);
		is_int(fixture.err, cases[i].severity == CONFIG_ERROR ? ERR_INVALID : OK,
		       "together they %s", cases[i].severity == CONFIG_ERROR ? "are not" : "are");
		has_problem(&fixture, cases[i].severity, cases[i].line, cases[i].said);
		fixture_end(&fixture);
	}
}

static void test_agreement(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "realm=x\nuser=a:b\nstatic-auth-secret=c\n"
	                       "relay-ip=10.0.0.1\ndenied-peer-ip=10.0.0.0/8\n"
	                       "allowed-peer-ip=10.0.0.1\nexternal-ip=203.0.113.1/10.0.0.1\n");
	is_int(config_check(fixture.config, &fixture.report), OK, "a sound configuration");
	is_int(fixture.report.count, 0, "is not warned of");
	ok(fixture.config->lt_cred_mech, "user turns lt-cred-mech on");
	ok(fixture.config->use_auth_secret, "static-auth-secret turns use-auth-secret on");
	fixture_end(&fixture);

	fixture_read(&fixture, "user=a:b\n");
	is_int(config_check(fixture.config, &fixture.report), OK, "a realm may be missing");
	ok(fixture.config->realm != NULL && fixture.config->realm[0] != 0,
	   "the machine's name stands in");
	fixture_end(&fixture);
}

/* Clients' and proxies' addresses with the same port are not the same. */
static void test_proxy_ports(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "no-auth\nlistening-ip=192.0.2.1\naux-server=192.0.2.2:80\n"
	                       "tcp-proxy-port=80\nudp-proxy-port=80\nproxy-trusted=192.0.2.9\n");
	is_int(config_check(fixture.config, &fixture.report), OK,
	       "a port for proxies at other addresses than aux-server");
	is_int(fixture.report.count, 1, "is not warned of");
	fixture_end(&fixture);
}

static void test_log_names(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "log-file=syslog\n");
	is_int(config_check(fixture.config, &fixture.report), OK, "log-file=syslog");
	ok(fixture.config->syslog && fixture.config->log_file == NULL, "turns syslog on");
	fixture_end(&fixture);
	fixture_read(&fixture, "log-file=-\n");
	is_int(config_check(fixture.config, &fixture.report), OK, "log-file=-");
	is_text(fixture.config->log_file, "/dev/stdout", "is standard output");
	fixture_end(&fixture);
}

static void test_too_many_secrets(void)
{
	struct fixture fixture;
	char text[1024] = "realm=x\n";

	for (unsigned i = 0; i < 33; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "static-auth-secret=%u\n",
		         i);
	fixture_read(&fixture, text);
	is_int(config_check(fixture.config, &fixture.report), ERR_INVALID,
	       "33 secrets are refused");
	ok(mentions(&fixture, "33 secrets are more than 32"), "with a line that says so");
	fixture_end(&fixture);
}

static void note(enum option_id id, const char *name, bool may_change, void *context)
{
	(void)id;
	char *names = context;

	snprintf(names + strlen(names), 256 - strlen(names), "%s%s ", name, may_change ? "+" : "-");
}

static void test_compare(void)
{
	struct fixture a, b;
	char names[256] = "";

	fixture_read(&a, "realm=x\nuser=a:b\nlistening-ip=192.0.2.1\nfingerprint\nudp-gso=0\n"
	                 "denied-peer-ip=10.0.0.0/8\nmin-port=5000\nidle-timeout=5\n");
	fixture_read(&b, "realm=x\nuser=a:b\nlistening-ip=192.0.2.1\nfingerprint\nudp-gso=0\n"
	                 "denied-peer-ip=10.0.0.0/8\nmin-port=5000\nidle-timeout=5\n");
	config_compare(a.config, b.config, note, names);
	is_text(names, "", "equal configurations differ in nothing");
	fixture_end(&b);

	fixture_read(&b, "realm=y\nuser=a:c\nlistening-ip=192.0.2.2\ndenied-peer-ip=10.0.0.0/9\n"
	                 "udp-gso=0\nmin-port=5001\nidle-timeout=6\n");
	config_compare(a.config, b.config, note, names);
	is_text(names,
	        "listening-ip+ min-port- denied-peer-ip+ realm- user+ fingerprint+ idle-timeout+ ",
	        "what differs is named, with whether it may change");
	fixture_end(&a);
	fixture_end(&b);
}

/* A hash that was cut, or eaten by a shell, is not itself the password. */
static void test_console_password(void)
{
#define SALT "U29kaXVtQ2hsb3JpZGU"
#define HASH "cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI"
	static const struct {
		const char *password;
		enum err err;
	} rows[] = {
		{"secret", OK},
		{"$ecret", OK},
		{"$scrypt$ln=15,r=8,p=3$" SALT "$" HASH, OK},
		{"$scrypt$ln=15,r=8,p=3$" SALT "$" HASH "x", ERR_INVALID},
		{"$scrypt$ln=15,r=8,p=3$" SALT "$c2hvcnQ", ERR_INVALID},
		{"$scrypt$ln=15,r=8,p=3$$" HASH, ERR_INVALID},
		{"$scrypt$ln=15,r=8$" SALT "$" HASH, ERR_INVALID},
		{"$scrypt$ln=,r=8,p=3$" SALT "$" HASH, ERR_INVALID},
		{"$scrypt$", ERR_INVALID},
		{"$5$abc", ERR_INVALID},
	};
	struct fixture fixture;
	char text[200];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		snprintf(text, sizeof text, "cli-password=%s\n", rows[i].password);
		fixture_read(&fixture, text);
		is_int(config_check(fixture.config, &fixture.report), rows[i].err,
		       "cli-password=%.40s", rows[i].password);
		fixture_end(&fixture);
	}
}

static void test_urls(void)
{
	static const char *const wrong[] = {"ftp://x/",      "https://",      "https:///x",
	                                    "example.org/x", "https://x/a b", "https://x/\xc3\xa4",
	                                    "https://x/\""};
	struct fixture fixture;
	char text[700];

	fixture_read(&fixture, "acme-redirect=https://acme.example/x/\n");
	is_text(fixture.config->acme_redirect, "https://acme.example/x/", "a URL");
	fixture_end(&fixture);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		snprintf(text, sizeof text, "acme-redirect=%s\n", wrong[i]);
		fixture_read(&fixture, text);
		is_int(fixture.err, ERR_INVALID, "no URL: %s", wrong[i]);
		fixture_end(&fixture);
	}
	snprintf(text, sizeof text, "acme-redirect=https://x/%0600d\n", 0);
	fixture_read(&fixture, text);
	has_problem(&fixture, CONFIG_ERROR, 1, "longer than 512 bytes");
	fixture_end(&fixture);
}

static void test_capacity(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "bps-capacity=1M\nuser=a:b\nrealm=x\n");
	is_int(config_check(fixture.config, &fixture.report), OK,
	       "bps-capacity without max-bps starts, as in coturn");
	has_problem(&fixture, CONFIG_WARNING, 1, "set max-bps");
	fixture_end(&fixture);
}

static void test_tls_versions(void)
{
	struct fixture fixture;

	fixture_read(&fixture, "no-tlsv1_2\n");
	ok(!fixture.config->tlsv1_2, "no-tlsv1_2 turns it off");
	fixture_end(&fixture);
	fixture_read(&fixture, "tlsv1_2=no\n");
	ok(!fixture.config->tlsv1_2, "by its own name as well");
	fixture_end(&fixture);
}

int main(void)
{
	test_defaults();
	test_numbers();
	test_addresses();
	test_empty_address();
	test_servers();
	test_self_balance();
	test_aux_servers();
	test_families();
	test_texts();
	test_bad_values();
	test_long_values();
	test_compatible();
	test_agreement();
	test_proxy_ports();
	test_log_names();
	test_too_many_secrets();
	test_compare();
	test_console_password();
	test_urls();
	test_capacity();
	test_tls_versions();
	return tap_end();
}
