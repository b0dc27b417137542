/* The operator's view of allocations: a walk that lasts while the server serves, a description, rates
 * that cost nothing while nobody asks, and an end. */
#include "turn/sessions.h"

#include "turn/channel.h"
#include "turn/connection.h"

/* Less than a second, so that who asks each second gets new rates each time. */
enum { MEASURED_FOR_MS_MIN = 900, MEASURED_FOR_MS_MAX = 10000 };

static void meter_set(struct meter *meter, const struct turn_traffic *traffic, timestamp at);
static struct turn_rates rates_since(const struct meter *meter, const struct turn_traffic *traffic,
                                     timestamp elapsed);

void turn_sessions_rewind(struct turn_server *server)
{
	server->walk = server->sessions.next;
	server->walk_left = server->allocations_here;
}

/* New ones are behind all others, and the count keeps the walk from running after them for ever. */
struct turn_allocation *turn_sessions_next(struct turn_server *server)
{
	struct list *node = server->walk;

	if (server->walk_left == 0 || node == NULL || node == &server->sessions)
		return NULL;
	server->walk_left--;
	server->walk = node->next;
	return CONTAINER_OF(node, struct turn_allocation, node);
}

static timestamp last_expiry(const struct turn_allocation *allocation)
{
	timestamp last = 0;

	for (enum turn_family family = 0; family < TURN_FAMILY_COUNT; family++)
		if (allocation_has_family(allocation, family) && allocation->expiry[family] > last)
			last = allocation->expiry[family];
	return last;
}

void turn_session_describe(const struct turn_allocation *allocation, struct turn_session *session)
{
	*session = (struct turn_session){
		.id = allocation->id,
		.username = allocation->username,
		.realm = allocation_home(allocation), /* whose it is, not that of the 401 */
		.origin = allocation->origin != NULL ? allocation->origin : "",
		.tuple = &allocation->tuple,
		.path = allocation->path,
		.relay = allocation->relay,
		.created = allocation->created,
		.expiry = last_expiry(allocation),
		.is_tcp = allocation->is_tcp,
		.is_mobile = allocation->is_mobile,
		.is_by_token = allocation_is_by_token(allocation),
		.permissions = allocation->permission_count,
		.channels = allocation->channel_count,
		.connections = allocation->connection_count,
		.granted_bps = allocation->place.bps,
		.traffic = allocation->traffic,
	};
}

/* ---- rates ---- */

bool turn_session_measure(struct turn_allocation *allocation, timestamp now,
                          struct turn_rates *rates)
{
	static const struct turn_traffic none;
	const struct turn_traffic *traffic = &allocation->traffic;
	struct meter *meter = &allocation->meter;

	if (meter->at == 0)
		meter_set(meter, &none, allocation->created);
	timestamp elapsed = now > meter->at ? now - meter->at : 0;
	if (elapsed > MEASURED_FOR_MS_MAX) {
		meter_set(meter, traffic, now);
		meter->is_read = false;
	} else if (elapsed >= MEASURED_FOR_MS_MIN) {
		meter->rates = rates_since(meter, traffic, elapsed);
		meter_set(meter, traffic, now);
		meter->is_read = true;
	} else if (!meter->is_read && meter->at == allocation->created) {
		/* It is younger than that: what it has done so far will do. */
		*rates = rates_since(meter, traffic, elapsed);
		return true;
	}
	*rates = meter->is_read ? meter->rates : (struct turn_rates){0};
	return meter->is_read;
}

static void meter_set(struct meter *meter, const struct turn_traffic *traffic, timestamp at)
{
	meter->at = at;
	meter->bytes[TURN_TOWARDS_PEER] = traffic->to_peer_bytes;
	meter->bytes[TURN_TOWARDS_CLIENT] = traffic->to_client_bytes;
	meter->packets[TURN_TOWARDS_PEER] = (uint32_t)traffic->to_peer_packets;
	meter->packets[TURN_TOWARDS_CLIENT] = (uint32_t)traffic->to_client_packets;
}

static uint32_t a_second(uint64_t n, timestamp elapsed)
{
	uint64_t rate = elapsed > 0 ? n * MS_PER_S / elapsed : 0;

	return rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;
}

static struct turn_rates rates_since(const struct meter *meter, const struct turn_traffic *traffic,
                                     timestamp elapsed)
{
	struct meter now;
	struct turn_rates rates;

	meter_set(&now, traffic, 0);
	for (unsigned i = 0; i < TURN_DIRECTION_COUNT; i++) {
		rates.bytes[i] = a_second(now.bytes[i] - meter->bytes[i], elapsed);
		rates.packets[i] = a_second(now.packets[i] - meter->packets[i], elapsed);
	}
	return rates;
}

/* ---- peers ---- */

struct peer_list {
	struct turn_session_peer *item;
	size_t count, most;
};

static void peers_add(struct peer_list *peers, const struct turn_session_peer *peer)
{
	if (peers->count < peers->most)
		peers->item[peers->count++] = *peer;
}

static void add_permission(struct peer_list *peers, const struct permission *permission)
{
	if (permission->is_alive)
		peers_add(peers, &(struct turn_session_peer){
					 .type = TURN_PERMISSION,
					 .addr = permission->peer,
					 .expiry = permission->timer.deadline,
				 });
	LIST_FOR_EACH (node, &permission->channels) {
		const struct channel *channel = CONTAINER_OF(node, struct channel, node);
		peers_add(peers, &(struct turn_session_peer){
					 .type = TURN_CHANNEL,
					 .addr = channel->peer,
					 .expiry = channel->timer.deadline,
					 .number = channel->number,
				 });
	}
}

static void add_connection(struct peer_list *peers, const struct connection *connection)
{
	bool is_bound = connection->state == CONNECTION_BOUND;

	peers_add(peers, &(struct turn_session_peer){
				 .type = TURN_CONNECTION,
				 .addr = connection->peer,
				 .expiry = is_bound ? TIMESTAMP_NEVER : connection->timer.deadline,
				 .number = connection->id,
			 });
}

size_t turn_session_peers(const struct turn_allocation *allocation, struct turn_session_peer *peers,
                          size_t most)
{
	struct peer_list list = {peers, 0, most};

	LIST_FOR_EACH (node, &allocation->permissions) {
		if (list.count == most)
			return list.count;
		add_permission(&list, CONTAINER_OF(node, struct permission, node));
	}
	if (allocation->connection_count == 0)
		return list.count;
	LIST_FOR_EACH (node, &allocation->connections) {
		if (list.count == most)
			return list.count;
		add_connection(&list, CONTAINER_OF(node, struct connection, node));
	}
	return list.count;
}

bool turn_session_has_peer(const struct turn_allocation *allocation, const struct addr_range *range)
{
	LIST_FOR_EACH (node, &allocation->permissions) {
		const struct permission *permission = CONTAINER_OF(node, struct permission, node);
		if (addr_range_contains(range, &permission->peer))
			return true;
	}
	if (allocation->connection_count == 0)
		return false;
	LIST_FOR_EACH (node, &allocation->connections) {
		const struct connection *connection = CONTAINER_OF(node, struct connection, node);
		if (addr_range_contains(range, &connection->peer))
			return true;
	}
	return false;
}

/* ---- the end ---- */

void turn_session_end(struct turn_allocation *allocation, const char *reason, timestamp now)
{
	allocation->server->now = now;
	allocation_end(allocation, TURN_EXPIRED, reason);
}
