/* Which listeners a thread will have by another configuration: planned while the old ones serve, then
 * taken or given up. Those that are taken away are drained: src/relay/drained_listeners.h. */
#pragma once

#include "relay/thread.h"

struct listener_plan {               /* begins as {0} */
	struct listener_set serving; /* those that stay, and new ones */
	struct listener_set drained; /* room for all that can be drained then */
};

/* Finds out whether what is not open yet can be opened. On the main thread, while nothing is planned. */
MUST_CHECK enum err listener_plan_check(const struct relay *running, const struct relay *next,
                                        char problem[256]);

/* The rest is on the thread. */

/* Opens what is new. On failure problem is one line, and the plan is to be given up. */
MUST_CHECK enum err listener_plan_make(struct listener_plan *plan, struct relay_thread *thread,
                                       const struct relay *next, char problem[256]);
/* Has the thread serve by it. Relay threads come before listener threads in a circular, so that a client
 * whom a door meets at a new frontend finds a place: a letter that is posted later arrives later. */
void listener_plan_take(struct listener_plan *plan, struct relay_thread *thread);
/* Closes what was opened for it. */
void listener_plan_give_up(struct listener_plan *plan, struct relay_thread *thread);
