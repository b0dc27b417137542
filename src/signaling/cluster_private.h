/* What the files of the cluster share. All of it belongs to the cluster's thread, but where it says otherwise. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/backoff.h"
#include "base/hash_table.h"
#include "base/list.h"
#include "base/mailbox.h"
#include "base/timestamp.h"
#include "signaling/cluster.h"
#include "signaling/seal.h"
#include "signaling/text.h"
#include "signaling/worker.h"
#include "store/redis_connection.h"

#define CLUSTER_PREFIX "turnstone/signaling/"

enum {
	CLUSTER_NAME_SIZE = 65,
	VERSION_SIZE = 33,
	INSTANCE_SIZE = 33,
	SECRET_SIZE = 65,
	BEAT_MS = 1000,
	NODE_LIFE_MS = 5000,  /* without a beat */
	REDIS_WAIT_MS = 1000, /* for one answer */
	SETTLE_MS =
		2000, /* after Redis was away: all nodes come back and say which rooms are theirs */
	GRACE_MS = 6000,     /* and until then none is taken for lost that is not there yet */
	FORGET_MS = 600000,  /* how long the epoch of a lost node's link is kept */
	PENDING_MAX = 65536, /* letters of the workers that the thread has not seen */
	RETRY_FIRST_MS = 100,
	RETRY_LAST_MS = 1000,
	SOON_MS = 100,
};

struct room_key {
	char tenant[TENANT_NAME_MAX + 1], type[ROOM_TYPE_MAX + 1], name[ROOM_NAME_MAX + 1];
	char text[sizeof CLUSTER_PREFIX + TENANT_NAME_MAX + ROOM_TYPE_MAX + ROOM_NAME_MAX + 32];
};

/* What is kept of a room, as it stands in Redis behind the generation. */
enum { GENERATION_DIGITS = 20 }; /* so that the texts of two compare as the numbers do */
struct kept_facts {
	uint64_t generation;
	uint32_t stays_s; /* how long it would stay if it were empty */
	char *text;       /* owned: JSON; NULL: the room is gone */
};

/* Another node, and the link to it. Both ends count how often the link was lost: whoever hears a higher epoch has lost the
 * other as well, and forgets what was before; what comes of a lower one is void. Thus both forget, or neither does. */
struct cluster_node {
	struct list node; /* cluster->nodes */
	uint32_t number;
	char instance[INSTANCE_SIZE], name[CLUSTER_NAME_SIZE], version[VERSION_SIZE];
	unsigned threads;
	uint64_t sessions, rooms; /* as it said last */
	timestamp last_beat;
	bool is_alive, is_ready, was_seen;
	timestamp lost_at;           /* where it is not alive */
	uint64_t epoch, sent, heard; /* numbers of batches in this epoch */
	bool must_greet;             /* it is to hear of the epoch */
	struct text pending;         /* letters for the next batch */
	struct text batch; /* sent, and nobody has said yet that it arrived; empty: none */
};

struct cluster {
	struct redis_settings settings;
	struct redis_address at;
	char name[CLUSTER_NAME_SIZE], instance[INSTANCE_SIZE], secret[SECRET_SIZE];
	uint32_t number;
	unsigned threads;
	const struct dialect *const *dialects;
	size_t dialect_count;
	struct seal *seal;       /* owned: a hash that is the same at all nodes */
	struct workers *workers; /* NULL: not started */
	struct mailbox *mailbox; /* owned */
	pthread_t thread;
	bool has_thread; /* the maker's */
	bool is_ending;

	struct redis_connection *commands, *letters; /* owned; NULL: Redis is away */
	struct backoff retry;
	timestamp connected_at, lost_at, last_beat, next_beat;
	bool is_settled, is_away;
	char problem[256]; /* why it is away, as it was told last */
	struct mailbox *notify;
	void (*reported)(struct mail *mail, void *receiver);

	struct list nodes, questions, releases, recalls;
	struct hash_table rooms; /* that live at this node */
	timestamp next_renewal;
	uint64_t last_generation;

	struct hash_table sessions; /* that are kept for this node */
	struct list unsent, ended, seeking;
	size_t unsent_bytes;
	timestamp next_session_renewal;
	struct snapshot_seal *snapshot_seal; /* owned */

	/* Of any thread; relaxed: they order nothing. */
	_Atomic bool is_ready, has_dropped, is_joined;
	_Atomic uint64_t away_since; /* ms; 0: Redis is there */
	_Atomic uint32_t pending;
};

/* cluster.c */
bool cluster_reserve(struct cluster *cluster); /* room for one letter of a worker */
void cluster_release(struct cluster *cluster);

/* cluster_registry.c: which nodes there are. Not OK: problem is one line, and the connection is of no more use. */
MUST_CHECK enum err registry_connect(struct cluster *cluster, char problem[256]);
void registry_disconnect(struct cluster *cluster);
MUST_CHECK enum err registry_beat(struct cluster *cluster, timestamp now, char problem[256]);
void registry_leave(struct cluster *cluster);
struct cluster_node *registry_find(const struct cluster *cluster, uint32_t number);
struct cluster_node *registry_meet(struct cluster *cluster, uint32_t number); /* or makes it */
void registry_deinit(struct cluster *cluster);

/* cluster_report.c */
struct cluster_load { /* of this node */
	uint64_t sessions, rooms;
};
struct cluster_load report_load(const struct cluster *cluster);
void report_send(const struct cluster *cluster);

/* cluster_join.c: the hubs of a node that was started while Redis was away get their key. */
MUST_CHECK enum err join_hubs(struct cluster *cluster, char problem[256]);

/* cluster_link.c: letters. */
void link_raise(struct cluster *cluster, struct cluster_node *node, uint64_t epoch);
void link_post(struct cluster *cluster, struct post *post); /* takes it over */
MUST_CHECK enum err link_flush(struct cluster *cluster, char problem[256]);
MUST_CHECK enum err link_listen(struct cluster *cluster, char problem[256]);
bool link_has_unsent(const struct cluster *cluster);

/* cluster_rooms.c: who owns which. */
void rooms_ask(struct cluster *cluster, unsigned worker, uint64_t cookie,
               const struct room_key *key);
void rooms_hear(struct cluster *cluster, unsigned worker, const struct room_key *key,
                struct kept_facts *facts, bool is_gone); /* facts: takes their text over */
void rooms_claim_again(struct cluster *cluster);
MUST_CHECK enum err rooms_turn(struct cluster *cluster, timestamp now, char problem[256]);
void rooms_refuse_late(struct cluster *cluster, timestamp now);
void rooms_end(struct cluster *cluster);
bool rooms_are_waiting(const struct cluster *cluster);

/* cluster_sessions.c: what outlives the node of a session. */
MUST_CHECK enum err sessions_init(struct cluster *cluster);
void sessions_keep_again(struct cluster *cluster); /* Redis may have lost them */
MUST_CHECK enum err sessions_turn(struct cluster *cluster, timestamp now, char problem[256]);
void sessions_end(struct cluster *cluster);
bool sessions_are_waiting(const struct cluster *cluster);

struct session_head { /* whose a session is */
	uint32_t tenure;
	struct hub_place place;
};
struct session_words { /* of a command, as texts */
	char key[sizeof CLUSTER_PREFIX "session/" + SESSION_ID_SIZE], head[48], tenure[16],
		node[16], life[16];
};
struct session_words session_words_of(const struct cluster *cluster, const char *id,
                                      uint32_t tenure, unsigned worker);
bool session_head_read(const char *text, struct session_head *head);
/* Gives the next reply, the caller's. */
MUST_CHECK enum err sessions_hear(struct cluster *cluster, redisReply **reply, char problem[256]);

/* cluster_seek.c: sessions that somebody wants whose node is gone. */
MUST_CHECK enum err seek_turn(struct cluster *cluster, char problem[256]);
void seek_refuse_late(struct cluster *cluster, timestamp now);
void seek_end(struct cluster *cluster);
/* cluster_facts.c: what is kept of rooms. */
struct facts_key {
	char text[sizeof(((struct room_key *)NULL)->text) + 8];
};
struct facts_key facts_key(const struct room_key *key);
bool facts_write(const struct room_facts *facts, struct kept_facts *kept); /* on any thread */
void facts_wipe(struct kept_facts *kept);
void facts_ask(struct cluster *cluster, unsigned worker, uint64_t cookie,
               const struct room_key *key);
MUST_CHECK enum err facts_turn(struct cluster *cluster, char problem[256]);
void facts_refuse_late(struct cluster *cluster, timestamp now);
void facts_end(struct cluster *cluster);
