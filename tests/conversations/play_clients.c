/* Clients: how they open, what they say and must hear. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"

static void set_target(struct http_exchange *exchange, const char *target)
{
	size_t len = strcspn(target, "?");

	snprintf(exchange->path, sizeof exchange->path, "%.*s", (int)len, target);
	snprintf(exchange->query, sizeof exchange->query, "%s",
	         target[len] == '?' ? target + len + 1 : "");
}

static void add_header(struct http_exchange *exchange, const char *name, const char *value)
{
	struct header *header;

	if (exchange->header_count == HEADERS_MAX)
		abort();
	header = &exchange->headers[exchange->header_count++];
	snprintf(header->name, sizeof header->name, "%s", name);
	snprintf(header->value, sizeof header->value, "%s", value);
}

/* Name="a value": false where the words go on with something else. */
static bool read_header(struct play *play, struct http_exchange *exchange, char **rest)
{
	char *equals = strchr(*rest, '='), *end;

	if (equals == NULL || equals[1] != '"' || equals > *rest + strcspn(*rest, " "))
		return false;
	end = strchr(equals + 2, '"');
	if (end == NULL) {
		fault(play, "a quote is missing");
		return true;
	}
	*equals = *end = '\0';
	add_header(exchange, *rest, equals + 2);
	*rest = skip_blanks(end + 1);
	return true;
}

static void read_word(struct play *play, struct http_exchange *exchange, const char *word,
                      const struct identity **identity)
{
	const struct scripted *found;
	const char *value;

	if (value_of(word, "as", &value)) {
		found = host_proof(&play->host, value);
		if (found == NULL)
			fault(play, "there is no identity %s", value);
		else
			*identity = &found->identity;
	} else if (value_of(word, "from", &value)) {
		snprintf(exchange->address, sizeof exchange->address, "%s", value);
	} else if (value_of(word, "on", &value)) {
		struct hub_place place = place_of(value);
		exchange->hub = host_hub(&play->host, place.node, place.worker);
		if (exchange->hub == NULL)
			fault(play, "there is no such hub");
	} else {
		fault(play, "%s?", word);
	}
}

/* Headers, as=, from=, on=, and body=, which takes the rest. */
void read_words(struct play *play, struct http_exchange *exchange, char *rest,
                const struct identity **identity)
{
	const char *value;

	exchange->hub = host_hub(&play->host, 1, 0);
	while (*rest != '\0' && play->fault[0] == '\0') {
		rest = skip_blanks(rest);
		if (value_of(rest, "body", &value)) {
			exchange->body = strdup(value);
			return;
		}
		if (!read_header(play, exchange, &rest))
			read_word(play, exchange, take_word(&rest), identity);
	}
}

void exchange_init(struct play *play, struct http_exchange *exchange, const char *target)
{
	*exchange = (struct http_exchange){.host = &play->host};
	snprintf(exchange->address, sizeof exchange->address, "192.0.2.7");
	set_target(exchange, target);
	if (!host_start(&play->host))
		fault(play, "these are more hubs than there may be");
}

void play_open(struct play *play, char *rest)
{
	const struct identity *identity = &play->host.identities[0].identity;
	struct http_exchange *exchange = calloc(1, sizeof *exchange);
	const char *name = take_word(&rest), *target = take_word(&rest);

	if (exchange == NULL)
		abort();
	exchange_init(play, exchange, target);
	read_words(play, exchange, rest, &identity);
	/* A name that is opened again is another session's. */
	for (unsigned i = 0; i < play->bound_count; i++)
		if (strncmp(play->bound[i].name, "id:", 3) == 0 &&
		    strcmp(play->bound[i].name + 3, name) == 0)
			play->bound[i].name[0] = '\0';
	if (play->fault[0] == '\0' && host_open(&play->host, name, exchange, identity) == NULL)
		fault(play, "there is no dialect at this path");
	if (exchange->subprotocol[0] != '\0')
		bind_name(play, SLICE("subprotocol"), slice_of(exchange->subprotocol), true);
	exchange_deinit(exchange);
	free(exchange);
}

static void keep_last(struct play *play, struct client *client)
{
	buffer_release(play->last);
	play->last = buffer_hold(client->inbox[0]);
	host_shift(client);
}

static struct slice last_text(const struct play *play)
{
	return play->last == NULL ? (struct slice){0}
	                          : (struct slice){play->last->bytes, play->last->len};
}

static void expect_close(struct play *play, struct client *client, char *rest)
{
	unsigned code = (unsigned)strtoul(take_word(&rest), NULL, 10);

	if (client->count > 0)
		fault(play, "before it comes %.*s", (int)client->inbox[0]->len,
		      client->inbox[0]->bytes);
	else if (!client->is_closed)
		fault(play, "it is open");
	else if (client->close_code != code)
		fault(play, "the code is %u (%s)", client->close_code, client->close_reason);
	else if (*rest != '\0' && strcmp(rest, client->close_reason) != 0)
		fault(play, "the reason is %s", client->close_reason);
	client->is_closed = false;
}

static void expect_refused(struct play *play, struct client *client, char *rest)
{
	unsigned status = (unsigned)strtoul(take_word(&rest), NULL, 10);

	if (client->refused != status)
		fault(play, "it is %u %s", client->refused,
		      client->refusal == NULL ? "" : client->refusal);
	else if (*rest != '\0')
		expect_json(play, rest, slice_of(client->refusal));
	client->refused = 0;
}

static void expect_message(struct play *play, struct client *client, const char *arrow, char *rest)
{
	if (client->count == 0) {
		fault(play, "there is no message%s", client->is_closed ? ", it was closed" : "");
		return;
	}
	keep_last(play, client);
	struct slice got = last_text(play);
	if (strcmp(arrow, "<") == 0)
		expect_json(play, rest, got);
	else if (!slice_is(got, rest))
		fault(play, "it is " SLICE_FORMAT, SLICE_PRINTF(got));
}

static void client_expects(struct play *play, struct client *client, const char *arrow, char *rest)
{
	char *words = rest;

	if (strncmp(rest, "nothing", 7) == 0) {
		if (client->count > 0)
			fault(play, "there is %.*s", (int)client->inbox[0]->len,
			      client->inbox[0]->bytes);
		else if (client->is_closed)
			fault(play, "it was closed with %u", client->close_code);
	} else if (strncmp(rest, "close ", 6) == 0) {
		take_word(&words);
		expect_close(play, client, words);
	} else if (strncmp(rest, "refused ", 8) == 0) {
		take_word(&words);
		expect_refused(play, client, words);
	} else if (strncmp(rest, "has ", 4) == 0) {
		if (play->last == NULL ||
		    memmem(play->last->bytes, play->last->len, rest + 4, strlen(rest + 4)) == NULL)
			fault(play, "it is " SLICE_FORMAT, SLICE_PRINTF(last_text(play)));
	} else {
		expect_message(play, client, arrow, rest);
	}
}

static void client_sends(struct play *play, struct client *client, const char *arrow, char *rest)
{
	char *text = expand(rest);
	size_t len = strcmp(arrow, ">x") == 0 ? unescape(text) : strlen(text);

	if (client->session == NULL)
		fault(play, "it is not open");
	else
		host_input(&play->host, client, (struct slice){text, len});
	free(text);
}

static void client_does(struct play *play, struct client *client, char *rest)
{
	const char *verb = take_word(&rest);

	if (strcmp(verb, "closes") == 0)
		host_close(&play->host, client, true);
	else if (strcmp(verb, "is-lost") == 0)
		host_close(&play->host, client, false);
	else if (strcmp(verb, "stalls") == 0)
		client->is_stalled = true;
	else if (strcmp(verb, "reads") == 0)
		host_drain_client(&play->host, client);
	else if (strcmp(verb, "is-paused") == 0 && !client->is_paused)
		fault(play, "it is not");
	else if (strcmp(verb, "is-not-paused") == 0 && client->is_paused)
		fault(play, "it is");
	else if (strcmp(verb, "is-paused") != 0 && strcmp(verb, "is-not-paused") != 0)
		fault(play, "%s?", verb);
}

void play_client(struct play *play, char *word, char *rest)
{
	size_t len = strcspn(word, "<>");
	char arrow[4];

	snprintf(arrow, sizeof arrow, "%s", word + len);
	word[len] = '\0';
	struct client *client = host_find_client(&play->host, word);
	if (client == NULL)
		fault(play, "%s?", word);
	else if (arrow[0] == '<')
		client_expects(play, client, arrow, rest);
	else if (arrow[0] == '>')
		client_sends(play, client, arrow, rest);
	else
		client_does(play, client, rest);
}
