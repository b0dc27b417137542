/* What becomes of drained listeners; how they became so is left to listener_plan.c. */
#include "relay/drained_listeners.h"

#include <stdlib.h>

/* One that is not listed is needed: it was drained after the question. */
static bool is_needed(const struct drained_addr *addrs, size_t count,
                      const struct transport_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (addr_equal(&addrs[i].addr, addr))
			return addrs[i].is_needed;
	return true;
}

static void list_one(struct drained_addr *list, size_t *count, const struct transport_addr *addr)
{
	for (size_t i = 0; i < *count; i++)
		if (addr_equal(&list[i].addr, addr))
			return;
	list[(*count)++].addr = *addr;
}

struct drained_addr *drained_listeners_list(const struct relay *relay, size_t *count)
{
	size_t room = 1;
	struct drained_addr *list;

	*count = 0;
	for (unsigned i = 0; i < relay->thread_count; i++)
		room += listener_set_count(&relay->threads[i]->drained);
	list = calloc(room, sizeof *list);
	for (unsigned i = 0; list != NULL && i < relay->thread_count; i++) {
		const struct listener_set *set = &relay->threads[i]->drained;
		for (size_t j = 0; j < set->udp_count; j++)
			list_one(list, count, udp_listener_addr(set->udp[j]));
		for (size_t j = 0; j < set->endpoints_count; j++)
			list_one(list, count, udp_endpoints_addr(set->endpoints[j]));
	}
	return list;
}

/* Its streams were the only thing that kept it. */
static void close_empty_tcp(struct listener_set *drained)
{
	size_t left = 0;

	for (size_t i = 0; i < drained->tcp_count; i++)
		if (tcp_listener_is_empty(drained->tcp[i]))
			tcp_listener_destroy(drained->tcp[i]);
		else
			drained->tcp[left++] = drained->tcp[i];
	drained->tcp_count = left;
}

void drained_listeners_look(struct relay_thread *thread, struct drained_addr *addrs, size_t count)
{
	const struct listener_set *drained = &thread->drained;

	for (size_t i = 0; i < count; i++)
		addrs[i].is_needed = turn_has_sessions_at(thread->server, &addrs[i].addr);
	for (size_t i = 0; i < drained->udp_count; i++)
		if (!is_needed(addrs, count, udp_listener_addr(drained->udp[i])))
			udp_listener_set_ear(drained->udp[i], LISTENER_HEARS_NOBODY);
	close_empty_tcp(&thread->drained);
}

static void close_udp(struct listener_set *drained, const struct drained_addr *addrs, size_t count)
{
	size_t left = 0;

	for (size_t i = 0; i < drained->udp_count; i++) {
		struct udp_listener *listener = drained->udp[i];
		if (!is_needed(addrs, count, udp_listener_addr(listener))) {
			udp_listener_destroy(listener);
			continue;
		}
		udp_listener_set_ear(listener, LISTENER_HEARS_ITS_OWN);
		drained->udp[left++] = listener;
	}
	drained->udp_count = left;
}

/* Whom a door sent before it heard nobody any more may have come meanwhile. */
static void close_endpoints(struct relay_thread *thread, const struct drained_addr *addrs,
                            size_t count)
{
	struct listener_set *drained = &thread->drained;
	size_t left = 0;

	for (size_t i = 0; i < drained->endpoints_count; i++) {
		struct udp_endpoints *endpoints = drained->endpoints[i];
		const struct transport_addr *addr = udp_endpoints_addr(endpoints);
		if (is_needed(addrs, count, addr) || turn_has_sessions_at(thread->server, addr))
			drained->endpoints[left++] = endpoints;
		else
			udp_endpoints_destroy(endpoints);
	}
	drained->endpoints_count = left;
}

void drained_listeners_close(struct relay_thread *thread, const struct drained_addr *addrs,
                             size_t count)
{
	relay_thread_settle(thread); /* nothing waits to be sent from what is closed */
	close_udp(&thread->drained, addrs, count);
	close_endpoints(thread, addrs, count);
}
