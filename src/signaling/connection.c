/* A connection's life: from accept to close. What it reads and writes is in the files behind this one:
 *
 *   TLS ──► HTTP ──► WEBSOCKET ──► CLOSING ──► LINGERING ──► GONE
 *            └──────► LAST_WORDS ─────────────────┘ */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "signaling/net_private.h"
#include "signaling/proxies.h"

static struct connection *connection_create(struct worker *worker, int fd,
                                            const struct transport_addr *peer);
static bool begin_tls(struct connection *connection);
static bool count_in(struct connection *connection);
static void on_event(evutil_socket_t fd, short what, void *context);
static void on_timer(struct timer *timer, timestamp now);

void connection_accept(struct worker *worker, int fd, const struct transport_addr *peer,
                       bool is_tls)
{
	struct address_limits *limits = worker->workers->limits;
	struct connection *connection;

	if (!address_limits_take_connection(limits)) {
		net_count(&worker->counters, NET_COUNT_connections_refused, 1);
		close(fd);
		return;
	}
	connection = connection_create(worker, fd, peer);
	if (connection == NULL) {
		address_limits_give_connection(limits);
		close(fd);
		return;
	}
	connection->is_tls = is_tls;
	if (!count_in(connection) ||
	    !(is_tls ? begin_tls(connection) : connection_begin_http(connection))) {
		net_count(&worker->counters, NET_COUNT_connections_refused, 1);
		connection_end(connection);
		return;
	}
	connection_watch(connection);
}

static void set_options(int fd)
{
	int on = 1, idle_s = 60, interval_s = 20, probes = 3;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static struct connection *connection_create(struct worker *worker, int fd,
                                            const struct transport_addr *peer)
{
	struct connection *connection = calloc(1, sizeof *connection);

	if (connection == NULL)
		return NULL;
	connection->event = event_new(worker->base, fd, EV_READ | EV_PERSIST, on_event, connection);
	if (connection->event == NULL) {
		free(connection);
		return NULL;
	}
	connection->worker = worker;
	connection->fd = fd;
	connection->client = *peer;
	set_options(fd);
	list_append(&worker->connections, &connection->node);
	net_count(&worker->counters, NET_COUNT_connections_opened, 1);
	net_count(&worker->counters, NET_COUNT_connections_now, 1);
	return connection;
}

/* A trusted proxy is not counted: each of its clients is, when its request has told who that is. */
static bool count_in(struct connection *connection)
{
	struct worker *worker = connection->worker;

	if (proxies_trust(worker->policy.proxies, &connection->client))
		return true;
	connection->is_counted =
		address_limits_open(worker->workers->limits, &connection->client, worker->now);
	return connection->is_counted;
}

static bool begin_tls(struct connection *connection)
{
	struct worker *worker = connection->worker;

	if (worker->policy.tls == NULL)
		return false;
	connection->tls = SSL_new(worker->policy.tls);
	if (connection->tls == NULL || SSL_set_fd(connection->tls, connection->fd) != 1)
		return false;
	SSL_set_mode(connection->tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_set_accept_state(connection->tls);
	connection->phase = PHASE_TLS;
	connection_set_deadline(connection,
	                        worker->now + worker->workers->settings.times.handshake_s * SECOND);
	return true;
}

void connection_set_deadline(struct connection *connection, timestamp deadline)
{
	if (connection->phase != PHASE_GONE)
		timer_set(connection->worker->timers, &connection->timer, deadline, on_timer);
}

/* What the loop is to tell: input, unless nobody wants it now; room for output, where there was none. */
void connection_watch(struct connection *connection)
{
	bool reads = !connection->is_paused &&
	             (connection->http == NULL ||
	              (connection->http->exchange == NULL && connection->unsent == NULL)) &&
	             connection->phase != PHASE_LAST_WORDS && connection->pongs < PONGS_MAX;
	uint8_t wanted = (uint8_t)((reads ? EV_READ : 0) | (connection->is_blocked ? EV_WRITE : 0));

	if (connection->phase == PHASE_GONE)
		wanted = 0;
	if (wanted == connection->watched)
		return;
	if (connection->watched != 0)
		event_del(connection->event);
	connection->watched = 0;
	if (wanted == 0)
		return;
	event_assign(connection->event, connection->worker->base, connection->fd,
	             (short)(wanted | EV_PERSIST), on_event, connection);
	if (event_add(connection->event, NULL) == 0)
		connection->watched = wanted;
	else
		connection_end(connection);
}

void connection_pause(struct connection *connection, bool is_paused)
{
	connection->is_paused = is_paused;
	connection_watch(connection);
}

static void on_event(evutil_socket_t fd, short what, void *context)
{
	struct connection *connection = context;

	(void)fd;
	worker_begin_turn(connection->worker);
	/* A handshake goes on by being tried again, whatever it waited for. */
	if ((what & EV_WRITE) != 0 && connection->phase != PHASE_TLS)
		connection_make_dirty(connection);
	if ((what & EV_READ) != 0 || connection->phase == PHASE_TLS)
		connection_read(connection);
}

static void on_timer(struct timer *timer, timestamp now)
{
	struct connection *connection = CONTAINER_OF(timer, struct connection, timer);

	(void)now;
	if (connection->phase == PHASE_WEBSOCKET) {
		connection_websocket_timer(connection);
		return;
	}
	if (connection->phase == PHASE_HTTP) {
		connection_http_timer(connection);
		return;
	}
	if (connection->phase == PHASE_TLS)
		net_count(&connection->worker->counters, NET_COUNT_timeouts, 1);
	connection_end(connection);
}

/* Sends what is queued, and nothing behind it. */
void connection_say_last_words(struct connection *connection)
{
	struct worker *worker = connection->worker;

	if (connection->phase == PHASE_GONE)
		return;
	connection->phase = PHASE_LAST_WORDS;
	connection_set_deadline(connection,
	                        worker->now + worker->workers->settings.times.close_s * SECOND);
	if (connection->unsent == NULL)
		connection_linger(connection);
	else
		connection_watch(connection);
}

/* Closed at once, with bytes that were not read, the kernel would reset the connection, and the peer might lose what
 * was sent last. */
void connection_linger(struct connection *connection)
{
	struct worker *worker = connection->worker;

	if (connection->phase == PHASE_GONE)
		return;
	if (connection->tls != NULL && SSL_is_init_finished(connection->tls))
		(void)SSL_shutdown(connection->tls);
	shutdown(connection->fd, SHUT_WR);
	connection->phase = PHASE_LINGERING;
	connection->is_paused = connection->is_blocked = false;
	connection_set_deadline(connection,
	                        worker->now + worker->workers->settings.times.close_s * SECOND);
	http_state_destroy(connection->http);
	connection->http = NULL;
	connection_watch(connection);
}

void connection_end(struct connection *connection)
{
	struct worker *worker = connection->worker;

	if (connection->phase == PHASE_GONE)
		return;
	connection->phase = PHASE_GONE;
	connection_watch(connection);
	timer_cancel(worker->timers, &connection->timer);
	list_remove(&connection->dirty);
	list_remove(&connection->node);
	list_append(&worker->gone, &connection->node);
}

/* The hub keeps what the peer did not acknowledge, for the case that it comes back. */
void connection_bury(struct connection *connection)
{
	struct worker *worker = connection->worker;
	struct session *session = connection->session;

	if (session == NULL)
		return;
	connection_look_for_acknowledgements(connection);
	connection->session = NULL;
	hub_path_closed(worker->hub, session, connection_unsent_messages(connection),
	                connection->is_clean, worker->now);
}

void connection_free(struct connection *connection)
{
	struct worker *worker = connection->worker;

	list_remove(&connection->node);
	list_remove(&connection->unacknowledged);
	connection_drop_queue(connection);
	http_state_destroy(connection->http);
	worker->incomplete -= connection->incomplete;
	websocket_deinit(&connection->websocket);
	SSL_free(connection->tls);
	event_free(connection->event);
	close(connection->fd);
	if (connection->is_counted)
		address_limits_close(worker->workers->limits, &connection->client);
	address_limits_give_connection(worker->workers->limits);
	if (connection->dialect != NULL)
		net_count(&worker->counters, NET_COUNT_websockets_now, -1);
	net_count(&worker->counters, NET_COUNT_connections_now, -1);
	free(connection);
}
