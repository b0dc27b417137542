/* Lines of clients that are in one room: whatever they say, what others hear is a document of the protocol, and those that are the
 * server's come to nobody from a client. The first character of a line says who it is from: 0 and 1 speak the channelling protocol, 2 the
 * plain one of the conversations. "w" lets a second pass, "l" loses 1's connection and has it come back, "p" is the body of a REST call.
 * "$0" to "$2" are their ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum { SPEAKERS = 3, LINES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *const speakers[SPEAKERS] = {"0", "1", "2"};

/* 1's token, for when it comes back. */
struct player {
	struct host *host;
	char query[128];
};

static void open_client(struct player *player, const char *name, const char *path)
{
	static struct http_exchange exchange;
	struct host *host = player->host;

	exchange = (struct http_exchange){.host = host, .hub = host_hub(host, 1, 0)};
	snprintf(exchange.address, sizeof exchange.address, "192.0.2.7");
	snprintf(exchange.path, sizeof exchange.path, "%s", path);
	if (name[0] == '1')
		snprintf(exchange.query, sizeof exchange.query, "%s", player->query);
	(void)host_open(host, name, &exchange, &host->identities[0].identity);
	exchange_deinit(&exchange);
}

/* Documents that no client makes; what they say a client believes. */
static bool is_of_server(struct slice type)
{
	static const char *const names[] = {"Self",     "Welcome", "Users", "TurnUpdate",
	                                    "Sessions", "Error",   "Alive"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (json_string_is(type, names[i]))
			return true;
	return false;
}

static void keep_token(struct player *player, struct slice data)
{
	char token[100];

	if (json_get_string(json_member(data, "Token"), token, sizeof token) == OK)
		snprintf(player->query, sizeof player->query, "t=%s", token);
}

static void check(struct player *player, const struct client *client, struct slice text)
{
	struct slice data = json_member(text, "Data"), type = json_member(data, "Type");
	char from[64];

	if (json_kind(data) != JSON_KIND_OBJECT || json_kind(type) != JSON_KIND_STRING ||
	    json_get_text(json_member(text, "From"), from, sizeof from) != OK)
		abort();
	if (json_kind(json_member(text, "A")) != JSON_KIND_ABSENT && from[0] == '\0')
		abort();
	if (is_of_server(type) && client->session != NULL && from[0] != '\0' &&
	    strcmp(from, session_id(client->session)) != 0)
		abort();
	if (client->name[0] == '1' && json_string_is(type, "Self"))
		keep_token(player, data);
}

static void hear(struct player *player)
{
	struct host *host = player->host;

	for (unsigned i = 0; i < host->client_count; i++) {
		struct client *client = host->clients[i];
		while (client->count > 0) {
			struct slice text = {client->inbox[0]->bytes, client->inbox[0]->len};
			if (json_check(text) != OK)
				abort();
			if (client->name[0] != '2')
				check(player, client, text);
			host_shift(client);
		}
	}
}

static void put_named(struct host *host, struct slice line, struct text *text)
{
	for (size_t i = 0; i < line.len; i++) {
		char name[2] = {i + 1 < line.len ? line.at[i + 1] : '\0', '\0'};
		struct client *client = line.at[i] == '$' ? host_find_client(host, name) : NULL;
		if (client == NULL || client->session == NULL) {
			text_put_char(text, line.at[i]);
			continue;
		}
		text_put(text, slice_of(session_id(client->session)));
		i++;
	}
}

static void say(struct host *host, const char *name, struct slice line)
{
	struct client *client = host_find_client(host, name);
	struct text text;

	text_init(&text, 0);
	put_named(host, line, &text);
	if (client != NULL && text.len > 0)
		host_input(host, client, text_slice(&text));
	text_deinit(&text);
}

static void call(struct host *host, struct slice body)
{
	static const char *const paths[] = {"/api/v1/users", "/api/v1/tokens",
	                                    "/api/v1/sessions/1/"};
	static struct http_exchange exchange;

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		exchange = (struct http_exchange){.host = host,
		                                  .hub = host_hub(host, 1, 0),
		                                  .method = i == 2 ? HTTP_PATCH : HTTP_POST};
		snprintf(exchange.path, sizeof exchange.path, "%s", paths[i]);
		exchange.body = strndup(body.at, body.len);
		if (exchange.body == NULL || !exchange_run(&exchange) || !exchange.is_answered)
			abort();
		exchange_deinit(&exchange);
	}
}

static void play(struct player *player, struct slice line)
{
	struct host *host = player->host;
	char name[2] = {line.at[0], '\0'};
	struct slice rest = {line.at + 1, line.len - 1};

	if (name[0] == 'l' && host->client_count < CLIENTS_MAX - 1) {
		host_close(host, host_find_client(host, "1"), false);
		open_client(player, "1", "/ws");
	} else if (name[0] == 'w') {
		host_wait(host, 1000);
	} else if (name[0] == 'p') {
		call(host, rest);
	} else {
		say(host, name, rest);
	}
	hear(player);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct host host;
	struct player player = {.host = &host};
	const char *at = (const char *)bytes, *end = at + len;

	host_init(&host);
	if (!host_start(&host))
		abort();
	for (unsigned i = 0; i < SPEAKERS; i++)
		open_client(&player, speakers[i], i == 2 ? "/plain" : "/ws");
	say(&host, "1", SLICE("{\"Type\":\"Hello\",\"Hello\":{\"Name\":\"tea\"}}"));
	say(&host, "2", SLICE("{\"do\":\"join\",\"room\":\"tea\"}"));
	hear(&player);
	for (unsigned i = 0; at < end && i < LINES_MAX; i++) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		size_t line_len = (size_t)((line == NULL ? end : line) - at);
		if (line_len > 0)
			play(&player, (struct slice){at, line_len});
		at += line_len + 1;
	}
	host_deinit(&host);
	return 0;
}
