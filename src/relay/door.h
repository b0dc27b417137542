/* A listener thread's knowledge of the clients that it handed over, and to which relay thread. */
#pragma once

#include "listeners/listener.h"

struct door;
struct relay;
struct relay_thread;

extern const struct listener_door door_listeners; /* what its listeners call; context: the thread */

MUST_CHECK enum err door_create(struct relay_thread *thread, struct door **door);
void door_destroy(struct door *door); /* no thread runs any more */
/* Says whether the process, as the user that it has become, may open what clients need. problem is one
 * line. */
MUST_CHECK enum err door_check(const struct relay *relay, char problem[256]);
/* The input of its listeners' host. */
void door_client_input(void *thread, struct path *path, const struct five_tuple *tuples,
                       struct packet *packets, size_t n);
