/* What a relay thread's clients reach it by: its listeners, or the places for those that a door meets. What
 * they are opened on is left to frontends.c, which thread opens what to engines.c. */
#include "relay/thread_listeners.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/door.h"
#include "relay/hand_over.h"
#include "relay/process.h"

static void fill_host(struct relay_thread *thread);
static void on_path_closed(void *context, struct path *path, const struct five_tuple *tuple);
static bool has_session(void *context, const struct five_tuple *tuple);
static enum err open_listener(struct relay_thread *thread, const struct frontend *frontend,
                              char problem[256]);
static struct engine_role role_at(const struct engine_role *role, const struct frontend *frontend);
static enum err open_udp(struct relay_thread *thread, const struct frontend *frontend);
static enum err open_tcp(struct relay_thread *thread, const struct frontend *frontend);
static enum err open_endpoints(struct relay_thread *thread, const struct frontend *frontend);
static enum err open_adopting(struct relay_thread *thread, const struct frontend *frontend);
static const char *listen_mend(int error);

enum err thread_listeners_open(struct relay_thread *thread, char problem[256])
{
	const struct relay *relay = thread->relay;
	enum err err = OK;

	fill_host(thread);
	thread->udp = calloc(relay->frontend_count, sizeof(struct udp_listener *));
	thread->tcp = calloc(relay->frontend_count, sizeof(struct tcp_listener *));
	thread->endpoints = calloc(relay->frontend_count, sizeof(struct udp_endpoints *));
	if (thread->udp == NULL || thread->tcp == NULL || thread->endpoints == NULL) {
		snprintf(problem, 256, "listeners: %s", err_string(ERR_NO_MEMORY));
		return ERR_NO_MEMORY;
	}
	for (size_t i = 0; i < relay->frontend_count && err == OK; i++)
		err = open_listener(thread, &relay->frontends[i], problem);
	return err;
}

void thread_listeners_close(struct relay_thread *thread)
{
	for (size_t i = 0; i < thread->udp_count; i++)
		udp_listener_destroy(thread->udp[i]);
	for (size_t i = 0; i < thread->tcp_count; i++)
		tcp_listener_destroy(thread->tcp[i]);
	for (size_t i = 0; i < thread->endpoints_count; i++)
		udp_endpoints_destroy(thread->endpoints[i]);
	free(thread->udp);
	free(thread->tcp);
	free(thread->endpoints);
}

/* Threads do not change their listeners once they run, so that any may look at all of them. Which
 * thread's it is makes no difference to who receives. */
const struct udp_listener *relay_find_udp(const struct relay *relay,
                                          const struct transport_addr *addr)
{
	for (unsigned i = 0; i < relay->thread_count; i++) {
		const struct relay_thread *thread = relay->threads[i];
		for (size_t j = 0; j < thread->udp_count; j++)
			if (addr_equal(udp_listener_addr(thread->udp[j]), addr))
				return thread->udp[j];
	}
	return NULL;
}

/* ---- what they call ---- */

static void fill_host(struct relay_thread *thread)
{
	const struct relay *relay = thread->relay;
	const struct config *config = relay->config;
	bool is_door = thread->role.is_door;

	thread->host = (struct listener_host){
		.door = is_door ? &door_listeners : NULL,
		.base = thread->base,
		.io = thread->io,
		.rounds = thread->rounds,
		.timers = thread->timers,
		.counters = &thread->counters,
		.device = config->listening_device,
		.tls = relay->tls,
		.dtls = relay->dtls,
		.proxies = config->proxy_trusted.item,
		.proxy_count = config->proxy_trusted.count,
		.http = {config->respond_http_unsupported, config->acme_redirect},
		.pipes = &thread->pipes,
		.stream_queue_size = config->stream_queue_size,
		.connections_max = engine_share(relay, config->max_connections, ENGINE_STREAMS),
		.endpoints_max = engine_share(relay, config->max_endpoints, ENGINE_DATAGRAMS),
		.dtls_sessions_max =
			engine_share(relay, config->dtls_max_sessions, ENGINE_DATAGRAMS),
		.dtls_half_open_max =
			engine_share(relay, config->dtls_max_half_open, ENGINE_DATAGRAMS),
		.handshake_timeout_s = config->handshake_timeout,
		.message_timeout_s = config->message_timeout,
		.idle_timeout_s = config->idle_timeout,
		.dtls_cookie_secret = relay->dtls_cookie_secret,
		.input = is_door ? door_client_input : relay_thread_client_input,
		.closed = on_path_closed,
		.has_session = has_session,
		.stray = arrivals_stray,
		.ended = arrivals_ended,
		.context = thread,
	};
}

static void on_path_closed(void *context, struct path *path, const struct five_tuple *tuple)
{
	struct relay_thread *thread = context;
	timestamp now = timestamp_now();

	(void)path;
	turn_path_closed(thread->server, tuple, now);
	/* At the end the store, other threads and the paths of answers may be gone already; the sockets
	 * are closed by themselves. */
	if (!thread->is_ending)
		relay_thread_act(thread, now);
}

static bool has_session(void *context, const struct five_tuple *tuple)
{
	const struct relay_thread *thread = context;

	return turn_has_session(thread->server, tuple);
}

/* ---- one frontend ---- */

static enum err open_listener(struct relay_thread *thread, const struct frontend *frontend,
                              char problem[256])
{
	const struct engine_role at = role_at(&thread->role, frontend), *role = &at;
	char text[ADDR_TEXT_SIZE];
	enum err err = OK;

	if (!engine_opens_on(thread->relay, role, &frontend->addr))
		return OK;
	if (role->opens & ENGINE_DATAGRAMS)
		err = open_udp(thread, frontend);
	if (err == OK && role->opens & ENGINE_STREAMS)
		err = open_tcp(thread, frontend);
	if (err == OK && role->takes & ENGINE_DATAGRAMS)
		err = open_endpoints(thread, frontend);
	if (err == OK && role->takes & ENGINE_STREAMS)
		err = open_adopting(thread, frontend);
	if (err == OK)
		return OK;
	snprintf(problem, 256, "listen on %s: %s%s", addr_format(&frontend->addr, text),
	         err == ERR_SYSTEM ? strerror(errno) : err_string(err),
	         err == ERR_SYSTEM ? listen_mend(errno) : "");
	return err;
}

/* What a thread of a role has to do with a frontend. A proxy's socket has many UDP clients, who cannot be
 * handed over by it: relay threads open such frontends themselves, also where a door meets the others. */
static struct engine_role role_at(const struct engine_role *role, const struct frontend *frontend)
{
	struct engine_role at = *role;

	if (frontend->proxied == 0)
		return at;
	at.opens &= frontend->proxied;
	at.takes &= frontend->proxied;
	if (frontend->proxied & ENGINE_DATAGRAMS) {
		at.opens = role->is_door ? 0 : at.opens | at.takes;
		at.takes = 0;
	}
	return at;
}

/* Endpoints are opened beside a door's listener as proc-user. */
static enum err give_to_user(struct udp_listener *listener, const struct config *config)
{
	char problem[256]; /* told when the process becomes that user */
	uid_t uid;
	gid_t gid;

	if (process_find_ids(config, &uid, &gid, problem) != OK)
		return OK;
	return udp_listener_set_user(listener, uid);
}

/* The listeners of one transport address that come first are probed, lest a second server shares the
 * ports of a running one. */
static enum err open_udp(struct relay_thread *thread, const struct frontend *frontend)
{
	const struct config *config = thread->relay->config;
	enum err err;

	if (engine_is_first(thread->relay, thread->index) &&
	    listener_probe(&frontend->addr, SOCK_DGRAM, config->listening_device) != OK)
		return ERR_SYSTEM;
	err = udp_listener_create(&thread->host, &frontend->addr, (int)config->sock_buf_size,
	                          config->udp, &thread->udp[thread->udp_count]);
	if (err != OK)
		return err;
	thread->udp_count++;
	if (frontend->proxied)
		return udp_listener_expect_proxies(thread->udp[thread->udp_count - 1]);
	return thread->role.is_door ? give_to_user(thread->udp[thread->udp_count - 1], config) : OK;
}

static enum err open_tcp(struct relay_thread *thread, const struct frontend *frontend)
{
	const struct config *config = thread->relay->config;
	enum err err;

	if (engine_is_first(thread->relay, thread->index) &&
	    listener_probe(&frontend->addr, SOCK_STREAM, config->listening_device) != OK)
		return ERR_SYSTEM;
	err = tcp_listener_create(&thread->host, &frontend->addr, config->tcp,
	                          &thread->tcp[thread->tcp_count]);
	if (err == OK && frontend->proxied)
		tcp_listener_expect_proxies(thread->tcp[thread->tcp_count]);
	thread->tcp_count += err == OK;
	return err;
}

/* Places for clients that a door will have met. */
static enum err open_endpoints(struct relay_thread *thread, const struct frontend *frontend)
{
	const struct config *config = thread->relay->config;
	enum err err = udp_endpoints_create(&thread->host, &frontend->addr, config->udp,
	                                    &thread->endpoints[thread->endpoints_count]);

	thread->endpoints_count += err == OK;
	return err;
}

static enum err open_adopting(struct relay_thread *thread, const struct frontend *frontend)
{
	const struct config *config = thread->relay->config;
	enum err err = tcp_listener_create_adopting(&thread->host, &frontend->addr, config->tcp,
	                                            &thread->tcp[thread->tcp_count]);

	if (err == OK && frontend->proxied)
		tcp_listener_expect_proxies(thread->tcp[thread->tcp_count]);
	thread->tcp_count += err == OK;
	return err;
}

/* How to mend what bind() refused. */
static const char *listen_mend(int error)
{
	switch (error) {
	case EADDRINUSE:
		return ": another program has this port: stop it, or set listening-port "
		       "and "
		       "tls-listening-port";
	case EADDRNOTAVAIL:
		return ": not an address of this machine: mend listening-ip";
	case EACCES:
		return ": ports below 1024 need root or CAP_NET_BIND_SERVICE";
	default:
		return "";
	}
}
