/* The v1/webrtc dialect: what it is to the core, and how its WebSocket is opened. Clients prove who they are by a header, a parameter, or, from
 * browsers, by the subprotocols "Bearer" and the token itself: http_identify knows them all. */
#include "signaling/v1.h"

#include <string.h>
#include <strings.h>

static const char *const paths[] = {"/v1/webrtc/signal", NULL};

/* Longer values are cut by nobody: they are refused. */
enum { ROOM_VALUE_MAX = 1024 };

/* A browser drops a connection whose answer chooses none of the subprotocols that it offered. */
static void choose_bearer(struct http_exchange *exchange)
{
	struct slice offered = http_header(exchange, "Sec-WebSocket-Protocol");
	char name[sizeof "Bearer"] = "";

	while (offered.len > 0 && (*offered.at == ' ' || *offered.at == '\t')) {
		offered.at++;
		offered.len--;
	}
	if (offered.len < sizeof name - 1 || strncasecmp(offered.at, "Bearer", 6) != 0 ||
	    (offered.len > 6 && strchr(", \t", offered.at[6]) == NULL))
		return;
	memcpy(name, offered.at, sizeof name - 1);
	http_choose_subprotocol(exchange, name);
}

static bool match(struct http_exchange *exchange)
{
	char room[ROOM_VALUE_MAX];

	if (http_query(exchange, "room", room, sizeof room) && !v1_is_room_id(slice_of(room))) {
		http_refuse(exchange, SIGNALING_BAD_ROOM_NAME,
		            "room has 1 to 128 printable characters");
		return false;
	}
	choose_bearer(exchange);
	return true;
}

/* Whoever names the room with the connection need not send a join. */
static void on_open(struct session *session, const struct http_exchange *exchange)
{
	char room[ROOM_VALUE_MAX];

	if (exchange != NULL && http_query(exchange, "room", room, sizeof room))
		v1_join(session, slice_of(room), (struct slice){0});
}

#define V1_DIALECT(encode_events)                                                      \
	{                                                                              \
		.name = "v1", .paths = paths,                                          \
		.limits = {.message_max = 256 * 1024,                                  \
		           .message_rate = 50,                                         \
		           .message_burst = 100,                                       \
		           .is_delayed = true,                                         \
		           .queue_messages = 1024,                                     \
		           .ping_s = 25,                                               \
		           .pong_s = 60,                                               \
		           .first_message_s = 10,                                      \
		           .empty_room_s = 60},                                        \
		.session_size = sizeof(struct v1), .match = match, .on_open = on_open, \
		.decode = v1_decode, .encode = encode_events, .routes = v1_routes,     \
		.route_count = V1_ROUTES,                                              \
	}
const struct dialect dialect_v1 = V1_DIALECT(v1_encode);
const struct dialect dialect_v1_documented = V1_DIALECT(v1_encode_documented);
const struct dialect dialect_v1_source = V1_DIALECT(v1_encode_source);
