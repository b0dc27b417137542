/* Listeners that are no longer configured, until nobody needs them:
 *
 *   serving ── no longer configured ──► drained ── no thread has a session there ──► closed
 *      ▲                                   │
 *      └────────── configured again ───────┘
 *
 * UDP sockets and endpoints of one transport address are needed together, whichever threads have them: the
 * kernel's hash would send the clients of a socket that is left to another, and a client that comes back
 * from another address (RFC 8016) meets a door, and then any relay thread. */
#pragma once

#include "relay/thread.h"

struct drained_addr {
	struct transport_addr addr;
	bool is_needed;
};

/* Lists the addresses of all threads' drained UDP listeners and endpoints, each once. NULL without memory;
 * the caller frees it. On the main thread, while no circular is under way that changes them. */
struct drained_addr *drained_listeners_list(const struct relay *relay, size_t *count);

/* Says of each address whether it is needed here. A UDP listener that is not hears nobody until the
 * verdict. Closes TCP listeners without connections. On the thread, as what follows. */
void drained_listeners_look(struct relay_thread *thread, struct drained_addr *addrs, size_t count);
/* Closes those at addresses that no thread needs. */
void drained_listeners_close(struct relay_thread *thread, const struct drained_addr *addrs,
                             size_t count);
