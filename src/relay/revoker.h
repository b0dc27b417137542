/* Ends the allocations of usernames that were revoked: a kick in signaling is one in relaying as well. The main thread's; that no new
 * ones are made is each relay thread's own matter (credentials.c), which is told before the main thread is. */
#pragma once

#include "base/err.h"

struct circulars;
struct revoker;
struct sessions;
struct store_thread;

/* store NULL: nothing is ever revoked. All relay threads watch the store already. */
MUST_CHECK enum err revoker_create(struct circulars *circulars, struct sessions *sessions,
                                   struct store_thread *store, struct revoker **revoker);
/* The store thread was stopped, and its letters were delivered; no survey is under way. NULL is fine. */
void revoker_destroy(struct revoker *revoker);
