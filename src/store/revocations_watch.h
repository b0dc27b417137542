/* The store thread's part in telling relay threads which TURN usernames were revoked. Private to the folder. */
#pragma once

#include "store/store.h"

struct revocations_watch {
	struct store_revocations *known; /* owned: as they were read last; NULL: not yet */
	uint64_t version;                /* grows when they are other ones */
};

void revocations_watch_deinit(struct revocations_watch *watch);
/* Reads them anew. */
MUST_CHECK enum err revocations_watch_read(struct revocations_watch *watch, struct store *store);
/* Sends a watcher a copy. False: there is no memory for one now. */
bool revocations_watch_tell(const struct revocations_watch *watch,
                            const struct store_watch *watcher);
