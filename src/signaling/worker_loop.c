/* A worker's loop: turns of input, then actions, then output; and its listening sockets. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "signaling/net_private.h"
#include "signaling/proxies.h"

enum { BACKLOG = 4096, ACCEPTS_A_TURN = 64, ACCEPT_PAUSE_MS = 250 };
enum { LOAD_WINDOW_MS = 50, HIGH_LOAD = 20000 /* messages out a second */, MEETING_MS = 3 };

static void wait_for(struct worker *worker);
static void let_messages_meet(struct worker *worker);
static void on_accept(evutil_socket_t fd, short what, void *context);
static void on_acknowledge(struct timer *timer, timestamp now);

void *worker_main(void *argument)
{
	struct worker *worker = argument;

	while (!worker->is_stopping) {
		worker_settle(worker);
		worker->is_in_turn = false;
		let_messages_meet(worker);
		wait_for(worker);
		event_base_loop(worker->base, EVLOOP_ONCE);
		worker_begin_turn(worker);
		timer_wheel_advance(worker->timers, worker->now);
		if (hub_next_timeout(worker->hub) <= worker->now)
			hub_handle_timeout(worker->hub, worker->now);
	}
	return NULL;
}

/* The time is read once for each turn, by the first who needs it. */
void worker_begin_turn(struct worker *worker)
{
	if (worker->is_in_turn)
		return;
	worker->is_in_turn = true;
	worker->now = timestamp_now();
	worker->wall_ms = timestamp_wall_ms();
	hub_tick(worker->hub, worker->now, worker->wall_ms);
}

static void measure_load(struct worker *worker)
{
	uint64_t messages = net_counter_read(&worker->counters, NET_COUNT_messages_out);
	timestamp passed = worker->now - worker->load.since;

	if (passed < LOAD_WINDOW_MS)
		return;
	worker->load.is_high =
		(messages - worker->load.messages_before) * SECOND / passed >= HIGH_LOAD;
	worker->load.messages_before = messages;
	worker->load.since = worker->now;
}

/* Most of a message to a client is the kernel's work for one write. Where very many leave, turns begin a few milliseconds
 * apart: what comes meanwhile is read in one turn, and what of it goes to the same client in one write. */
static void let_messages_meet(struct worker *worker)
{
	measure_load(worker);
	timestamp now = timestamp_now(), next = worker->now + MEETING_MS;
	if (!worker->load.is_high || now >= next)
		return;
	const struct timespec pause = {.tv_nsec = (long)(next - now) * 1000000};
	nanosleep(&pause, NULL);
}

static void wait_for(struct worker *worker)
{
	timestamp hub = hub_next_timeout(worker->hub), own = timer_wheel_next(worker->timers);
	timestamp next = hub < own ? hub : own;

	event_del(worker->timeout_event);
	if (next == TIMESTAMP_NEVER)
		return;
	timestamp now = timestamp_now(), wait_ms = next > now ? next - now : 0;
	const struct timeval wait = {.tv_sec = (time_t)(wait_ms / SECOND),
	                             .tv_usec = (suseconds_t)(wait_ms % SECOND * 1000)};
	event_add(worker->timeout_event, &wait);
}

/* Tells the hub who is gone. What it had for them comes before: the hub counts it among what was not sent. */
static void bury_the_gone(struct worker *worker)
{
	struct list gone;

	list_init(&gone);
	for (struct list *node; (node = list_first(&worker->gone)) != NULL;) {
		list_remove(node);
		list_append(&gone, node);
		connection_bury(CONTAINER_OF(node, struct connection, node));
	}
	worker_act(worker);
	for (struct list *node; (node = list_first(&gone)) != NULL;)
		connection_free(CONTAINER_OF(node, struct connection, node));
}

/* Ends a turn: actions until there are none, then all output. Output finds out who is gone, and lets requests that waited go on, so
 * that there may be more of both. */
void worker_settle(struct worker *worker)
{
	do {
		worker_act(worker);
		for (struct list *node; (node = list_first(&worker->dirty)) != NULL;) {
			struct connection *connection =
				CONTAINER_OF(node, struct connection, dirty);
			list_remove(node);
			connection_flush(connection);
		}
		bury_the_gone(worker);
	} while (!list_is_empty(&worker->gone) || !list_is_empty(&worker->dirty));
	if (!list_is_empty(&worker->unacknowledged) && !timer_is_set(&worker->acknowledge))
		timer_set(worker->timers, &worker->acknowledge, worker->now + SECOND,
		          on_acknowledge);
}

/* What has arrived in the meantime need not be kept. */
static void on_acknowledge(struct timer *timer, timestamp now)
{
	struct worker *worker = CONTAINER_OF(timer, struct worker, acknowledge);

	(void)now;
	LIST_FOR_EACH (node, &worker->unacknowledged)
		connection_look_for_acknowledgements(
			CONTAINER_OF(node, struct connection, unacknowledged));
}

/* Listening. */

enum err listener_open(const struct transport_addr *addr, int *fd, uint16_t *port)
{
	int on = 1;
	struct transport_addr bound = {0};
	socklen_t len = sizeof bound;

	*fd = socket(addr_family(addr), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return ERR_SYSTEM;
	if (setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    setsockopt(*fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
	    (addr_family(addr) != AF_INET6 ||
	     setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
	    bind(*fd, &addr->any, addr_len(addr)) == 0 && getsockname(*fd, &bound.any, &len) == 0) {
		*port = addr_port(&bound);
		return OK;
	}
	int error = errno;
	close(*fd);
	*fd = -1;
	errno = error;
	return ERR_SYSTEM;
}

enum err worker_listen(struct worker *worker)
{
	for (size_t i = 0; i < worker->workers->settings.listener_count; i++) {
		struct listening_socket *listener = &worker->listeners[i];
		listener->event = event_new(worker->base, listener->fd, EV_READ | EV_PERSIST,
		                            on_accept, listener);
		if (listener->event == NULL || event_add(listener->event, NULL) != 0)
			return ERR_NO_MEMORY;
		if (listen(listener->fd, BACKLOG) != 0)
			return ERR_SYSTEM;
	}
	return OK;
}

static void accept_again(struct timer *timer, timestamp now)
{
	struct worker *worker = CONTAINER_OF(timer, struct worker, accept_again);

	(void)now;
	for (size_t i = 0; i < worker->workers->settings.listener_count; i++)
		if (worker->listeners[i].event != NULL)
			event_add(worker->listeners[i].event, NULL);
}

/* Without descriptors or memory the socket would stay readable, and the loop spin. */
static void pause_accepting(struct worker *worker, int error)
{
	net_count(&worker->counters, NET_COUNT_accept_pauses, 1);
	log_warning("connections cannot be accepted", "error=\"%s\" advice=\"%s\"", strerror(error),
	            error == EMFILE ? "raise the limit of open files" : "see what uses them up");
	for (size_t i = 0; i < worker->workers->settings.listener_count; i++)
		if (worker->listeners[i].event != NULL)
			event_del(worker->listeners[i].event);
	timer_set(worker->timers, &worker->accept_again, worker->now + ACCEPT_PAUSE_MS,
	          accept_again);
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_accept(evutil_socket_t fd, short what, void *context)
{
	struct listening_socket *listener = context;
	struct worker *worker = listener->worker;

	(void)what;
	worker_begin_turn(worker);
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct transport_addr peer = {0};
		socklen_t len = sizeof peer;
		int accepted = accept4(fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (accepted >= 0) {
			addr_unmap(&peer);
			connection_accept(worker, accepted, &peer, listener->is_tls);
		} else if (is_shortage(errno)) {
			pause_accepting(worker, errno);
			return;
		} else if (errno == EAGAIN) {
			return;
		}
		/* Anything else is about the connection that was to be accepted, and is gone. */
	}
}
