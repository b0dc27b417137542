/* Many nodes on one Redis: which nodes there are, where a room lives, and letters between hubs of different nodes.
 *
 *   workers ──mail──► cluster's thread ──► Redis: turnstone/signaling/...      node/N    who N is; ends by itself 5 s after its last beat
 *   workers ◄──mail── cluster's thread ◄──                                     nodes     numbers of all
 *                                                                              room/...  "NODE WORKER GENERATION" of its owner
 *                                                                              facts/... what is kept of the room, behind its generation
 *                                                                              to/N      a channel: letters to N, in batches
 *                                                                              session/ID  "TENURE NODE WORKER SEALED": what is known of
 *                                                                                        it, and whose it is
 *                                                                              secret    what all keys of the nodes come from
 *
 * Its thread alone talks to Redis and may wait for it; workers never do. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mailbox.h"
#include "base/timestamp.h"
#include "signaling/hub.h"

struct cluster;
struct worker;
struct workers;

/* What there is to know of the nodes, each second and when Redis goes or comes: for notify, whose deliver frees it. */
struct cluster_node_report {
	uint32_t number;
	char name[65], version[33];
	unsigned threads;
	bool is_self, is_alive, is_ready;
	uint64_t sessions, rooms;
	timestamp last_beat;
};
struct cluster_report {
	struct mail mail;
	bool is_connected, is_joined;
	timestamp lost_at; /* when Redis was seen last, where it is away */
	size_t count;
	struct cluster_node_report nodes[]; /* this one is the first */
};

struct cluster_settings {       /* lent for the call, but dialects and notify */
	const char *connection; /* as redis-userdb has it */
	const char *name;       /* for people; NULL: the host's */
	unsigned threads;       /* workers of this node */
	const struct dialect *const *dialects;
	size_t dialect_count;
	struct mailbox *notify; /* NULL: nobody wants to know */
	void (*reported)(struct mail *mail, void *receiver);
};

/* Connects, takes a number that no other node has, and reads or makes the secret. Where Redis is away it says so in the log, and
 * goes on trying once it was started. ERR_DENIED, ERR_INVALID: problem is one line. */
MUST_CHECK enum err cluster_create(const struct cluster_settings *settings,
                                   struct cluster **cluster, char problem[256]);
uint32_t cluster_node(const struct cluster *cluster);
/* Whether the key is there: it came from Redis once. Without it the hubs wait (hub_settings) until they are given it. */
bool cluster_is_joined(const struct cluster *cluster);
/* Gives the key of ids and tokens, the same for all nodes. The caller wipes it. */
void cluster_seal_key(const struct cluster *cluster, uint8_t key[32]);
/* The workers run. */
MUST_CHECK enum err cluster_start(struct cluster *cluster, struct workers *workers,
                                  char problem[256]);
/* Takes leave of the other nodes and ends the thread; the workers may still call what is below. NULL is fine, as below. */
void cluster_stop(struct cluster *cluster);
void cluster_destroy(struct cluster *cluster); /* the workers are gone */

/* Any thread. A node that is not ready is given no new rooms. */
void cluster_set_ready(struct cluster *cluster, bool is_ready);
/* Gives why new clients had better go elsewhere, in a line; NULL: they need not, also where there is no cluster. Static. */
const char *cluster_problem(const struct cluster *cluster);

/* On a worker's thread; as worker_host has them. */
void cluster_post(struct cluster *cluster, struct hub_place place, struct post *post);
void cluster_find_room(struct cluster *cluster, struct worker *worker, uint64_t cookie,
                       const struct room_info *room);
void cluster_keep_session(struct cluster *cluster, struct worker *worker, const char *id,
                          struct post *snapshot, bool is_moved);
void cluster_find_session(struct cluster *cluster, struct worker *worker, uint64_t cookie,
                          const char *id, const char *address, const struct session *asker);
void cluster_recall_room(struct cluster *cluster, struct worker *worker, uint64_t cookie,
                         const struct room_info *room);
void cluster_room_changed(struct cluster *cluster, struct worker *worker,
                          const struct room_facts *facts, bool is_gone);
