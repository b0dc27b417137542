/* What a hub does when others leave it waiting, or say what cannot be. */
#include "signaling/hub.h"

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

int main(void)
{
	test_failed_resume();
	test_parked();
	return tap_end();
}
