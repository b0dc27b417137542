/* What a relay thread's clients reach it by. */
#pragma once

#include "relay/thread.h"

/* Opens what the thread's role opens, on every frontend. problem is one line. On failure what was opened
 * is there to be closed. */
MUST_CHECK enum err thread_listeners_open(struct relay_thread *thread, char problem[256]);
/* The thread has ended: ends all paths, of which the core hears. */
void thread_listeners_close(struct relay_thread *thread);
