/* What a relay thread's clients reach it by: its listeners, or the places for those that a door meets. What
 * they are opened on is left to frontends.c, which thread opens what to engines.c. */
#include "relay/thread_listeners.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process/process.h"
#include "relay/door.h"
#include "relay/hand_over.h"

static void fill_host(struct relay_thread *thread);
static void set_bounds(struct relay_thread *thread);
static void on_path_closed(void *context, struct path *path, const struct five_tuple *tuple);
static bool has_session(void *context, const struct five_tuple *tuple);
static enum err open_listener(struct relay_thread *thread, const struct frontend *frontend,
                              char problem[256]);
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
	if (listener_set_make_room(&thread->serving, relay->frontend_count) != OK) {
		snprintf(problem, 256, "listeners: %s", err_string(ERR_NO_MEMORY));
		return ERR_NO_MEMORY;
	}
	for (size_t i = 0; i < relay->frontend_count && err == OK; i++)
		err = open_listener(thread, &relay->frontends[i], problem);
	return err;
}

static void close_all(struct listener_set *set)
{
	for (size_t i = 0; i < set->udp_count; i++)
		udp_listener_destroy(set->udp[i]);
	for (size_t i = 0; i < set->tcp_count; i++)
		tcp_listener_destroy(set->tcp[i]);
	for (size_t i = 0; i < set->endpoints_count; i++)
		udp_endpoints_destroy(set->endpoints[i]);
	listener_set_free(set);
}

void thread_listeners_close(struct relay_thread *thread)
{
	close_all(&thread->serving);
	close_all(&thread->drained);
}

const struct udp_listener *relay_thread_find_sender(const struct relay_thread *thread,
                                                    const struct transport_addr *addr)
{
	for (size_t i = 0; i < thread->sender_count; i++)
		if (addr_equal(udp_listener_addr(thread->senders[i]), addr))
			return thread->senders[i];
	return NULL;
}

/* What else there is to its role is so for life, and known to others. */
void thread_listeners_configure(struct relay_thread *thread)
{
	const struct relay *relay = thread->relay;
	struct engine_role role;

	engine_role(relay, thread->index, &role);
	thread->role.opens = role.opens;
	thread->role.takes = role.takes;
	thread->senders = relay->senders;
	thread->sender_count = relay->sender_count;
	set_bounds(thread);
}

/* ---- what they call ---- */

static void fill_host(struct relay_thread *thread)
{
	const struct relay *relay = thread->relay;
	bool is_door = thread->role.is_door;

	thread->host = (struct listener_host){
		.door = is_door ? &door_listeners : NULL,
		.base = thread->base,
		.io = thread->io,
		.rounds = thread->rounds,
		.timers = thread->timers,
		.counters = &thread->counters,
		.device = relay->config->listening_device,
		.pipes = &thread->pipes,
		.dtls_cookie_secret = relay->dtls_cookie_secret,
		.input = is_door ? door_client_input : relay_thread_client_input,
		.closed = on_path_closed,
		.has_session = has_session,
		.stray = arrivals_stray,
		.ended = arrivals_ended,
		.context = thread,
	};
	set_bounds(thread);
}

/* What a reload may change. */
static void set_bounds(struct relay_thread *thread)
{
	const struct relay *relay = thread->relay;
	const struct config *config = relay->config;
	struct listener_host *host = &thread->host;

	host->device = config->listening_device;
	host->tls = relay->tls;
	host->dtls = relay->dtls;
	host->proxies = config->proxy_trusted.item;
	host->proxy_count = config->proxy_trusted.count;
	host->http =
		(struct http_settings){config->respond_http_unsupported, config->acme_redirect};
	host->stream_queue_size = config->stream_queue_size;
	host->connections_max = engine_share(relay, config->max_connections, ENGINE_STREAMS);
	host->endpoints_max = engine_share(relay, config->max_endpoints, ENGINE_DATAGRAMS);
	host->dtls_sessions_max = engine_share(relay, config->dtls_max_sessions, ENGINE_DATAGRAMS);
	host->dtls_half_open_max =
		engine_share(relay, config->dtls_max_half_open, ENGINE_DATAGRAMS);
	host->handshake_timeout_s = config->handshake_timeout;
	host->message_timeout_s = config->message_timeout;
	host->idle_timeout_s = config->idle_timeout;
}

static void on_path_closed(void *context, struct path *path, const struct five_tuple *tuple)
{
	struct relay_thread *thread = context;
	timestamp now = timestamp_now();

	turn_path_closed(thread->server, tuple, path->reason, now);
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
	const struct engine_role role =
		thread_listeners_role(thread->relay, thread->index, frontend);
	enum err err = OK;

	if (role.opens & ENGINE_DATAGRAMS)
		err = open_udp(thread, frontend);
	if (err == OK && role.opens & ENGINE_STREAMS)
		err = open_tcp(thread, frontend);
	if (err == OK && role.takes & ENGINE_DATAGRAMS)
		err = open_endpoints(thread, frontend);
	if (err == OK && role.takes & ENGINE_STREAMS)
		err = open_adopting(thread, frontend);
	return err == OK ? OK : thread_listeners_problem(err, frontend, problem);
}

enum err thread_listeners_problem(enum err err, const struct frontend *frontend, char problem[256])
{
	char text[ADDR_TEXT_SIZE];

	snprintf(problem, 256, "listen on %s: %s%s", addr_format(&frontend->addr, text),
	         err == ERR_SYSTEM ? strerror(errno) : err_string(err),
	         err == ERR_SYSTEM ? listen_mend(errno) : "");
	return err;
}

/* A proxy's socket has many UDP clients, who cannot be handed over by it: relay threads open such frontends
 * themselves, also where a door meets the others. */
struct engine_role thread_listeners_role(const struct relay *relay, unsigned thread,
                                         const struct frontend *frontend)
{
	struct engine_role role;

	engine_role(relay, thread, &role);
	if (role.is_of_ip && role.ip_index != frontend->ip_thread)
		role.opens = role.takes = 0;
	if (frontend->proxied == 0)
		return role;
	role.opens &= frontend->proxied;
	role.takes &= frontend->proxied;
	if (frontend->proxied & ENGINE_DATAGRAMS) {
		role.opens = role.is_door ? 0 : role.opens | role.takes;
		role.takes = 0;
	}
	return role;
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
static enum err probe(const struct relay_thread *thread, const struct frontend *frontend, int type)
{
	const struct relay *relay = thread->relay;

	if (!engine_is_first(relay, thread->index))
		return OK;
	return listener_probe(&frontend->addr, type, relay->config->listening_device);
}

static enum err open_udp(struct relay_thread *thread, const struct frontend *frontend)
{
	struct udp_listener **listener = &thread->serving.udp[thread->serving.udp_count];
	enum err err = probe(thread, frontend, SOCK_DGRAM);

	if (err == OK)
		err = thread_listeners_open_udp(thread, thread->config, frontend, listener);
	if (err != OK)
		return err;
	thread->serving.udp_count++;
	return thread->role.is_door && !frontend->proxied ? give_to_user(*listener, thread->config)
	                                                  : OK;
}

enum err thread_listeners_open_udp(struct relay_thread *thread, const struct config *config,
                                   const struct frontend *frontend, struct udp_listener **result)
{
	struct udp_listener *listener = NULL;
	enum err err = udp_listener_create(&thread->host, &frontend->addr,
	                                   (int)config->sock_buf_size, config->udp, &listener);

	if (err == OK && frontend->proxied)
		err = udp_listener_expect_proxies(listener);
	if (err != OK) {
		udp_listener_destroy(listener);
		return err;
	}
	*result = listener;
	return OK;
}

static enum err open_tcp(struct relay_thread *thread, const struct frontend *frontend)
{
	enum err err = probe(thread, frontend, SOCK_STREAM);

	if (err == OK)
		err = thread_listeners_open_tcp(thread, thread->config, frontend,
		                                &thread->serving.tcp[thread->serving.tcp_count]);
	thread->serving.tcp_count += err == OK;
	return err;
}

enum err thread_listeners_open_tcp(struct relay_thread *thread, const struct config *config,
                                   const struct frontend *frontend, struct tcp_listener **listener)
{
	enum err err = tcp_listener_create(&thread->host, &frontend->addr, config->tcp, listener);

	if (err == OK && frontend->proxied)
		tcp_listener_expect_proxies(*listener);
	return err;
}

/* Places for clients that a door will have met. */
static enum err open_endpoints(struct relay_thread *thread, const struct frontend *frontend)
{
	struct listener_set *set = &thread->serving;
	enum err err = udp_endpoints_create(&thread->host, &frontend->addr, thread->config->udp,
	                                    &set->endpoints[set->endpoints_count]);

	set->endpoints_count += err == OK;
	return err;
}

static enum err open_adopting(struct relay_thread *thread, const struct frontend *frontend)
{
	struct listener_set *set = &thread->serving;
	enum err err = thread_listeners_open_adopting(thread, thread->config, frontend,
	                                              &set->tcp[set->tcp_count]);

	set->tcp_count += err == OK;
	return err;
}

enum err thread_listeners_open_adopting(struct relay_thread *thread, const struct config *config,
                                        const struct frontend *frontend,
                                        struct tcp_listener **listener)
{
	enum err err =
		tcp_listener_create_adopting(&thread->host, &frontend->addr, config->tcp, listener);

	if (err == OK && frontend->proxied)
		tcp_listener_expect_proxies(*listener);
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
		return ": ports below 1024 need root or CAP_NET_BIND_SERVICE; a running "
		       "server has given them up and needs a restart";
	default:
		return "";
	}
}
