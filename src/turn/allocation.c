/* Allocations: their life from Allocate to expiry, by 5-tuple. What is done on one is elsewhere:
 * permission.c, channel.c, data.c. */
#include "turn/allocation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "turn/action.h"
#include "turn/arrival.h"
#include "turn/connection.h"
#include "turn/mobility.h"
#include "turn/pending.h"

static bool copy_texts(struct turn_allocation *allocation,
                       const struct allocation_settings *settings);
static void free_texts(struct turn_allocation *allocation);
static bool has_tuple(const void *item, const void *key);
static uint64_t hash_tuple(const struct turn_server *server, const struct five_tuple *tuple);
static void count_of(const struct turn_allocation *allocation, enum counter counter, uint64_t n);
static void set_path(struct turn_allocation *allocation, const struct five_tuple *tuple,
                     void *path);
static void link_session(struct turn_server *server, struct turn_allocation *allocation);
static void unlink_session(struct turn_server *server, struct turn_allocation *allocation);
static void unlink_all(struct turn_allocation *allocation);
static void end(struct turn_allocation *allocation, enum turn_report_type type, enum counter how,
                const char *reason);
static void update_flows(struct turn_allocation *allocation);
static const struct peer_lists *find_lists(const struct turn_allocation *allocation);
static void set_timer(struct turn_allocation *allocation);
static void report_traffic(struct turn_allocation *allocation, timestamp now);
static void expire(struct timer *timer, timestamp now);

struct turn_allocation *allocation_find(const struct turn_server *server,
                                        const struct five_tuple *tuple)
{
	return hash_table_find(&server->allocations, hash_tuple(server, tuple), has_tuple, tuple);
}

struct turn_allocation *allocation_create(struct turn_server *server,
                                          const struct allocation_settings *settings)
{
	struct turn_allocation *allocation = pool_take(&server->allocation_pool);

	if (allocation == NULL)
		goto fail;
	if (!copy_texts(allocation, settings))
		goto fail_texts;
	if (hash_table_insert(&server->allocations, hash_tuple(server, settings->tuple),
	                      allocation) != OK)
		goto fail_insert;
	link_session(server, allocation);
	allocation->server = server;
	allocation->created = server->now;
	allocation->id = ++server->next_id;
	allocation->tuple = *settings->tuple;
	allocation->path = settings->path;
	memcpy(allocation->key, settings->key, settings->key_len);
	allocation->key_len = (uint8_t)settings->key_len;
	allocation->is_tcp = settings->is_tcp;
	list_init(&allocation->connections);
	allocation->token_deadline = settings->token_deadline;
	list_init(&allocation->permissions);
	allocation->peer_lists = find_lists(allocation);
	allocation->place = *settings->place;
	limits_init(allocation);
	if (server->settings.traffic_report_s != 0)
		allocation->report_at =
			server->now + (timestamp)server->settings.traffic_report_s * MS_PER_S;
	for (enum turn_family family = 0; family < TURN_FAMILY_COUNT; family++) {
		allocation->relay[family] = settings->relay[family];
		allocation->had_family[family] = allocation_has_family(allocation, family);
		allocation_refresh(allocation, family, settings->lifetime_s);
	}
	count(server, COUNT_sessions_now);
	count_of(allocation, COUNT_allocations_now, 1);
	return allocation;

fail_insert:
fail_texts:
	free_texts(allocation);
	pool_give(&server->allocation_pool, allocation);
fail:
	drop(server, COUNT_drop_no_memory);
	return NULL;
}

/* False without memory; what was copied by then is freed by free_texts. */
static bool copy_texts(struct turn_allocation *allocation,
                       const struct allocation_settings *settings)
{
	allocation->username = strdup(settings->username);
	allocation->realm = settings->realm != NULL ? strdup(settings->realm) : NULL;
	allocation->home = settings->home != NULL ? strdup(settings->home) : NULL;
	allocation->origin = settings->origin != NULL ? strdup(settings->origin) : NULL;
	return allocation->username != NULL &&
	       (allocation->realm != NULL || settings->realm == NULL) &&
	       (allocation->home != NULL || settings->home == NULL) &&
	       (allocation->origin != NULL || settings->origin == NULL);
}

static void free_texts(struct turn_allocation *allocation)
{
	free(allocation->username);
	free(allocation->realm);
	free(allocation->home);
	free(allocation->origin);
}

void allocation_destroy(struct turn_allocation *allocation)
{
	mobility_end(allocation);
	allocation_free_owned(allocation->server, allocation);
	unlink_all(allocation);
}

void allocation_free_owned(struct turn_server *server, struct turn_allocation *allocation)
{
	place_give(server, &allocation->place);
	free_texts(allocation);
	free(allocation->move);
	allocation_disown(allocation);
}

void allocation_disown(struct turn_allocation *allocation)
{
	allocation->place.holder = NULL;
	allocation->username = allocation->realm = allocation->home = allocation->origin = NULL;
	allocation->move = NULL;
}

void allocation_forget(struct turn_allocation *allocation)
{
	mobility_forget(allocation);
	unlink_all(allocation);
}

static void link_session(struct turn_server *server, struct turn_allocation *allocation)
{
	list_append(&server->sessions, &allocation->node);
	server->allocations_here++;
}

/* A walk that would come to it next goes on behind it. */
static void unlink_session(struct turn_server *server, struct turn_allocation *allocation)
{
	if (server->walk == &allocation->node)
		server->walk = allocation->node.next;
	list_remove(&allocation->node);
	server->allocations_here--;
}

/* Takes it out of whatever its server finds it by, and frees it. */
static void unlink_all(struct turn_allocation *allocation)
{
	struct turn_server *server = allocation->server;

	if (allocation->connection_count > 0)
		connections_destroy(allocation);
	LIST_FOR_EACH (node, &allocation->permissions)
		permission_destroy(CONTAINER_OF(node, struct permission, node));
	timer_cancel(server->timers, &allocation->timer);
	unlink_session(server, allocation);
	hash_table_remove(&server->allocations, hash_tuple(server, &allocation->tuple), allocation);
	count_of(allocation, COUNT_allocations_now, (uint64_t)-1);
	bytes_wipe(allocation->key, sizeof allocation->key);
	pool_give(&server->allocation_pool, allocation);
	counter_sub(server->settings.counters, COUNT_sessions_now, 1);
}

struct turn_allocation *allocation_adopt(struct turn_server *server,
                                         const struct turn_allocation *original,
                                         const struct turn_relay relay[TURN_FAMILY_COUNT])
{
	struct turn_allocation *allocation = pool_take(&server->allocation_pool);

	if (allocation == NULL)
		return NULL;
	*allocation = *original;
	allocation->server = server;
	allocation->path = NULL;
	allocation->is_adrift = true;
	allocation->permission_count = allocation->channel_count = 0;
	if (mobility_enable(allocation) != OK) {
		pool_give(&server->allocation_pool, allocation);
		return NULL;
	}
	allocation->node = (struct list){NULL, NULL};
	allocation->timer = (struct timer){.deadline = 0};
	allocation->peer_lists = find_lists(allocation);
	list_init(&allocation->permissions);
	list_init(&allocation->connections); /* one that relays TCP does not move */
	link_session(server, allocation);
	for (enum turn_family family = 0; family < TURN_FAMILY_COUNT; family++)
		allocation->relay[family] = relay[family];
	set_timer(allocation);
	limits_update(allocation);
	count(server, COUNT_sessions_now);
	count_of(allocation, COUNT_allocations_now, 1);
	return allocation;
}

size_t allocation_judge_peers(struct turn_allocation *allocation)
{
	allocation->peer_lists = find_lists(allocation);
	if (allocation->connection_count > 0)
		connections_judge(allocation);
	return permissions_judge(allocation);
}

static const struct peer_lists *find_lists(const struct turn_allocation *allocation)
{
	return peer_rules_find(allocation->server->peer_rules, allocation_home(allocation));
}

bool allocation_take_path(struct turn_allocation *allocation, const struct five_tuple *tuple,
                          void *path)
{
	struct turn_server *server = allocation->server;

	if (hash_table_insert(&server->allocations, hash_tuple(server, tuple), allocation) != OK)
		return false;
	/* Its old place is found by the hash of the old 5-tuple, so that the two do not mix. */
	if (!allocation->is_adrift)
		allocation_leave_path(allocation);
	set_path(allocation, tuple, path);
	return true;
}

void allocation_leave_path(struct turn_allocation *allocation)
{
	struct turn_server *server = allocation->server;

	hash_table_remove(&server->allocations, hash_tuple(server, &allocation->tuple), allocation);
	allocation->is_adrift = true;
	allocation->path = NULL;
	update_flows(allocation);
}

static void set_path(struct turn_allocation *allocation, const struct five_tuple *tuple, void *path)
{
	enum transport before = allocation->tuple.transport;

	allocation->tuple = *tuple;
	/* In this order, so that nobody reads less than there is. */
	count_of(allocation, COUNT_allocations_now, 1);
	counter_add_for(allocation->server->settings.counters, before, COUNT_allocations_now,
	                (uint64_t)-1);
	allocation->path = path;
	allocation->is_adrift = false;
	update_flows(allocation);
}

void allocation_end(struct turn_allocation *allocation, enum turn_report_type type,
                    const char *reason)
{
	end(allocation, type, COUNT_ended_otherwise, reason);
}

void allocation_end_as(struct turn_allocation *allocation, enum counter how, const char *reason)
{
	end(allocation, how == COUNT_ended_expired ? TURN_EXPIRED : TURN_DELETED, how, reason);
}

static void end(struct turn_allocation *allocation, enum turn_report_type type, enum counter how,
                const char *reason)
{
	count_of(allocation,
	         type == TURN_EXPIRED ? COUNT_allocations_expired : COUNT_allocations_deleted, 1);
	count_of(allocation, how, 1);
	action_report(allocation, type, reason);
	for (enum turn_family family = 0; family < TURN_FAMILY_COUNT; family++)
		if (allocation_has_family(allocation, family))
			allocation_drop_family(allocation, family);
	allocation_destroy(allocation);
}

void allocation_refresh(struct turn_allocation *allocation, enum turn_family family,
                        uint32_t lifetime_s)
{
	allocation->lifetime_s = lifetime_s;
	allocation->expiry[family] = allocation->server->now + (timestamp)lifetime_s * MS_PER_S;
	set_timer(allocation);
}

void allocation_drop_family(struct turn_allocation *allocation, enum turn_family family)
{
	/* RFC 6062 section 5.5: its data connections end with an allocation, which has one family. */
	if (allocation->connection_count > 0)
		connections_close(allocation);
	LIST_FOR_EACH (node, &allocation->permissions) {
		struct permission *permission = CONTAINER_OF(node, struct permission, node);
		if (family_of(&permission->peer) == family)
			permission_destroy(permission);
	}
	action_close_relay(allocation->server, allocation->relay[family].relay);
	allocation->relay[family].relay = NULL;
	set_timer(allocation);
}

void turn_path_closed(struct turn_server *server, const struct five_tuple *tuple,
                      const char *reason, timestamp now)
{
	server->now = now;
	pending_forget(server, tuple);
	arrival_path_closed(server, tuple);
	struct turn_allocation *allocation = allocation_find(server, tuple);
	if (allocation == NULL)
		return;
	if (allocation->is_mobile)
		mobility_path_closed(allocation);
	else
		allocation_end_as(allocation, COUNT_ended_with_connection,
		                  reason != NULL ? reason : "connection closed");
}

bool turn_has_session(const struct turn_server *server, const struct five_tuple *tuple)
{
	return allocation_find(server, tuple) != NULL || arrival_find(server, tuple) != NULL;
}

/* Counts for the transport of its 5-tuple, whatever is being served. */
static void count_of(const struct turn_allocation *allocation, enum counter counter, uint64_t n)
{
	counter_add_for(allocation->server->settings.counters, allocation->tuple.transport, counter,
	                n);
}

static uint64_t hash_tuple(const struct turn_server *server, const struct five_tuple *tuple)
{
	return five_tuple_hash(tuple, server->hash_seed);
}

/* As the 5-tuple now is. */
static void update_flows(struct turn_allocation *allocation)
{
	LIST_FOR_EACH (node, &allocation->permissions) {
		struct permission *permission = CONTAINER_OF(node, struct permission, node);
		LIST_FOR_EACH (inner, &permission->channels)
			channel_update_flow(CONTAINER_OF(inner, struct channel, node));
	}
}

static bool has_tuple(const void *item, const void *key)
{
	return five_tuple_equal(&((const struct turn_allocation *)item)->tuple, key);
}

static void set_timer(struct turn_allocation *allocation)
{
	timestamp first = TIMESTAMP_NEVER;

	for (enum turn_family family = 0; family < TURN_FAMILY_COUNT; family++)
		if (allocation_has_family(allocation, family) && allocation->expiry[family] < first)
			first = allocation->expiry[family];
	if (allocation->report_at != 0 && allocation->report_at < first)
		first = first == TIMESTAMP_NEVER ? first : allocation->report_at;
	if (first != TIMESTAMP_NEVER)
		timer_set(allocation->server->timers, &allocation->timer, first, expire);
}

/* The timer is that of the expiry, which is not due yet: it is set anew. Bytes tell of what passed over
 * connections to peers too (RFC 6062). */
static void report_traffic(struct turn_allocation *allocation, timestamp now)
{
	const struct turn_traffic *traffic = &allocation->traffic, *told = &allocation->reported;

	if (traffic->to_peer_packets != told->to_peer_packets ||
	    traffic->to_client_packets != told->to_client_packets ||
	    traffic->to_peer_bytes != told->to_peer_bytes ||
	    traffic->to_client_bytes != told->to_client_bytes) {
		action_report(allocation, TURN_TRAFFIC, "");
		allocation->reported = allocation->traffic;
	}
	allocation->report_at =
		now + (timestamp)allocation->server->settings.traffic_report_s * MS_PER_S;
	set_timer(allocation);
}

static void expire(struct timer *timer, timestamp now)
{
	struct turn_allocation *allocation = CONTAINER_OF(timer, struct turn_allocation, timer);
	bool lives_on = false;
	char reason[40];

	for (enum turn_family family = 0; family < TURN_FAMILY_COUNT; family++)
		lives_on |= allocation_has_family(allocation, family) &&
		            allocation->expiry[family] > now;
	if (!lives_on) {
		snprintf(reason, sizeof reason, "no refresh for %u s",
		         (unsigned)allocation->lifetime_s);
		allocation_end_as(allocation, COUNT_ended_expired, reason);
		return;
	}
	if (allocation->report_at != 0 && allocation->report_at <= now)
		report_traffic(allocation, now);
	for (enum turn_family family = 0; family < TURN_FAMILY_COUNT; family++)
		if (allocation_has_family(allocation, family) && allocation->expiry[family] <= now)
			allocation_drop_family(allocation, family);
}
