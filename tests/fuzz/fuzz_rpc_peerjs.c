/* Lines of clients of two dialects that are in one room: whatever they say, what others hear is JSON, and nobody speaks for
 * someone else. The first character of a line says who it is from: 0 and 1 speak RPC, 2 and 3 PeerJS. "o" opens a
 * connection of PeerJS's with a query, "l" loses 1's connection, "w" lets a second pass. "$0" to "$3" are their ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum { SPEAKERS = 4, LINES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *const speakers[SPEAKERS] = {"0", "1", "2", "3"};

static void open_client(struct host *host, const char *name, const char *path, struct slice query)
{
	static struct http_exchange exchange;

	exchange = (struct http_exchange){.host = host, .hub = host_hub(host, 1, 0)};
	snprintf(exchange.address, sizeof exchange.address, "192.0.2.7");
	snprintf(exchange.path, sizeof exchange.path, "%s", path);
	snprintf(exchange.query, sizeof exchange.query, SLICE_FORMAT, SLICE_PRINTF(query));
	(void)host_open(host, name, &exchange, &host->identities[0].identity);
	exchange_deinit(&exchange);
}

/* Only the server says who a message is from. */
static void check_sender(struct slice text)
{
	struct slice src = json_member(text, "src");
	char name[512];

	if (json_kind(src) == JSON_KIND_STRING && (json_get_string(src, name, sizeof name) != OK ||
	                                           name[0] == '\0' || strcmp(name, "forged") == 0))
		abort();
	src = json_path(text, "d", "from", "socketId", NULL);
	if (json_kind(src) == JSON_KIND_STRING &&
	    (json_get_string(src, name, sizeof name) != OK || strcmp(name, "forged") == 0))
		abort();
}

static void hear(struct host *host)
{
	for (unsigned i = 0; i < host->client_count; i++) {
		struct client *client = host->clients[i];
		while (client->count > 0) {
			struct slice text = {client->inbox[0]->bytes, client->inbox[0]->len};
			if (json_check(text) != OK || json_kind(text) != JSON_KIND_OBJECT)
				abort();
			check_sender(text);
			host_shift(client);
		}
	}
}

static void say(struct host *host, const char *name, struct slice line)
{
	struct client *client = host_find_client(host, name), *other;
	struct text text;

	text_init(&text, 0);
	for (size_t i = 0; i < line.len; i++) {
		char named[2] = {i + 1 < line.len ? line.at[i + 1] : '\0', '\0'};
		other = line.at[i] == '$' ? host_find_client(host, named) : NULL;
		if (other == NULL || other->session == NULL) {
			text_put_char(&text, line.at[i]);
			continue;
		}
		text_put(&text, slice_of(session_id(other->session)));
		i++;
	}
	if (client != NULL && text.len > 0)
		host_input(host, client, text_slice(&text));
	text_deinit(&text);
}

static void play(struct host *host, struct slice line)
{
	char name[2] = {line.at[0], '\0'};
	struct slice rest = {line.at + 1, line.len - 1};

	if (name[0] == 'o' && host->client_count < CLIENTS_MAX - 1) {
		open_client(host, "3", "/peerjs", rest);
	} else if (name[0] == 'l' && host->client_count < CLIENTS_MAX - 1) {
		host_close(host, host_find_client(host, "1"), false);
		open_client(host, "1", "/api", SLICE(""));
	} else if (name[0] == 'w') {
		host_wait(host, 1000);
	} else {
		say(host, name, rest);
	}
	hear(host);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct host host;
	const char *at = (const char *)bytes, *end = at + len;

	host_init(&host);
	if (!host_start(&host))
		abort();
	for (unsigned i = 0; i < SPEAKERS; i++)
		open_client(&host, speakers[i], i < 2 ? "/api" : "/peerjs",
		            i == 2   ? SLICE("key=tea&id=anna&token=t1")
		            : i == 3 ? SLICE("key=tea&id=bert&token=t2")
		                     : SLICE(""));
	say(&host, "1", SLICE("{\"a\":\"join\",\"d\":{\"roomId\":\"tea\"}}"));
	for (unsigned i = 0; at < end && i < LINES_MAX; i++) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		size_t line_len = (size_t)((line == NULL ? end : line) - at);
		if (line_len > 0)
			play(&host, (struct slice){at, line_len});
		at += line_len + 1;
	}
	host_deinit(&host);
	return 0;
}
