/* Listeners of one thread: those that serve, those that are drained, or those of a plan. */
#pragma once

#include "listeners/listener.h"
#include "listeners/udp_endpoint.h"

struct listener_set { /* its arrays are owned, and what is in them as its holder says; {0} is empty */
	struct udp_listener **udp;
	struct tcp_listener **tcp;
	struct udp_endpoints **endpoints;
	size_t udp_count, tcp_count, endpoints_count;
};

/* Makes room in an empty one for so many of each kind. ERR_NO_MEMORY: listener_set_free is still to be
 * called. */
MUST_CHECK enum err listener_set_make_room(struct listener_set *set, size_t count);
/* Frees the arrays, not what is in them. */
void listener_set_free(struct listener_set *set);
size_t listener_set_count(const struct listener_set *set);

/* Find those of a transport address; NULL: there is none. */
struct udp_listener *listener_set_udp(const struct listener_set *set,
                                      const struct transport_addr *addr);
struct tcp_listener *listener_set_tcp(const struct listener_set *set,
                                      const struct transport_addr *addr);
struct udp_endpoints *listener_set_endpoints(const struct listener_set *set,
                                             const struct transport_addr *addr);
