/* The store thread's part in telling relay threads of the origins: it looks for a change now and then,
 * and sends all that there are to each who watches. Private to the folder. */
#pragma once

#include "store/store.h"

struct origins_watch {
	struct list watches;           /* of struct store_watch */
	struct store_origins *origins; /* owned: as they were read last; NULL: not yet */
	uint64_t version;              /* grows when they are other ones */
	int64_t data_version;          /* of the database when they were read */
	bool is_fresh;                 /* data_version is of the database that is open now */
};

void origins_watch_init(struct origins_watch *watch);
void origins_watch_deinit(struct origins_watch *watch);
void origins_watch_add(struct origins_watch *watch, struct store_watch *watcher);
/* Another database was opened: what is in it has to be read. */
void origins_watch_reset(struct origins_watch *watch);
static inline bool origins_watch_has_watchers(const struct origins_watch *watch)
{
	return !list_is_empty(&watch->watches);
}
/* Reads the origins when another program has written, and tells who does not know them yet. */
MUST_CHECK enum err origins_watch_look(struct origins_watch *watch, struct store *store);
