/* Keeps in the store what has to be there again after a crash: rooms, and usernames of TURN credentials that were taken
 * back. On a thread of its own, for a store may be slow or away, and workers never wait. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "signaling/hub.h"
#include "store/store.h"
#include "store/tenants.h"

struct room_keeper;

MUST_CHECK enum err room_keeper_create(const struct store_location *location,
                                       struct room_keeper **keeper, char problem[256]);
/* Writes what it was told of before. Nobody tells it anything any more. NULL is fine. */
void room_keeper_destroy(struct room_keeper *keeper);

/* Any thread. What there is no room for is counted, and told by the log. */
void room_keeper_put(struct room_keeper *keeper, const struct room_facts *facts);
void room_keeper_delete(struct room_keeper *keeper, const struct room_info *room);
void room_keeper_revoke(struct room_keeper *keeper, const struct store_revocation *revocation);

/* What could not be kept. */
uint64_t room_keeper_lost(const struct room_keeper *keeper);
