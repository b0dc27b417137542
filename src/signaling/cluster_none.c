/* In place of the cluster's files where the program was built without Redis. */
#include <stdio.h>

#include "signaling/cluster.h"
#include "signaling/post.h"
#include "signaling/worker.h"

enum err cluster_create(const struct cluster_settings *settings, struct cluster **cluster,
                        char problem[256])
{
	(void)settings;
	(void)cluster;
	snprintf(problem, 256,
	         "this program was built without Redis: build it with libhiredis-dev installed");
	return ERR_INVALID;
}

uint32_t cluster_node(const struct cluster *cluster)
{
	(void)cluster;
	return 0;
}

bool cluster_is_joined(const struct cluster *cluster)
{
	(void)cluster;
	return false;
}

const char *cluster_problem(const struct cluster *cluster)
{
	(void)cluster;
	return NULL;
}

void cluster_seal_key(const struct cluster *cluster, uint8_t key[32])
{
	(void)cluster;
	(void)key;
}

enum err cluster_start(struct cluster *cluster, struct workers *workers, char problem[256])
{
	(void)cluster;
	(void)workers;
	(void)problem;
	return ERR_INVALID;
}

void cluster_stop(struct cluster *cluster)
{
	(void)cluster;
}

void cluster_destroy(struct cluster *cluster)
{
	(void)cluster;
}

void cluster_set_ready(struct cluster *cluster, bool is_ready)
{
	(void)cluster;
	(void)is_ready;
}

void cluster_post(struct cluster *cluster, struct hub_place place, struct post *post)
{
	(void)cluster;
	(void)place;
	post_destroy(post);
}

void cluster_find_room(struct cluster *cluster, struct worker *worker, uint64_t cookie,
                       const struct room_info *room)
{
	(void)cluster;
	(void)room;
	hub_room_found(worker_hub(worker), cookie, NULL, 0, worker_now(worker));
}

void cluster_keep_session(struct cluster *cluster, struct worker *worker, const char *id,
                          struct post *snapshot, bool is_moved)
{
	(void)cluster;
	(void)worker;
	(void)id;
	(void)is_moved;
	post_destroy(snapshot);
}

void cluster_find_session(struct cluster *cluster, struct worker *worker, uint64_t cookie,
                          const char *id, const char *address, const struct session *asker)
{
	(void)cluster;
	(void)id;
	(void)address;
	(void)asker;
	hub_session_found(worker_hub(worker), cookie, NULL, NULL, worker_now(worker));
}

void cluster_recall_room(struct cluster *cluster, struct worker *worker, uint64_t cookie,
                         const struct room_info *room)
{
	(void)cluster;
	(void)room;
	hub_room_recalled(worker_hub(worker), cookie, false, NULL, worker_now(worker));
}

void cluster_room_changed(struct cluster *cluster, struct worker *worker,
                          const struct room_facts *facts, bool is_gone)
{
	(void)cluster;
	(void)worker;
	(void)facts;
	(void)is_gone;
}
