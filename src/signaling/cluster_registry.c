/* Nodes: each takes a number, says each second that it is there, and hears of the others in the same answer. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/random.h"
#include "signaling/cluster_private.h"
#include "store/redis.h"

/* Takes or keeps the number, unless another instance has it; gives all nodes, and forgets those that are gone.
 * KEYS: ours, the set of all. ARGV: instance, what else is to be known, life in ms, our number, the prefix of nodes. What it says
 * of a node begins with how many ms it has left. */
static const char beat_script[] =
	"local old = redis.call('GET', KEYS[1]) "
	"if old and string.sub(old, 1, #ARGV[1]) ~= ARGV[1] then return {0} end "
	"redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3]) "
	"redis.call('SADD', KEYS[2], ARGV[4]) "
	"local all = {1} "
	"for _, number in ipairs(redis.call('SMEMBERS', KEYS[2])) do "
	"local node = redis.call('GET', ARGV[5] .. number) "
	"if node then all[#all + 1] = number .. ' ' .. redis.call('PTTL', ARGV[5] .. number) .. ' "
	"' .. node "
	"else redis.call('SREM', KEYS[2], number) end end "
	"return all";

static const char leave_script[] =
	"local old = redis.call('GET', KEYS[1]) "
	"if old and string.sub(old, 1, #ARGV[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end "
	"return 1";

static const char nodes_key[] = CLUSTER_PREFIX "nodes", node_prefix[] = CLUSTER_PREFIX "node/",
		  secret_key[] = CLUSTER_PREFIX "secret";

/* ---- connecting ---- */

static enum err call(struct redis_connection *connection, redisReply **reply, char problem[256],
                     const char *const *words, size_t count)
{
	enum err err = redis_connection_call(connection, timestamp_now() + REDIS_WAIT_MS, reply,
	                                     words, count);

	if (err != OK) {
		snprintf(problem, 256, "%s", redis_connection_problem(connection));
		return err;
	}
	err = redis_reply_check(*reply, problem);
	if (err == OK)
		return OK;
	redis_reply_free(*reply);
	*reply = NULL;
	return err;
}

/* A Redis that has lost its data is given the secret that this node has. */
static enum err agree_on_secret(struct cluster *cluster, char problem[256])
{
	char mine[SECRET_SIZE];
	uint8_t bytes[32];
	redisReply *reply = NULL;
	size_t len;
	enum err err;

	random_bytes(bytes, sizeof bytes);
	hex_put(bytes, sizeof bytes, mine);
	if (cluster->secret[0] != '\0')
		memcpy(mine, cluster->secret, sizeof mine);
	err = call(cluster->commands, &reply, problem, WORDS("SET", secret_key, mine, "NX"));
	redis_reply_free(reply);
	reply = NULL;
	if (err == OK)
		err = call(cluster->commands, &reply, problem, WORDS("GET", secret_key));
	if (err == OK && (redis_text(reply, mine, sizeof mine) != OK ||
	                  hex_get(mine, bytes, sizeof bytes, &len) != OK || len != sizeof bytes)) {
		snprintf(problem, 256, "the key %s is not what a node made", secret_key);
		err = ERR_INVALID;
	}
	if (err == OK && cluster->secret[0] != '\0' &&
	    !bytes_equal_secret(cluster->secret, mine, sizeof mine)) {
		snprintf(problem, 256, "its nodes have another secret by now: start this one anew");
		err = ERR_DENIED;
	}
	if (err == OK)
		memcpy(cluster->secret, mine, sizeof mine);
	bytes_wipe(mine, sizeof mine);
	bytes_wipe(bytes, sizeof bytes);
	redis_reply_free(reply);
	return err;
}

static enum err subscribe(struct cluster *cluster, char problem[256])
{
	char channel[64];
	redisReply *reply = NULL;
	enum err err;

	snprintf(channel, sizeof channel, CLUSTER_PREFIX "to/%u", (unsigned)cluster->number);
	err = call(cluster->letters, &reply, problem, WORDS("SUBSCRIBE", channel));
	redis_reply_free(reply);
	return err;
}

static enum err connect_one(struct cluster *cluster, struct redis_connection **connection,
                            char problem[256])
{
	return redis_connect(&cluster->settings, timestamp_now() + REDIS_WAIT_MS, &cluster->at,
	                     connection, problem);
}

enum err registry_connect(struct cluster *cluster, char problem[256])
{
	enum err err;

	problem[0] = '\0';
	cluster->at = cluster->settings.address;
	err = connect_one(cluster, &cluster->commands, problem);
	if (err == OK)
		err = connect_one(cluster, &cluster->letters, problem);
	if (err == OK)
		err = agree_on_secret(cluster, problem);
	if (err == OK)
		err = subscribe(cluster, problem);
	cluster->connected_at = timestamp_now();
	if (err == OK)
		err = registry_beat(cluster, cluster->connected_at, problem);
	if (err == OK)
		return OK;
	registry_disconnect(cluster);
	if (problem[0] == '\0')
		snprintf(problem, 256, "%s", err_string(err));
	return err;
}

void registry_disconnect(struct cluster *cluster)
{
	redis_connection_close(cluster->commands);
	redis_connection_close(cluster->letters);
	cluster->commands = cluster->letters = NULL;
}

/* The others need not wait until its number ends by itself. */
void registry_leave(struct cluster *cluster)
{
	char key[64], problem[256];
	redisReply *reply = NULL;

	if (cluster->commands == NULL)
		return;
	snprintf(key, sizeof key, "%s%u", node_prefix, (unsigned)cluster->number);
	(void)!call(cluster->commands, &reply, problem,
	            WORDS("EVAL", leave_script, "1", key, cluster->instance));
	redis_reply_free(reply);
}

/* ---- the beat ---- */

static struct cluster_node *node_create(struct cluster *cluster, uint32_t number)
{
	struct cluster_node *node = calloc(1, sizeof *node);

	if (node == NULL)
		return NULL;
	node->number = number;
	node->epoch = 1;
	node->threads = 1;
	node->is_alive = true;
	text_init(&node->pending, 0);
	text_init(&node->batch, 0);
	list_append(&cluster->nodes, &node->node);
	return node;
}

struct cluster_node *registry_find(const struct cluster *cluster, uint32_t number)
{
	LIST_FOR_EACH (at, (struct list *)&cluster->nodes) {
		struct cluster_node *node = CONTAINER_OF(at, struct cluster_node, node);
		if (node->number == number)
			return node;
	}
	return NULL;
}

struct cluster_node *registry_meet(struct cluster *cluster, uint32_t number)
{
	struct cluster_node *node = registry_find(cluster, number);

	return node != NULL ? node : node_create(cluster, number);
}

static void node_destroy(struct cluster_node *node)
{
	list_remove(&node->node);
	text_deinit(&node->pending);
	text_deinit(&node->batch);
	free(node);
}

void registry_deinit(struct cluster *cluster)
{
	LIST_FOR_EACH (at, &cluster->nodes)
		node_destroy(CONTAINER_OF(at, struct cluster_node, node));
	hash_table_deinit(&cluster->rooms);
}

/* What a node says of itself in a second line, which one of another version may not have: "VERSION SESSIONS ROOMS". */
static void hear_load(struct cluster_node *node, const char *line)
{
	char version[VERSION_SIZE];

	if (line == NULL || sscanf(line, "\n%32s %" SCNu64 " %" SCNu64, version, &node->sessions,
	                           &node->rooms) != 3)
		return;
	memcpy(node->version, version, sizeof version);
}

/* "NUMBER LEFT_MS INSTANCE READY THREADS NAME" */
static void hear_of(struct cluster *cluster, const char *line, timestamp now)
{
	char instance[INSTANCE_SIZE], name[CLUSTER_NAME_SIZE];
	unsigned number, ready, threads;
	struct cluster_node *node;
	int left_ms;

	if (sscanf(line, "%u %d %32s %u %u %64[^\n]", &number, &left_ms, instance, &ready, &threads,
	           name) != 6 ||
	    number == cluster->number || threads == 0 || threads > UINT16_MAX || left_ms < 0 ||
	    left_ms > NODE_LIFE_MS)
		return;
	node = registry_meet(cluster, number);
	if (node == NULL)
		return;
	if (node->instance[0] == '\0')
		log_always("node joined", "node=\"%s\" number=%u", name, number);
	else if (strcmp(node->instance, instance) != 0)
		link_raise(cluster, node, node->epoch + 1);
	else if (!node->is_alive)
		log_always("node back", "node=\"%s\" number=%u", name, number);
	node->must_greet |= !node->is_alive;
	node->is_alive = node->was_seen = true;
	node->is_ready = ready != 0;
	node->threads = threads;
	memcpy(node->instance, instance, sizeof instance);
	memcpy(node->name, name, sizeof name);
	node->last_beat = now - (timestamp)(NODE_LIFE_MS - left_ms);
	hear_load(node, strchr(line, '\n'));
}

static void lose(struct cluster *cluster, struct cluster_node *node, timestamp now)
{
	log_warning("node lost", "node=\"%s\" number=%u effect=\"its rooms go on elsewhere\"",
	            node->name, (unsigned)node->number);
	node->is_alive = node->is_ready = false;
	node->lost_at = now;
	link_raise(cluster, node, node->epoch + 1);
}

static void lose_absent(struct cluster *cluster, timestamp now)
{
	LIST_FOR_EACH (at, &cluster->nodes) {
		struct cluster_node *node = CONTAINER_OF(at, struct cluster_node, node);
		if (!node->is_alive && now - node->lost_at >= FORGET_MS)
			node_destroy(node);
		else if (node->is_alive && !node->was_seen)
			lose(cluster, node, now);
	}
}

static bool read_beat(struct cluster *cluster, const redisReply *reply, timestamp now)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
	    reply->element[0]->type != REDIS_REPLY_INTEGER || reply->element[0]->integer != 1)
		return false;
	LIST_FOR_EACH (at, &cluster->nodes)
		CONTAINER_OF(at, struct cluster_node, node)->was_seen = false;
	for (size_t i = 1; i < reply->elements; i++)
		if (redis_reply_is_text(reply->element[i]))
			hear_of(cluster, reply->element[i]->str, now);
	/* After Redis was away the others come back one after the other. */
	if (now - cluster->connected_at >= GRACE_MS)
		lose_absent(cluster, now);
	return true;
}

enum err registry_beat(struct cluster *cluster, timestamp now, char problem[256])
{
	char key[64], number[16], life[16], rest[CLUSTER_NAME_SIZE + VERSION_SIZE + 80];
	bool is_ready = atomic_load_explicit(&cluster->is_ready, memory_order_relaxed);
	struct cluster_load load = report_load(cluster);
	redisReply *reply = NULL;
	enum err err;

	snprintf(number, sizeof number, "%u", (unsigned)cluster->number);
	snprintf(key, sizeof key, "%s%s", node_prefix, number);
	snprintf(life, sizeof life, "%d", NODE_LIFE_MS);
	snprintf(rest, sizeof rest, " %d %u %s\n%.32s %" PRIu64 " %" PRIu64, is_ready,
	         cluster->threads, cluster->name, PACKAGE_VERSION, load.sessions, load.rooms);
	err = call(cluster->commands, &reply, problem,
	           WORDS("EVAL", beat_script, "2", key, nodes_key, cluster->instance, rest, life,
	                 number, node_prefix));
	if (err != OK)
		return err;
	cluster->next_beat = now + BEAT_MS;
	if (!read_beat(cluster, reply, now)) {
		snprintf(problem, 256, "another node has the number %s: start this one anew",
		         number);
		err = ERR_DENIED;
	}
	cluster->last_beat = now;
	redis_reply_free(reply);
	return err;
}
