/* Peer data connections: Connect, ConnectionBind, and what peers connect by themselves (RFC 6062
 * section 5). The bytes that pass are the host's. */
#include "turn/connection.h"

#include <string.h>

#include "base/bytes.h"
#include "turn/action.h"
#include "turn/address_map.h"
#include "turn/arrival.h"
#include "turn/pending.h"

struct connection_key {
	const struct turn_allocation *allocation;
	const struct transport_addr *peer;
};

static int get_peer(const struct request *request, struct transport_addr *peer);
static int begin(struct request *request, const struct transport_addr *peer);
static bool names_connection(const struct request *request);
static struct connection *find_waiting(const struct request *request);
static bool is_owner(struct request *request, const struct turn_allocation *allocation);
static int bind_client(struct request *request, struct connection *connection);
static bool admits(const struct turn_allocation *allocation, const struct transport_addr *peer);
static bool has_room(const struct turn_allocation *allocation);
static struct connection *create(struct turn_allocation *allocation,
                                 const struct transport_addr *peer);
static bool insert(struct connection *connection);
static uint32_t make_id(struct turn_server *server);
static struct connection *find_id(const struct turn_server *server, uint64_t id);
static struct connection *find_peer(const struct turn_allocation *allocation,
                                    const struct transport_addr *peer);
static void close_peer(struct connection *connection);
static void destroy(struct connection *connection);
static void await_bind(struct connection *connection);
static void announce(const struct connection *connection);
static void expire_connect(struct timer *timer, timestamp now);
static void expire_bind(struct timer *timer, timestamp now);
static void give_up(struct connection *connection);
static void fail(struct connection *connection);

/* ---- Connect, section 5.2 ---- */

int handle_connect(struct request *request)
{
	struct transport_addr peer;

	if (request->peer_answer == ANSWER_FOUND) {
		stun_put_u32(&request->answer, STUN_ATTR_CONNECTION_ID, request->connection_id);
		return STUN_NO_ERROR;
	}
	if (request->peer_answer != ANSWER_NONE)
		return STUN_CONNECTION_TIMEOUT_OR_FAILURE;

	int error = get_peer(request, &peer);
	if (error != STUN_NO_ERROR)
		return error;
	error = limits_check_connection(request);
	return error != STUN_NO_ERROR ? error : begin(request, &peer);
}

/* Unlike a permission it has a port, which is judged with it. No permission is needed: the client
 * itself names the peer. */
static int get_peer(const struct request *request, struct transport_addr *addr)
{
	const struct stun_message *message = &request->message;
	struct turn_allocation *allocation = request->allocation;
	struct transport_addr named;
	struct peer peer;
	size_t len;
	const uint8_t *value = stun_get(message, STUN_ATTR_XOR_PEER_ADDRESS, &len);

	if (value == NULL)
		return STUN_BAD_REQUEST;
	int error = peer_decode(allocation, message, value, len, &named);
	if (error != STUN_NO_ERROR)
		return error;
	if (addr_port(&named) == 0)
		return STUN_BAD_REQUEST;
	address_map_to_private(request->server, &named);
	if (find_peer(allocation, &named) != NULL)
		return STUN_CONNECTION_ALREADY_EXISTS;
	error = peer_get(allocation, message, value, len, &peer);
	if (error != STUN_NO_ERROR)
		return error;
	*addr = peer.addr;
	return peer_filter_allows(request->server->settings.filter, allocation->peer_lists, addr,
	                          true)
	               ? STUN_NO_ERROR
	               : STUN_FORBIDDEN;
}

static int begin(struct request *request, const struct transport_addr *peer)
{
	struct turn_server *server = request->server;
	struct turn_allocation *allocation = request->allocation;
	struct connection *connection = create(allocation, peer);

	if (connection == NULL)
		return STUN_INSUFFICIENT_CAPACITY;
	int outcome = pending_connect(request, &connection->pending);
	if (outcome != OUTCOME_PARKED) {
		destroy(connection);
		return outcome;
	}
	timer_set(server->timers, &connection->timer,
	          server->now + (timestamp)server->settings.connect_timeout_s * MS_PER_S,
	          expire_connect);
	action_connect_peer(server, connection->id, allocation->relay[family_of(peer)].relay, peer);
	return OUTCOME_PARKED;
}

void turn_peer_connected(struct turn_server *server, uint64_t cookie, timestamp now)
{
	struct connection *connection = find_id(server, cookie);

	server->now = now;
	if (connection == NULL || connection->state != CONNECTION_CONNECTING)
		return;
	await_bind(connection);
	count(server, COUNT_peer_connections_made);
	pending_connect_answer(server, connection->pending, ANSWER_FOUND, connection->id);
}

void turn_peer_failed(struct turn_server *server, uint64_t cookie, timestamp now)
{
	struct connection *connection = find_id(server, cookie);

	server->now = now;
	if (connection != NULL && connection->state == CONNECTION_CONNECTING)
		fail(connection);
}

static void expire_connect(struct timer *timer, timestamp now)
{
	struct connection *connection = CONTAINER_OF(timer, struct connection, timer);

	(void)now;
	give_up(connection);
}

static void give_up(struct connection *connection)
{
	action_close_peer(connection->allocation->server, connection->id);
	fail(connection);
}

/* The request is answered when the connection is gone, so that the client may ask again at once. */
static void fail(struct connection *connection)
{
	struct turn_server *server = connection->allocation->server;
	uint64_t pending = connection->pending;

	connection->pending = 0;
	destroy(connection);
	count(server, COUNT_peer_connections_failed);
	pending_connect_answer(server, pending, ANSWER_NOT_FOUND, 0);
}

/* ---- from a peer, section 5.3 ---- */

uint64_t turn_peer_accepted(struct turn_server *server, struct turn_allocation *allocation,
                            const struct transport_addr *peer, timestamp now)
{
	struct connection *connection = NULL;

	server->now = now;
	if (admits(allocation, peer) && has_room(allocation) && find_peer(allocation, peer) == NULL)
		connection = create(allocation, peer);
	if (connection == NULL) {
		count(server, COUNT_peer_connections_refused);
		return 0;
	}
	await_bind(connection);
	count(server, COUNT_peer_connections_accepted);
	announce(connection);
	return connection->id;
}

static bool admits(const struct turn_allocation *allocation, const struct transport_addr *peer)
{
	const struct permission *permission = permission_find(allocation, peer);

	return permission != NULL && (!permission->needs_judgement ||
	                              peer_filter_allows(allocation->server->settings.filter,
	                                                 allocation->peer_lists, peer, true));
}

/* A ConnectionAttempt indication over the control connection. */
static void announce(const struct connection *connection)
{
	const struct turn_allocation *allocation = connection->allocation;
	struct turn_server *server = allocation->server;
	struct transport_addr peer = connection->peer;
	uint8_t id[STUN_TRANSACTION_ID_SIZE];
	struct stun_builder builder;
	size_t len;

	address_map_to_public(server, &peer);
	server->settings.random(id, sizeof id);
	stun_build(&builder, server->reply, sizeof server->reply, STUN_CONNECTION_ATTEMPT,
	           STUN_INDICATION, id);
	stun_put_u32(&builder, STUN_ATTR_CONNECTION_ID, connection->id);
	stun_put_xor_address(&builder, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
	if (server->settings.fingerprint)
		stun_put_fingerprint(&builder);
	if (stun_build_end(&builder, &len) == OK)
		action_send(server, &allocation->tuple, allocation->path, builder.bytes, len);
}

/* ---- ConnectionBind, section 5.4 ---- */

int handle_connection_bind(struct request *request)
{
	if (!names_connection(request))
		return STUN_BAD_REQUEST;
	if (connection_move_client(request))
		return OUTCOME_DONE;
	struct connection *connection = find_waiting(request);
	/* Who has no right to it is told no more of it than that it is none of his. */
	return connection != NULL && is_owner(request, connection->allocation)
	               ? bind_client(request, connection)
	               : STUN_BAD_REQUEST;
}

/* A control connection stays one, and so does what a request before this one may make one: answers would
 * come among the peer's bytes, or for a connection that is another thread's by then. */
static bool may_carry_data(const struct request *request)
{
	return transport_is_stream(request->tuple->transport) &&
	       !turn_has_session(request->server, request->tuple) && !pending_has_other(request);
}

static bool names_connection(const struct request *request)
{
	return may_carry_data(request) && stun_has(&request->message, STUN_ATTR_CONNECTION_ID);
}

bool connection_move_client(const struct request *request)
{
	struct turn_server *server = request->server;
	const struct stun_message *message = &request->message;

	if (!names_connection(request))
		return false;
	unsigned thread =
		stun_get_u32(message, STUN_ATTR_CONNECTION_ID) % server->settings.thread_count;
	if (thread == server->settings.thread || thread >= server->settings.stream_threads)
		return false; /* it is this one's, or it was never given */
	action_move_client(server, request->path, thread, message->bytes, message->len);
	return true;
}

static struct connection *find_waiting(const struct request *request)
{
	struct connection *connection =
		find_id(request->server, stun_get_u32(&request->message, STUN_ATTR_CONNECTION_ID));

	return connection != NULL && connection->state == CONNECTION_WAITING ? connection : NULL;
}

const struct turn_allocation *connection_token_allocation(const struct request *request)
{
	const struct connection *connection =
		names_connection(request) ? find_waiting(request) : NULL;

	return connection != NULL && allocation_is_by_token(connection->allocation)
	               ? connection->allocation
	               : NULL;
}

/* RFC 6062 section 4.3: "the same method and credentials as for the control connection". All whom an
 * authorization server lets in may have the same kid: what tells them apart is the key. */
static bool is_owner(struct request *request, const struct turn_allocation *allocation)
{
	bool is_by_token = request->token_deadline != 0;

	if (is_by_token != allocation_is_by_token(allocation))
		return false;
	if (is_by_token)
		return request->key_len == allocation->key_len &&
		       bytes_equal_secret(request->key, allocation->key, request->key_len);
	return strcmp(allocation->username, request->username) == 0 &&
	       strcmp(allocation_realm(allocation), request_realm(request)) == 0;
}

/* The answer is the last message on this connection: what is behind it is the peer's. So it is sent
 * here, and the joining queued after it. */
static int bind_client(struct request *request, struct connection *connection)
{
	struct turn_server *server = request->server;

	connection->state = CONNECTION_BOUND;
	timer_cancel(server->timers, &connection->timer);
	count(server, COUNT_client_data_connections_now);
	reply(request, STUN_NO_ERROR);
	action_join(server, connection->id, request->path);
	return OUTCOME_DONE;
}

void turn_peer_closed(struct turn_server *server, uint64_t cookie, timestamp now)
{
	struct connection *connection = find_id(server, cookie);

	server->now = now;
	if (connection != NULL)
		destroy(connection);
}

size_t turn_peer_allowed(struct turn_server *server, uint64_t cookie, enum turn_direction direction,
                         timestamp now)
{
	struct connection *connection = find_id(server, cookie);

	return connection != NULL ? turn_bytes_allowed(connection->allocation, direction, now)
	                          : SIZE_MAX;
}

void turn_peer_passed(struct turn_server *server, uint64_t cookie, enum turn_direction direction,
                      size_t n)
{
	bool is_to_peer = direction == TURN_TOWARDS_PEER;
	struct connection *connection = find_id(server, cookie);
	struct counters *counters = server->settings.counters;
	/* What passed just before the end is counted, without knowing more than that it was a stream. */
	enum transport transport =
		connection != NULL ? connection->allocation->tuple.transport : TRANSPORT_TCP;

	counter_add_for(counters, transport,
	                is_to_peer ? COUNT_client_bytes_in : COUNT_peer_bytes_in, n);
	counter_add_for(counters, transport,
	                is_to_peer ? COUNT_peer_bytes_out : COUNT_client_bytes_out, n);
	if (connection == NULL)
		return;
	struct turn_traffic *traffic = &connection->allocation->traffic;
	*(is_to_peer ? &traffic->to_peer_bytes : &traffic->to_client_bytes) += n;
	turn_bytes_passed(connection->allocation, direction, n);
}

/* ---- their life ---- */

void connections_close(struct turn_allocation *allocation)
{
	LIST_FOR_EACH (node, &allocation->connections)
		close_peer(CONTAINER_OF(node, struct connection, node));
}

void connections_destroy(struct turn_allocation *allocation)
{
	LIST_FOR_EACH (node, &allocation->connections)
		destroy(CONTAINER_OF(node, struct connection, node));
}

void connections_judge(struct turn_allocation *allocation)
{
	LIST_FOR_EACH (node, &allocation->connections) {
		struct connection *connection = CONTAINER_OF(node, struct connection, node);
		if (!peer_is_denied(allocation, &connection->peer))
			continue;
		if (connection->state == CONNECTION_CONNECTING)
			give_up(connection);
		else
			close_peer(connection);
	}
}

static void close_peer(struct connection *connection)
{
	action_close_peer(connection->allocation->server, connection->id);
	destroy(connection);
}

static uint64_t hash_id(const struct turn_server *server, uint64_t id)
{
	return hash_mix(id ^ server->hash_seed);
}

static uint64_t hash_peer(const struct turn_allocation *allocation,
                          const struct transport_addr *peer)
{
	return addr_hash(peer, allocation->server->hash_seed ^ hash_mix(allocation->id));
}

static void destroy(struct connection *connection)
{
	struct turn_allocation *allocation = connection->allocation;
	struct turn_server *server = allocation->server;

	if (connection->state == CONNECTION_CONNECTING)
		pending_connect_forget(server, connection->pending);
	if (connection->state == CONNECTION_BOUND)
		counter_sub(server->settings.counters, COUNT_client_data_connections_now, 1);
	timer_cancel(server->timers, &connection->timer);
	hash_table_remove(&server->connections_by_id, hash_id(server, connection->id), connection);
	hash_table_remove(&server->connections_by_peer, hash_peer(allocation, &connection->peer),
	                  connection);
	list_remove(&connection->node);
	pool_give(&server->connection_pool, connection);
	allocation->connection_count--;
	counter_sub(server->settings.counters, COUNT_peer_connections_now, 1);
}

static bool has_room(const struct turn_allocation *allocation)
{
	const struct turn_server *server = allocation->server;

	return allocation->connection_count < server->settings.connections_per_allocation &&
	       server->connections_by_id.count < server->settings.connections_max;
}

static struct connection *create(struct turn_allocation *allocation,
                                 const struct transport_addr *peer)
{
	struct turn_server *server = allocation->server;
	struct connection *connection = pool_take(&server->connection_pool);

	if (connection == NULL)
		return NULL;
	connection->allocation = allocation;
	connection->peer = *peer;
	connection->id = make_id(server);
	if (!insert(connection)) {
		pool_give(&server->connection_pool, connection);
		return NULL;
	}
	list_append(&allocation->connections, &connection->node);
	allocation->connection_count++;
	count(server, COUNT_peer_connections_now);
	return connection;
}

static bool insert(struct connection *connection)
{
	const struct turn_allocation *allocation = connection->allocation;
	struct turn_server *server = allocation->server;
	uint64_t by_id = hash_id(server, connection->id);

	if (hash_table_insert(&server->connections_by_id, by_id, connection) != OK)
		return false;
	if (hash_table_insert(&server->connections_by_peer,
	                      hash_peer(allocation, &connection->peer), connection) == OK)
		return true;
	hash_table_remove(&server->connections_by_id, by_id, connection);
	return false;
}

/* Not to be guessed, for who has it may bind; its remainder tells the thread it lives on. 0 is none. */
static uint32_t make_id(struct turn_server *server)
{
	uint32_t count = server->settings.thread_count, id;

	do {
		server->settings.random(&id, sizeof id);
		id -= id % count;
		/* What would go beyond the last number begins one round lower. */
		id = id > UINT32_MAX - server->settings.thread ? id - count : id;
		id += server->settings.thread;
	} while (id == 0 || find_id(server, id) != NULL);
	return id;
}

static bool has_id(const void *item, const void *key)
{
	return ((const struct connection *)item)->id == *(const uint64_t *)key;
}

static struct connection *find_id(const struct turn_server *server, uint64_t id)
{
	return hash_table_find(&server->connections_by_id, hash_id(server, id), has_id, &id);
}

static bool has_peer(const void *item, const void *key)
{
	const struct connection *connection = item;
	const struct connection_key *wanted = key;

	return connection->allocation == wanted->allocation &&
	       addr_equal(&connection->peer, wanted->peer);
}

static struct connection *find_peer(const struct turn_allocation *allocation,
                                    const struct transport_addr *peer)
{
	struct connection_key key = {allocation, peer};

	return hash_table_find(&allocation->server->connections_by_peer,
	                       hash_peer(allocation, peer), has_peer, &key);
}

static void await_bind(struct connection *connection)
{
	struct turn_server *server = connection->allocation->server;

	connection->state = CONNECTION_WAITING;
	timer_set(server->timers, &connection->timer,
	          server->now + (timestamp)server->settings.bind_timeout_s * MS_PER_S, expire_bind);
}

static void expire_bind(struct timer *timer, timestamp now)
{
	struct connection *connection = CONTAINER_OF(timer, struct connection, timer);

	(void)now;
	count(connection->allocation->server, COUNT_peer_connections_unbound);
	close_peer(connection);
}
