/* What an operator asks of a hub: pages of its sessions, the end of one; and a hub that waits for its key. */
#include "signaling/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/dialect.h"
#include "signaling/json_text.h"
#include "signaling/post.h"
#include "signaling/seal.h"
#include "tap.h"

enum { SESSIONS = 600 };

static void encode(struct session *session, const struct event *event, struct encoder *encoder)
{
	(void)session;
	json_put_integer(&encoder->text, event->kind);
	encoder_end_message(encoder);
}

static const struct dialect dialect = {
	.name = "test",
	.limits = {.message_max = 1024, .queue_messages = 1000, .away_s = 30},
	.encode = encode,
};
static const struct dialect *const dialects[] = {&dialect};
static const struct identity anybody = {.tenant = TENANT_DEFAULT, .permissions = MAY_ALL};

struct fixture {
	struct hub *hub;
	unsigned posts, close_code;
	bool is_answered;
	enum signaling_error error;
	struct text answer;
};

static void set_up(struct fixture *fixture)
{
	const struct hub_settings settings = {.place = {1, 0},
	                                      .workers = 1,
	                                      .is_cluster = true,
	                                      .dialects = dialects,
	                                      .dialect_count = 1,
	                                      .queue_bytes_max = 1024 * 1024,
	                                      .sessions_max = 2 * SESSIONS,
	                                      .rooms_max = 10};

	*fixture = (struct fixture){.posts = 0};
	text_init(&fixture->answer, 0);
	if (hub_create(&settings, 0, 0, &fixture->hub) != OK)
		abort();
}

static void tear_down(struct fixture *fixture)
{
	hub_destroy(fixture->hub);
	text_deinit(&fixture->answer);
}

static struct session *enter(struct fixture *fixture, const char *address)
{
	return hub_open(fixture->hub, &dialect, fixture, address, &anybody, NULL, 0);
}

static void take_actions(struct fixture *fixture)
{
	struct hub_action action;

	while (hub_next_action(fixture->hub, &action)) {
		if (action.kind == HUB_SEND) {
			hub_path_sent(fixture->hub, action.session, 1);
			buffer_release(action.buffer);
		} else if (action.kind == HUB_POST) {
			fixture->posts++;
			post_destroy(action.post);
		} else if (action.kind == HUB_KEEP_SESSION) {
			post_destroy(action.post);
		} else if (action.kind == HUB_CLOSE) {
			fixture->close_code = action.code;
		}
	}
}

static void answered(void *context, enum signaling_error error, struct slice json)
{
	struct fixture *fixture = context;

	fixture->is_answered = true;
	fixture->error = error;
	text_clear(&fixture->answer);
	text_put(&fixture->answer, json);
}

static void ask(struct fixture *fixture, struct room_request request)
{
	fixture->is_answered = false;
	if (request.tenant == NULL)
		request.tenant = "";
	hub_request(fixture->hub, &request, answered, fixture, 0);
	take_actions(fixture);
}

static void ask_page(struct fixture *fixture, const char *page)
{
	ask(fixture,
	    (struct room_request){.kind = ROOM_REQUEST_PAGE_OF_SESSIONS, .page = slice_of(page)});
}

/* Gives the only part of the answer. */
static struct slice part_of(const struct fixture *fixture)
{
	struct slice part = {0};
	size_t position = 0;

	(void)json_next_element(text_slice(&fixture->answer), &position, &part);
	return part;
}

static int64_t number(struct slice part, const char *name)
{
	int64_t value = -1;

	(void)!json_get_integer(json_member(part, name), 0, INT64_MAX, &value);
	return value;
}

/* Reads the page: how many rows, whether they come in order behind the last key, and the last one's key. */
static unsigned read_rows(struct slice part, char last[128], bool *is_in_order)
{
	struct slice items = json_member(part, "items"), item;
	size_t position = 0;
	unsigned count = 0;
	char key[128];

	while (json_next_element(items, &position, &item)) {
		*is_in_order &= json_get_string(json_member(item, "key"), key, sizeof key) == OK &&
		                strcmp(key, last) > 0;
		memcpy(last, key, sizeof key);
		count++;
	}
	return count;
}

/* All of them, by pages of so many rows and bytes. */
static unsigned walk(struct fixture *fixture, int limit, int bytes, unsigned *pages)
{
	char last[128] = "", page[256];
	bool is_in_order = true, has_more = true;
	unsigned count = 0, rows;

	for (*pages = 0; has_more && is_in_order && *pages < 2 * SESSIONS; ++*pages) {
		snprintf(page, sizeof page, "{\"limit\":%d,\"bytes\":%d,\"after\":\"%s\"}", limit,
		         bytes, last);
		ask_page(fixture, page);
		rows = read_rows(part_of(fixture), last, &is_in_order);
		is_in_order &= rows <= (unsigned)limit && rows > 0;
		count += rows;
		has_more = json_is_true(json_member(part_of(fixture), "more"));
	}
	return is_in_order ? count : 0;
}

static void test_pages(void)
{
	struct fixture fixture;
	unsigned pages;

	set_up(&fixture);
	for (int i = 0; i < SESSIONS; i++) {
		/* Not in the order of the table, and several in one moment. */
		hub_tick(fixture.hub, (timestamp)i / 3, (uint64_t)(1000 + i / 3));
		enter(&fixture, i % 5 == 0 ? "192.0.2.7" : "2001:db8::1");
	}
	take_actions(&fixture);
	ok(walk(&fixture, 7, 1 << 20, &pages) == SESSIONS && pages == 86, "pages of 7 have all");
	ok(walk(&fixture, 256, 1 << 20, &pages) == SESSIONS && pages == 3, "pages of 256 have all");
	ok(walk(&fixture, 256, 4096, &pages) == SESSIONS && pages > 20, "few bytes are more pages");
	ok(walk(&fixture, 256, 1, &pages) == SESSIONS && pages == SESSIONS,
	   "a page has one row however small it is to be");
	ask_page(&fixture, "{\"limit\":10,\"bytes\":4096,\"address\":\"192.0.2.0/24\"}");
	ok(number(part_of(&fixture), "matched") == SESSIONS / 5 &&
	           number(part_of(&fixture), "total") == SESSIONS,
	   "those of some addresses are counted");
	ask_page(&fixture, "{\"limit\":10,\"bytes\":4096,\"user\":\"anna\"}");
	ok(number(part_of(&fixture), "matched") == 0, "there is no such user");
	tear_down(&fixture);
}

static void test_refused(void)
{
	struct fixture fixture;

	set_up(&fixture);
	ask(&fixture, (struct room_request){.kind = ROOM_REQUEST_PAGE_OF_SESSIONS,
	                                    .tenant = TENANT_DEFAULT,
	                                    .identity = &anybody,
	                                    .page = SLICE("{\"limit\":1,\"bytes\":1}")});
	ok(fixture.error == SIGNALING_FORBIDDEN, "who is no operator sees nobody");
	ask_page(&fixture, "{\"limit\":100000,\"bytes\":4096}");
	ok(fixture.error == SIGNALING_BAD_REQUEST, "pages are bounded");
	ask_page(&fixture, "{\"limit\":1,\"bytes\":4096,\"address\":\"nowhere\"}");
	ok(fixture.error == SIGNALING_BAD_REQUEST, "an address that is none");
	tear_down(&fixture);
}

/* Another node has three hubs, none of which answers. */
static void test_late(void)
{
	const struct hub_node other = {.number = 2, .workers = 3};
	struct fixture fixture;

	set_up(&fixture);
	enter(&fixture, "192.0.2.7");
	ask(&fixture, (struct room_request){.kind = ROOM_REQUEST_PAGE_OF_SESSIONS,
	                                    .nodes = &other,
	                                    .node_count = 1,
	                                    .page = SLICE("{\"limit\":9,\"bytes\":4096}")});
	ok(fixture.posts == 3 && !fixture.is_answered, "all of them are asked");
	hub_handle_timeout(fixture.hub, 999);
	ok(!fixture.is_answered, "and waited for");
	hub_handle_timeout(fixture.hub, 1100);
	ok(fixture.is_answered && fixture.error == SIGNALING_OK &&
	           number(part_of(&fixture), "matched") == 1,
	   "for a second: then there is what has come");
	tear_down(&fixture);
}

static void test_cancel(void)
{
	struct room_request request = {.kind = ROOM_REQUEST_CANCEL};
	struct fixture fixture;
	char id[SESSION_ID_SIZE];

	set_up(&fixture);
	snprintf(id, sizeof id, "%s", session_id(enter(&fixture, "192.0.2.7")));
	request.participant = "nobody";
	ask(&fixture, request);
	ok(fixture.error == SIGNALING_NO_SESSION, "an id that is none");
	request.participant = id;
	request.identity = &anybody;
	request.tenant = TENANT_DEFAULT;
	ask(&fixture, request);
	ok(fixture.error == SIGNALING_FORBIDDEN && fixture.close_code == 0, "not by anybody");
	request.identity = NULL;
	ask(&fixture, request);
	ok(fixture.error == SIGNALING_OK && fixture.close_code == 1008, "its connection ends");
	ask(&fixture, request);
	ok(fixture.error == SIGNALING_NO_SESSION, "it is gone");
	tear_down(&fixture);
}

/* Redis was away at the start. */
static void test_wait(void)
{
	const uint8_t key[32] = {1, 2, 3};
	struct session *session;
	struct fixture fixture;
	struct hub_place place;
	struct seal *seal, *same;

	if (seal_create(key, &seal) != OK || seal_create(key, &same) != OK)
		abort();
	set_up(&fixture);
	hub_wait(fixture.hub);
	ok(enter(&fixture, "192.0.2.7") == NULL, "nobody comes in");
	ask_page(&fixture, "{\"limit\":1,\"bytes\":1}");
	ok(fixture.error == SIGNALING_UNAVAILABLE, "nothing is answered");
	hub_take_key(fixture.hub, key, seal);
	ok(enter(&fixture, "192.0.2.7") == NULL, "the key alone lets nobody in");
	hub_admit(fixture.hub);
	session = enter(&fixture, "192.0.2.7");
	ok(session != NULL && seal_open_id(same, session_id(session), &place) == OK &&
	           place.node == 1 && place.worker == 0,
	   "who comes in then has an id that others can read");
	seal_destroy(same);
	tear_down(&fixture);
}

int main(void)
{
	test_pages();
	test_refused();
	test_late();
	test_cancel();
	test_wait();
	return tap_end();
}
