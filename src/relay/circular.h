/* Something that every relay thread does for the main thread: a circular is a letter to each, and when
 * the last has come back, all have done it.
 *
 *     circular_begin ──┬─► thread 0: run ──┬─► done
 *                      ├─► thread 1: run ──┤
 *                      └─► thread 2: run ──┘
 *
 * Circulars that begin one after the other are run in this order by each thread, and done in it. What
 * the threads find out they write into places of their own in the struct that holds the circular.
 *
 * A letter cannot be taken back: a circular stays open for as long as a thread hangs, and is done when it goes
 * on. Whoever waits for what comes of it need not: circulars_find_silent. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mailbox.h"
#include "base/timestamp.h"

struct relay;
struct relay_thread;
struct circular_letter;

struct circulars { /* what all of them need; the main thread's */
	struct relay *relay;
	struct mailbox *mailbox; /* of the main thread, which delivers it to this struct */
	struct list open;        /* circulars that are not done, the oldest first */
};

struct circular {
	void (*run)(struct circular *circular, struct relay_thread *thread); /* on each thread */
	/* On the main thread; the circular is its maker's again, and may be freed. */
	void (*done)(struct circular *circular);

	/* Keeps its letters, to be sent again: circular_release frees them. */
	bool is_repeatable;

	struct circulars *circulars;
	struct list node; /* in circulars.open */
	timestamp began;
	struct circular_letter *letters; /* owned: one for each thread */
	unsigned waiting;                /* letters that have not come back */
};

/* Without a mailbox: that is the caller's to make. */
void circulars_init(struct circulars *circulars, struct relay *relay);
/* ERR_NO_MEMORY: nothing was sent. */
MUST_CHECK enum err circular_begin(struct circulars *circulars, struct circular *circular);
/* Sends one again that is repeatable and done, from done or later, with other functions perhaps. It takes
 * no memory: what has begun can be finished, or undone. */
void circular_repeat(struct circular *circular);
/* Frees the letters of one that is repeatable and done, or never began. */
void circular_release(struct circular *circular);
/* Waits until no circular is open. */
void circulars_finish(struct circulars *circulars);

/* A thread that has not answered what it was asked by then; NULL: there is none. */
const struct relay_thread *circulars_find_silent(const struct circulars *circulars, timestamp then);
