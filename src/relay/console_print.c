/* What requests are answered, in the form that coturn's users know. */
#include <string.h>

#include "relay/conversation.h"

static const char *text(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value != NULL ? value : "";
}

static json_int_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static const char *on_or_off(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name)) ? "ON" : "OFF";
}

static void print_member(struct console_client *client, const char *name, const json_t *value)
{
	json_t *item;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_STRING:
		console_print(client, "  %s: %s\n", name, json_string_value(value));
		break;
	case JSON_INTEGER:
		console_print(client, "  %s: %" JSON_INTEGER_FORMAT "\n", name,
		              json_integer_value(value));
		break;
	case JSON_ARRAY:
		if (json_array_size(value) == 0)
			console_print(client, "  %s: none\n", name);
		json_array_foreach((json_t *)value, i, item) print_member(client, name, item);
		break;
	case JSON_OBJECT:
		console_print(client, "  %s: yes\n", name);
		console_print_members(client, value);
		break;
	default:
		console_print(client, "  %s: %s\n", name, json_is_true(value) ? "yes" : "no");
	}
}

void console_print_members(struct console_client *client, const json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value) print_member(client, name, value);
}

void console_print_options(struct console_client *client, const json_t *options)
{
	json_t *option;
	size_t i;

	json_array_foreach((json_t *)options, i, option)
		console_print(client, "  %s: %s%s\n", text(option, "name"), text(option, "value"),
	                      json_is_true(json_object_get(option, "changes_live")) ? " (*)" : "");
}

static void print_tls(struct console_client *client, const json_t *tls)
{
	if (tls == NULL)
		return;
	console_print(client, "      TLS method: %s\n", text(tls, "version"));
	console_print(client, "      TLS cipher: %s\n", text(tls, "cipher"));
}

/* Seen from the server, as coturn does: r is what it received of the client, s what it sent there. */
static void print_usage(struct console_client *client, const json_t *session)
{
	const json_t *from = json_object_get(session, "to_peer");
	const json_t *to = json_object_get(session, "to_client");
	json_int_t r = number(from, "bytes_s"), s = number(to, "bytes_s");

	console_print(client,
	              "      usage: rp=%" JSON_INTEGER_FORMAT ", rb=%" JSON_INTEGER_FORMAT
	              ", sp=%" JSON_INTEGER_FORMAT ", sb=%" JSON_INTEGER_FORMAT
	              ", dropped by limits=%" JSON_INTEGER_FORMAT "\n",
	              number(from, "packets"), number(from, "bytes"), number(to, "packets"),
	              number(to, "bytes"), number(session, "limited_packets"));
	console_print(client,
	              "       rate: r=%" JSON_INTEGER_FORMAT ", s=%" JSON_INTEGER_FORMAT
	              ", total=%" JSON_INTEGER_FORMAT " (bytes per sec)\n",
	              r, s, r + s);
}

static void print_names(struct console_client *client, const json_t *session)
{
	console_print(client, "      realm: %s\n", text(session, "realm"));
	if (json_object_get(session, "origin") != NULL)
		console_print(client, "      origin: %s\n", text(session, "origin"));
}

void console_print_session(struct console_client *client, unsigned n, const json_t *session)
{
	json_t *relayed = json_object_get(session, "relayed"), *addr;
	size_t i;

	console_print(client, "\n    %u) id=%s, user <%s>:\n", n, text(session, "id"),
	              text(session, "user"));
	print_names(client, session);
	console_print(client, "      started %" JSON_INTEGER_FORMAT " secs ago\n",
	              number(session, "age"));
	console_print(client, "      expiring in %" JSON_INTEGER_FORMAT " secs\n",
	              number(session, "expires"));
	console_print(client, "      client protocol %s, relay protocol %s\n",
	              text(session, "transport"), text(session, "relays"));
	console_print(client, "      client addr %s, server addr %s\n", text(session, "client"),
	              text(session, "server"));
	json_array_foreach(relayed, i, addr)
		console_print(client, "      relay addr %s\n", json_string_value(addr));
	console_print(client, "      mobile: %s\n", on_or_off(session, "mobile"));
	print_tls(client, json_object_get(session, "tls"));
	if (number(session, "max_bps") != 0)
		console_print(client,
		              "      Max throughput: %" JSON_INTEGER_FORMAT " bytes per second\n",
		              number(session, "max_bps"));
	print_usage(client, session);
}

static void print_peer(struct console_client *client, const char *what, const json_t *peer)
{
	console_print(client, "          %s %s %s", what, text(peer, "number"), text(peer, "peer"));
	if (json_object_get(peer, "joined") != NULL)
		console_print(client, "%s\n",
		              json_is_true(json_object_get(peer, "joined")) ? "" : " not joined");
	else
		console_print(client, " expiring in %" JSON_INTEGER_FORMAT " secs\n",
		              number(peer, "expires"));
}

void console_print_peers(struct console_client *client, const json_t *session)
{
	static const struct {
		const char *member, *what;
	} lists[] = {
		{"permissions", "permission"},
		{"channels", "channel"},
		{"connections", "connection"},
	};
	json_t *peer;
	size_t at;

	console_print(client, "      peers:\n");
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		json_array_foreach(json_object_get(session, lists[i].member), at, peer)
			print_peer(client, lists[i].what, peer);
	if (json_is_true(json_object_get(session, "more_peers")))
		console_print(client, "          and more, which are not shown\n");
}
