/* What a hub does when others leave it waiting, or say what cannot be. */
#include "signaling/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/dialect.h"
#include "signaling/json_text.h"
#include "signaling/post.h"
#include "signaling/seal.h"
#include "tap.h"

static void encode(struct session *session, const struct event *event, struct encoder *encoder)
{
	(void)session;
	json_put_integer(&encoder->text, event->kind);
	encoder_end_message(encoder);
}

static const struct dialect dialect = {
	.name = "test",
	.limits = {.message_max = 1024 * 1024, .queue_messages = 1000, .away_s = 30},
	.encode = encode,
};
static const struct dialect *const dialects[] = {&dialect};

struct fixture {
	struct hub_settings settings;
	struct hub *hub;
	struct session *session;
	unsigned refused, posts, closed;
};

static void set_up(struct fixture *fixture)
{
	static const struct identity anybody = {.tenant = TENANT_DEFAULT, .permissions = MAY_ALL};

	*fixture = (struct fixture){.settings = {.place = {1, 0},
	                                         .workers = 1,
	                                         .is_cluster = true,
	                                         .dialects = dialects,
	                                         .dialect_count = 1,
	                                         .queue_bytes_max = 1024 * 1024,
	                                         .sessions_max = 10,
	                                         .rooms_max = 10}};
	if (hub_create(&fixture->settings, 0, 0, &fixture->hub) != OK)
		abort();
	fixture->session =
		hub_open(fixture->hub, &dialect, fixture, "192.0.2.7", &anybody, NULL, 0);
}

static void take_actions(struct fixture *fixture)
{
	char refused[4] = {'0' + EVENT_REFUSED / 10, '0' + EVENT_REFUSED % 10};
	struct hub_action action;

	while (hub_next_action(fixture->hub, &action)) {
		if (action.kind == HUB_SEND) {
			const char *wanted = refused[0] == '0' ? refused + 1 : refused;
			fixture->refused +=
				action.buffer->len >= strlen(wanted) &&
				memcmp(action.buffer->bytes, wanted, strlen(wanted)) == 0;
			hub_path_sent(fixture->hub, action.session, 1);
			buffer_release(action.buffer);
		} else if (action.kind == HUB_POST) {
			fixture->posts++;
			post_destroy(action.post);
		} else if (action.kind == HUB_KEEP_SESSION) {
			post_destroy(action.post);
		} else if (action.kind == HUB_CLOSE) {
			fixture->closed++;
		}
	}
}

/* What comes back has a name that is none: the connection ends, and with it, not before it, the session. */
static void test_failed_resume(void)
{
	struct post draft = {.kind = POST_SNAPSHOT,
	                     .tenant = TENANT_DEFAULT,
	                     .subject = {.id = "short", .dialect = &dialect}};
	struct hub_place other = {2, 0};
	char id[SESSION_ID_SIZE];
	struct fixture fixture;
	struct seal *seal;

	set_up(&fixture);
	if (seal_create(fixture.settings.seal_key, &seal) != OK)
		abort();
	seal_make_id(seal, &other, id);
	session_resume(fixture.session, id, true, NULL);
	take_actions(&fixture);
	ok(fixture.posts == 1, "the other node is asked");
	draft.to = session_id(fixture.session);
	hub_post_input(fixture.hub, post_create(&draft), 0);
	take_actions(&fixture);
	ok(fixture.closed == 1, "the connection is closed when nothing can be made of the answer");
	hub_destroy(fixture.hub);
	seal_destroy(seal);
}

/* Nobody says where the room is; what waits for it is bounded, and who has more to say hears of it. */
static void test_parked(void)
{
	enum { LEN = 512 * 1024 };
	struct join join = {.name = SLICE("tea")};
	struct reference reference = {.number = 1};
	char *payload = malloc(LEN);
	struct fixture fixture;

	memset(payload, '1', LEN);
	struct message message = {
		.kind = MESSAGE_TEXT, .origin = &dialect, .payload = {payload, LEN}};
	set_up(&fixture);
	session_join(fixture.session, &join, NULL);
	for (unsigned i = 0; i < 16; i++)
		session_send(fixture.session, "somebody", &message, false, &reference);
	take_actions(&fixture);
	ok(fixture.refused >= 8, "what is too much is refused");
	ok(fixture.refused < 16, "and no more than that");
	hub_destroy(fixture.hub);
	free(payload);
}

/* What a hub says while it is asked for a room that it has to make: to others, and to its host. */
struct room_watch {
	unsigned welcomed, refused, unavailable, kicked_before_kept, kicks, changed, recalls;
	uint64_t cookie, generation;
	char kicked[256 * 1024];
};

static void watch_post(struct room_watch *watch, const struct post *post)
{
	watch->welcomed += post->event == EVENT_WELCOME;
	watch->refused += post->event == EVENT_REFUSED;
	watch->kicks += post->event == EVENT_KICKED;
	watch->kicked_before_kept += post->event == EVENT_KICKED && watch->kicked[0] == '\0';
	watch->unavailable += post->event == EVENT_REFUSED && post->error == SIGNALING_UNAVAILABLE;
}

static void watch_actions(struct fixture *fixture, struct room_watch *watch)
{
	struct hub_action action;

	while (hub_next_action(fixture->hub, &action)) {
		if (action.kind == HUB_POST) {
			watch_post(watch, action.post);
			post_destroy(action.post);
		} else if (action.kind == HUB_KEEP_SESSION) {
			post_destroy(action.post);
		} else if (action.kind == HUB_RECALL_ROOM) {
			watch->recalls++;
			watch->cookie = action.cookie;
		} else if (action.kind == HUB_ROOM_CHANGED) {
			watch->changed++;
			watch->generation = action.generation;
			snprintf(watch->kicked, sizeof watch->kicked, "%.*s",
			         (int)action.kicked.len,
			         action.kicked.at == NULL ? "" : action.kicked.at);
		} else if (action.kind == HUB_SEND) {
			buffer_release(action.buffer);
		}
	}
}

static void join_from_afar(struct fixture *fixture, const char *user, unsigned number,
                           const char *pin)
{
	char id[SESSION_ID_SIZE];
	struct post draft = {
		.kind = POST_JOIN,
		.room = {.tenant = TENANT_DEFAULT, .type = "room", .name = "tea"},
		.generation = 5,
		.has_pin = pin[0] != '\0',
		.pin = pin,
		.subject = {.id = id, .user = user, .dialect = &dialect, .permissions = MAY_ALL}};
	struct post *post;

	snprintf(id, sizeof id, "%032X", number);
	post = post_create(&draft);
	if (post == NULL)
		abort();
	post->from = (struct hub_place){2, 0};
	hub_post_input(fixture->hub, post, 0);
}

/* The host is slow to say what is kept: what waits is bounded, all else is answered when it has come. */
static void test_recalled(void)
{
	enum { ASKED = 1030 };
	const struct room_facts facts = {
		.info = {.owner = "anna", .capacity = 3, .has_pin = true},
		.generation = 9,
		.pin = "1234",
		.kicked = SLICE("{\"since\":4,\"who\":[[\"old\",3],[\"mallory\",4]]}")};
	struct room_watch *watch = calloc(1, sizeof *watch);
	struct fixture fixture;

	set_up(&fixture);
	join_from_afar(&fixture, "mallory", 1, "1234");
	join_from_afar(&fixture, "bert", 2, "");
	join_from_afar(&fixture, "old", 3, "1234");
	for (unsigned i = 4; i <= ASKED; i++)
		join_from_afar(&fixture, "", i, "1234");
	watch_actions(&fixture, watch);
	is_int(watch->recalls, 1, "the host is asked once");
	is_int(watch->unavailable, ASKED - 1024, "of those who wait there are 1024");
	is_int(watch->refused, watch->unavailable, "nobody else is refused yet");
	hub_room_recalled(fixture.hub, watch->cookie + 77, true, NULL, 0);
	watch_actions(&fixture, watch);
	is_int(watch->welcomed, 0, "an answer to nothing makes no room");
	hub_room_recalled(fixture.hub, watch->cookie, true, &facts, 0);
	hub_room_recalled(fixture.hub, watch->cookie, true, &facts, 0);
	watch_actions(&fixture, watch);
	is_int(watch->welcomed, 3, "it takes as many as it did");
	is_int(watch->refused, ASKED - 3, "and nobody else");
	ok(strstr(watch->kicked, "\"since\":4") != NULL, "a room that goes on began when it did");
	is_int(watch->generation, 10,
	       "later than what was kept, whatever the registry's clock says");
	join_from_afar(&fixture, "mallory", 2000, "1234");
	watch_actions(&fixture, watch);
	is_int(watch->recalls, 1, "a room that is there is not asked for");
	hub_destroy(fixture.hub);
	free(watch);
}

/* Who is removed hears of it when it is on its way to where it is kept: a node that is lost in between has not said what
 * nobody knows any more. */
static void test_kept_first(void)
{
	struct room_watch *watch = calloc(1, sizeof *watch);
	struct post draft = {.kind = POST_REQUEST,
	                     .verb = ROOM_REQUEST_KICK,
	                     .is_by_operator = true,
	                     .sender = {2, 0},
	                     .room = {.tenant = TENANT_DEFAULT, .type = "room", .name = "tea"},
	                     .to = "bert"};
	struct fixture fixture;

	set_up(&fixture);
	join_from_afar(&fixture, "bert", 1, "");
	watch_actions(&fixture, watch);
	hub_room_recalled(fixture.hub, watch->cookie, true, NULL, 0);
	watch_actions(&fixture, watch);
	hub_post_input(fixture.hub, post_create(&draft), 0);
	watch_actions(&fixture, watch);
	is_int(watch->kicks, 1, "one is removed");
	is_int(watch->kicked_before_kept, 0, "and that was to be kept before it was told");
	hub_destroy(fixture.hub);
	free(watch);
}

static void ignore_answer(void *context, enum signaling_error error, struct slice json)
{
	(void)json;
	*(enum signaling_error *)context = error;
}

/* Another node has made the room anew while this one was cut off: who was removed here meanwhile is so there too. */
static void test_moved(void)
{
	const struct room_info tea = {.tenant = TENANT_DEFAULT, .type = "room", .name = "tea"};
	const struct room_request kick = {
		.kind = ROOM_REQUEST_KICK, .name = "tea", .participant = "mallory"};
	enum signaling_error error = SIGNALING_INTERNAL;
	struct room_watch *watch = calloc(1, sizeof *watch);
	struct room_request of_another = kick;
	struct hub_action action;
	struct fixture fixture;
	unsigned kicks = 0;

	set_up(&fixture);
	join_from_afar(&fixture, "bert", 1, "");
	watch_actions(&fixture, watch);
	hub_room_recalled(fixture.hub, watch->cookie, true, NULL, 0);
	hub_request(fixture.hub, &kick, ignore_answer, &error, 0);
	while (hub_next_action(fixture.hub, &action))
		if (action.kind == HUB_FIND_ROOM)
			hub_room_found(fixture.hub, action.cookie, &fixture.settings.place, 5, 0);
		else if (action.kind == HUB_POST || action.kind == HUB_KEEP_SESSION)
			post_destroy(action.post);
	is_int(error, SIGNALING_OK, "one is removed while the node is cut off");
	of_another.created_ms = 1;
	hub_request(fixture.hub, &of_another, ignore_answer, &error, 0);
	while (hub_next_action(fixture.hub, &action))
		if (action.kind == HUB_FIND_ROOM)
			hub_room_found(fixture.hub, action.cookie, &fixture.settings.place, 5, 0);
	is_int(error, SIGNALING_NO_SUCH_ROOM, "but nobody from a room that was made another time");
	hub_room_moved(fixture.hub, &tea, 0);
	while (hub_next_action(fixture.hub, &action)) {
		if (action.kind == HUB_FIND_ROOM)
			hub_room_found(fixture.hub, action.cookie, &(struct hub_place){2, 0}, 9, 0);
		if (action.kind != HUB_POST)
			continue;
		kicks += action.place.node == 2 && action.post->kind == POST_REQUEST &&
		         strcmp(action.post->to, "mallory") == 0 &&
		         action.post->verb == ROOM_REQUEST_KICK;
		post_destroy(action.post);
	}
	is_int(kicks, 1, "the new owner hears of it");
	hub_destroy(fixture.hub);
	free(watch);
}

/* What cannot be read says nothing of who may come in; nor does a host that does not know. */
static void test_recalled_badly(void)
{
	struct room_facts facts = {
		.info = {.owner = ""}, .pin = "", .kicked = SLICE("{\"since\":")};
	struct room_watch *watch = calloc(1, sizeof *watch);
	struct fixture fixture;

	set_up(&fixture);
	join_from_afar(&fixture, "anna", 1, "");
	watch_actions(&fixture, watch);
	hub_room_recalled(fixture.hub, watch->cookie, true, &facts, 0);
	watch_actions(&fixture, watch);
	is_int(watch->unavailable, 1, "what is cut off is refused");
	facts.kicked = SLICE("{\"since\":1,\"who\":[[5,\"x\"]]}");
	join_from_afar(&fixture, "anna", 1, "");
	watch_actions(&fixture, watch);
	hub_room_recalled(fixture.hub, watch->cookie, true, &facts, 0);
	watch_actions(&fixture, watch);
	is_int(watch->unavailable, 2, "and what means nothing");
	join_from_afar(&fixture, "anna", 1, "");
	watch_actions(&fixture, watch);
	hub_room_recalled(fixture.hub, watch->cookie, false, NULL, 0);
	watch_actions(&fixture, watch);
	is_int(watch->unavailable, 3, "and who asks a host that does not know");
	is_int(watch->changed, 0, "no room was made");
	join_from_afar(&fixture, "anna", 1, "");
	watch_actions(&fixture, watch);
	hub_handle_timeout(fixture.hub, 5000);
	watch_actions(&fixture, watch);
	is_int(watch->unavailable, 3, "nor is anybody refused at once");
	hub_handle_timeout(fixture.hub, 7000);
	hub_room_recalled(fixture.hub, watch->cookie, true, NULL, 7000);
	watch_actions(&fixture, watch);
	is_int(watch->unavailable, 4, "but a host that says nothing is not waited for for ever");
	join_from_afar(&fixture, "anna", 1, "");
	hub_destroy(fixture.hub); /* while somebody waits */
	free(watch);
}

/* A room keeps so many in mind; the oldest make room, and whoever keeps them is told how many. */
static void test_many_kicked(void)
{
	enum { KICKED = 300 };
	struct room_request request = {.name = "tea"};
	struct room_watch *watch = calloc(1, sizeof *watch);
	struct fixture fixture;
	enum signaling_error error = SIGNALING_INTERNAL;
	char who[16];

	set_up(&fixture);
	hub_destroy(fixture.hub);
	fixture.settings.is_cluster = false;
	if (hub_create(&fixture.settings, 0, 0, &fixture.hub) != OK)
		abort();
	request.kind = ROOM_REQUEST_CREATE;
	hub_request(fixture.hub, &request, ignore_answer, &error, 0);
	request.kind = ROOM_REQUEST_KICK;
	request.participant = who;
	for (unsigned i = 0; i < KICKED; i++) {
		snprintf(who, sizeof who, "u%u.", i);
		hub_request(fixture.hub, &request, ignore_answer, &error, 0);
		hub_request(fixture.hub, &request, ignore_answer, &error, 0);
	}
	watch_actions(&fixture, watch);
	is_int(error, SIGNALING_OK, "so many are removed");
	is_int(watch->changed, 1 + KICKED, "each is told once");
	ok(strstr(watch->kicked, "\"u43.\"") == NULL, "the oldest are not kept");
	ok(strstr(watch->kicked, "[[\"u44.\"") != NULL &&
	           strstr(watch->kicked, "\"u299.\"") != NULL,
	   "those that came later are, in order");
	ok(strstr(watch->kicked, "\"forgotten\":44") != NULL, "and how many are not");
	hub_destroy(fixture.hub);
	free(watch);
}

int main(void)
{
	test_failed_resume();
	test_parked();
	test_recalled();
	test_recalled_badly();
	test_kept_first();
	test_moved();
	test_many_kicked();
	return tap_end();
}
