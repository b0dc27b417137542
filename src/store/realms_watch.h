/* The store thread's part in telling relay threads what realms have: it looks for a change now and then,
 * and sends all that there is to each who watches. Private to the folder. */
#pragma once

#include "store/revocations_watch.h"
#include "store/store.h"
#include "store/tenancy_watch.h"

struct realms_watch {
	struct list watches;         /* of struct store_watch */
	struct store_realms *realms; /* owned: as they were read last; NULL: not yet */
	uint64_t version;            /* grows when they are other ones */
	uint64_t writes;             /* grows when anything was written */
	uint64_t unused;             /* a hash of what could not be used, as it was told of last */
	struct store_version seen;   /* of the database when it was looked at */
	struct revocations_watch revocations;
	struct tenancy_watch tenancy;
	bool is_fresh; /* that is the database that is open now */
};

void realms_watch_init(struct realms_watch *watch);
void realms_watch_deinit(struct realms_watch *watch);
void realms_watch_add(struct realms_watch *watch, struct store_watch *watcher);
/* Another database was opened: what is in it has to be read. */
void realms_watch_reset(struct realms_watch *watch);
static inline bool realms_watch_has_watchers(const struct realms_watch *watch)
{
	return !list_is_empty(&watch->watches);
}
/* Reads what realms have when another program has written, and tells who does not know it yet. */
MUST_CHECK enum err realms_watch_look(struct realms_watch *watch, struct store *store);
