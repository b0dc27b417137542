/* turn-uri as it is configured, or what can be said of a relay that was left at its defaults. */
#include "admin/relay_uris.h"

#include <stdio.h>
#include <string.h>

#include "admin/console.h"
#include "base/addr.h"
#include "config/turn_uri.h"

enum { HOSTS_MAX = 4, HOST_SIZE = 256 };

struct listeners {
	char hosts[HOSTS_MAX][HOST_SIZE]; /* as a URI has them: IPv6 in brackets */
	size_t host_count;
	const char *port, *tls_port;
	bool has_udp, has_tcp, has_tls;
};

static json_t *configured(const struct config *config)
{
	json_t *uris = json_array();

	for (size_t i = 0; i < config->turn_uri.count; i++) {
		struct turn_uri uri;

		if (turn_uri_parse(config->turn_uri.item[i], &uri) == OK)
			json_array_append_new(uris, json_string(uri.uri));
	}
	return uris;
}

/* ---- of the relay's options ---- */

/* Returns the value of an option in the relay's answer; "": it has none. */
static const char *value_of(const json_t *options, const char *name)
{
	json_t *option;
	size_t i;

	json_array_foreach(json_object_get(options, "options"), i, option)
	{
		const char *of = json_string_value(json_object_get(option, "name"));
		const char *value = json_string_value(json_object_get(option, "value"));

		if (of != NULL && value != NULL && strcmp(of, name) == 0)
			return value;
	}
	return "";
}

static bool is_on(const json_t *options, const char *name)
{
	return strcmp(value_of(options, name), "yes") == 0;
}

/* What is no address that a client could reach is left out. */
static void add_host(struct listeners *listeners, const char *text, size_t len)
{
	struct transport_addr addr;
	char host[HOST_SIZE], ip[ADDR_TEXT_SIZE];

	snprintf(host, sizeof host, "%.*s", (int)len, text);
	if (listeners->host_count == HOSTS_MAX || addr_parse(host, 0, &addr) != OK ||
	    addr_is_any(&addr))
		return;
	addr_format_ip(&addr, ip);
	snprintf(listeners->hosts[listeners->host_count++], HOST_SIZE,
	         addr_family(&addr) == AF_INET6 ? "[%s]" : "%s", ip);
}

/* Values of several are written with commas; of PUBLIC/PRIVATE the first is what clients reach. */
static void add_hosts(struct listeners *listeners, const char *value)
{
	while (*value != '\0') {
		value += strspn(value, ", ");
		add_host(listeners, value, strcspn(value, ",/ "));
		value += strcspn(value, ",");
	}
}

/* The client chose it, and nobody else is told it. Its port is the console's. */
static void add_console_host(struct listeners *listeners, const char *header)
{
	char uri[HOST_SIZE + 8];
	size_t len;

	if (header == NULL)
		return;
	len = header[0] == '[' ? strcspn(header, "]") + 1 : strcspn(header, ":");
	if (len > strlen(header) || len >= HOST_SIZE)
		return;
	snprintf(uri, sizeof uri, "turn:%.*s", (int)len, header);
	if (turn_uri_is_valid(uri))
		snprintf(listeners->hosts[listeners->host_count++], HOST_SIZE, "%.*s", (int)len,
		         header);
}

static void find_hosts(struct listeners *listeners, struct api_call *call, const json_t *options)
{
	add_hosts(listeners, value_of(options, "external-ip"));
	if (listeners->host_count == 0)
		add_hosts(listeners, value_of(options, "listening-ip"));
	if (listeners->host_count == 0)
		add_console_host(listeners, http_header(call->http, "Host"));
}

static void add_uri(json_t *uris, const char *scheme, const char *host, const char *port,
                    const char *transport)
{
	char uri[TURN_URI_MAX + 1];

	snprintf(uri, sizeof uri, "%s:%s:%.5s?transport=%s", scheme, host, port, transport);
	if (turn_uri_is_valid(uri))
		json_array_append_new(uris, json_string(uri));
}

static json_t *derive(struct api_call *call, const json_t *options)
{
	struct listeners listeners = {
		.port = value_of(options, "listening-port"),
		.tls_port = value_of(options, "tls-listening-port"),
		.has_udp = is_on(options, "udp"),
		.has_tcp = is_on(options, "tcp"),
		.has_tls = is_on(options, "tls") && value_of(options, "cert")[0] != '\0' &&
	                   value_of(options, "pkey")[0] != '\0',
	};
	json_t *uris = json_array();

	find_hosts(&listeners, call, options);
	for (size_t i = 0; i < listeners.host_count; i++) {
		if (listeners.has_udp)
			add_uri(uris, "turn", listeners.hosts[i], listeners.port, "udp");
		if (listeners.has_tcp)
			add_uri(uris, "turn", listeners.hosts[i], listeners.port, "tcp");
		if (listeners.has_tls)
			add_uri(uris, "turns", listeners.hosts[i], listeners.tls_port, "tcp");
	}
	return uris;
}

json_t *relay_uris(struct api_call *call)
{
	json_t *options, *uris;

	if (call->console->config->turn_uri.count > 0)
		return configured(call->console->config);
	options = api_ask(call, API_RELAY, "get", NULL);
	if (options == NULL)
		return NULL;
	uris = derive(call, options);
	json_decref(options);
	if (json_array_size(uris) > 0)
		return uris;
	json_decref(uris);
	api_refuse(call, 503, "no-uris",
	           "where clients reach the relay is not known: set turn-uri");
	return NULL;
}
