/* What a relay thread's clients reach it by. */
#pragma once

#include "relay/thread.h"

/* Opens what the thread's role opens, on every frontend. problem is one line. On failure what was opened
 * is there to be closed. */
MUST_CHECK enum err thread_listeners_open(struct relay_thread *thread, char problem[256]);
/* Has them go by what the relay has now, for whoever comes from now on. On the thread, between two batches. */
void thread_listeners_configure(struct relay_thread *thread);

/* What a thread of the relay has to do with a frontend; it need not be the relay of the threads. */
struct engine_role thread_listeners_role(const struct relay *relay, unsigned thread,
                                         const struct frontend *frontend);
/* Open one, by a configuration that need not be the thread's yet. */
MUST_CHECK enum err thread_listeners_open_udp(struct relay_thread *thread,
                                              const struct config *config,
                                              const struct frontend *frontend,
                                              struct udp_listener **listener);
MUST_CHECK enum err thread_listeners_open_tcp(struct relay_thread *thread,
                                              const struct config *config,
                                              const struct frontend *frontend,
                                              struct tcp_listener **listener);
MUST_CHECK enum err thread_listeners_open_adopting(struct relay_thread *thread,
                                                   const struct config *config,
                                                   const struct frontend *frontend,
                                                   struct tcp_listener **listener);
/* Says why a frontend cannot be listened on, from err and errno, and how to mend it; returns err. */
MUST_CHECK enum err thread_listeners_problem(enum err err, const struct frontend *frontend,
                                             char problem[256]);

/* The thread has ended: ends all paths, of which the core hears. */
void thread_listeners_close(struct relay_thread *thread);
