/* The channelling dialect: Spreed WebRTC's API over the core's rooms. The server speaks first, with Self; a client that shows the
 * token of an earlier Self takes that session's place. */
#include "signaling/channelling.h"

static const char *const paths[] = {"/ws", NULL};

/* Clients put the token into the URL as it is: ?t=TOKEN. */
static void on_open(struct session *session, const struct http_exchange *exchange)
{
	const struct reference reference = {.number = REQUEST_RESUME};
	char token[256];

	if (exchange != NULL && http_query(exchange, "t", token, sizeof token) && token[0] != '\0')
		session_resume(session, token, false, &reference);
}

/* Limits are those that clients of the protocol were written for. */
const struct dialect dialect_channelling = {
	.name = "channelling",
	.paths = paths,
	.limits = {.message_max = 1024 * 1024,
                   .message_rate = 20,
                   .message_burst = 20,
                   .is_delayed = true,
                   .queue_messages = 2048,
                   .ping_s = 54,
                   .pong_s = 60,
                   .away_s = 30,
                   .empty_room_s = 60},
	.session_size = sizeof(struct channelling_session),
	.opens_with_credentials = true,
	/* What a room is called, the rules of the one who hears it say. */
	.personal_events = UINT64_C(1) << EVENT_ROOM,
	.on_open = on_open,
	.decode = channelling_decode,
	.encode = channelling_encode,
	.routes = channelling_routes,
	.route_count = CHANNELLING_ROUTES,
	.page = channelling_page,
};
