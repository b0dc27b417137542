/* Who owns which room. A claim holds while its node is there, and is said anew now and then; it is given up when the room ends.
 * Which node gets a new room is reckoned from its name and the nodes that are ready, so that all who ask in one moment claim
 * it for the same. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "signaling/cluster_private.h"

enum {
	CLAIM_LIFE_MS = 60000,
	CLAIM_AGAIN_MS = 20000,
	FACTS_LIFE_MS = 2 * CLAIM_LIFE_MS, /* and as long as the room would stay if it were empty */
	CLAIMS_A_TURN = 512,
	QUESTION_WAIT_MS = 4500, /* less than a hub waits for another */
};

/* Gives what the key has, unless that is of a node that is gone: then it is the claim's; "" where the claim is for a node that
 * takes no new rooms. KEYS: the room. ARGV: claim, life in ms, the prefix of nodes, 1: for this node itself. */
static const char claim_script[] =
	"local old = redis.call('GET', KEYS[1]) "
	"if old and old ~= ARGV[1] then "
	"local node = string.match(old, '^%d+') "
	"if node and redis.call('EXISTS', ARGV[3] .. node) == 1 then return old end end "
	"if ARGV[4] == '0' then "
	"local node = redis.call('GET', ARGV[3] .. string.match(ARGV[1], '^%d+')) "
	"if not node or not string.match(node, '^%x+ 1 ') then return '' end end "
	"redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) "
	"return ARGV[1]";

/* Says a claim anew, and what is kept of the room with it; gives what the key has then: that of another node that is there is
 * left alone. "": another has made the room anew since, and is gone as well. KEYS: the room, its facts. ARGV: claim, life in ms, the
 * prefix of nodes, this node, generation, facts, their life. */
static const char keep_script[] =
	"local old = redis.call('GET', KEYS[1]) "
	"if old and old ~= ARGV[1] then "
	"local node = string.match(old, '^%d+') "
	"if node and node ~= ARGV[4] and redis.call('EXISTS', ARGV[3] .. node) == 1 then "
	"return old end end "
	"if redis.call('GETRANGE', KEYS[2], 0, 19) > ARGV[5] then return '' end "
	"redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) "
	"redis.call('SET', KEYS[2], ARGV[5] .. ARGV[6], 'PX', ARGV[7]) "
	"return ARGV[1]";

/* Deletes this claim and these facts and no others: the generation is part of both. KEYS: the room, its facts. ARGV: claim,
 * generation. */
static const char release_script[] =
	"if redis.call('GETRANGE', KEYS[2], 0, 19) == ARGV[2] then redis.call('DEL', KEYS[2]) end "
	"if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end "
	"return 0";

struct claim_text {
	char text[64];
};

struct owned {
	uint64_t hash;
	unsigned worker;
	struct kept_facts facts;
	timestamp due; /* when it is claimed again */
	struct list asked;
	struct room_key key;
};

struct question {
	struct list node;
	struct mail mail;
	struct cluster *cluster;
	unsigned worker;
	uint64_t cookie;
	timestamp deadline;
	bool is_found;
	struct hub_place place;
	uint64_t generation;
	struct room_key key;
};

struct release {
	struct list node;
	uint64_t generation;
	struct claim_text claim;
	struct room_key key;
};

/* ---- rooms of this node ---- */

static bool owned_is(const void *item, const void *key)
{
	return strcmp(((const struct owned *)item)->key.text, key) == 0;
}

static uint64_t hash_of(const struct cluster *cluster, const char *text)
{
	return seal_hash(cluster->seal, slice_of(text));
}

static struct owned *owned_find(const struct cluster *cluster, const struct room_key *key)
{
	return hash_table_find(&cluster->rooms, hash_of(cluster, key->text), owned_is, key->text);
}

static void owned_remove(struct cluster *cluster, struct owned *owned)
{
	hash_table_remove(&cluster->rooms, owned->hash, owned);
	facts_wipe(&owned->facts);
	free(owned);
}

static struct claim_text claim_of(uint32_t node, unsigned worker, uint64_t generation)
{
	struct claim_text claim;

	snprintf(claim.text, sizeof claim.text, "%u %u %" PRIu64, (unsigned)node, worker,
	         generation);
	return claim;
}

static void give_up(struct cluster *cluster, const struct owned *owned)
{
	struct release *release = calloc(1, sizeof *release);

	if (release == NULL)
		return; /* it ends by itself */
	release->generation = owned->facts.generation;
	release->claim = claim_of(cluster->number, owned->worker, release->generation);
	release->key = owned->key;
	list_append(&cluster->releases, &release->node);
}

static struct owned *owned_create(struct cluster *cluster, const struct room_key *key)
{
	struct owned *owned = calloc(1, sizeof *owned);

	if (owned == NULL)
		return NULL;
	owned->hash = hash_of(cluster, key->text);
	owned->key = *key;
	if (hash_table_insert(&cluster->rooms, owned->hash, owned) == OK)
		return owned;
	free(owned);
	return NULL;
}

void rooms_hear(struct cluster *cluster, unsigned worker, const struct room_key *key,
                struct kept_facts *facts, bool is_gone)
{
	struct owned *owned = owned_find(cluster, key);

	if (is_gone && owned != NULL && owned->facts.generation == facts->generation) {
		give_up(cluster, owned);
		owned_remove(cluster, owned);
	}
	if (is_gone)
		return;
	if (owned == NULL)
		owned = owned_create(cluster, key);
	if (owned == NULL)
		return;
	facts_wipe(&owned->facts);
	owned->facts = *facts;
	facts->text = NULL;
	owned->worker = worker;
	owned->due = 0;
	cluster->next_renewal = 0;
}

void rooms_claim_again(struct cluster *cluster)
{
	struct owned *owned;
	size_t position = 0;

	while ((owned = hash_table_next(&cluster->rooms, &position)) != NULL)
		owned->due = 0;
	cluster->next_renewal = 0;
}

/* ---- questions ---- */

static void on_found(struct mail *mail, void *receiver)
{
	struct question *question = CONTAINER_OF(mail, struct question, mail);
	struct worker *worker = receiver;

	hub_room_found(worker_hub(worker), question->cookie,
	               question->is_found ? &question->place : NULL, question->generation,
	               worker_now(worker));
	free(question);
}

static void answer(struct cluster *cluster, struct question *question)
{
	list_remove(&question->node);
	question->mail.deliver = on_found;
	mailbox_post(worker_mailbox(workers_at(cluster->workers, question->worker)),
	             &question->mail);
}

void rooms_ask(struct cluster *cluster, unsigned worker, uint64_t cookie,
               const struct room_key *key)
{
	struct question *question = calloc(1, sizeof *question);
	const struct owned *owned = owned_find(cluster, key);

	if (question == NULL)
		return; /* the hub refuses nobody then, and asks no more */
	question->worker = worker;
	question->cookie = cookie;
	question->key = *key;
	question->deadline = timestamp_now() + QUESTION_WAIT_MS;
	list_append(&cluster->questions, &question->node);
	if (owned == NULL)
		return;
	question->is_found = true;
	question->place = (struct hub_place){cluster->number, (uint16_t)owned->worker};
	question->generation = owned->facts.generation;
	answer(cluster, question);
}

bool rooms_are_waiting(const struct cluster *cluster)
{
	return !list_is_empty(&cluster->questions) || !list_is_empty(&cluster->releases) ||
	       !list_is_empty(&cluster->recalls);
}

void rooms_refuse_late(struct cluster *cluster, timestamp now)
{
	LIST_FOR_EACH (at, &cluster->questions) {
		struct question *question = CONTAINER_OF(at, struct question, node);
		if (now >= question->deadline)
			answer(cluster, question);
	}
	facts_refuse_late(cluster, now);
}

void rooms_end(struct cluster *cluster)
{
	struct owned *owned;
	size_t position = 0;

	LIST_FOR_EACH (at, &cluster->questions)
		free(CONTAINER_OF(at, struct question, node));
	LIST_FOR_EACH (at, &cluster->releases)
		free(CONTAINER_OF(at, struct release, node));
	facts_end(cluster);
	while ((owned = hash_table_next(&cluster->rooms, &position)) != NULL) {
		owned_remove(cluster, owned);
		position = 0;
	}
}

/* ---- placing ---- */

/* The highest of all hashes of room and node wins: a node that comes or goes moves no other's rooms. */
static uint64_t weight(const struct cluster *cluster, const struct room_key *key, uint32_t node)
{
	char text[sizeof key->text + 16];

	snprintf(text, sizeof text, "%s %u", key->text, (unsigned)node);
	return hash_of(cluster, text);
}

static struct hub_place place_for(const struct cluster *cluster, const struct room_key *key)
{
	bool is_ready = atomic_load_explicit(&cluster->is_ready, memory_order_relaxed);
	uint64_t best = is_ready ? weight(cluster, key, cluster->number) : 0, its;
	uint32_t number = cluster->number;
	unsigned threads = cluster->threads;

	LIST_FOR_EACH (at, (struct list *)&cluster->nodes) {
		const struct cluster_node *node = CONTAINER_OF(at, struct cluster_node, node);
		if (!node->is_alive || !node->is_ready)
			continue;
		its = weight(cluster, key, node->number);
		if (its <= best)
			continue;
		best = its;
		number = node->number;
		threads = node->threads;
	}
	return (struct hub_place){number,
	                          (uint16_t)((hash_of(cluster, key->text) >> 32) % threads)};
}

/* By the clock, so that they grow over restarts of all that is here. */
static uint64_t next_generation(struct cluster *cluster)
{
	uint64_t generation = timestamp_wall_ms() << 16;

	if (generation <= cluster->last_generation)
		generation = cluster->last_generation + 1;
	cluster->last_generation = generation;
	return generation;
}

/* ---- with Redis ---- */

static enum err put_claim(struct cluster *cluster, const struct room_key *key,
                          const struct claim_text *claim, bool is_own)
{
	char life[16];

	snprintf(life, sizeof life, "%d", CLAIM_LIFE_MS);
	return redis_connection_put(cluster->commands,
	                            WORDS("EVAL", claim_script, "1", key->text, claim->text, life,
	                                  CLUSTER_PREFIX "node/", is_own ? "1" : "0"));
}

static enum err put_owned(struct cluster *cluster, const struct owned *owned)
{
	const struct kept_facts *facts = &owned->facts;
	struct claim_text claim = claim_of(cluster->number, owned->worker, facts->generation);
	struct facts_key key = facts_key(&owned->key);
	char life[16], node[16], generation[GENERATION_DIGITS + 1], facts_life[24];

	snprintf(life, sizeof life, "%d", CLAIM_LIFE_MS);
	snprintf(node, sizeof node, "%u", (unsigned)cluster->number);
	snprintf(generation, sizeof generation, "%020" PRIu64, facts->generation);
	snprintf(facts_life, sizeof facts_life, "%" PRIu64,
	         FACTS_LIFE_MS + (uint64_t)facts->stays_s * 1000);
	return redis_connection_put(cluster->commands,
	                            WORDS("EVAL", keep_script, "2", owned->key.text, key.text,
	                                  claim.text, life, CLUSTER_PREFIX "node/", node,
	                                  generation, facts->text, facts_life));
}

static enum err put_release(struct cluster *cluster, const struct release *release)
{
	struct facts_key key = facts_key(&release->key);
	char generation[GENERATION_DIGITS + 1];

	snprintf(generation, sizeof generation, "%020" PRIu64, release->generation);
	return redis_connection_put(cluster->commands,
	                            WORDS("EVAL", release_script, "2", release->key.text, key.text,
	                                  release->claim.text, generation));
}

static enum err get_text(struct cluster *cluster, char text[64], char problem[256])
{
	redisReply *reply = NULL;
	enum err err =
		redis_connection_get(cluster->commands, timestamp_now() + REDIS_WAIT_MS, &reply);

	if (err != OK) {
		snprintf(problem, 256, "%s", redis_connection_problem(cluster->commands));
		return err;
	}
	err = redis_reply_check(reply, problem);
	text[0] = '\0';
	if (err == OK && redis_reply_is_text(reply))
		snprintf(text, 64, "%s", reply->str);
	redis_reply_free(reply);
	return err;
}

static bool read_claim(const char *text, struct hub_place *place, uint64_t *generation)
{
	unsigned node, worker;

	if (sscanf(text, "%u %u %" SCNu64, &node, &worker, generation) != 3 || node == 0 ||
	    node > INT32_MAX || worker > UINT16_MAX)
		return false;
	*place = (struct hub_place){node, (uint16_t)worker};
	return true;
}

static enum err put_question(struct cluster *cluster, struct question *question)
{
	struct hub_place place = place_for(cluster, &question->key);
	struct claim_text claim = claim_of(place.node, place.worker, next_generation(cluster));

	question->place = place;
	return put_claim(cluster, &question->key, &claim, place.node == cluster->number);
}

static void hear_answer(struct cluster *cluster, struct question *question, const char *text)
{
	struct cluster_node *node = registry_find(cluster, question->place.node);

	/* It drains, or is gone, since the last beat: another is asked in the next turn. */
	if (text[0] == '\0' && node != NULL) {
		node->is_ready = false;
		return;
	}
	question->is_found = read_claim(text, &question->place, &question->generation);
	/* One that began since the last beat: it is met here. */
	if (question->is_found && question->place.node != cluster->number)
		(void)registry_meet(cluster, question->place.node);
	answer(cluster, question);
}

static enum err ask_questions(struct cluster *cluster, char problem[256])
{
	unsigned asked = 0;
	char text[64];

	LIST_FOR_EACH (at, &cluster->questions) {
		enum err err =
			asked == CLAIMS_A_TURN
				? ERR_FULL
				: put_question(cluster, CONTAINER_OF(at, struct question, node));
		if (err == ERR_FULL)
			break;
		if (err != OK)
			return err;
		asked++;
	}
	LIST_FOR_EACH (at, &cluster->questions) {
		if (asked-- == 0)
			break;
		enum err err = get_text(cluster, text, problem);
		if (err != OK)
			return err;
		hear_answer(cluster, CONTAINER_OF(at, struct question, node), text);
	}
	return OK;
}

struct move {
	struct worker_task task;
	struct room_key key;
};

static void on_worker(struct worker_task *task, struct worker *worker)
{
	const struct move *move = CONTAINER_OF(task, struct move, task);
	const struct room_info room = {
		.tenant = move->key.tenant, .type = move->key.type, .name = move->key.name};

	hub_room_moved(worker_hub(worker), &room, worker_now(worker));
}

static void on_done(struct worker_task *task)
{
	free(CONTAINER_OF(task, struct move, task));
}

/* While this node was away another has made the room anew: who is here goes there. */
static void move_room(struct cluster *cluster, struct owned *owned)
{
	struct move *move = calloc(1, sizeof *move);

	log_warning("room moved", "tenant=%s room=\"%s\" reason=\"another node has it by now\"",
	            owned->key.tenant, owned->key.name);
	if (move != NULL) {
		*move = (struct move){{.run = on_worker, .done = on_done}, owned->key};
		if (workers_ask(cluster->workers, NULL, &move->task) != OK)
			free(move);
	}
	owned_remove(cluster, owned);
}

static void hear_claim(struct cluster *cluster, struct owned *owned, const char *text)
{
	struct hub_place place;
	uint64_t generation;

	if (text[0] == '\0' || (read_claim(text, &place, &generation) &&
	                        (place.node != cluster->number || place.worker != owned->worker)))
		move_room(cluster, owned);
}

static enum err claim_again(struct cluster *cluster, timestamp now, char problem[256])
{
	struct list asked;
	struct owned *owned;
	size_t position = 0;
	unsigned count = 0;
	char text[64];
	enum err err = OK;

	if (now < cluster->next_renewal)
		return OK;
	list_init(&asked);
	cluster->next_renewal = now + BEAT_MS;
	while (err == OK && (owned = hash_table_next(&cluster->rooms, &position)) != NULL) {
		if (owned->due > now)
			continue;
		if (count++ == CLAIMS_A_TURN) {
			cluster->next_renewal = now;
			break;
		}
		err = put_owned(cluster, owned);
		owned->due = now + CLAIM_AGAIN_MS;
		list_append(&asked, &owned->asked);
	}
	LIST_FOR_EACH (at, &asked) {
		list_remove(at);
		if (err == OK)
			err = get_text(cluster, text, problem);
		if (err == OK)
			hear_claim(cluster, CONTAINER_OF(at, struct owned, asked), text);
	}
	return err;
}

static enum err give_up_all(struct cluster *cluster, char problem[256])
{
	char text[64];

	LIST_FOR_EACH (at, &cluster->releases) {
		struct release *release = CONTAINER_OF(at, struct release, node);
		enum err err = put_release(cluster, release);
		if (err == OK)
			err = get_text(cluster, text, problem);
		if (err != OK)
			return err;
		list_remove(at);
		free(release);
	}
	return OK;
}

enum err rooms_turn(struct cluster *cluster, timestamp now, char problem[256])
{
	enum err err = give_up_all(cluster, problem);

	if (err == OK)
		err = claim_again(cluster, now, problem);
	/* Behind what this node says of its own: a room that ended here is not recalled. */
	if (err == OK)
		err = facts_turn(cluster, problem);
	/* Others may not have said yet what lives with them. */
	if (err == OK && cluster->is_settled)
		err = ask_questions(cluster, problem);
	return err;
}
