/* The v1/webrtc dialect: lines of the input are messages of two clients in one room, in turn. Whatever they are, what comes back is
 * JSON, a frame has a type, and who sent it is who did. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

extern const struct dialect dialect_v1;

enum { CLIENTS = 2, LINES_MAX = 200 };

struct conversation {
	struct host host;
	struct client *clients[CLIENTS];
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void open_client(struct conversation *conversation, size_t index, const char *name)
{
	struct http_exchange exchange = {.host = &conversation->host};
	struct identity *identity = &conversation->host.identities[0].identity;

	strcpy(exchange.path, "/v1/webrtc/signal");
	if (index == 0)
		strcpy(exchange.query, "room=tea");
	strcpy(exchange.address, "192.0.2.7");
	exchange.hub = host_hub(&conversation->host, 1, 0);
	conversation->clients[index] = host_open(&conversation->host, name, &exchange, identity);
	require(conversation->clients[index] != NULL);
	exchange_deinit(&exchange);
}

/* Frames of participants say whose they are: the server's word, not the client's. */
static void check_from(const struct conversation *conversation, struct slice data)
{
	char from[SESSION_ID_SIZE] = "";
	size_t position = 0, count = 0;
	struct slice name, value;

	while (json_next_member(data, &position, &name, &value))
		count += slice_is(name, "\"from\"");
	require(count <= 1);
	if (count == 0)
		return;
	require(json_get_string(json_member(data, "from"), from, sizeof from) == OK);
	for (size_t i = 0; i < CLIENTS; i++)
		if (conversation->clients[i]->session != NULL &&
		    strcmp(from, session_id(conversation->clients[i]->session)) == 0)
			return;
	abort();
}

static void check_inbox(const struct conversation *conversation, struct client *client)
{
	for (; client->count > 0; host_shift(client)) {
		struct slice text = {client->inbox[0]->bytes, client->inbox[0]->len};
		require(json_check(text) == OK);
		require(json_kind(json_member(text, "type")) == JSON_KIND_STRING);
		require(json_kind(json_member(text, "data")) == JSON_KIND_OBJECT);
		check_from(conversation, json_member(text, "data"));
	}
}

/* @0 and @1 in a line are the clients' ids. */
static void put_line(const struct conversation *conversation, struct slice line, struct text *to)
{
	for (size_t i = 0; i < line.len; i++) {
		bool is_id = line.at[i] == '@' && i + 1 < line.len &&
		             (line.at[i + 1] == '0' || line.at[i + 1] == '1');
		struct client *client = is_id ? conversation->clients[line.at[i + 1] - '0'] : NULL;
		if (client != NULL && client->session != NULL)
			text_put(to, slice_of(session_id(client->session)));
		else if (!is_id)
			text_put_char(to, line.at[i]);
		i += is_id;
	}
}

static void say(struct conversation *conversation, size_t index, struct slice line)
{
	struct client *client = conversation->clients[index];
	struct text text;

	text_init(&text, 0);
	put_line(conversation, line, &text);
	if (client->session != NULL)
		host_input(&conversation->host, client, text_slice(&text));
	text_deinit(&text);
	for (size_t i = 0; i < CLIENTS; i++)
		check_inbox(conversation, conversation->clients[i]);
}

static void talk(struct conversation *conversation, struct slice input)
{
	for (size_t i = 0; input.len > 0 && i < LINES_MAX; i++) {
		const char *end = memchr(input.at, '\n', input.len);
		size_t len = end == NULL ? input.len : (size_t)(end - input.at);
		say(conversation, i % CLIENTS, (struct slice){input.at, len});
		input.at += len + (end != NULL);
		input.len -= len + (end != NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct conversation *conversation = calloc(1, sizeof *conversation);
	struct slice input = {(const char *)bytes, len};

	require(conversation != NULL);
	host_init(&conversation->host);
	if (len > 0 && bytes[0] == '!') { /* relayed candidates alone */
		strcpy(conversation->host.relay_tenant, TENANT_DEFAULT);
		input.at++;
		input.len--;
	}
	require(host_start(&conversation->host));
	open_client(conversation, 0, "a");
	open_client(conversation, 1, "b");
	talk(conversation, input);
	host_deinit(&conversation->host);
	free(conversation);
	return 0;
}
