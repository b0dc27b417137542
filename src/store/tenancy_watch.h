/* The store thread's part in telling turnsignal what tenants have. Private to the folder. */
#pragma once

#include "store/tenancy.h"

struct tenancy_watch {
	struct tenancy *known; /* owned: as it was read last; NULL: not yet */
	uint64_t version;      /* grows when it is another one */
};

void tenancy_watch_deinit(struct tenancy_watch *watch);
/* Reads secrets of realm and of tenants' realms anew, and where wants_tenants is set or nothing is known yet the tenants and their
 * keys too. */
MUST_CHECK enum err tenancy_watch_read(struct tenancy_watch *watch, struct store *store,
                                       const char *realm, bool wants_tenants);
/* Sends a watcher a copy. False: there is no memory for one now. */
bool tenancy_watch_tell(const struct tenancy_watch *watch, const struct store_watch *watcher);
