/* The difference between the listeners of a thread and those that it shall have. */
#include "relay/listener_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/thread_listeners.h"

static struct udp_listener *find_udp(const struct relay_thread *thread,
                                     const struct frontend *frontend);
static struct tcp_listener *find_tcp(const struct relay_thread *thread,
                                     const struct frontend *frontend);
static bool has_udp(const struct listener_set *set, const struct udp_listener *listener);
static bool has_tcp(const struct listener_set *set, const struct tcp_listener *listener);

static struct listener_set serving(const struct relay_thread *thread)
{
	return (struct listener_set){thread->udp, thread->tcp, thread->udp_count,
	                             thread->tcp_count};
}

/* What the thread opens on a frontend by the configuration to come. */
static unsigned opens_on(const struct relay_thread *thread, const struct relay *next,
                         const struct frontend *frontend)
{
	struct engine_role role;

	engine_role(next, thread->index, &role);
	return thread_listeners_role(&role, frontend).opens;
}

/* ---- before anything is opened ---- */

/* A socket of before would take its share of what comes to the new one, and know nothing of headers. */
static bool is_in_the_way(const struct relay_thread *thread, const struct frontend *frontend)
{
	const struct listener_set sets[] = {serving(thread), thread->drained};

	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < sets[i].udp_count; j++)
			if (addr_equal(udp_listener_addr(sets[i].udp[j]), &frontend->addr) &&
			    udp_listener_expects_proxies(sets[i].udp[j]) !=
			            (frontend->proxied != 0))
				return true;
	return false;
}

static enum err check_udp(const struct relay_thread *thread, const struct frontend *frontend,
                          const char *device, char problem[256])
{
	char text[ADDR_TEXT_SIZE];
	enum err err;

	if (find_udp(thread, frontend) != NULL)
		return OK;
	if (is_in_the_way(thread, frontend)) {
		snprintf(problem, 256,
		         "listen on %s: it was for %s until now: give another port, or restart",
		         addr_format(&frontend->addr, text),
		         frontend->proxied ? "clients" : "proxies");
		return ERR_INVALID;
	}
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

enum err listener_plan_check(const struct relay_thread *thread, const struct relay *next,
                             char problem[256])
{
	const char *device = next->config->listening_device;
	enum err err = OK;

	for (size_t i = 0; i < next->frontend_count && err == OK; i++) {
		const struct frontend *frontend = &next->frontends[i];
		unsigned opens = opens_on(thread, next, frontend);
		if (opens & ENGINE_DATAGRAMS)
			err = check_udp(thread, frontend, device, problem);
		if (err == OK && opens & ENGINE_STREAMS)
			err = check_tcp(thread, frontend, device, problem);
	}
	return err;
}

/* ---- the plan ---- */

static enum err make_room(struct listener_plan *plan, const struct relay_thread *thread,
                          size_t frontend_count)
{
	const struct listener_set *drained = &thread->drained;

	plan->serving.udp = calloc(frontend_count + 1, sizeof(struct udp_listener *));
	plan->serving.tcp = calloc(frontend_count + 1, sizeof(struct tcp_listener *));
	plan->drained.udp =
		calloc(drained->udp_count + thread->udp_count + 1, sizeof(struct udp_listener *));
	plan->drained.tcp =
		calloc(drained->tcp_count + thread->tcp_count + 1, sizeof(struct tcp_listener *));
	return plan->serving.udp != NULL && plan->serving.tcp != NULL &&
	                       plan->drained.udp != NULL && plan->drained.tcp != NULL
	               ? OK
	               : ERR_NO_MEMORY;
}

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

static enum err plan_tcp(struct listener_plan *plan, struct relay_thread *thread,
                         const struct config *config, const struct frontend *frontend)
{
	struct tcp_listener *listener = find_tcp(thread, frontend);
	enum err err = OK;

	if (listener == NULL)
		err = thread_listeners_open_tcp(thread, config, frontend, &listener);
	if (err == OK)
		plan->serving.tcp[plan->serving.tcp_count++] = listener;
	return err;
}

static enum err plan_frontend(struct listener_plan *plan, struct relay_thread *thread,
                              const struct relay *next, const struct frontend *frontend,
                              char problem[256])
{
	unsigned opens = opens_on(thread, next, frontend);
	enum err err = OK;

	if (opens & ENGINE_DATAGRAMS)
		err = plan_udp(plan, thread, next->config, frontend);
	if (err == OK && opens & ENGINE_STREAMS)
		err = plan_tcp(plan, thread, next->config, frontend);
	return err == OK ? OK : thread_listeners_problem(err, frontend, problem);
}

/* A certificate may have come where there was none. Without one DTLS has a place, and nobody to let in. */
static enum err serve_dtls(const struct listener_plan *plan, const struct relay *next)
{
	enum err err = OK;

	for (size_t i = 0; next->dtls != NULL && i < plan->serving.udp_count && err == OK; i++)
		err = udp_listener_serve_dtls(plan->serving.udp[i]);
	return err;
}

enum err listener_plan_make(struct listener_plan *plan, struct relay_thread *thread,
                            const struct relay *next, char problem[256])
{
	enum err err;

	if (!relay_may_change_listeners(next))
		return OK;
	plan->is_made = true;
	snprintf(problem, 256, "listeners: %s", err_string(ERR_NO_MEMORY));
	err = make_room(plan, thread, next->frontend_count);
	for (size_t i = 0; i < next->frontend_count && err == OK; i++)
		err = plan_frontend(plan, thread, next, &next->frontends[i], problem);
	if (err == OK)
		err = serve_dtls(plan, next);
	return err;
}

static void free_arrays(struct listener_set *set)
{
	free(set->udp);
	free(set->tcp);
	*set = (struct listener_set){0};
}

void listener_plan_give_up(struct listener_plan *plan, struct relay_thread *thread)
{
	const struct listener_set kept = serving(thread);

	for (size_t i = 0; i < plan->serving.udp_count; i++)
		if (!has_udp(&kept, plan->serving.udp[i]) &&
		    !has_udp(&thread->drained, plan->serving.udp[i]))
			udp_listener_destroy(plan->serving.udp[i]);
	for (size_t i = 0; i < plan->serving.tcp_count; i++)
		if (!has_tcp(&kept, plan->serving.tcp[i]))
			tcp_listener_destroy(plan->serving.tcp[i]);
	free_arrays(&plan->serving);
	free_arrays(&plan->drained);
	plan->is_made = false;
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

void listener_plan_take(struct listener_plan *plan, struct relay_thread *thread)
{
	struct listener_set before = serving(thread);

	if (!plan->is_made)
		return;
	drain_udp(plan, &thread->drained);
	drain_udp(plan, &before);
	drain_tcp(plan, &thread->drained);
	drain_tcp(plan, &before);
	for (size_t i = 0; i < plan->serving.udp_count; i++)
		udp_listener_set_ear(plan->serving.udp[i], LISTENER_HEARS_ALL);
	free_arrays(&thread->drained);
	free_arrays(&before);
	thread->drained = plan->drained;
	thread->udp = plan->serving.udp;
	thread->tcp = plan->serving.tcp;
	thread->udp_count = plan->serving.udp_count;
	thread->tcp_count = plan->serving.tcp_count;
	*plan = (struct listener_plan){0};
}

/* ---- drained ---- */

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

bool drained_listeners_look(struct relay_thread *thread, bool *is_needed)
{
	struct listener_set *drained = &thread->drained;

	for (size_t i = 0; i < drained->udp_count; i++) {
		is_needed[i] =
			turn_has_sessions_at(thread->server, udp_listener_addr(drained->udp[i]));
		if (!is_needed[i])
			udp_listener_set_ear(drained->udp[i], LISTENER_HEARS_NOBODY);
	}
	close_empty_tcp(drained);
	return drained->udp_count > 0 || drained->tcp_count > 0;
}

void drained_listeners_close(struct relay_thread *thread, const bool *is_needed)
{
	struct listener_set *drained = &thread->drained;
	size_t left = 0;

	relay_thread_settle(thread); /* nothing waits to be sent from what is closed */
	for (size_t i = 0; i < drained->udp_count; i++) {
		struct udp_listener *listener = drained->udp[i];
		if (!is_needed[i]) {
			udp_listener_destroy(listener);
			continue;
		}
		udp_listener_set_ear(listener, LISTENER_HEARS_ITS_OWN);
		drained->udp[left++] = listener;
	}
	drained->udp_count = left;
}

/* ---- search ---- */

static struct udp_listener *find_udp(const struct relay_thread *thread,
                                     const struct frontend *frontend)
{
	const struct listener_set sets[] = {serving(thread), thread->drained};

	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < sets[i].udp_count; j++)
			if (addr_equal(udp_listener_addr(sets[i].udp[j]), &frontend->addr) &&
			    udp_listener_expects_proxies(sets[i].udp[j]) ==
			            (frontend->proxied != 0))
				return sets[i].udp[j];
	return NULL;
}

/* One that was drained has no socket any more. */
static struct tcp_listener *find_tcp(const struct relay_thread *thread,
                                     const struct frontend *frontend)
{
	for (size_t i = 0; i < thread->tcp_count; i++)
		if (addr_equal(tcp_listener_addr(thread->tcp[i]), &frontend->addr) &&
		    tcp_listener_expects_proxies(thread->tcp[i]) == (frontend->proxied != 0))
			return thread->tcp[i];
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
