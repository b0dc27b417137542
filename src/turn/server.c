/* The server of one relay thread: what it owns, and its time. What it does with a message is in
 * dispatch.c. */
#include "turn/server.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "turn/action.h"
#include "turn/arrival.h"
#include "turn/connection.h"
#include "turn/pending.h"
#include "turn/reservation.h"

static void init_tables(struct turn_server *server);
static void deinit_tables(struct turn_server *server);
static void destroy_allocations(struct turn_server *server);

enum err turn_server_create(const struct turn_settings *settings, timestamp now,
                            struct turn_server **server)
{
	struct turn_server *created = calloc(1, sizeof *created);
	enum err err = ERR_NO_MEMORY;

	assert(settings->thread < settings->thread_count);
	if (created == NULL)
		return ERR_NO_MEMORY;
	created->settings = *settings;
	serve(created, COUNTER_LANE_NONE, now);
	created->next_id = (uint64_t)settings->thread << 48; /* ids go with their allocations */
	settings->random(&created->hash_seed, sizeof created->hash_seed);
	if (settings->alternates != NULL)
		turn_server_set_alternates(created, settings->alternates);
	/* Threads begin at different places, lest the first server gets the first client of each. */
	for (unsigned kind = 0; kind < TURN_ALTERNATE_KINDS; kind++)
		created->next_alternate[kind] = settings->thread;
	init_tables(created);
	err = stun_hasher_create(&created->hasher);
	if (err != OK)
		goto fail_hasher;
	err = timer_wheel_create(now, &created->timers);
	if (err != OK)
		goto fail_timers;
	*server = created;
	return OK;

fail_timers:
	stun_hasher_destroy(created->hasher);
fail_hasher:
	deinit_tables(created);
	bytes_wipe(&created->settings, sizeof created->settings);
	free(created);
	return err;
}

void turn_server_destroy(struct turn_server *server)
{
	if (server == NULL)
		return;
	pending_deinit(server);
	arrival_deinit(server);
	reservation_deinit(server);
	destroy_allocations(server);
	action_queue_deinit(server);
	timer_wheel_destroy(server->timers);
	stun_hasher_destroy(server->hasher);
	deinit_tables(server);
	bytes_wipe(&server->settings, sizeof server->settings);
	free(server);
}

size_t turn_server_set_peer_rules(struct turn_server *server, const struct peer_rules *rules,
                                  timestamp now)
{
	size_t ended = 0;

	server->now = now;
	server->peer_rules = rules;
	LIST_FOR_EACH (node, &server->sessions)
		ended += allocation_judge_peers(CONTAINER_OF(node, struct turn_allocation, node));
	counter_add(server->settings.counters, COUNT_permissions_ended, ended);
	return ended;
}

timestamp turn_next_timeout(const struct turn_server *server)
{
	return timer_wheel_next(server->timers);
}

void turn_handle_timeout(struct turn_server *server, timestamp now)
{
	serve(server, COUNTER_LANE_NONE, now);
	timer_wheel_advance(server->timers, now);
}

static void init_tables(struct turn_server *server)
{
	hash_table_init(&server->allocations);
	hash_table_init(&server->permissions);
	hash_table_init(&server->channels_by_number);
	hash_table_init(&server->channels_by_peer);
	hash_table_init(&server->pending_by_cookie);
	hash_table_init(&server->pending_by_transaction);
	hash_table_init(&server->reservations);
	hash_table_init(&server->mobile);
	hash_table_init(&server->arrivals_by_tuple);
	hash_table_init(&server->arrivals_by_allocation);
	hash_table_init(&server->connections_by_id);
	hash_table_init(&server->connections_by_peer);
	pool_init(&server->allocation_pool, sizeof(struct turn_allocation));
	pool_init(&server->permission_pool, sizeof(struct permission));
	pool_init(&server->channel_pool, sizeof(struct channel));
	pool_init(&server->connection_pool, sizeof(struct connection));
	list_init(&server->sessions);
	list_init(&server->reserved);
	list_init(&server->arrivals);
	list_init(&server->pending);
	list_init(&server->actions);
}

static void deinit_tables(struct turn_server *server)
{
	pool_deinit(&server->connection_pool);
	pool_deinit(&server->channel_pool);
	pool_deinit(&server->permission_pool);
	pool_deinit(&server->allocation_pool);
	hash_table_deinit(&server->arrivals_by_allocation);
	hash_table_deinit(&server->arrivals_by_tuple);
	hash_table_deinit(&server->mobile);
	hash_table_deinit(&server->connections_by_peer);
	hash_table_deinit(&server->connections_by_id);
	hash_table_deinit(&server->reservations);
	hash_table_deinit(&server->pending_by_transaction);
	hash_table_deinit(&server->pending_by_cookie);
	hash_table_deinit(&server->channels_by_peer);
	hash_table_deinit(&server->channels_by_number);
	hash_table_deinit(&server->permissions);
	hash_table_deinit(&server->allocations);
}

static void destroy_allocations(struct turn_server *server)
{
	LIST_FOR_EACH (node, &server->sessions)
		allocation_destroy(CONTAINER_OF(node, struct turn_allocation, node));
}
