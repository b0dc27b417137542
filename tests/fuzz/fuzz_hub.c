/* Whatever clients of three workers do, in whatever order, and however long posts are on their way: nothing is read or kept that
 * should not be, and when all have gone nothing is left. The input is a list of steps of three bytes. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plain.h"
#include "signaling/http_exchange.h"
#include "signaling/hub.h"
#include "signaling/hub_counters.h"
#include "signaling/json_text.h"
#include "signaling/post.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { HUBS = 3, CLIENTS = 8, POSTS_MAX = 4096, STEPS_MAX = 400, TOKEN_ROOM = 64 };

struct client {
	struct hub *hub;
	struct session *session;
	bool is_stalled;
	size_t unsent;
	char id[SESSION_ID_SIZE], token[TOKEN_ROOM];
};

struct world {
	struct hub *hubs[HUBS];
	struct client clients[CLIENTS];
	struct post *posts[POSTS_MAX];
	unsigned post_count;
	bool holds_posts;
	timestamp now;
};

static const struct dialect *const dialects[] = {&dialect_plain, &dialect_plain_delayed,
                                                 &dialect_plain_brief};

#define require(holds) require_at((holds), __LINE__)
static void require_at(bool holds, int line)
{
	if (holds)
		return;
	fprintf(stderr, "what line %d requires does not hold\n", line);
	abort();
}

/* What dialects need of HTTP: there is none here. */

bool http_query(const struct http_exchange *exchange, const char *name, char *to, size_t size)
{
	(void)exchange;
	(void)name;
	(void)to;
	(void)size;
	return false;
}
struct slice http_body(const struct http_exchange *exchange)
{
	(void)exchange;
	return (struct slice){0};
}
void http_set_header(struct http_exchange *exchange, const char *name, const char *value)
{
	(void)exchange;
	(void)name;
	(void)value;
}
void http_answer(struct http_exchange *exchange, unsigned status, const char *content_type,
                 struct slice body)
{
	(void)exchange;
	(void)status;
	(void)content_type;
	(void)body;
}
void http_answer_json(struct http_exchange *exchange, unsigned status, struct slice json)
{
	http_answer(exchange, status, "", json);
}
void http_refuse(struct http_exchange *exchange, enum signaling_error error, const char *text)
{
	(void)error;
	http_answer(exchange, 400, "", slice_of(text));
}
void http_identify(struct http_exchange *exchange,
                   void (*identified)(struct http_exchange *exchange,
                                      const struct identity *identity, enum signaling_error error))
{
	identified(exchange, NULL, SIGNALING_BAD_PROOF);
}

/* The host. */

static void keep_token(struct client *client, const struct buffer *buffer)
{
	struct slice text = {buffer->bytes, buffer->len};

	require(json_check(text) == OK || buffer->len == 0);
	if (json_get_string(json_member(text, "id"), client->id, sizeof client->id) != OK)
		client->id[0] = '\0';
	struct slice token = json_member(text, "token");
	if (!slice_is_empty(token))
		require(json_get_string(token, client->token, sizeof client->token) == OK);
}

static void sent(struct hub *hub, const struct hub_action *action)
{
	struct client *client = action->path;

	require(client->session == action->session && client->hub == hub);
	keep_token(client, action->buffer);
	buffer_release(action->buffer);
	if (client->is_stalled)
		client->unsent++;
	else
		hub_path_sent(hub, action->session, 1);
}

/* As proved, now and then. */
static void identify(struct world *world, struct hub *hub, const struct hub_action *action)
{
	struct identity identity = {.tenant = TENANT_DEFAULT,
	                            .user = "someone",
	                            .permissions = MAY_ALL,
	                            .expires_ms = 1000000100000};
	bool is_good = action->claim->proof[0] == 'g';

	hub_identified(hub, action->cookie, is_good ? &identity : NULL, SIGNALING_BAD_PROOF,
	               world->now);
}

static void credentials(struct world *world, struct hub *hub, const struct hub_action *action)
{
	static const struct turn_credentials some = {
		.username = "u", .password = "p", .ttl_s = 60, .geo_uri = ""};

	hub_credentials(hub, action->cookie, action->cookie % 3 == 0 ? NULL : &some, world->now);
}

static void carry_out(struct world *world, struct hub *hub, const struct hub_action *action)
{
	struct client *client = action->path;

	switch (action->kind) {
	case HUB_SEND:
		sent(hub, action);
		break;
	case HUB_CLOSE:
		require(client->session == action->session);
		client->session = NULL;
		break;
	case HUB_POST:
		require(world->post_count < POSTS_MAX);
		world->posts[world->post_count++] = action->post;
		break;
	case HUB_IDENTIFY:
		identify(world, hub, action);
		break;
	case HUB_CREDENTIALS:
		credentials(world, hub, action);
		break;
	default:
		break;
	}
}

static bool run_hubs(struct world *world)
{
	struct hub_action action;
	bool was_busy = false;

	for (unsigned i = 0; i < HUBS; i++)
		while (hub_next_action(world->hubs[i], &action)) {
			carry_out(world, world->hubs[i], &action);
			was_busy = true;
		}
	return was_busy;
}

/* In the order in which they were written; that of one to one other is never changed. */
static bool deliver_post(struct world *world)
{
	static const struct dialect *const *all = dialects;
	struct post *post = world->posts[0], *read;
	struct text text;

	if (world->post_count == 0)
		return false;
	world->post_count--;
	memmove(world->posts, world->posts + 1, world->post_count * sizeof *world->posts);
	require(post->destination.node == 1 && post->destination.worker < HUBS);
	text_init(&text, 0);
	post_write(post, &text);
	require(post_read(text_slice(&text), all, 3, &read) == OK);
	text_deinit(&text);
	hub_post_input(world->hubs[post->destination.worker], read, world->now);
	post_destroy(post);
	return true;
}

static void run(struct world *world)
{
	while (run_hubs(world) || (!world->holds_posts && deliver_post(world)))
		;
}

/* Steps. */

static void say(struct world *world, struct client *client, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void say(struct world *world, struct client *client, const char *format, ...)
{
	char text[1024];
	__builtin_va_list arguments;

	if (client->session == NULL)
		return;
	__builtin_va_start(arguments, format);
	int len = vsnprintf(text, sizeof text, format, arguments);
	__builtin_va_end(arguments);
	hub_input(client->hub, client->session, (struct slice){text, (size_t)len}, world->now);
}

static void step_open(struct world *world, struct client *client, uint8_t what)
{
	struct identity identity = {.tenant = TENANT_DEFAULT,
	                            .permissions =
	                                    what & 0x40 ? MAY_ALL : MAY_ALL_OF_A_PARTICIPANT};

	if (client->session != NULL)
		return;
	client->hub = world->hubs[what % HUBS];
	client->unsent = 0;
	client->is_stalled = false;
	client->session = hub_open(client->hub, dialects[(what >> 2) % 3], client, "192.0.2.1",
	                           &identity, NULL, world->now);
}

static void step_join(struct world *world, struct client *client, uint8_t what)
{
	static const char *const more[] = {
		"",
		",\"pin\":\"1\"",
		",\"pin\":\"2\"",
		",\"hidden\":true",
		",\"alias\":\"a\"",
		",\"alias\":\"a\",\"secret\":\"s\"",
		",\"most\":2",
		",\"attributes\":{\"a\":1,\"audio\":true}",
	};
	say(world, client, "{\"do\":\"join\",\"room\":\"r%u\",\"ref\":1%s}", what % 3u,
	    more[what >> 2 & 7]);
}

static void step_send(struct world *world, struct client *client, uint8_t what)
{
	struct client *to = &world->clients[what % CLIENTS];

	say(world, client,
	    "{\"do\":\"send\",\"to\":\"%s\",\"outside\":%s,\"waits\":%u,\"payload\":{\"x\":%u},"
	    "\"ref\":2}",
	    what & 0x20 ? "a" : to->id, what & 0x10 ? "true" : "false", what >> 6, what);
}

static void step_message(struct world *world, struct client *client, uint8_t what)
{
	static const char *const texts[] = {
		"{\"do\":\"broadcast\",\"kind\":\"chat\",\"payload\":[1],\"ref\":3}",
		"{\"do\":\"set\",\"name\":\"audio\",\"value\":false,\"ref\":4}",
		"{\"do\":\"who\",\"ref\":5}",
		"{\"do\":\"leave\",\"ref\":6}",
		"{\"do\":\"change\",\"lock\":true,\"pin\":\"1\",\"ref\":7}",
		"{\"do\":\"change\",\"lock\":false,\"pin\":\"\",\"capacity\":2}",
		"{\"do\":\"end\",\"ref\":8}",
		"{\"do\":\"identify\",\"proof\":\"good\",\"ref\":9}",
		"{\"do\":\"identify\",\"proof\":\"bad\"}",
		"{\"do\":\"credentials\",\"ref\":10}",
		"{\"do\":\"self\",\"ref\":11}",
		"{\"do\":\"emit\",\"value\":{}}",
		"{\"do\":\"close\"}",
		"{\"do\":\"greet\",\"text\":\"hello\"}",
		"rubbish",
		"{\"do\":\"say\",\"text\":1}",
	};
	say(world, client, "%s", texts[what % 16]);
}

static void step_moderate(struct world *world, struct client *client, uint8_t what)
{
	struct client *whom = &world->clients[what % CLIENTS];
	static const char *const verbs[] = {
		"{\"do\":\"kick\",\"whom\":\"%s\"}",
		"{\"do\":\"mute\",\"what\":\"audio\",\"whom\":\"%s\"}",
		"{\"do\":\"find\",\"whom\":\"%s\",\"ref\":12}",
	};
	char text[256];

	snprintf(text, sizeof text,
	         what & 0x40   ? verbs[2]
	         : what & 0x20 ? verbs[1]
	                       : verbs[0],
	         whom->id);
	say(world, client, "%s", text);
}

static void step_resume(struct world *world, struct client *client, uint8_t what)
{
	struct client *whom = &world->clients[what % CLIENTS];
	bool is_by_id = what & 0x80;

	say(world, client, "{\"do\":\"resume\",\"by_id\":%s,\"token\":\"%s\",\"ref\":13}",
	    is_by_id ? "true" : "false", is_by_id ? whom->id : whom->token);
}

static void step_lose(struct world *world, struct client *client, uint8_t what)
{
	struct session *session = client->session;

	if (session == NULL)
		return;
	client->session = NULL;
	hub_path_closed(client->hub, session, client->unsent, what & 1, world->now);
}

static void step_stall(struct world *world, struct client *client, uint8_t what)
{
	(void)world;
	client->is_stalled = what & 1;
	if (client->is_stalled || client->session == NULL)
		return;
	hub_path_sent(client->hub, client->session, client->unsent);
	client->unsent = 0;
}

static void pass(struct world *world, timestamp ms)
{
	world->now += ms;
	for (unsigned i = 0; i < HUBS; i++)
		hub_tick(world->hubs[i], world->now, 1000000000000 + world->now);
}

static void step_wait(struct world *world, struct client *client, uint8_t what)
{
	static const timestamp ms[] = {1, 100, 1000, 5000, 30000, 60000, 61000, 3600000};

	(void)client;
	pass(world, ms[what % 8]);
}

static void answered(void *context, enum signaling_error error, struct slice json)
{
	(void)context;
	require(error < SIGNALING_ERRORS && (json.len == 0 || json_check(json) == OK));
}

static void step_request(struct world *world, struct client *client, uint8_t what)
{
	static const char *const names[] = {"r0", "r1", "r2", ""};
	struct room_request request = {.kind = what % 8,
	                               .name = names[what >> 3 & 3],
	                               .participant = client->id,
	                               .what = "audio",
	                               .expires_s = what >> 5};

	hub_request(world->hubs[what % HUBS], &request, answered, NULL, world->now);
}

static void step_posts(struct world *world, struct client *client, uint8_t what)
{
	(void)client;
	world->holds_posts = what & 1;
	for (unsigned i = 0; i < what >> 1; i++)
		deliver_post(world);
}

static void step(struct world *world, const uint8_t bytes[3])
{
	static void (*const steps[])(struct world *, struct client *, uint8_t) = {
		step_open,    step_open,     step_join,   step_join,   step_send, step_message,
		step_message, step_moderate, step_resume, step_resume, step_lose, step_stall,
		step_wait,    step_request,  step_posts,  step_posts,
	};
	steps[bytes[0] % 16](world, &world->clients[bytes[1] % CLIENTS], bytes[2]);
	run(world);
}

/* Beginning and end. */

static void begin(struct world *world)
{
	struct hub_settings settings = {.workers = HUBS,
	                                .dialects = dialects,
	                                .dialect_count = 3,
	                                .queue_bytes_max = 2000,
	                                .replay_bytes_max = 1500,
	                                .sessions_max = 100,
	                                .rooms_max = 100};

	for (unsigned i = 0; i < HUBS; i++) {
		settings.place = (struct hub_place){1, (uint16_t)i};
		require(hub_create(&settings, 0, 1000000000000, &world->hubs[i]) == OK);
	}
}

static void check_empty(const struct hub *hub)
{
	static const enum hub_counter counters[] = {
		HUB_COUNT_sessions_now, HUB_COUNT_sessions_away_now, HUB_COUNT_rooms_now,
		HUB_COUNT_participants_now};

	for (unsigned i = 0; i < sizeof counters / sizeof counters[0]; i++)
		require(hub_counter_read(hub_counters(hub), counters[i]) == 0);
}

/* All leave, and everything that waits has had its time. */
static void finish(struct world *world)
{
	world->holds_posts = false;
	for (unsigned i = 0; i < CLIENTS; i++)
		step_lose(world, &world->clients[i], 1);
	run(world);
	for (unsigned i = 0; i < 5; i++) {
		pass(world, 3700 * 1000);
		run(world);
	}
	for (unsigned i = 0; i < HUBS; i++)
		check_empty(world->hubs[i]);
	for (unsigned i = 0; i < HUBS; i++)
		hub_destroy(world->hubs[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct world *world = calloc(1, sizeof *world);

	require(world != NULL);
	begin(world);
	for (size_t at = 0; at + 3 <= size && at < STEPS_MAX * 3; at += 3)
		step(world, bytes + at);
	finish(world);
	free(world);
	return 0;
}
