/* An allocation on its way from one server to another: a copy of it, with its permissions and channels
 * as they were. Private to the folder. */
#pragma once

#include "turn/channel.h"

struct detached_channel {
	struct transport_addr peer;
	timestamp deadline;
	uint16_t number;
};

struct detached_permission {
	struct permission original; /* its list and owner mean nothing here */
	uint32_t channel_count;     /* so many of the next channels are its own */
};

struct detached {
	struct turn_allocation allocation; /* what it owns is owned here */
	uint32_t permission_count;
	struct detached_channel *channels; /* behind the permissions */
	struct detached_permission permissions[];
};

/* Copies one, which keeps owning what it owns until allocation_forget. NULL when there is no memory. */
struct detached *detached_create(const struct turn_allocation *allocation);
/* Makes an allocation of it, without a path, on these relays; those that are NULL were lost. Takes over
 * what it owned. When none is left, or no memory, all relays are closed, that is reported, and NULL
 * returned. */
struct turn_allocation *detached_adopt(struct detached *detached, struct turn_server *server,
                                       const struct turn_relay relay[TURN_FAMILY_COUNT]);
/* Frees it with what it owns; NULL is fine. */
void detached_destroy(struct turn_server *server, struct detached *detached);
