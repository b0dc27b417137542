/* Which of the threads of frontend IPs opens a frontend. Those of one IP are one thread's, and stay it: also
 * where its listeners are only drained, lest the kernel divides its clients between an old socket and a new
 * one. */
#include <limits.h>

#include "relay/frontends.h"
#include "relay/thread.h"

enum { NO_PLACE = UINT_MAX };

static bool set_has_ip(const struct listener_set *set, const struct transport_addr *addr)
{
	for (size_t i = 0; i < set->udp_count; i++)
		if (addr_equal_ip(udp_listener_addr(set->udp[i]), addr))
			return true;
	for (size_t i = 0; i < set->tcp_count; i++)
		if (addr_equal_ip(tcp_listener_addr(set->tcp[i]), addr))
			return true;
	return false;
}

/* No circular is under way: nobody changes what threads have. */
static unsigned find_running(const struct relay *running, const struct transport_addr *addr)
{
	for (unsigned i = 0; i < engine_ip_threads_now(running); i++) {
		const struct relay_thread *thread = running->threads[running->relay_threads + i];
		if (set_has_ip(&thread->serving, addr) || set_has_ip(&thread->drained, addr))
			return i;
	}
	return NO_PLACE;
}

/* At the start there is a thread for each IP, in their order. */
static unsigned find_first(const struct relay *relay, const struct transport_addr *addr)
{
	for (unsigned i = 0; i < engine_ip_threads_now(relay); i++)
		if (addr_equal_ip(&relay->frontend_ips[i], addr))
			return i;
	return NO_PLACE;
}

static unsigned count_at(const struct relay *relay, unsigned place)
{
	unsigned count = 0;

	for (size_t i = 0; i < relay->frontend_count; i++)
		count += relay->frontends[i].ip_thread == place;
	return count;
}

/* That of another frontend on the IP, or of the thread with the fewest. */
static unsigned choose(const struct relay *relay, const struct transport_addr *addr)
{
	unsigned chosen = 0;

	for (size_t i = 0; i < relay->frontend_count; i++)
		if (relay->frontends[i].ip_thread != NO_PLACE &&
		    addr_equal_ip(&relay->frontends[i].addr, addr))
			return relay->frontends[i].ip_thread;
	for (unsigned i = 1; i < engine_ip_threads_now(relay); i++)
		if (count_at(relay, i) < count_at(relay, chosen))
			chosen = i;
	return chosen;
}

enum err frontends_place(struct relay *relay, char problem[256])
{
	bool is_start = relay->running == relay;

	(void)problem;
	for (size_t i = 0; i < relay->frontend_count; i++) {
		struct frontend *frontend = &relay->frontends[i];
		frontend->ip_thread = is_start ? find_first(relay, &frontend->addr)
		                               : find_running(relay->running, &frontend->addr);
	}
	for (size_t i = 0; i < relay->frontend_count; i++)
		if (relay->frontends[i].ip_thread == NO_PLACE)
			relay->frontends[i].ip_thread = choose(relay, &relay->frontends[i].addr);
	return OK;
}
