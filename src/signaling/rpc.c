/* The RPC dialect as the core sees it. */
#include "signaling/rpc.h"

static const char *const paths[] = {"/api", NULL};

const struct dialect dialect_rpc = {
	.name = "rpc",
	.paths = paths,
	.limits =
		{
			/* The protocol's 8 KiB are too few for what browsers offer today. */
			.message_max = 256 * 1024,
			.message_rate = 50,
			.message_burst = 200,
			.is_delayed = true,
			.queue_messages = 8192,
			.ping_s = 5,
			.pong_s = 15,
			.first_message_s = 60,
			.away_s = 30,
		},
	.session_size = sizeof(struct rpc),
	/* How a room is counted when someone has left is a setting of the hub; who was muted is told otherwise than the others. */
	.personal_events = UINT64_C(1) << EVENT_LEFT | UINT64_C(1) << EVENT_FORCED_ATTRIBUTE,
	.decode = rpc_decode,
	.encode = rpc_encode,
	.routes = rpc_routes,
	.route_count = RPC_ROUTES,
};
