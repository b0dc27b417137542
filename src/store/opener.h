/* Opens a store again, on a thread of its own: that can take as long as a name server or a network lets
 * it, and meanwhile every question is to be answered at once. Private to the folder. */
#pragma once

#include "store/store.h"

struct store_opener;

/* What became of it; the receiver takes store over by setting it to NULL. */
struct store_opened {
	struct mail mail;
	struct store *store; /* NULL: problem says why */
	char problem[256];
};

/* deliver gets the letter, which stays the opener's, at reply_to. */
MUST_CHECK enum err store_opener_create(const struct store_location *location,
                                        struct mailbox *reply_to,
                                        void (*deliver)(struct mail *opened, void *receiver),
                                        struct store_opener **opener);
/* Starts its thread. ERR_SYSTEM with errno. */
MUST_CHECK enum err store_opener_run(struct store_opener *opener);
/* Ends the thread, which may be opening still; a store that nobody took is closed. NULL is fine. */
void store_opener_destroy(struct store_opener *opener);
/* Begins an attempt; the one before has been answered. A file is not created: one that is gone may come
 * back with all its users. */
void store_opener_begin(struct store_opener *opener);
