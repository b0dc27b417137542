/* Sessions that are looked for, as their nodes are gone: what was kept of one is taken once, by who may have it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "signaling/cluster_private.h"
#include "signaling/dialect.h"
#include "signaling/post.h"
#include "signaling/snapshot_seal.h"

enum {
	SEEK_WAIT_MS = 4500, /* less than a hub waits */
	SEEKING_A_TURN = 256,
};

/* Gives what is there, and whether its node is. KEYS: the session. ARGV: the prefix of nodes. */
static const char find_script[] =
	"local old = redis.call('GET', KEYS[1]) "
	"if not old then return {} end "
	"return {old, redis.call('EXISTS', ARGV[1] .. (string.match(old, '^%d+ (%d+) ') or ''))}";

/* Takes what was found, once, unless its node is there again.
 * KEYS: the session. ARGV: what was found, the new head, life in ms, the prefix of nodes. */
static const char take_script[] =
	"if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('EXISTS', "
	"ARGV[4] .. string.match(ARGV[1], '^%d+ (%d+) ')) == 1 then return 0 end "
	"redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) "
	"return 1";

struct seeking {
	struct list node; /* cluster->seeking */
	struct mail mail;
	unsigned worker;
	uint64_t cookie;
	timestamp deadline;
	const struct dialect *dialect;
	struct identity identity; /* whose it is to be, where that is proved */
	bool has_address, has_place;
	struct session_head head;
	char *value;       /* owned: what was found, and is to be taken */
	struct post *post; /* owned: what it is */
	char id[SESSION_ID_SIZE], address[46];
};

static void seeking_destroy(struct seeking *seeking)
{
	list_remove(&seeking->node);
	free(seeking->value);
	post_destroy(seeking->post);
	free(seeking);
}

static void on_seek(struct mail *mail, void *receiver)
{
	struct cluster *cluster = receiver;
	struct seeking *seeking = CONTAINER_OF(mail, struct seeking, mail);

	cluster_release(cluster);
	seeking->deadline = timestamp_now() + SEEK_WAIT_MS;
	if (cluster->is_ending)
		seeking_destroy(seeking);
	else
		list_append(&cluster->seeking, &seeking->node);
}

void cluster_find_session(struct cluster *cluster, struct worker *worker, uint64_t cookie,
                          const char *id, const char *address, const struct session *asker)
{
	struct seeking *seeking = calloc(1, sizeof *seeking);

	if (seeking == NULL || !cluster_reserve(cluster)) {
		free(seeking);
		hub_session_found(worker_hub(worker), cookie, NULL, NULL, worker_now(worker));
		return;
	}
	seeking->mail.deliver = on_seek;
	seeking->worker = worker_number(worker);
	seeking->cookie = cookie;
	seeking->dialect = session_dialect(asker);
	seeking->identity = *session_identity(asker);
	seeking->has_address = address != NULL;
	snprintf(seeking->address, sizeof seeking->address, "%s", address == NULL ? "" : address);
	snprintf(seeking->id, sizeof seeking->id, "%s", id);
	mailbox_post(cluster->mailbox, &seeking->mail);
}

static void on_answer(struct mail *mail, void *receiver)
{
	struct seeking *seeking = CONTAINER_OF(mail, struct seeking, mail);
	struct post *post = seeking->post;

	seeking->post = NULL;
	hub_session_found(worker_hub(receiver), seeking->cookie,
	                  seeking->has_place ? &seeking->head.place : NULL, post,
	                  worker_now(receiver));
	seeking_destroy(seeking);
}

static void answer(struct cluster *cluster, struct seeking *seeking)
{
	list_remove(&seeking->node);
	seeking->mail.deliver = on_answer;
	mailbox_post(worker_mailbox(workers_at(cluster->workers, seeking->worker)), &seeking->mail);
}

static bool is_wanted(const struct seeking *seeking, const struct post *post)
{
	return post->subject.dialect == seeking->dialect &&
	       post_may_be_of(post, &seeking->identity) &&
	       (!seeking->has_address || strcmp(post->address, seeking->address) == 0);
}

/* What is not for who asks stays where it is. */
static bool open_snapshot(struct cluster *cluster, struct seeking *seeking, const char *value)
{
	const char *sealed = strrchr(value, ' ');
	struct text plain;
	enum err err;

	if (sealed == NULL || sealed[1] == '\0')
		return false;
	text_init(&plain, 0);
	err = snapshot_seal_open(cluster->snapshot_seal, seeking->id, slice_of(sealed + 1), &plain);
	if (err == OK)
		err = post_read(text_slice(&plain), cluster->dialects, cluster->dialect_count,
		                &seeking->post);
	if (err != OK)
		log_warning("session not resumed", "session=%s reason=\"what was kept of it: %s\"",
		            seeking->id, err_string(err));
	if (plain.at != NULL)
		bytes_wipe(plain.at, plain.len);
	text_deinit(&plain);
	return err == OK && is_wanted(seeking, seeking->post);
}

/* Answers unless it is to be taken. */
static void hear_found(struct cluster *cluster, struct seeking *seeking, const redisReply *reply)
{
	bool is_there = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
	                redis_reply_is_text(reply->element[0]) &&
	                session_head_read(reply->element[0]->str, &seeking->head);

	seeking->has_place = is_there && (reply->element[1]->integer == 1 ||
	                                  seeking->head.place.node == cluster->number);
	if (is_there && !seeking->has_place &&
	    open_snapshot(cluster, seeking, reply->element[0]->str))
		seeking->value = strdup(reply->element[0]->str);
	if (seeking->value != NULL)
		return;
	post_destroy(seeking->post);
	seeking->post = NULL;
	answer(cluster, seeking);
}

static enum err put_find(struct cluster *cluster, struct seeking *seeking)
{
	struct session_words words = session_words_of(cluster, seeking->id, 0, 0);

	return redis_connection_put(cluster->commands, WORDS("EVAL", find_script, "1", words.key,
	                                                     CLUSTER_PREFIX "node/"));
}

static enum err put_take(struct cluster *cluster, struct seeking *seeking)
{
	struct session_words words =
		session_words_of(cluster, seeking->id, seeking->head.tenure + 1, seeking->worker);

	return redis_connection_put(cluster->commands,
	                            WORDS("EVAL", take_script, "1", words.key, seeking->value,
	                                  words.head, words.life, CLUSTER_PREFIX "node/"));
}

/* Where another was faster it is looked for anew, and found there. */
static void hear_taken(struct cluster *cluster, struct seeking *seeking, const redisReply *reply)
{
	free(seeking->value);
	seeking->value = NULL;
	if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 1) {
		answer(cluster, seeking);
		return;
	}
	post_destroy(seeking->post);
	seeking->post = NULL;
}

struct step {
	bool is_of_found; /* of those that were found, or else of those that are looked for */
	enum err (*put)(struct cluster *cluster, struct seeking *seeking);
	void (*hear)(struct cluster *cluster, struct seeking *seeking, const redisReply *reply);
};

/* Asks for several at once, and hears the answers in their order. */
static enum err run_step(struct cluster *cluster, const struct step *step, char problem[256])
{
	struct seeking *asked[SEEKING_A_TURN];
	unsigned count = 0;
	redisReply *reply;
	enum err err = OK;

	LIST_FOR_EACH (at, &cluster->seeking) {
		struct seeking *seeking = CONTAINER_OF(at, struct seeking, node);
		if ((seeking->value != NULL) != step->is_of_found)
			continue;
		if (count == SEEKING_A_TURN)
			break;
		err = step->put(cluster, seeking);
		if (err != OK)
			return err;
		asked[count++] = seeking;
	}
	for (unsigned i = 0; err == OK && i < count; i++) {
		err = sessions_hear(cluster, &reply, problem);
		if (err != OK)
			break;
		step->hear(cluster, asked[i], reply);
		redis_reply_free(reply);
	}
	return err;
}

void seek_refuse_late(struct cluster *cluster, timestamp now)
{
	LIST_FOR_EACH (at, &cluster->seeking) {
		struct seeking *seeking = CONTAINER_OF(at, struct seeking, node);
		if (now < seeking->deadline)
			continue;
		post_destroy(seeking->post);
		seeking->post = NULL;
		seeking->has_place = false;
		answer(cluster, seeking);
	}
}

enum err seek_turn(struct cluster *cluster, char problem[256])
{
	static const struct step find = {false, put_find, hear_found};
	static const struct step take = {true, put_take, hear_taken};
	enum err err = run_step(cluster, &find, problem);

	return err == OK ? run_step(cluster, &take, problem) : err;
}

void seek_end(struct cluster *cluster)
{
	LIST_FOR_EACH (at, &cluster->seeking)
		seeking_destroy(CONTAINER_OF(at, struct seeking, node));
}
