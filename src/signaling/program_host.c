/* The callbacks run on the threads of the workers. */
#include "signaling/program_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "base/random.h"
#include "signaling/authority.h"
#include "signaling/cluster.h"
#include "signaling/room_keeper.h"
#include "signaling/sink.h"
#include "signaling/turn_source.h"

/* ---- for the hub ---- */

static const struct dialect *const dialects[] = {&dialect_channelling, &dialect_rpc, &dialect_v1,
                                                 &dialect_peerjs};

static const struct tenant *find_tenant(const void *context, const char *name)
{
	const struct service_set *set = program_current(context);

	return set == NULL ? NULL : authority_tenant(set->authority, name);
}

static bool is_relay_only(void *context, const char *name)
{
	const struct service_set *set = program_current(context);
	const struct tenant *tenant = find_tenant(context, name);

	return (set != NULL && set->config->relay_only) ||
	       (tenant != NULL && tenant->is_relay_only);
}

/* A hub has its share of what all of them may have, and what is left over. */
static uint32_t share(uint32_t all, unsigned threads)
{
	return (all + threads - 1) / threads;
}

static struct tenant_limits limits_of(void *context, const char *name)
{
	const struct tenant *tenant = find_tenant(context, name);

	if (tenant == NULL)
		return (struct tenant_limits){0};
	return (struct tenant_limits){
		.sessions_max = tenant->sessions_max,
		.rooms_max = tenant->rooms_max,
		.room_capacity = tenant->room_capacity,
	};
}

/* ---- for the workers ---- */

/* Once: who has such a room has many who were removed. */
static void warn_of_forgotten(struct program *program, const struct room_facts *facts)
{
	if (facts->has_forgotten &&
	    !atomic_exchange_explicit(&program->has_told_of_forgotten, true, memory_order_relaxed))
		log_warning("kicks forgotten",
		            "tenant=%s room=\"%s\" reason=\"more were removed than a room keeps in "
		            "mind\" effect=\"the first of them may come in again\"",
		            facts->info.tenant, facts->info.name);
}

static void on_room_changed(void *context, struct worker *worker, const struct room_facts *facts,
                            bool is_gone)
{
	struct program *program = context;

	warn_of_forgotten(program, facts);
	if (program->cluster != NULL)
		cluster_room_changed(program->cluster, worker, facts, is_gone);
	if (program->rooms == NULL)
		return;
	if (is_gone)
		room_keeper_delete(program->rooms, &facts->info);
	else
		room_keeper_put(program->rooms, facts);
}

static void on_post(void *context, struct worker *worker, struct hub_place place, struct post *post)
{
	(void)worker;
	cluster_post(((struct program *)context)->cluster, place, post);
}

static void on_find_room(void *context, struct worker *worker, uint64_t cookie,
                         const struct room_info *room)
{
	cluster_find_room(((struct program *)context)->cluster, worker, cookie, room);
}

static void on_keep_session(void *context, struct worker *worker, const char *id,
                            struct post *snapshot, bool is_moved)
{
	cluster_keep_session(((struct program *)context)->cluster, worker, id, snapshot, is_moved);
}

static void on_find_session(void *context, struct worker *worker, uint64_t cookie, const char *id,
                            const char *address, const struct session *asker)
{
	cluster_find_session(((struct program *)context)->cluster, worker, cookie, id, address,
	                     asker);
}

static void on_recall_room(void *context, struct worker *worker, uint64_t cookie,
                           const struct room_info *room)
{
	cluster_recall_room(((struct program *)context)->cluster, worker, cookie, room);
}

static void on_emit(void *context, struct worker *worker, const struct event *event)
{
	struct sinks *sinks = program_current(context)->sinks;

	(void)worker;
	if (sinks == NULL || event->room == NULL)
		return;
	const struct fact fact = {
		.key = event->name,
		.tenant = event->room->tenant,
		.room = event->room->name,
		.sequence = event->room->sequence,
		.wall_ms = event->wall_ms,
		.body = event->value,
	};
	(void)!sinks_put(sinks, &fact); /* what does not fit is told by the sinks */
}

static void on_revoke(void *context, struct worker *worker, const struct identity *identity,
                      const char *username)
{
	struct program *program = context;
	struct store_revocation revocation;

	(void)worker;
	if (program->rooms == NULL ||
	    !turn_source_revocation(program_current(program)->turn_source, username, &revocation))
		return;
	log_info("TURN credentials revoked", "user=%s tenant=%s", identity->user, identity->tenant);
	room_keeper_revoke(program->rooms, &revocation);
}

static const char *on_problem(void *context)
{
	return program_problem(context);
}

static struct address_limits_settings limits_of_addresses(const struct config *config)
{
	return (struct address_limits_settings){
		.connections = config->signaling_address_connections,
		.requests_s = config->signaling_address_requests,
		.failures_min = config->signaling_address_failures,
	};
}

static void fill_for_cluster(const struct cluster *cluster, struct workers_settings *settings)
{
	settings->hub.is_cluster = true;
	settings->hub.place.node = cluster_node(cluster);
	if (cluster_is_joined(cluster))
		cluster_seal_key(cluster, settings->hub.seal_key);
	settings->host.post = on_post;
	settings->host.find_room = on_find_room;
	settings->host.keep_session = on_keep_session;
	settings->host.find_session = on_find_session;
	settings->host.recall_room = on_recall_room;
}

enum err program_host_join(struct program *program, const struct config *config, unsigned threads,
                           char problem[256])
{
	const struct cluster_settings settings = {
		.connection = config->redis_userdb,
		.name = config->signaling_node,
		.threads = threads,
		.dialects = dialects,
		.dialect_count = sizeof dialects / sizeof dialects[0],
		.notify = program->mailbox,
		.reported = program_hear_nodes,
	};

	return cluster_create(&settings, &program->cluster, problem);
}

void program_host_fill(struct program *program, const struct config *config, unsigned threads,
                       struct workers_settings *settings)
{
	program->threads = threads;
	settings->hub = (struct hub_settings){
		.dialects = dialects,
		.dialect_count = sizeof dialects / sizeof dialects[0],
		.queue_bytes_max = config->signaling_queue_size,
		.replay_bytes_max = config->signaling_replay_size,
		.sessions_max = share(config->signaling_sessions, threads),
		.rooms_max = share(config->signaling_rooms, threads),
		.room_capacity = config->room_capacity,
		.has_legacy_room_size = config->legacy_room_size,
		.is_relay_only = is_relay_only,
		.tenant_limits = limits_of,
		.tenants = program->tenants,
		.context = program,
		.images = program->images,
		.channelling = program->channelling,
	};
	settings->host = (struct worker_host){
		.room_changed = on_room_changed,
		.emit = on_emit,
		.revoke = on_revoke,
		.problem = on_problem,
		.context = program,
	};
	settings->policy.limits = limits_of_addresses(config);
	random_bytes(settings->hub.seal_key, sizeof settings->hub.seal_key);
	if (program->cluster != NULL)
		fill_for_cluster(program->cluster, settings);
}

struct worker_policy program_host_policy(const struct program *program)
{
	const struct service_set *set = program_current(program);

	return (struct worker_policy){
		.services = set->services,
		.tls = set->tls,
		.proxies = &set->config->trusted_proxy,
		.origins = &set->config->signaling_origin,
		.limits = limits_of_addresses(set->config),
		.files = set->files,
	};
}
