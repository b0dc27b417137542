/* Plays conversations: text files in the folders below tests/conversations, one TAP test each. Without arguments all of
 * them. README says how they are written. */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/report.h"
#include "host.h"

enum { NAMES_MAX = 128, FAULT_SIZE = 2048 };

struct bound { /* a value that has a name */
	char name[64];
	char *value; /* owned */
	bool is_string;
};

struct play {
	struct host host;
	struct bound bound[NAMES_MAX];
	unsigned bound_count;
	struct buffer *last; /* owned: the message that was matched last */
	struct http_exchange exchange;
	bool has_exchange;
	bool is_answered;
	enum signaling_error error;
	char *answer; /* owned: of the last request */
	char fault[FAULT_SIZE];
};

static void fault(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool matches(struct play *play, struct slice wanted, struct slice got);

static void fault(struct play *play, const char *format, ...)
{
	va_list arguments;

	if (play->fault[0] != '\0')
		return;
	va_start(arguments, format);
	vsnprintf(play->fault, sizeof play->fault, format, arguments);
	va_end(arguments);
}

/* Words. */

static char *skip_blanks(char *at)
{
	return at + strspn(at, " \t");
}

/* Cuts the first word off; what follows stays in *line. */
static char *take_word(char **line)
{
	char *word = skip_blanks(*line);
	size_t len = strcspn(word, " \t");

	*line = word[len] == '\0' ? word + len : skip_blanks(word + len + 1);
	word[len] = '\0';
	return word;
}

static bool value_of(const char *word, const char *name, const char **value)
{
	size_t len = strlen(name);

	if (strncmp(word, name, len) != 0 || word[len] != '=')
		return false;
	*value = word + len + 1;
	return true;
}

/* Names. */

static struct bound *find_bound(struct play *play, struct slice name)
{
	for (unsigned i = 0; i < play->bound_count; i++)
		if (slice_is(name, play->bound[i].name))
			return &play->bound[i];
	return NULL;
}

static void bind_name(struct play *play, struct slice name, struct slice value, bool is_string)
{
	struct bound *bound = find_bound(play, name);

	if (bound == NULL) {
		if (play->bound_count == NAMES_MAX)
			abort();
		bound = &play->bound[play->bound_count++];
		snprintf(bound->name, sizeof bound->name, SLICE_FORMAT, SLICE_PRINTF(name));
	} else {
		free(bound->value);
	}
	bound->value = strndup(value.at, value.len);
	bound->is_string = is_string;
}

static bool lookup(struct play *play, struct slice name, struct slice *value, bool *is_string)
{
	struct bound *bound = find_bound(play, name);
	char text[64];

	*is_string = true;
	if (bound != NULL) {
		*value = slice_of(bound->value);
		*is_string = bound->is_string;
		return true;
	}
	if (name.len < 4 || memcmp(name.at, "id:", 3) != 0)
		return false;
	snprintf(text, sizeof text, SLICE_FORMAT, SLICE_PRINTF(name));
	struct client *client = host_find_client(&play->host, text + 3);
	if (client == NULL || client->session == NULL)
		return false;
	/* It is kept: the name is good when the session is gone too. */
	bind_name(play, name, slice_of(session_id(client->session)), true);
	*value = slice_of(find_bound(play, name)->value);
	return true;
}

static size_t name_len(const char *at)
{
	size_t len =
		strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:.-");

	return at[len] == '>' ? len : 0;
}

/* Puts in what names stand for. */
static char *substitute(struct play *play, const char *line)
{
	struct text text;
	struct slice value;
	bool is_string;

	text_init(&text, 0);
	for (const char *at = line; *at != '\0';) {
		size_t len = *at == '<' ? name_len(at + 1) : 0;
		if (len == 0 || !lookup(play, (struct slice){at + 1, len}, &value, &is_string)) {
			text_put_char(&text, *at++);
			continue;
		}
		bool is_quoted = !is_string && text.len > 0 && text.at[text.len - 1] == '"' &&
		                 at[len + 2] == '"';
		text.len -= is_quoted;
		text_put(&text, value);
		at += len + 2 + is_quoted;
	}
	text_put_char(&text, '\0');
	return text.at;
}

/* JSON compared by value. */

static char *decoded(struct slice value)
{
	struct text text;

	text_init(&text, 0);
	if (json_decode(value, &text) != OK)
		text_clear(&text);
	text_put_char(&text, '\0');
	return text.at;
}

static bool strings_match(struct play *play, struct slice wanted, struct slice got)
{
	char *a = decoded(wanted), *b = decoded(got);
	size_t len = a[0] == '<' ? name_len(a + 1) : 0;
	bool is_name = len > 0 && a[len + 2] == '\0';
	bool is_equal = strcmp(a, b) == 0 && json_kind(got) == JSON_KIND_STRING;

	if (is_name && json_kind(got) == JSON_KIND_STRING)
		bind_name(play, (struct slice){a + 1, len}, slice_of(b), true);
	else if (is_name)
		bind_name(play, (struct slice){a + 1, len}, got, false);
	is_equal = is_equal || is_name || strcmp(a, "<*>") == 0;
	free(a);
	free(b);
	return is_equal;
}

static size_t count_members(struct slice object)
{
	struct slice name, value;
	size_t position = 0, count = 0;

	while (json_next_member(object, &position, &name, &value))
		count++;
	return count;
}

static bool objects_match(struct play *play, struct slice wanted, struct slice got)
{
	struct slice raw, value;
	size_t position = 0;
	bool is_open = !slice_is_empty(json_member(wanted, "..."));

	if (!is_open && count_members(wanted) != count_members(got))
		return false;
	while (json_next_member(wanted, &position, &raw, &value)) {
		char *name = decoded(raw);
		struct slice its = json_member(got, name);
		bool is_same = strcmp(name, "...") == 0 ||
		               (!slice_is_empty(its) && matches(play, value, its));
		free(name);
		if (!is_same)
			return false;
	}
	return true;
}

static bool arrays_match(struct play *play, struct slice wanted, struct slice got)
{
	struct slice a, b;
	size_t at = 0, its = 0;

	while (json_next_element(wanted, &at, &a))
		if (!json_next_element(got, &its, &b) || !matches(play, a, b))
			return false;
	return !json_next_element(got, &its, &b);
}

static bool matches(struct play *play, struct slice wanted, struct slice got)
{
	enum json_kind kind = json_kind(wanted);

	if (kind == JSON_KIND_STRING)
		return strings_match(play, wanted, got);
	if (kind != json_kind(got))
		return false;
	if (kind == JSON_KIND_OBJECT)
		return objects_match(play, wanted, got);
	if (kind == JSON_KIND_ARRAY)
		return arrays_match(play, wanted, got);
	return slice_equal(wanted, got);
}

static void expect_json(struct play *play, const char *wanted, struct slice got)
{
	if (json_check(slice_of(wanted)) != OK)
		fault(play, "what is expected is no JSON: %s", wanted);
	else if (json_check(got) != OK)
		fault(play, "it is no JSON: " SLICE_FORMAT, SLICE_PRINTF(got));
	else if (!matches(play, slice_of(wanted), got))
		fault(play, "it is " SLICE_FORMAT, SLICE_PRINTF(got));
}

/* Settings. */

static const struct {
	const char *name;
	size_t offset, size;
} settings[] = {
#define SETTING(name, member)                                      \
	{                                                          \
		name, offsetof(struct hub_settings, member),       \
			sizeof(((struct hub_settings *)0)->member) \
	}
	SETTING("workers", workers),
	SETTING("queue-bytes", queue_bytes_max),
	SETTING("replay-bytes", replay_bytes_max),
	SETTING("sessions", sessions_max),
	SETTING("rooms", rooms_max),
	SETTING("room-capacity", room_capacity),
	SETTING("legacy-room-size", has_legacy_room_size),
};

static void put_number(void *at, size_t size, unsigned long long number)
{
	if (size == 1)
		*(bool *)at = number != 0;
	else if (size == 2)
		*(uint16_t *)at = (uint16_t)number;
	else if (size == 4)
		*(uint32_t *)at = (uint32_t)number;
	else
		*(size_t *)at = (size_t)number;
}

static void play_set(struct play *play, char *rest)
{
	const char *name = take_word(&rest), *value = take_word(&rest);
	struct host *host = &play->host;
	unsigned long long number = strtoull(value, NULL, 10);

	if (host->hub_count > 0)
		fault(play, "settings come before the first client");
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
		if (strcmp(settings[i].name, name) == 0) {
			put_number((char *)&host->settings + settings[i].offset, settings[i].size,
			           number);
			return;
		}
	if (strcmp(name, "nodes") == 0)
		host->nodes = (unsigned)number;
	else if (strcmp(name, "relay-only") == 0)
		snprintf(host->relay_tenant, sizeof host->relay_tenant, "%s", value);
	else if (strcmp(name, "tenant-sessions") == 0)
		host->tenant_sessions_max = (uint32_t)number;
	else if (strcmp(name, "tenant-rooms") == 0)
		host->tenant_rooms_max = (uint32_t)number;
	else
		fault(play, "there is no such setting");
}

/* A line of a configuration file. */
static void play_option(struct play *play, char *rest)
{
	struct config_report report = {0};

	if (config_read_bytes(play->host.config, "conversation", rest, strlen(rest), &report) != OK)
		fault(play, "the configuration does not take it");
	config_report_deinit(&report);
}

static unsigned permissions_of(struct play *play, const char *list)
{
	static const struct {
		const char *name;
		unsigned permission;
	} names[] = {
		{"join", MAY_JOIN},         {"create", MAY_CREATE},
		{"send", MAY_SEND},         {"chat", MAY_CHAT},
		{"moderate", MAY_MODERATE}, {"change", MAY_CHANGE_ROOM},
		{"close", MAY_CLOSE_ROOM},  {"list", MAY_LIST},
		{"hide", MAY_HIDE},         {"participate", MAY_ALL_OF_A_PARTICIPANT},
		{"all", MAY_ALL},           {"none", 0},
	};
	unsigned permissions = 0;

	while (*list != '\0') {
		struct slice word = {list, strcspn(list, ",")};
		size_t i = 0;
		while (i < sizeof names / sizeof names[0] && !slice_is(word, names[i].name))
			i++;
		if (i == sizeof names / sizeof names[0]) {
			fault(play, "there is no such permission");
			return 0;
		}
		permissions |= names[i].permission;
		list += word.len + (list[word.len] == ',');
	}
	return permissions;
}

static void play_identity(struct play *play, char *rest)
{
	struct host *host = &play->host;
	struct scripted *scripted = (struct scripted *)host_proof(host, take_word(&rest));
	const char *proof = rest, *value;

	(void)proof;
	if (scripted == NULL)
		fault(play, "out of order");
	while (play->fault[0] == '\0' && *rest != '\0') {
		char *word = take_word(&rest);
		struct identity *identity = &scripted->identity;
		if (value_of(word, "user", &value))
			snprintf(identity->user, sizeof identity->user, "%s", value);
		else if (value_of(word, "tenant", &value))
			snprintf(identity->tenant, sizeof identity->tenant, "%s", value);
		else if (value_of(word, "room", &value))
			snprintf(identity->room, sizeof identity->room, "%s", value);
		else if (value_of(word, "may", &value))
			identity->permissions = permissions_of(play, value);
		else if (value_of(word, "expires", &value))
			identity->expires_ms =
				host_wall_ms(host) + strtoull(value, NULL, 10) * 1000;
		else if (value_of(word, "error", &value))
			scripted->error = strcmp(value, "EXPIRED") == 0 ? SIGNALING_EXPIRED
			                                                : SIGNALING_UNAVAILABLE;
		else
			fault(play, "%s?", word);
	}
}

static void play_new_identity(struct play *play, char *rest)
{
	struct host *host = &play->host;
	char copy[512];
	char *at = copy;

	snprintf(copy, sizeof copy, "%s", rest);
	const char *proof = take_word(&at);
	if (host_proof(host, proof) == NULL) {
		if (host->identity_count == IDENTITIES_MAX)
			abort();
		struct scripted *made = &host->identities[host->identity_count++];
		snprintf(made->proof, sizeof made->proof, "%s", proof);
		snprintf(made->identity.tenant, sizeof made->identity.tenant, TENANT_DEFAULT);
		snprintf(made->identity.user, sizeof made->identity.user, "%s", proof);
		made->identity.permissions = MAY_ALL_OF_A_PARTICIPANT;
		made->identity.is_authenticated = true;
	}
	play_identity(play, rest);
}

static void play_credentials(struct play *play, char *rest)
{
	struct host *host = &play->host;
	const char *word = take_word(&rest);

	if (strcmp(word, "hold") == 0)
		host->holds_credentials = true;
	else if (strcmp(word, "none") == 0)
		host->has_credentials = false;
	else if (strcmp(word, "come") == 0 || strcmp(word, "fail") == 0) {
		if (!host_answer_credentials(host, strcmp(word, "come") == 0))
			fault(play, "nobody waits for credentials");
	} else if (strcmp(word, "renew") == 0) {
		for (unsigned i = 0; i < host->hub_count; i++)
			if (host->hubs[i] != NULL)
				hub_renew_credentials(host->hubs[i], NULL, host->now);
		host_run(host);
	} else {
		host->has_credentials = true;
		snprintf(host->username, sizeof host->username, "%s", word);
		if (*rest != '\0')
			host->ttl_s = (uint32_t)strtoul(take_word(&rest), NULL, 10);
	}
}

/* Clients. */

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

/* Name="a value" or as= from= on= body=, which takes the rest. */
static void read_words(struct play *play, struct http_exchange *exchange, char *rest,
                       const struct identity **identity)
{
	unsigned node = 1, worker = 0;
	const char *value;

	while (*rest != '\0' && play->fault[0] == '\0') {
		rest = skip_blanks(rest);
		if (value_of(rest, "body", &value)) {
			exchange->body = strdup(value);
			break;
		}
		char *equals = strchr(rest, '=');
		if (equals != NULL && equals[1] == '"') { /* a header */
			char *end = strchr(equals + 2, '"');
			if (end == NULL) {
				fault(play, "a quote is missing");
				break;
			}
			*equals = *end = '\0';
			add_header(exchange, rest, equals + 2);
			rest = skip_blanks(end + 1);
			continue;
		}
		char *word = take_word(&rest);
		if (value_of(word, "as", &value)) {
			const struct scripted *found = host_proof(&play->host, value);
			if (found == NULL)
				fault(play, "there is no identity %s", value);
			else
				*identity = &found->identity;
		} else if (value_of(word, "from", &value)) {
			snprintf(exchange->address, sizeof exchange->address, "%s", value);
		} else if (value_of(word, "on", &value)) {
			node = (unsigned)strtoul(value, NULL, 10);
			const char *dot = strchr(value, '.');
			worker = dot == NULL ? 0 : (unsigned)strtoul(dot + 1, NULL, 10);
		} else {
			fault(play, "%s?", word);
		}
	}
	exchange->hub = host_hub(&play->host, node, worker);
	if (exchange->hub == NULL)
		fault(play, "there is no such hub");
}

static void exchange_init(struct play *play, struct http_exchange *exchange)
{
	*exchange = (struct http_exchange){.host = &play->host};
	snprintf(exchange->address, sizeof exchange->address, "192.0.2.7");
	if (!host_start(&play->host))
		fault(play, "these are more hubs than there may be");
}

static void play_open(struct play *play, char *rest)
{
	const struct identity *identity = &play->host.identities[0].identity;
	struct http_exchange *exchange = calloc(1, sizeof *exchange);
	const char *name = take_word(&rest), *target = take_word(&rest);

	if (exchange == NULL)
		abort();
	exchange_init(play, exchange);
	set_target(exchange, target);
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

/* x{1000} behind a letter stands for that many of it. */
static char *expand(const char *line)
{
	struct text text;

	text_init(&text, 0);
	for (const char *at = line; *at != '\0'; at++) {
		char *end;
		unsigned long count = at[1] == '{' && at[2] >= '1' && at[2] <= '9'
		                              ? strtoul(at + 2, &end, 10)
		                              : 0;
		if (count == 0 || count > 10000000 || *end != '}') {
			text_put_char(&text, *at);
			continue;
		}
		for (unsigned long i = 0; i < count; i++)
			text_put_char(&text, *at);
		at = end;
	}
	text_put_char(&text, '\0');
	return text.at;
}

static size_t unescape(char *text)
{
	size_t len = 0;

	for (const char *at = text; *at != '\0'; at++) {
		if (at[0] == '\\' && at[1] == 'x') {
			char digits[3] = {at[2], at[2] == '\0' ? '\0' : at[3], '\0'};
			text[len++] = (char)strtoul(digits, NULL, 16);
			at += 1 + strlen(digits);
		} else {
			text[len++] = *at;
		}
	}
	return len;
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

static void play_client(struct play *play, char *word, char *rest)
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

/* Time and the world. */

static void play_wait(struct play *play, char *rest)
{
	char *end;
	unsigned long long number = strtoull(rest, &end, 10);

	host_wait(&play->host, strcmp(end, "ms") == 0 ? number : number * 1000);
}

static void play_lose(struct play *play, char *rest)
{
	host_lose(&play->host, (unsigned)strtoul(rest, NULL, 10));
}

static void play_registry(struct play *play, char *rest)
{
	play->host.has_no_registry = strcmp(rest, "away") == 0;
}

static struct hub_place place_of(const char *word)
{
	const char *dot = strchr(word, '.');

	return (struct hub_place){(uint32_t)strtoul(word, NULL, 10),
	                          (uint16_t)(dot == NULL ? 0 : strtoul(dot + 1, NULL, 10))};
}

static void play_posts(struct play *play, char *rest)
{
	struct host *host = &play->host;

	if (strcmp(take_word(&rest), "go") == 0) {
		host_let_posts_go(host);
		return;
	}
	host->holds_posts = true;
	host->held_from = place_of(take_word(&rest));
	host->held_to = place_of(take_word(&rest));
}

static void play_drain(struct play *play, char *rest)
{
	struct host *host = &play->host;
	timestamp deadline = host->now + strtoull(rest, NULL, 10) * 1000;

	for (unsigned i = 0; i < host->hub_count; i++)
		if (host->hubs[i] != NULL)
			hub_drain(host->hubs[i], deadline, host->now);
	host_run(host);
}

/* The oldest of its kind. */
static void play_note(struct play *play, char *rest)
{
	struct host *host = &play->host;
	const char *kind = take_word(&rest);

	for (unsigned i = 0; i < host->note_count; i++) {
		if (strcmp(host->notes[i].kind, kind) != 0)
			continue;
		char *json = host->notes[i].json;
		if (strcmp(rest, "nothing") == 0)
			fault(play, "there is %s", json);
		else
			expect_json(play, rest, slice_of(json));
		memmove(&host->notes[i], &host->notes[i + 1],
		        (--host->note_count - i) * sizeof *host->notes);
		free(json);
		return;
	}
	if (strcmp(rest, "nothing") != 0)
		fault(play, "the host was told nothing of it");
}

/* Requests by HTTP. */

static void play_http(struct play *play, char *rest)
{
	static const char *const methods[HTTP_METHODS] = {"GET",   "HEAD",   "POST",   "PUT",
	                                                  "PATCH", "DELETE", "OPTIONS"};
	const struct identity *identity = NULL;
	const char *method = take_word(&rest), *target = take_word(&rest);

	if (play->has_exchange)
		exchange_deinit(&play->exchange);
	play->has_exchange = true;
	exchange_init(play, &play->exchange);
	set_target(&play->exchange, target);
	read_words(play, &play->exchange, rest, &identity);
	if (play->fault[0] != '\0')
		return;
	play->exchange.method = HTTP_METHODS;
	for (unsigned i = 0; i < HTTP_METHODS; i++)
		if (strcmp(methods[i], method) == 0)
			play->exchange.method = (enum http_method)i;
	if (play->exchange.method == HTTP_METHODS)
		fault(play, "there is no such method");
	else if (!exchange_run(&play->exchange))
		http_answer(&play->exchange, 404, "text/plain", (struct slice){0});
	host_run(&play->host);
}

static const char *answer_header(const struct http_exchange *exchange, const char *name)
{
	if (strcmp(name, "Content-Type") == 0)
		return exchange->content_type;
	for (unsigned i = 0; i < exchange->answer_header_count; i++)
		if (strcmp(exchange->answer_headers[i].name, name) == 0)
			return exchange->answer_headers[i].value;
	return "";
}

static void play_http_answer(struct play *play, char *rest)
{
	const struct http_exchange *exchange = &play->exchange;
	char *word = take_word(&rest);

	if (!play->has_exchange || !exchange->is_answered) {
		fault(play, "there is no answer");
	} else if (strcmp(word, "header") == 0) {
		const char *got = answer_header(exchange, take_word(&rest));
		if (strcmp(got, rest) != 0)
			fault(play, "it is \"%s\"", got);
	} else if (strcmp(word, "text") == 0) {
		if (strcmp(exchange->answer, rest) != 0)
			fault(play, "it is %s", exchange->answer);
	} else if (exchange->status != strtoul(word, NULL, 10)) {
		fault(play, "it is %u %s", exchange->status, exchange->answer);
	} else if (*rest != '\0') {
		expect_json(play, rest, (struct slice){exchange->answer, exchange->answer_len});
	}
}

/* Requests to rooms. */

static void answered(void *context, enum signaling_error error, struct slice json)
{
	struct play *play = context;

	free(play->answer);
	play->answer = json.len == 0 ? strdup("") : strndup(json.at, json.len);
	play->error = error;
	play->is_answered = true;
}

static bool change_word(struct room_request *request, const char *word, const char **value)
{
	struct room_change *change = &request->change;

	if (value_of(word, "pin", value)) {
		change->sets_pin = true;
		change->pin = slice_of(*value);
	} else if (value_of(word, "lock", value)) {
		change->sets_lock = true;
		change->is_locked = strcmp(*value, "yes") == 0;
	} else if (value_of(word, "relay", value)) {
		change->sets_relay_only = true;
		change->is_relay_only = strcmp(*value, "yes") == 0;
	} else if (value_of(word, "capacity", value)) {
		change->sets_capacity = true;
		change->capacity = (uint32_t)strtoul(*value, NULL, 10);
	} else {
		return false;
	}
	return true;
}

static void request_word(struct play *play, struct room_request *request, const char *word)
{
	const char *value;

	if (change_word(request, word, &value))
		return;
	if (value_of(word, "type", &value))
		request->type = value;
	else if (value_of(word, "tenant", &value))
		request->tenant = value;
	else if (value_of(word, "who", &value))
		request->participant = value;
	else if (value_of(word, "what", &value))
		request->what = value;
	else if (value_of(word, "reason", &value))
		request->reason = value;
	else if (value_of(word, "expires", &value))
		request->expires_s = (uint32_t)strtoul(value, NULL, 10);
	else if (value_of(word, "owner", &value))
		request->is_owner_only = strcmp(value, "only") == 0;
	else if (value_of(word, "as", &value) && host_proof(&play->host, value) != NULL)
		request->identity = &host_proof(&play->host, value)->identity;
	else
		fault(play, "%s?", word);
}

static void play_request(struct play *play, char *rest)
{
	static const char *const kinds[] = {"list", "show", "create", "change",
	                                    "kick", "mute", "close",  "counts"};
	struct room_request request = {.tenant = NULL};
	const char *kind = take_word(&rest);
	bool is_of_room;

	if (!host_start(&play->host))
		fault(play, "these are more hubs than there may be");
	while (request.kind < sizeof kinds / sizeof kinds[0] &&
	       strcmp(kinds[request.kind], kind) != 0)
		request.kind++;
	is_of_room = request.kind != ROOM_REQUEST_LIST && request.kind != ROOM_REQUEST_COUNTS;
	request.name = is_of_room ? take_word(&rest) : NULL;
	while (*rest != '\0' && play->fault[0] == '\0')
		request_word(play, &request, take_word(&rest));
	play->is_answered = false;
	if (play->fault[0] == '\0')
		hub_request(host_hub(&play->host, 1, 0), &request, answered, play, play->host.now);
	host_run(&play->host);
}

static void play_request_answer(struct play *play, char *rest)
{
	const char *error = take_word(&rest);

	if (!play->is_answered)
		fault(play, "there is no answer");
	else if (strcmp(host_error_name(play->error), error) != 0)
		fault(play, "it is %s %s", host_error_name(play->error), play->answer);
	else if (*rest != '\0')
		expect_json(play, rest, slice_of(play->answer));
}

/* Lines. */

static const struct {
	const char *word;
	void (*run)(struct play *play, char *rest);
} commands[] = {
	{"set", play_set},
	{"option", play_option},
	{"identity", play_new_identity},
	{"credentials", play_credentials},
	{"open", play_open},
	{"wait", play_wait},
	{"lose", play_lose},
	{"registry", play_registry},
	{"posts", play_posts},
	{"drain", play_drain},
	{"told", play_note},
	{"http", play_http},
	{"http<", play_http_answer},
	{"request", play_request},
	{"request<", play_request_answer},
};

static void play_line(struct play *play, char *line)
{
	char *copy = substitute(play, line), *rest = copy, *word;

	rest = skip_blanks(rest);
	if (*rest == '\0' || *rest == '#') {
		free(copy);
		return;
	}
	word = take_word(&rest);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].word, word) == 0) {
			commands[i].run(play, rest);
			free(copy);
			return;
		}
	play_client(play, word, rest);
	free(copy);
}

/* What was said and not expected. */
static void check_end(struct play *play)
{
	for (unsigned i = 0; i < play->host.client_count; i++) {
		const struct client *client = play->host.clients[i];
		if (client->count > 0)
			fault(play, "%s has %.*s", client->name, (int)client->inbox[0]->len,
			      client->inbox[0]->bytes);
		else if (client->is_closed)
			fault(play, "%s was closed with %u", client->name, client->close_code);
		else if (client->refused != 0)
			fault(play, "%s was refused with %u", client->name, client->refused);
	}
}

static void play_deinit(struct play *play)
{
	host_deinit(&play->host);
	for (unsigned i = 0; i < play->bound_count; i++)
		free(play->bound[i].value);
	buffer_release(play->last);
	if (play->has_exchange)
		exchange_deinit(&play->exchange);
	free(play->answer);
	free(play);
}

static bool play_file(const char *path, char *report, size_t size)
{
	struct play *play = calloc(1, sizeof *play);
	FILE *file = fopen(path, "r");
	char *line = NULL, title[256] = "", shown[512] = "";
	size_t room = 0;
	unsigned number = 0;
	ssize_t len;

	if (play == NULL)
		abort();
	host_init(&play->host);
	if (file == NULL)
		fault(play, "it cannot be read");
	while (play->fault[0] == '\0' && file != NULL && (len = getline(&line, &room, file)) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (number++ == 0)
			snprintf(title, sizeof title, "%.250s", line);
		snprintf(shown, sizeof shown, "%.500s", line);
		play_line(play, line);
	}
	if (play->fault[0] == '\0') {
		snprintf(shown, sizeof shown, "the end");
		check_end(play);
	}
	if (strncmp(title, "# ", 2) != 0)
		fault(play, "the first line does not say what it is about");
	bool passed = play->fault[0] == '\0';
	snprintf(report, size, passed ? "%s" : "%s\n# line %u: %s\n# %s",
	         title[0] == '\0' ? "" : title + 2, number, shown, play->fault);
	if (file != NULL)
		fclose(file);
	free(line);
	play_deinit(play);
	return passed;
}

static int has_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool is_conversation(const char *path)
{
	size_t len = strlen(path);

	return len > 4 && strcmp(path + len - 4, ".txt") == 0;
}

static unsigned play_one(const char *path, unsigned *tests)
{
	char report[4096];
	const char *name = strrchr(path, '/');
	bool passed = play_file(path, report, sizeof report);

	printf("%s %u - %s: %s\n", passed ? "ok" : "not ok", ++*tests, name ? name + 1 : path,
	       report);
	fflush(stdout);
	return !passed;
}

static unsigned play_folder(const char *folder, unsigned *tests)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, has_name, alphasort);
	unsigned failures = 0;
	char path[4096];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
		if (is_conversation(path))
			failures += play_one(path, tests);
		else if (entries[i]->d_type == DT_DIR || entries[i]->d_type == DT_UNKNOWN)
			failures += play_folder(path, tests);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return failures;
}

int main(int argc, char **argv)
{
	const char *top = getenv("srcdir");
	char folder[4096];
	unsigned tests = 0, failures = 0;

	for (int i = 1; i < argc; i++)
		failures += is_conversation(argv[i]) ? play_one(argv[i], &tests)
		                                     : play_folder(argv[i], &tests);
	snprintf(folder, sizeof folder, "%s/tests/conversations", top ? top : ".");
	if (argc == 1)
		failures += play_folder(folder, &tests);
	if (tests == 0) {
		printf("not ok %u - no conversation in %s\n", ++tests, folder);
		failures++;
	}
	printf("1..%u\n", tests);
	return failures != 0;
}
