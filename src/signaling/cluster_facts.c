/* What is kept of rooms in Redis, so that who makes one anew whose owner's node is lost makes it as it was. It is written beside the
 * claim (cluster_rooms.c); here is its form, and the way from Redis to the hub that asks. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "signaling/cluster_private.h"
#include "signaling/json_text.h"
#include "signaling/room_pin.h"

enum { RECALLS_A_TURN = 512, RECALL_WAIT_MS = 4500 };

struct recall {
	struct list node;
	struct mail mail;
	unsigned worker;
	uint64_t cookie;
	timestamp deadline;
	bool is_known;
	char *text; /* owned: generation and JSON; NULL: nothing is kept */
	struct room_key key;
};

/* What was read of it. */
struct read_facts {
	struct room_facts facts; /* its texts are these */
	char owner[USER_NAME_MAX + 1], pin[ROOM_PIN_KEPT_SIZE];
};

struct facts_key facts_key(const struct room_key *key)
{
	struct facts_key made;

	snprintf(made.text, sizeof made.text, CLUSTER_PREFIX "facts/%s",
	         key->text + strlen(CLUSTER_PREFIX "room/"));
	return made;
}

/* ---- its form ---- */

static void write_all(const struct room_facts *facts, const char *pin, struct text *text)
{
	const struct room_info *info = &facts->info;

	json_open(text, '{');
	json_member_string(text, "owner", slice_of(info->owner));
	json_member_string(text, "pin", slice_of(pin));
	json_member_bool(text, "locked", info->is_locked);
	json_member_bool(text, "relayed", info->is_relay_only);
	json_member_integer(text, "capacity", info->capacity);
	json_member_integer(text, "stays", info->empty_s);
	json_member_integer(text, "created", (int64_t)info->created_ms);
	if (!slice_is_empty(facts->kicked))
		json_member_raw(text, "kicked", facts->kicked);
	json_close(text, '}');
	text_put_char(text, '\0');
}

/* Redis gets no PIN, only its hash. */
bool facts_write(const struct room_facts *facts, struct kept_facts *kept)
{
	char pin[ROOM_PIN_KEPT_SIZE] = "";
	struct text text;

	if (facts->pin[0] != '\0' && !room_pin_make(facts->pin, pin))
		return false;
	text_init(&text, 0);
	write_all(facts, pin, &text);
	if (text.has_failed) {
		text_deinit(&text);
		return false;
	}
	kept->generation = facts->generation;
	kept->stays_s = facts->info.empty_s;
	if (!slice_is_empty(facts->kicked) && kept->stays_s < ROOM_KICKS_STAY_S)
		kept->stays_s = ROOM_KICKS_STAY_S;
	kept->text = text.at;
	return true;
}

void facts_wipe(struct kept_facts *kept)
{
	if (kept->text != NULL)
		bytes_wipe(kept->text, strlen(kept->text));
	free(kept->text);
	kept->text = NULL;
}

static bool read_number(struct slice json, const char *name, int64_t max, int64_t *number)
{
	return json_get_integer(json_member(json, name), 0, max, number) == OK;
}

static bool read_numbers(struct slice json, struct room_info *info)
{
	int64_t capacity, stays, created;

	if (!read_number(json, "capacity", UINT32_MAX, &capacity) ||
	    !read_number(json, "stays", UINT32_MAX, &stays) ||
	    !read_number(json, "created", INT64_MAX, &created))
		return false;
	info->capacity = (uint32_t)capacity;
	info->empty_s = (uint32_t)stays;
	info->created_ms = (uint64_t)created;
	return true;
}

static bool read_generation(const char *text, uint64_t *generation)
{
	char digits[GENERATION_DIGITS + 1];

	if (strspn(text, "0123456789") != GENERATION_DIGITS)
		return false;
	memcpy(digits, text, GENERATION_DIGITS);
	digits[GENERATION_DIGITS] = '\0';
	*generation = strtoull(digits, NULL, 10);
	return true;
}

/* It may be of a node of another version, or somebody else's. */
static bool facts_read(const char *text, struct read_facts *read)
{
	struct room_facts *facts = &read->facts;
	struct slice json;

	*read = (struct read_facts){0};
	if (!read_generation(text, &facts->generation))
		return false;
	json = slice_of(text + GENERATION_DIGITS);
	if (json_check(json) != OK || json_kind(json) != JSON_KIND_OBJECT ||
	    json_get_text(json_member(json, "owner"), read->owner, sizeof read->owner) != OK ||
	    json_get_text(json_member(json, "pin"), read->pin, sizeof read->pin) != OK ||
	    !read_numbers(json, &facts->info))
		return false;
	facts->info.owner = read->owner;
	facts->info.is_locked = json_is_true(json_member(json, "locked"));
	facts->info.is_relay_only = json_is_true(json_member(json, "relayed"));
	facts->info.has_pin = read->pin[0] != '\0';
	facts->pin = read->pin;
	facts->kicked = json_member(json, "kicked");
	return true;
}

/* ---- on the worker's thread ---- */

static void recall_destroy(struct recall *recall)
{
	if (recall->text != NULL)
		bytes_wipe(recall->text, strlen(recall->text));
	free(recall->text);
	free(recall);
}

static void on_recalled(struct mail *mail, void *receiver)
{
	struct recall *recall = CONTAINER_OF(mail, struct recall, mail);
	struct worker *worker = receiver;
	struct read_facts read;
	bool is_kept = recall->text != NULL;

	if (is_kept && !facts_read(recall->text, &read)) {
		log_warning("room not made anew",
		            "tenant=%s room=\"%s\" reason=\"what Redis keeps of it cannot be "
		            "read\" effect=\"nobody comes in until that has expired\"",
		            recall->key.tenant, recall->key.name);
		recall->is_known = is_kept = false;
	}
	hub_room_recalled(worker_hub(worker), recall->cookie, recall->is_known,
	                  is_kept ? &read.facts : NULL, worker_now(worker));
	bytes_wipe(&read, sizeof read);
	recall_destroy(recall);
}

/* ---- on the cluster's ---- */

static void answer(struct cluster *cluster, struct recall *recall)
{
	list_remove(&recall->node);
	recall->mail.deliver = on_recalled;
	mailbox_post(worker_mailbox(workers_at(cluster->workers, recall->worker)), &recall->mail);
}

void facts_ask(struct cluster *cluster, unsigned worker, uint64_t cookie,
               const struct room_key *key)
{
	struct recall *recall = calloc(1, sizeof *recall);

	if (recall == NULL)
		return;
	recall->worker = worker;
	recall->cookie = cookie;
	recall->key = *key;
	recall->deadline = timestamp_now() + RECALL_WAIT_MS;
	list_append(&cluster->recalls, &recall->node);
}

void facts_refuse_late(struct cluster *cluster, timestamp now)
{
	LIST_FOR_EACH (at, &cluster->recalls) {
		struct recall *recall = CONTAINER_OF(at, struct recall, node);
		if (now >= recall->deadline)
			answer(cluster, recall);
	}
}

void facts_end(struct cluster *cluster)
{
	LIST_FOR_EACH (at, &cluster->recalls) {
		list_remove(at);
		recall_destroy(CONTAINER_OF(at, struct recall, node));
	}
}

static enum err get_facts(struct cluster *cluster, struct recall *recall, char problem[256])
{
	redisReply *reply = NULL;
	enum err err =
		redis_connection_get(cluster->commands, timestamp_now() + REDIS_WAIT_MS, &reply);

	if (err != OK) {
		snprintf(problem, 256, "%s", redis_connection_problem(cluster->commands));
		return err;
	}
	err = redis_reply_check(reply, problem);
	if (err == OK && redis_reply_is_text(reply)) {
		recall->text = strndup(reply->str, reply->len);
		err = recall->text == NULL ? ERR_NO_MEMORY : OK;
	}
	recall->is_known = err == OK;
	redis_reply_free(reply);
	return err;
}

enum err facts_turn(struct cluster *cluster, char problem[256])
{
	unsigned asked = 0;
	enum err err = OK;

	LIST_FOR_EACH (at, &cluster->recalls) {
		const struct recall *recall = CONTAINER_OF(at, struct recall, node);
		struct facts_key key = facts_key(&recall->key);
		if (err != OK || asked == RECALLS_A_TURN)
			break;
		err = redis_connection_put(cluster->commands, WORDS("GET", key.text));
		asked += err == OK;
	}
	LIST_FOR_EACH (at, &cluster->recalls) {
		struct recall *recall = CONTAINER_OF(at, struct recall, node);
		if (err != OK || asked-- == 0)
			break;
		err = get_facts(cluster, recall, problem);
		if (err == OK)
			answer(cluster, recall);
	}
	return err;
}
