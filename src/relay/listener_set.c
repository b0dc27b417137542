/* Few listeners, looked through when something changes and not for packets: arrays. */
#include "relay/listener_set.h"

#include <stdlib.h>

enum err listener_set_make_room(struct listener_set *set, size_t count)
{
	set->udp = calloc(count + 1, sizeof(struct udp_listener *));
	set->tcp = calloc(count + 1, sizeof(struct tcp_listener *));
	set->endpoints = calloc(count + 1, sizeof(struct udp_endpoints *));
	return set->udp != NULL && set->tcp != NULL && set->endpoints != NULL ? OK : ERR_NO_MEMORY;
}

void listener_set_free(struct listener_set *set)
{
	free(set->udp);
	free(set->tcp);
	free(set->endpoints);
	*set = (struct listener_set){0};
}

size_t listener_set_count(const struct listener_set *set)
{
	return set->udp_count + set->tcp_count + set->endpoints_count;
}

struct udp_listener *listener_set_udp(const struct listener_set *set,
                                      const struct transport_addr *addr)
{
	for (size_t i = 0; i < set->udp_count; i++)
		if (addr_equal(udp_listener_addr(set->udp[i]), addr))
			return set->udp[i];
	return NULL;
}

struct tcp_listener *listener_set_tcp(const struct listener_set *set,
                                      const struct transport_addr *addr)
{
	for (size_t i = 0; i < set->tcp_count; i++)
		if (addr_equal(tcp_listener_addr(set->tcp[i]), addr))
			return set->tcp[i];
	return NULL;
}

struct udp_endpoints *listener_set_endpoints(const struct listener_set *set,
                                             const struct transport_addr *addr)
{
	for (size_t i = 0; i < set->endpoints_count; i++)
		if (addr_equal(udp_endpoints_addr(set->endpoints[i]), addr))
			return set->endpoints[i];
	return NULL;
}
