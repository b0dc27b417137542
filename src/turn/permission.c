/* Permissions and CreatePermission (RFC 8656 sections 9 and 10). */
#include "turn/permission.h"

#include "stun/address.h"
#include "turn/action.h"
#include "turn/address_map.h"
#include "turn/request.h"

struct permission_key {
	const struct turn_allocation *allocation;
	const struct transport_addr *peer;
};

static int check_peers(struct request *request);
static bool install_peers(const struct request *request);
static struct permission *find_any(const struct turn_allocation *allocation,
                                   const struct transport_addr *peer);
static struct permission *create(struct turn_allocation *allocation,
                                 const struct transport_addr *peer, bool needs_judgement);
static void revive(struct permission *permission);
static void expire(struct timer *timer, timestamp now);
static void end_life(struct permission *permission);

int handle_create_permission(struct request *request)
{
	/* All or nothing: section 10.2 knows no half success. */
	int error = check_peers(request);

	if (error != STUN_NO_ERROR)
		return error;
	return install_peers(request) ? STUN_NO_ERROR : STUN_INSUFFICIENT_CAPACITY;
}

/* Several XOR-PEER-ADDRESS are several permissions; each must be one that can be had. */
static int check_peers(struct request *request)
{
	const struct turn_allocation *allocation = request->allocation;
	uint32_t most = request->server->settings.permissions_per_allocation;
	size_t offset = 0, len, created = 0, named = 0;
	const uint8_t *value;
	struct peer peer;

	while ((value = stun_next(&request->message, STUN_ATTR_XOR_PEER_ADDRESS, &offset, &len)) !=
	       NULL) {
		/* A message has room for thousands; no more are looked at than there may be. */
		if (++named > most)
			return limits_refuse(request, TURN_LIMIT_PERMISSIONS, most);
		int error = peer_get(allocation, &request->message, value, len, &peer);
		if (error != STUN_NO_ERROR)
			return error;
		created += permission_find(allocation, &peer.addr) == NULL;
	}
	if (named == 0)
		return STUN_BAD_REQUEST;
	/* One that is named twice is counted twice, which only matters next to the bound. */
	return limits_check_permissions(request, created);
}

static bool install_peers(const struct request *request)
{
	size_t offset = 0, len;
	const uint8_t *value;
	struct peer peer;
	bool is_done = true;

	while ((value = stun_next(&request->message, STUN_ATTR_XOR_PEER_ADDRESS, &offset, &len)) !=
	       NULL)
		is_done &= peer_get(request->allocation, &request->message, value, len, &peer) ==
		                   STUN_NO_ERROR &&
		           permission_install(request->allocation, &peer.addr,
		                              peer.needs_judgement) != NULL;
	return is_done;
}

int peer_decode(const struct turn_allocation *allocation, const struct stun_message *message,
                const uint8_t *value, size_t len, struct transport_addr *peer)
{
	if (stun_xor_address_get(value, len, stun_transaction_id(message), peer) != OK)
		return STUN_BAD_REQUEST;
	if (!allocation_has_family(allocation, family_of(peer)))
		return STUN_PEER_ADDRESS_FAMILY_MISMATCH;
	return STUN_NO_ERROR;
}

int peer_get(const struct turn_allocation *allocation, const struct stun_message *message,
             const uint8_t *value, size_t len, struct peer *peer)
{
	const struct turn_server *server = allocation->server;
	int error = peer_decode(allocation, message, value, len, &peer->addr);

	if (error != STUN_NO_ERROR)
		return error;
	enum peer_verdict verdict = peer_filter_judge_ip(server->settings.filter,
	                                                 allocation->peer_lists, &peer->addr, NULL);
	if (verdict != PEER_ALLOWED && verdict != PEER_ALLOWED_IF_RELAYED)
		return STUN_FORBIDDEN;
	peer->needs_judgement = verdict == PEER_ALLOWED_IF_RELAYED;
	address_map_to_private(server, &peer->addr);
	return STUN_NO_ERROR;
}

struct permission *permission_find(const struct turn_allocation *allocation,
                                   const struct transport_addr *peer)
{
	struct permission *permission = find_any(allocation, peer);

	return permission != NULL && permission->is_alive ? permission : NULL;
}

struct permission *permission_install(struct turn_allocation *allocation,
                                      const struct transport_addr *peer, bool needs_judgement)
{
	struct turn_server *server = allocation->server;
	struct permission *permission = find_any(allocation, peer);

	if (permission == NULL)
		permission = create(allocation, peer, needs_judgement);
	if (permission == NULL)
		return NULL;
	if (!permission->is_alive)
		revive(permission);
	timer_set(server->timers, &permission->timer,
	          server->now + (timestamp)server->settings.permission_lifetime_s * MS_PER_S,
	          expire);
	return permission;
}

struct permission *permission_restore(struct turn_allocation *allocation,
                                      const struct permission *original)
{
	struct permission *permission =
		create(allocation, &original->peer, original->needs_judgement);

	if (permission == NULL || !original->is_alive)
		return permission;
	revive(permission);
	timer_set(allocation->server->timers, &permission->timer, original->timer.deadline, expire);
	return permission;
}

size_t permissions_judge(struct turn_allocation *allocation)
{
	size_t ended = 0;

	LIST_FOR_EACH (node, &allocation->permissions) {
		struct permission *permission = CONTAINER_OF(node, struct permission, node);
		if (!peer_is_denied(allocation, &permission->peer))
			continue;
		ended += permission->is_alive;
		permission_destroy(permission);
	}
	return ended;
}

bool peer_is_denied(const struct turn_allocation *allocation, const struct transport_addr *peer)
{
	const struct turn_server *server = allocation->server;
	struct transport_addr named = *peer;

	address_map_to_public(server, &named);
	enum peer_verdict verdict =
		peer_filter_judge_ip(server->settings.filter, allocation->peer_lists, &named, NULL);
	return verdict != PEER_ALLOWED && verdict != PEER_ALLOWED_IF_RELAYED;
}

void permission_destroy(struct permission *permission)
{
	LIST_FOR_EACH (node, &permission->channels)
		channel_destroy(CONTAINER_OF(node, struct channel, node));
	if (permission->is_alive)
		end_life(permission);
	permission_release(permission);
}

static uint64_t hash_peer(const struct turn_allocation *allocation,
                          const struct transport_addr *peer)
{
	return addr_hash_ip(peer, allocation->server->hash_seed ^ hash_mix(allocation->id));
}

void permission_release(struct permission *permission)
{
	struct turn_allocation *allocation = permission->allocation;
	struct turn_server *server = allocation->server;

	if (permission->is_alive || !list_is_empty(&permission->channels))
		return;
	list_remove(&permission->node);
	hash_table_remove(&server->permissions, hash_peer(allocation, &permission->peer),
	                  permission);
	pool_give(&server->permission_pool, permission);
}

static bool is_for(const void *item, const void *key)
{
	const struct permission *permission = item;
	const struct permission_key *wanted = key;

	return permission->allocation == wanted->allocation &&
	       addr_equal_ip(&permission->peer, wanted->peer);
}

static struct permission *find_any(const struct turn_allocation *allocation,
                                   const struct transport_addr *peer)
{
	struct permission_key key = {allocation, peer};

	return hash_table_find(&allocation->server->permissions, hash_peer(allocation, peer),
	                       is_for, &key);
}

static struct permission *create(struct turn_allocation *allocation,
                                 const struct transport_addr *peer, bool needs_judgement)
{
	struct turn_server *server = allocation->server;
	struct permission *permission = pool_take(&server->permission_pool);

	if (permission == NULL)
		return NULL;
	if (hash_table_insert(&server->permissions, hash_peer(allocation, peer), permission) !=
	    OK) {
		pool_give(&server->permission_pool, permission);
		return NULL;
	}
	permission->allocation = allocation;
	permission->peer = *peer;
	permission->needs_judgement = needs_judgement;
	list_init(&permission->channels);
	list_append(&allocation->permissions, &permission->node);
	return permission;
}

static void revive(struct permission *permission)
{
	permission->is_alive = true;
	permission->allocation->permission_count++;
	count(permission->allocation->server, COUNT_permissions_now);
	LIST_FOR_EACH (node, &permission->channels)
		channel_update_flow(CONTAINER_OF(node, struct channel, node));
}

static void expire(struct timer *timer, timestamp now)
{
	struct permission *permission = CONTAINER_OF(timer, struct permission, timer);

	(void)now;
	end_life(permission);
	permission_release(permission);
}

static void end_life(struct permission *permission)
{
	struct turn_server *server = permission->allocation->server;

	permission->is_alive = false;
	permission->allocation->permission_count--;
	counter_sub(server->settings.counters, COUNT_permissions_now, 1);
	timer_cancel(server->timers, &permission->timer);
	LIST_FOR_EACH (node, &permission->channels)
		channel_update_flow(CONTAINER_OF(node, struct channel, node));
}
