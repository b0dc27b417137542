/* Channels and ChannelBind (RFC 8656 section 12). */
#include "turn/channel.h"

#include "stun/address.h"
#include "stun/channel_data.h"
#include "turn/action.h"
#include "turn/address_map.h"
#include "turn/request.h"

struct channel_key {
	const struct turn_allocation *allocation;
	const struct transport_addr *peer;
	uint16_t number;
};

static bool is_channel_number(const struct turn_server *server, uint16_t number);
static int check_room(struct request *request, uint16_t number, const struct peer *peer);
static struct channel *bind_number(struct turn_allocation *allocation, uint16_t number,
                                   const struct peer *peer);
static struct channel *create(struct permission *permission, uint16_t number,
                              const struct transport_addr *peer);
static bool insert(struct channel *channel, const struct turn_allocation *allocation);
static void expire(struct timer *timer, timestamp now);

int handle_channel_bind(struct request *request)
{
	const struct stun_message *message = &request->message;
	struct turn_allocation *allocation = request->allocation;
	struct transport_addr named;
	struct peer peer;
	size_t len;
	const uint8_t *value = stun_get(message, STUN_ATTR_XOR_PEER_ADDRESS, &len);

	if (value == NULL || !stun_has(message, STUN_ATTR_CHANNEL_NUMBER))
		return STUN_BAD_REQUEST;
	uint16_t number = (uint16_t)(stun_get_u32(message, STUN_ATTR_CHANNEL_NUMBER) >> 16);
	if (!is_channel_number(request->server, number) ||
	    stun_xor_address_get(value, len, stun_transaction_id(message), &named) != OK)
		return STUN_BAD_REQUEST;
	/* A number and a peer that are bound are bound to each other: both are found, as one. */
	address_map_to_private(request->server, &named);
	if (channel_find_number(allocation, number) != channel_find_peer(allocation, &named))
		return STUN_BAD_REQUEST;
	int error = peer_get(allocation, message, value, len, &peer);
	if (error != STUN_NO_ERROR)
		return error;
	/* Unlike a permission, a channel has a port that can be judged now. */
	if (!peer_filter_allows(request->server->settings.filter, allocation->peer_lists,
	                        &peer.addr, false))
		return STUN_FORBIDDEN;
	error = check_room(request, number, &peer);
	if (error != STUN_NO_ERROR)
		return error;
	return bind_number(allocation, number, &peer) != NULL ? STUN_NO_ERROR
	                                                      : STUN_INSUFFICIENT_CAPACITY;
}

static int check_room(struct request *request, uint16_t number, const struct peer *peer)
{
	const struct turn_allocation *allocation = request->allocation;
	bool is_new_peer = permission_find(allocation, &peer->addr) == NULL;
	int error = STUN_NO_ERROR;

	if (channel_find_number(allocation, number) == NULL)
		error = limits_check_channel(request);
	return error != STUN_NO_ERROR ? error : limits_check_permissions(request, is_new_peer);
}

static bool is_channel_number(const struct turn_server *server, uint16_t number)
{
	return number >= CHANNEL_NUMBER_MIN &&
	       number <= (server->settings.rfc5766_channel_numbers ? CHANNEL_NUMBER_MAX_RFC5766
	                                                           : CHANNEL_NUMBER_MAX);
}

static uint64_t hash_number(const struct turn_allocation *allocation, uint16_t number)
{
	/* The upper 16 bits of an id are the thread that made it. */
	uint64_t id = allocation->id << 16 | allocation->id >> 48;

	return hash_mix(id ^ number ^ allocation->server->hash_seed);
}

static uint64_t hash_peer(const struct turn_allocation *allocation,
                          const struct transport_addr *peer)
{
	return addr_hash(peer, allocation->server->hash_seed ^ hash_mix(allocation->id));
}

static bool has_number(const void *item, const void *key)
{
	const struct channel *channel = item;
	const struct channel_key *wanted = key;

	return channel->permission->allocation == wanted->allocation &&
	       channel->number == wanted->number;
}

static bool has_peer(const void *item, const void *key)
{
	const struct channel *channel = item;
	const struct channel_key *wanted = key;

	return channel->permission->allocation == wanted->allocation &&
	       addr_equal(&channel->peer, wanted->peer);
}

struct channel *channel_find_number(const struct turn_allocation *allocation, uint16_t number)
{
	struct channel_key key = {.allocation = allocation, .number = number};

	return hash_table_find(&allocation->server->channels_by_number,
	                       hash_number(allocation, number), has_number, &key);
}

struct channel *channel_find_peer(const struct turn_allocation *allocation,
                                  const struct transport_addr *peer)
{
	struct channel_key key = {.allocation = allocation, .peer = peer};

	return hash_table_find(&allocation->server->channels_by_peer, hash_peer(allocation, peer),
	                       has_peer, &key);
}

/* Binds or refreshes one, for which there is room; the permission is refreshed with it. NULL without
 * memory. */
static struct channel *bind_number(struct turn_allocation *allocation, uint16_t number,
                                   const struct peer *peer)
{
	struct turn_server *server = allocation->server;
	struct channel *channel = channel_find_number(allocation, number);

	struct permission *permission =
		permission_install(allocation, &peer->addr, peer->needs_judgement);
	if (permission == NULL)
		return NULL;
	if (channel == NULL)
		channel = create(permission, number, &peer->addr);
	if (channel == NULL)
		return NULL;
	timer_set(server->timers, &channel->timer,
	          server->now + (timestamp)server->settings.channel_lifetime_s * MS_PER_S, expire);
	channel_update_flow(channel);
	return channel;
}

struct channel *channel_restore(struct permission *permission, uint16_t number,
                                const struct transport_addr *peer, timestamp deadline)
{
	struct channel *channel = create(permission, number, peer);

	if (channel != NULL)
		timer_set(permission->allocation->server->timers, &channel->timer, deadline,
		          expire);
	return channel;
}

void channel_destroy(struct channel *channel)
{
	struct permission *permission = channel->permission;
	struct turn_allocation *allocation = permission->allocation;
	struct turn_server *server = allocation->server;

	if (channel->is_offered)
		action_flow(server, TURN_FLOW_REMOVED, channel);
	timer_cancel(server->timers, &channel->timer);
	hash_table_remove(&server->channels_by_number, hash_number(allocation, channel->number),
	                  channel);
	hash_table_remove(&server->channels_by_peer, hash_peer(allocation, &channel->peer),
	                  channel);
	list_remove(&channel->node);
	pool_give(&server->channel_pool, channel);
	allocation->channel_count--;
	counter_sub(server->settings.counters, COUNT_channels_now, 1);
}

/* What the kernel forwards it does not judge, so a peer that needs judgement stays with us. */
void channel_update_flow(struct channel *channel)
{
	const struct permission *permission = channel->permission;
	const struct turn_allocation *allocation = permission->allocation;
	bool is_offered = permission->is_alive && !permission->needs_judgement &&
	                  allocation->tuple.transport == TRANSPORT_UDP && !allocation->is_adrift;

	if (channel->is_offered == is_offered)
		return;
	channel->is_offered = is_offered;
	action_flow(allocation->server, is_offered ? TURN_FLOW_ADDED : TURN_FLOW_REMOVED, channel);
}

static struct channel *create(struct permission *permission, uint16_t number,
                              const struct transport_addr *peer)
{
	struct turn_allocation *allocation = permission->allocation;
	struct turn_server *server = allocation->server;
	struct channel *channel = pool_take(&server->channel_pool);

	if (channel == NULL)
		return NULL;
	channel->permission = permission;
	channel->peer = *peer;
	channel->number = number;
	if (!insert(channel, allocation)) {
		pool_give(&server->channel_pool, channel);
		return NULL;
	}
	list_append(&permission->channels, &channel->node);
	allocation->channel_count++;
	count(server, COUNT_channels_now);
	return channel;
}

static bool insert(struct channel *channel, const struct turn_allocation *allocation)
{
	struct turn_server *server = allocation->server;
	uint64_t by_number = hash_number(allocation, channel->number);

	if (hash_table_insert(&server->channels_by_number, by_number, channel) != OK)
		return false;
	if (hash_table_insert(&server->channels_by_peer, hash_peer(allocation, &channel->peer),
	                      channel) == OK)
		return true;
	hash_table_remove(&server->channels_by_number, by_number, channel);
	return false;
}

static void expire(struct timer *timer, timestamp now)
{
	struct channel *channel = CONTAINER_OF(timer, struct channel, timer);
	struct permission *permission = channel->permission;

	(void)now;
	channel_destroy(channel);
	permission_release(permission);
}
