/* Something that every relay thread does for the main thread: a letter to each, and when the last has
 * come back, all have done it.
 *
 *     round_begin ──┬─► thread 0: run ──┬─► done
 *                   ├─► thread 1: run ──┤
 *                   └─► thread 2: run ──┘
 *
 * Rounds that begin one after the other are run in this order by each thread, and done in it. What
 * the threads find out they write into places of their own in the struct that holds the round. */
#pragma once

#include "base/err.h"
#include "base/mailbox.h"

struct relay;
struct relay_thread;
struct round_letter;

struct rounds { /* what all of them need; the main thread's */
	struct relay *relay;
	struct mailbox *mailbox; /* of the main thread, which delivers it to this struct */
	unsigned open;           /* rounds that are not done */
};

struct round {
	void (*run)(struct round *round, struct relay_thread *thread); /* on each thread */
	/* On the main thread; the round is its maker's again, and may be freed. */
	void (*done)(struct round *round);

	struct rounds *rounds;
	struct round_letter *letters; /* owned: one for each thread */
	unsigned waiting;             /* letters that have not come back */
};

/* ERR_NO_MEMORY: nothing was sent. */
MUST_CHECK enum err round_begin(struct rounds *rounds, struct round *round);
/* Waits until no round is open. */
void rounds_finish(struct rounds *rounds);
