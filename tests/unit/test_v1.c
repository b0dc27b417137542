/* The v1/webrtc dialect where a conversation cannot show it: the names of events as documents or source have them, and the
 * protocol's own bound of a room. */
#include "tap.h"

#include <stdlib.h>

#include "signaling/hub.h"
#include "signaling/json_text.h"
#include "signaling/v1.h"

static const struct participant anna = {.id = "A1", .user = "anna", .dialect = &dialect_v1};

static void types_are(const struct dialect *dialect, enum event_kind kind, const char *first,
                      const char *second)
{
	const char *wanted[] = {first, second};
	struct event event = {.kind = kind, .from = &anna, .to = "", .name = "", .reason = ""};
	struct encoder encoder;
	char type[64];

	encoder_init(&encoder, 0);
	dialect->encode(NULL, &event, &encoder);
	is_int(encoder.count, second == NULL ? 1 : 2, "messages");
	for (size_t i = 0; i < encoder.count && i < 2; i++) {
		struct slice message = encoder_message(&encoder, i);
		ok(json_check(message) == OK &&
		           json_get_string(json_member(message, "type"), type, sizeof type) == OK,
		   "JSON with a type");
		is_text(type, wanted[i], "its type");
	}
	encoder_deinit(&encoder);
}

static void test_names(void)
{
	types_are(&dialect_v1, EVENT_JOINED, "participant-joined", "peer-joined");
	types_are(&dialect_v1, EVENT_LEFT, "participant-left", "peer-left");
	types_are(&dialect_v1_documented, EVENT_JOINED, "peer-joined", NULL);
	types_are(&dialect_v1_documented, EVENT_LEFT, "peer-left", NULL);
	types_are(&dialect_v1_source, EVENT_JOINED, "participant-joined", NULL);
	types_are(&dialect_v1_source, EVENT_LEFT, "participant-left", NULL);
}

/* What the hub wants done; gives the type of the last message to one of them. */
static void run(struct hub *hub, const struct session *watched, char type[64], char code[64])
{
	struct hub_action action;

	while (hub_next_action(hub, &action)) {
		if (action.kind != HUB_SEND)
			continue;
		struct slice text = {action.buffer->bytes, action.buffer->len};
		if (action.session == watched) {
			ok(json_get_text(json_member(text, "type"), type, 64) == OK, "a frame");
			ok(json_get_text(json_path(text, "data", "code", NULL), code, 64) == OK,
			   "its code");
		}
		buffer_release(action.buffer);
	}
}

static void join(struct hub *hub, void *path, char type[64], char code[64])
{
	static const struct identity anybody = {.tenant = TENANT_DEFAULT,
	                                        .permissions = MAY_ALL_OF_A_PARTICIPANT};
	struct session *session =
		hub_open(hub, &dialect_v1, path, "192.0.2.7", &anybody, NULL, 1000);

	hub_input(hub, session, SLICE("{\"type\":\"join\",\"data\":{\"roomId\":\"tea\"}}"), 1000);
	type[0] = code[0] = '\0';
	run(hub, session, type, code);
}

static void test_room_of_100(void)
{
	static const struct dialect *const dialects[] = {&dialect_v1};
	static char paths[V1_ROOM_MAX + 1];
	const struct hub_settings settings = {.place = {.node = 1},
	                                      .workers = 1,
	                                      .dialects = dialects,
	                                      .dialect_count = 1,
	                                      .queue_bytes_max = 1 << 20,
	                                      .sessions_max = 1000,
	                                      .rooms_max = 10,
	                                      .room_capacity = 1000};
	char type[64], code[64];
	struct hub *hub;

	if (!ok(hub_create(&settings, 0, 1767225600000, &hub) == OK, "a hub"))
		return;
	for (size_t i = 0; i < V1_ROOM_MAX; i++)
		join(hub, &paths[i], type, code);
	is_text(type, "welcome", "the hundredth is in");
	join(hub, &paths[V1_ROOM_MAX], type, code);
	is_text(type, "error", "one more is not, though the server allows 1000");
	is_text(code, "join_failed", "it is told so");
	hub_destroy(hub);
}

int main(void)
{
	test_names();
	test_room_of_100();
	return tap_end();
}
