/* The difference between the listeners of a thread and those that it shall have. */
#include "relay/listener_plan.h"

#include <stdio.h>

#include "relay/thread_listeners.h"

static struct udp_listener *find_udp(const struct relay_thread *thread,
                                     const struct frontend *frontend);
static struct tcp_listener *find_tcp(const struct relay_thread *thread,
                                     const struct frontend *frontend);
static struct udp_endpoints *find_endpoints(const struct relay_thread *thread,
                                            const struct transport_addr *addr);
static bool has_udp(const struct listener_set *set, const struct udp_listener *listener);
static bool has_tcp(const struct listener_set *set, const struct tcp_listener *listener);
static bool has_endpoints(const struct listener_set *set, const struct udp_endpoints *endpoints);

/* ---- before anything is opened ---- */

/* A socket of before would take its share of what comes to the new one, and know nothing of headers. */
static bool is_in_the_way(const struct relay_thread *thread, const struct frontend *frontend)
{
	const struct listener_set *sets[] = {&thread->serving, &thread->drained};
	bool is_proxied = frontend->proxied != 0;

	for (size_t i = 0; i < 2; i++) {
		const struct udp_listener *listener = listener_set_udp(sets[i], &frontend->addr);
		if (listener != NULL && udp_listener_expects_proxies(listener) != is_proxied)
			return true;
	}
	return is_proxied && find_endpoints(thread, &frontend->addr) != NULL;
}

static enum err refuse_other_use(const struct relay *running, const struct frontend *frontend,
                                 char problem[256])
{
	char text[ADDR_TEXT_SIZE];

	for (unsigned i = 0; i < running->thread_count; i++)
		if (is_in_the_way(running->threads[i], frontend)) {
			snprintf(problem, 256,
			         "listen on %s: it was for %s until now: give another port, or "
			         "restart",
			         addr_format(&frontend->addr, text),
			         frontend->proxied ? "clients" : "proxies");
			return ERR_INVALID;
		}
	return OK;
}

/* Of an address that was given up and is wanted again clients may have endpoints on any thread. */
static bool is_ours(const struct relay *running, const struct transport_addr *addr)
{
	for (unsigned i = 0; i < running->thread_count; i++)
		if (find_endpoints(running->threads[i], addr) != NULL)
			return true;
	return false;
}

static enum err check_udp(const struct relay_thread *thread, const struct frontend *frontend,
                          const char *device, char problem[256])
{
	enum err err = refuse_other_use(thread->relay, frontend, problem);

	if (err != OK)
		return err;
	if (find_udp(thread, frontend) != NULL || is_ours(thread->relay, &frontend->addr))
		return OK;
	err = listener_probe(&frontend->addr, SOCK_DGRAM, device);
	return err == OK ? OK : thread_listeners_problem(err, frontend, problem);
}

static enum err check_tcp(const struct relay_thread *thread, const struct frontend *frontend,
                          const char *device, char problem[256])
{
	enum err err;

	if (find_tcp(thread, frontend) != NULL)
		return OK;
	err = listener_probe(&frontend->addr, SOCK_STREAM, device);
	return err == OK ? OK : thread_listeners_problem(err, frontend, problem);
}

static enum err check_frontend(const struct relay_thread *thread, const struct relay *next,
                               const struct frontend *frontend, char problem[256])
{
	const char *device = next->config->listening_device;
	unsigned opens = thread_listeners_role(next, thread->index, frontend).opens;
	enum err err = OK;

	if (opens & ENGINE_DATAGRAMS)
		err = check_udp(thread, frontend, device, problem);
	if (err == OK && opens & ENGINE_STREAMS)
		err = check_tcp(thread, frontend, device, problem);
	return err;
}

enum err listener_plan_check(const struct relay *running, const struct relay *next,
                             char problem[256])
{
	enum err err = OK;

	for (unsigned i = 0; i < running->thread_count; i++)
		for (size_t j = 0; j < next->frontend_count && err == OK; j++)
			if (engine_is_first(running, i))
				err = check_frontend(running->threads[i], next, &next->frontends[j],
				                     problem);
	return err;
}

/* ---- the plan ---- */

/* Nobody is heard before every thread's socket is there: a session that began earlier would be on a thread
 * that the kernel's hash does not choose any more. */
static enum err open_silent(struct relay_thread *thread, const struct config *config,
                            const struct frontend *frontend, struct udp_listener **listener)
{
	enum err err = thread_listeners_open_udp(thread, config, frontend, listener);

	if (err == OK)
		udp_listener_set_ear(*listener, LISTENER_HEARS_NOBODY);
	return err;
}

static enum err plan_udp(struct listener_plan *plan, struct relay_thread *thread,
                         const struct config *config, const struct frontend *frontend)
{
	struct udp_listener *listener = find_udp(thread, frontend);
	enum err err = OK;

	if (listener == NULL)
		err = open_silent(thread, config, frontend, &listener);
	if (err == OK)
		plan->serving.udp[plan->serving.udp_count++] = listener;
	return err;
}

/* One that a door opens, or that is given what a door has accepted. */
static enum err plan_tcp(struct listener_plan *plan, struct relay_thread *thread,
                         const struct config *config, const struct frontend *frontend, bool opens)
{
	struct tcp_listener *listener = find_tcp(thread, frontend);
	enum err err = OK;

	if (listener == NULL)
		err = opens ? thread_listeners_open_tcp(thread, config, frontend, &listener)
		            : thread_listeners_open_adopting(thread, config, frontend, &listener);
	if (err == OK)
		plan->serving.tcp[plan->serving.tcp_count++] = listener;
	return err;
}

static enum err plan_endpoints(struct listener_plan *plan, struct relay_thread *thread,
                               const struct config *config, const struct frontend *frontend)
{
	struct udp_endpoints *endpoints = find_endpoints(thread, &frontend->addr);
	enum err err = OK;

	if (endpoints == NULL)
		err = udp_endpoints_create(&thread->host, &frontend->addr, config->udp, &endpoints);
	if (err == OK)
		plan->serving.endpoints[plan->serving.endpoints_count++] = endpoints;
	return err;
}

static enum err plan_frontend(struct listener_plan *plan, struct relay_thread *thread,
                              const struct relay *next, const struct frontend *frontend,
                              char problem[256])
{
	const struct engine_role role = thread_listeners_role(next, thread->index, frontend);
	const struct config *config = next->config;
	unsigned streams = (role.opens | role.takes) & ENGINE_STREAMS;
	enum err err = OK;

	if (role.opens & ENGINE_DATAGRAMS)
		err = plan_udp(plan, thread, config, frontend);
	if (err == OK && role.takes & ENGINE_DATAGRAMS)
		err = plan_endpoints(plan, thread, config, frontend);
	if (err == OK && streams)
		err = plan_tcp(plan, thread, config, frontend, role.opens & ENGINE_STREAMS);
	return err == OK ? OK : thread_listeners_problem(err, frontend, problem);
}

/* A certificate may have come where there was none. Without one DTLS has a place, and nobody to let in. */
static enum err serve_dtls(const struct listener_plan *plan, const struct relay *next)
{
	const struct listener_set *set = &plan->serving;
	enum err err = OK;

	for (size_t i = 0; next->dtls != NULL && i < set->udp_count && err == OK; i++)
		err = udp_listener_serve_dtls(set->udp[i]);
	for (size_t i = 0; next->dtls != NULL && i < set->endpoints_count && err == OK; i++)
		err = udp_endpoints_serve_dtls(set->endpoints[i]);
	return err;
}

enum err listener_plan_make(struct listener_plan *plan, struct relay_thread *thread,
                            const struct relay *next, char problem[256])
{
	size_t old_count = listener_set_count(&thread->serving);
	enum err err = listener_set_make_room(&plan->serving, next->frontend_count);

	snprintf(problem, 256, "listeners: %s", err_string(ERR_NO_MEMORY));
	if (err == OK)
		err = listener_set_make_room(&plan->drained,
		                             listener_set_count(&thread->drained) + old_count);
	for (size_t i = 0; i < next->frontend_count && err == OK; i++)
		err = plan_frontend(plan, thread, next, &next->frontends[i], problem);
	if (err == OK)
		err = serve_dtls(plan, next);
	return err;
}

void listener_plan_give_up(struct listener_plan *plan, struct relay_thread *thread)
{
	const struct listener_set *made = &plan->serving;
	const struct listener_set *kept = &thread->serving, *drained = &thread->drained;

	for (size_t i = 0; i < made->udp_count; i++)
		if (!has_udp(kept, made->udp[i]) && !has_udp(drained, made->udp[i]))
			udp_listener_destroy(made->udp[i]);
	for (size_t i = 0; i < made->tcp_count; i++)
		if (!has_tcp(kept, made->tcp[i]))
			tcp_listener_destroy(made->tcp[i]);
	for (size_t i = 0; i < made->endpoints_count; i++)
		if (!has_endpoints(kept, made->endpoints[i]) &&
		    !has_endpoints(drained, made->endpoints[i]))
			udp_endpoints_destroy(made->endpoints[i]);
	listener_set_free(&plan->serving);
	listener_set_free(&plan->drained);
}

/* ---- taken ---- */

/* Those of a set that are not to serve. */
static void drain_udp(struct listener_plan *plan, const struct listener_set *from)
{
	for (size_t i = 0; i < from->udp_count; i++)
		if (!has_udp(&plan->serving, from->udp[i])) {
			udp_listener_set_ear(from->udp[i], LISTENER_HEARS_ITS_OWN);
			plan->drained.udp[plan->drained.udp_count++] = from->udp[i];
		}
}

static void drain_tcp(struct listener_plan *plan, const struct listener_set *from)
{
	for (size_t i = 0; i < from->tcp_count; i++)
		if (!has_tcp(&plan->serving, from->tcp[i])) {
			tcp_listener_drain(from->tcp[i]);
			plan->drained.tcp[plan->drained.tcp_count++] = from->tcp[i];
		}
}

/* The clients that there are go on; a door sends no more. */
static void drain_endpoints(struct listener_plan *plan, const struct listener_set *from)
{
	for (size_t i = 0; i < from->endpoints_count; i++)
		if (!has_endpoints(&plan->serving, from->endpoints[i]))
			plan->drained.endpoints[plan->drained.endpoints_count++] =
				from->endpoints[i];
}

void listener_plan_take(struct listener_plan *plan, struct relay_thread *thread)
{
	struct listener_set *sets[] = {&thread->drained, &thread->serving};

	for (size_t i = 0; i < 2; i++) {
		drain_udp(plan, sets[i]);
		drain_tcp(plan, sets[i]);
		drain_endpoints(plan, sets[i]);
	}
	for (size_t i = 0; i < plan->serving.udp_count; i++)
		udp_listener_set_ear(plan->serving.udp[i], LISTENER_HEARS_ALL);
	listener_set_free(&thread->drained);
	listener_set_free(&thread->serving);
	thread->drained = plan->drained;
	thread->serving = plan->serving;
	*plan = (struct listener_plan){0};
}

/* ---- search ---- */

static struct udp_listener *find_udp(const struct relay_thread *thread,
                                     const struct frontend *frontend)
{
	const struct listener_set *sets[] = {&thread->serving, &thread->drained};

	for (size_t i = 0; i < 2; i++) {
		struct udp_listener *listener = listener_set_udp(sets[i], &frontend->addr);
		if (listener != NULL &&
		    udp_listener_expects_proxies(listener) == (frontend->proxied != 0))
			return listener;
	}
	return NULL;
}

static struct udp_endpoints *find_endpoints(const struct relay_thread *thread,
                                            const struct transport_addr *addr)
{
	struct udp_endpoints *endpoints = listener_set_endpoints(&thread->serving, addr);

	return endpoints != NULL ? endpoints : listener_set_endpoints(&thread->drained, addr);
}

/* One that was drained has no socket any more. */
static struct tcp_listener *find_tcp(const struct relay_thread *thread,
                                     const struct frontend *frontend)
{
	const struct listener_set *set = &thread->serving;

	for (size_t i = 0; i < set->tcp_count; i++)
		if (addr_equal(tcp_listener_addr(set->tcp[i]), &frontend->addr) &&
		    tcp_listener_expects_proxies(set->tcp[i]) == (frontend->proxied != 0))
			return set->tcp[i];
	return NULL;
}

static bool has_udp(const struct listener_set *set, const struct udp_listener *listener)
{
	for (size_t i = 0; i < set->udp_count; i++)
		if (set->udp[i] == listener)
			return true;
	return false;
}

static bool has_tcp(const struct listener_set *set, const struct tcp_listener *listener)
{
	for (size_t i = 0; i < set->tcp_count; i++)
		if (set->tcp[i] == listener)
			return true;
	return false;
}

static bool has_endpoints(const struct listener_set *set, const struct udp_endpoints *endpoints)
{
	for (size_t i = 0; i < set->endpoints_count; i++)
		if (set->endpoints[i] == endpoints)
			return true;
	return false;
}
