/* Channels (RFC 8656 section 12): a number for a peer, so that data costs four bytes. Private to
 * the folder. */
#pragma once

#include "turn/permission.h"

struct channel {
	struct list node;              /* in the permission's channels */
	struct permission *permission; /* outlives the channel; may have expired */
	struct timer timer;
	struct transport_addr peer; /* as packets carry it */
	uint16_t number;
	bool is_offered; /* TURN_FLOW_ADDED was said */
};

struct channel *channel_find_number(const struct turn_allocation *allocation, uint16_t number);
struct channel *channel_find_peer(const struct turn_allocation *allocation,
                                  const struct transport_addr *peer);
/* Makes one that an allocation brought from another server. NULL when there is no memory. */
struct channel *channel_restore(struct permission *permission, uint16_t number,
                                const struct transport_addr *peer, timestamp deadline);
void channel_destroy(struct channel *channel);
/* Tells the host to offload the channel, or to stop, as its permission now demands. */
void channel_update_flow(struct channel *channel);
