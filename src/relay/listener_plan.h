/* Which listeners a thread will have by another configuration: planned while the old ones serve, then
 * taken or given up. Listeners that are taken away are drained:
 *
 *   serving ── no longer configured ──► drained ── nobody needs it on any thread ──► closed
 *      ▲                                   │
 *      └────────── configured again ───────┘
 *
 * A thread's UDP socket stays open until none needs its address, since the kernel's hash would send the
 * clients of one that is left to another. So drained UDP listeners are the same ones, in the same order,
 * on each thread. All of it is for engines whose threads each have all frontends. */
#pragma once

#include "relay/thread.h"

struct listener_plan { /* begins as {0} */
	bool is_made;
	struct listener_set serving; /* those that stay, and new ones */
	struct listener_set drained; /* room for all that can be drained then */
};

/* Finds out whether what is not open yet can be opened. On the main thread, while nothing is planned. */
MUST_CHECK enum err listener_plan_check(const struct relay_thread *thread, const struct relay *next,
                                        char problem[256]);

/* The rest is on the thread. */

/* Opens what is new. On failure problem is one line, and the plan is to be given up. */
MUST_CHECK enum err listener_plan_make(struct listener_plan *plan, struct relay_thread *thread,
                                       const struct relay *next, char problem[256]);
/* Has the thread serve by it. One that was not made changes nothing. */
void listener_plan_take(struct listener_plan *plan, struct relay_thread *thread);
/* Closes what was opened for it. */
void listener_plan_give_up(struct listener_plan *plan, struct relay_thread *thread);

/* Says of each drained UDP listener whether it is needed here; one that is not hears nobody until the
 * verdict. Closes drained TCP listeners without connections. Returns whether any is left. */
bool drained_listeners_look(struct relay_thread *thread, bool *is_needed);
/* Closes those that are needed on no thread. */
void drained_listeners_close(struct relay_thread *thread, const bool *is_needed);
