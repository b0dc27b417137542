/* Peer data connections: connecting, joining with a client's stream, closing. What passes between the
 * two is in listeners/stream_raw.c; until they are joined nothing is read, and what the peer sends waits
 * in the kernel, which slows it down (RFC 6062 section 5.2). */
#include "relay/peer_connection.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "listeners/socket.h"
#include "listeners/stream_raw.h"
#include "relay/relay_socket.h"

struct peer_connection {
	struct relay_thread *thread; /* owner of this */
	uint64_t cookie;
	int fd;                 /* owned */
	struct event connected; /* while it is being connected */
	bool is_connecting;
	struct path *client; /* of the stream it is joined with; NULL: none */
};

static enum err create(struct relay_thread *thread, int fd, uint64_t cookie,
                       struct peer_connection **connection);
static void destroy(struct peer_connection *connection);
static bool set(int fd, int level, int option);

/* RFC 6062 section 5.2: the local endpoint is the relayed transport address, where a socket listens
 * already; all who are bound to it say that they share it. */
enum err peer_socket_open(const struct relay_socket *relay, int *fd)
{
	const char *device = relay->thread->config->relay_device;
	struct transport_addr bound;

	return socket_open(&relay->addr, SOCK_STREAM, device, fd, &bound);
}

enum err peer_connection_adopt(struct relay_thread *thread, int fd, uint64_t cookie)
{
	struct peer_connection *connection;

	return create(thread, fd, cookie, &connection);
}

/* ---- Connect ---- */

static void on_connected(evutil_socket_t fd, short what, void *context)
{
	struct peer_connection *connection = context;
	struct relay_thread *thread = connection->thread;
	uint64_t cookie = connection->cookie;
	timestamp now = timestamp_now();
	socklen_t len = sizeof(int);
	int error = 0;

	(void)what;
	connection->is_connecting = false;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0) {
		turn_peer_connected(thread->server, cookie, now);
	} else {
		destroy(connection);
		turn_peer_failed(thread->server, cookie, now);
	}
	relay_thread_act(thread, now);
	relay_thread_settle(thread);
}

static enum err connect_to(struct peer_connection *connection, const struct transport_addr *peer)
{
	struct event_base *base = connection->thread->base;

	if (connect(connection->fd, &peer->any, addr_len(peer)) != 0 && errno != EINPROGRESS)
		return ERR_SYSTEM;
	/* One that is there at once is told by the event too: the core hears of all alike. */
	connection->is_connecting = event_assign(&connection->connected, base, connection->fd,
	                                         EV_WRITE, on_connected, connection) == 0 &&
	                            event_add(&connection->connected, NULL) == 0;
	return connection->is_connecting ? OK : ERR_NO_MEMORY;
}

void peer_connection_open(struct relay_thread *thread, const struct turn_action *action,
                          timestamp now)
{
	const struct relay_socket *relay = action->relay;
	struct peer_connection *connection = NULL;
	int fd;

	if (peer_socket_open(relay, &fd) == OK &&
	    create(thread, fd, action->cookie, &connection) == OK &&
	    connect_to(connection, &action->dst) == OK)
		return;
	destroy(connection);
	turn_peer_failed(thread->server, action->cookie, now);
}

/* ---- the data ---- */

static enum turn_direction direction_of(enum raw_direction direction)
{
	return direction == RAW_TO_PEER ? TURN_TOWARDS_PEER : TURN_TOWARDS_CLIENT;
}

static size_t allowance(void *context, enum raw_direction direction)
{
	struct peer_connection *connection = context;

	return turn_peer_allowed(connection->thread->server, connection->cookie,
	                         direction_of(direction), timestamp_now());
}

static void on_passed(void *context, enum raw_direction direction, size_t n)
{
	struct peer_connection *connection = context;

	turn_peer_passed(connection->thread->server, connection->cookie, direction_of(direction),
	                 n);
}

static void on_ended(void *context)
{
	struct peer_connection *connection = context;
	struct relay_thread *thread = connection->thread;
	uint64_t cookie = connection->cookie;

	connection->client = NULL;
	destroy(connection);
	turn_peer_closed(thread->server, cookie, timestamp_now()); /* which asks for nothing */
}

static bool has_cookie(const void *item, const void *key)
{
	return ((const struct peer_connection *)item)->cookie == *(const uint64_t *)key;
}

/* Cookies are drawn at random, but for their remainder, which is the thread's. */
static uint64_t hash_of(uint64_t cookie)
{
	return cookie * 0x9E3779B97F4A7C15u >> 32;
}

static struct peer_connection *find(const struct relay_thread *thread, uint64_t cookie)
{
	return hash_table_find(&thread->peer_connections, hash_of(cookie), has_cookie, &cookie);
}

void peer_connection_join(struct relay_thread *thread, const struct turn_action *action,
                          timestamp now)
{
	struct peer_connection *connection = find(thread, action->cookie);
	struct path *path = action->path;
	const struct raw_owner owner = {
		.allowance = allowance,
		.passed = on_passed,
		.ended = on_ended,
		.context = connection,
	};

	if (connection != NULL && stream_raw_join(path, connection->fd, &owner) == OK) {
		connection->client = path;
		return;
	}
	/* RFC 6062 section 5.5: neither is there without the other. */
	destroy(connection);
	turn_peer_closed(thread->server, action->cookie, now);
	path->ops->close(path);
}

/* ---- the end ---- */

void peer_connection_close(struct relay_thread *thread, uint64_t cookie)
{
	destroy(find(thread, cookie));
}

void peer_connections_deinit(struct relay_thread *thread)
{
	struct peer_connection *connection;
	size_t position = 0;

	while ((connection = hash_table_next(&thread->peer_connections, &position)) != NULL) {
		destroy(connection);
		position = 0;
	}
	hash_table_deinit(&thread->peer_connections);
	pipe_pool_deinit(&thread->pipes);
}

static enum err create(struct relay_thread *thread, int fd, uint64_t cookie,
                       struct peer_connection **result)
{
	struct peer_connection *connection = calloc(1, sizeof *connection);

	if (connection == NULL ||
	    hash_table_insert(&thread->peer_connections, hash_of(cookie), connection) != OK) {
		free(connection);
		close(fd);
		return ERR_NO_MEMORY;
	}
	*connection = (struct peer_connection){.thread = thread, .cookie = cookie, .fd = fd};
	/* What the client sent is not held back here, and who vanishes is missed in the end. */
	(void)set(fd, IPPROTO_TCP, TCP_NODELAY);
	(void)set(fd, SOL_SOCKET, SO_KEEPALIVE);
	*result = connection;
	return OK;
}

static void destroy(struct peer_connection *connection)
{
	if (connection == NULL)
		return;
	if (connection->is_connecting)
		event_del(&connection->connected);
	if (connection->client != NULL)
		stream_raw_part(connection->client);
	close(connection->fd);
	hash_table_remove(&connection->thread->peer_connections, hash_of(connection->cookie),
	                  connection);
	free(connection);
}

static bool set(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof on) == 0;
}
