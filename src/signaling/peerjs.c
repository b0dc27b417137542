/* PeerJS's dialect as the core sees it. */
#include "signaling/peerjs.h"

/* A client that is told of a path "/", and one that is told of "/peerjs". */
static const char *const paths[] = {"/peerjs", "/peerjs/peerjs", NULL};

const struct dialect dialect_peerjs = {
	.name = "peerjs",
	.paths = paths,
	.limits =
		{
			.message_max = 256 * 1024,
			.message_rate = 50,
			.message_burst = 200,
			.is_delayed = true,
			.queue_messages = 2048,
			/* A client that is gone loses its id after 90 s. */
			.ping_s = 30,
			.pong_s = 60,
		},
	.session_size = sizeof(struct peerjs),
	.is_unaware = true,
	.has_own_query = true,
	.on_open = peerjs_open,
	.decode = peerjs_decode,
	.encode = peerjs_encode,
	.routes = peerjs_routes,
	.route_count = PEERJS_ROUTES,
};
