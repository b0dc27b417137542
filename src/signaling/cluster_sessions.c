/* What outlives the node of a session: a snapshot of each in Redis, sealed, and whose it is. Each hub that takes a session over from
 * another has it in a higher tenure; a snapshot of a lower one is not written, and who wanted to write it hears who has the session
 * by now. What is kept of a session that was taken twice shows thus by itself which of the two goes on.
 *
 * Nothing waits here for a Redis that is away: when it is back, hubs say everything again. */
#include <inttypes.h>
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
	SNAPSHOT_LIFE_MS = 60000,
	SNAPSHOT_AGAIN_MS = 20000,
	WRITES_A_TURN = 256,
	RENEWALS_AT_ONCE = 64, /* with one command */
	UNSENT_MAX = 16 << 20, /* bytes */
};

/* Writes head and snapshot, unless it is another's of a later tenure, or of the same: then gives that one's head.
 * KEYS: the session. ARGV: tenure, node, head, snapshot, life in ms. */
static const char keep_script[] =
	"local old = redis.call('GET', KEYS[1]) "
	"if old then local tenure, node = string.match(old, '^(%d+) (%d+) ') "
	"if tenure and (tonumber(tenure) > tonumber(ARGV[1]) or "
	"(tenure == ARGV[1] and node ~= ARGV[2])) then "
	"return string.match(old, '^%d+ %d+ %d+') end end "
	"redis.call('SET', KEYS[1], ARGV[3] .. ARGV[4], 'PX', ARGV[5]) "
	"return ''";

/* KEYS: sessions. ARGV: life in ms, the heads. Gives for each 1, 0 where it is not there, or the head of another. */
static const char renew_script[] =
	"local all = {} "
	"for i, key in ipairs(KEYS) do "
	"local old, head = redis.call('GETRANGE', key, 0, 47), ARGV[i + 1] "
	"if old == '' then all[i] = 0 "
	"elseif string.sub(old, 1, #head) == head then redis.call('PEXPIRE', key, ARGV[1]) all[i] "
	"= 1 "
	"else all[i] = string.match(old, '^%d+ %d+ %d+') or 0 end end "
	"return all";

/* Of a session that was taken over before, it stays for a while who had it last: the one before may not have heard of it.
 * KEYS: the session. ARGV: head, tenure, life in ms. */
static const char end_script[] = "local old = redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) "
				 "if old ~= ARGV[1] then return 0 end "
				 "if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end "
				 "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3]) "
				 "return 1";

struct kept {
	uint64_t hash;
	struct list node;    /* cluster->unsent or ended */
	struct post *unsent; /* owned; NULL: Redis has the last one */
	size_t bytes;
	unsigned worker;
	uint32_t tenure;
	timestamp due; /* when it is renewed */
	bool is_stale; /* its hub has to say it again */
	char id[SESSION_ID_SIZE];
};

/* ---- what is kept for this node ---- */

static bool kept_has_id(const void *item, const void *key)
{
	return strcmp(((const struct kept *)item)->id, key) == 0;
}

static struct kept *kept_find(struct cluster *cluster, const char *id)
{
	return hash_table_find(&cluster->sessions, seal_hash(cluster->seal, slice_of(id)),
	                       kept_has_id, id);
}

static void drop_unsent(struct cluster *cluster, struct kept *kept)
{
	cluster->unsent_bytes -= kept->bytes;
	kept->bytes = 0;
	post_destroy(kept->unsent);
	kept->unsent = NULL;
	list_remove(&kept->node);
}

static void kept_destroy(struct cluster *cluster, struct kept *kept)
{
	drop_unsent(cluster, kept);
	hash_table_remove(&cluster->sessions, kept->hash, kept);
	free(kept);
}

static struct kept *kept_take(struct cluster *cluster, const char *id)
{
	struct kept *kept = kept_find(cluster, id);

	if (kept != NULL)
		return kept;
	kept = calloc(1, sizeof *kept);
	if (kept == NULL)
		return NULL;
	kept->hash = seal_hash(cluster->seal, slice_of(id));
	memcpy(kept->id, id, strnlen(id, sizeof kept->id - 1));
	if (hash_table_insert(&cluster->sessions, kept->hash, kept) == OK)
		return kept;
	free(kept);
	return NULL;
}

static size_t weight(const struct post *post)
{
	return sizeof *post + post->subject.attributes.len + post->own.len +
	       post->participant_count * (sizeof(struct participant) + SESSION_ID_SIZE);
}

/* The last one counts. */
static void keep(struct cluster *cluster, unsigned worker, struct post *post)
{
	struct kept *kept = kept_take(cluster, post->subject.id);

	if (kept == NULL) {
		post_destroy(post);
		return;
	}
	drop_unsent(cluster, kept);
	kept->worker = worker;
	kept->tenure = post->tenure;
	kept->due = 0;
	kept->is_stale = cluster->commands == NULL || cluster->unsent_bytes > UNSENT_MAX;
	if (kept->is_stale) {
		post_destroy(post);
		return;
	}
	kept->unsent = post;
	kept->bytes = weight(post);
	cluster->unsent_bytes += kept->bytes;
	list_append(&cluster->unsent, &kept->node);
}

/* What is kept of it ends by itself where Redis is away. */
static void forget(struct cluster *cluster, const char *id, bool is_moved)
{
	struct kept *kept = kept_find(cluster, id);

	if (kept == NULL)
		return;
	drop_unsent(cluster, kept);
	if (is_moved || cluster->commands == NULL)
		kept_destroy(cluster, kept);
	else
		list_append(&cluster->ended, &kept->node);
}

/* ---- what workers hand in ---- */

/* Half of the room is for what hubs write to each other. */
static bool reserve(struct cluster *cluster)
{
	if (atomic_load_explicit(&cluster->pending, memory_order_relaxed) >= PENDING_MAX / 2)
		return false;
	return cluster_reserve(cluster);
}

static void on_keep(struct mail *mail, void *receiver)
{
	struct cluster *cluster = receiver;
	struct post *post = CONTAINER_OF(mail, struct post, mail);

	cluster_release(cluster);
	if (cluster->is_ending)
		post_destroy(post);
	else
		keep(cluster, post->from.worker, post);
}

struct end_letter {
	struct mail mail;
	bool is_moved;
	char id[SESSION_ID_SIZE];
};

static void on_session_end(struct mail *mail, void *receiver)
{
	struct end_letter *letter = CONTAINER_OF(mail, struct end_letter, mail);

	forget(receiver, letter->id, letter->is_moved);
	free(letter);
}

void cluster_keep_session(struct cluster *cluster, struct worker *worker, const char *id,
                          struct post *snapshot, bool is_moved)
{
	struct end_letter *letter;

	if (snapshot == NULL) {
		letter = calloc(1, sizeof *letter);
		if (letter == NULL)
			return; /* a node that is there is asked itself, and says that there is none */
		letter->mail.deliver = on_session_end;
		letter->is_moved = is_moved;
		memcpy(letter->id, id, strnlen(id, sizeof letter->id - 1));
		mailbox_post(cluster->mailbox, &letter->mail);
		return;
	}
	if (!reserve(cluster)) {
		post_destroy(snapshot);
		hub_keep_sessions(worker_hub(worker), id, worker_now(worker));
		return;
	}
	snapshot->from = (struct hub_place){cluster->number, (uint16_t)worker_number(worker)};
	snapshot->mail.deliver = on_keep;
	mailbox_post(cluster->mailbox, &snapshot->mail);
}

static void on_worker_keep(struct worker_task *task, struct worker *worker)
{
	(void)task;
	hub_keep_sessions(worker_hub(worker), NULL, worker_now(worker));
}

static void on_task_done(struct worker_task *task)
{
	free(task);
}

void sessions_keep_again(struct cluster *cluster)
{
	struct worker_task *task = cluster->workers == NULL ? NULL : calloc(1, sizeof *task);

	if (task == NULL)
		return;
	task->run = on_worker_keep;
	task->done = on_task_done;
	if (workers_ask(cluster->workers, NULL, task) != OK)
		free(task);
}

/* ---- with Redis ---- */

struct session_words session_words_of(const struct cluster *cluster, const char *id,
                                      uint32_t tenure, unsigned worker)
{
	struct session_words words;

	snprintf(words.key, sizeof words.key, CLUSTER_PREFIX "session/%.32s", id);
	snprintf(words.head, sizeof words.head, "%u %u %u ", (unsigned)tenure,
	         (unsigned)cluster->number, worker);
	snprintf(words.tenure, sizeof words.tenure, "%u", (unsigned)tenure);
	snprintf(words.node, sizeof words.node, "%u", (unsigned)cluster->number);
	snprintf(words.life, sizeof words.life, "%d", SNAPSHOT_LIFE_MS);
	return words;
}

bool session_head_read(const char *text, struct session_head *head)
{
	unsigned tenure, node, worker;

	if (sscanf(text, "%u %u %u", &tenure, &node, &worker) != 3 || node > INT32_MAX ||
	    worker > UINT16_MAX || tenure == UINT32_MAX)
		return false;
	*head = (struct session_head){tenure, {node, (uint16_t)worker}};
	return true;
}

enum err sessions_hear(struct cluster *cluster, redisReply **reply, char problem[256])
{
	enum err err =
		redis_connection_get(cluster->commands, timestamp_now() + REDIS_WAIT_MS, reply);

	if (err != OK) {
		snprintf(problem, 256, "%s", redis_connection_problem(cluster->commands));
		return err;
	}
	err = redis_reply_check(*reply, problem);
	if (err == OK)
		return OK;
	redis_reply_free(*reply);
	*reply = NULL;
	return err;
}

/* What a hub is to know of a session. */
struct note {
	struct mail mail;
	struct session_head head;
	char id[SESSION_ID_SIZE];
};

static void on_again(struct mail *mail, void *receiver)
{
	struct note *note = CONTAINER_OF(mail, struct note, mail);

	hub_keep_sessions(worker_hub(receiver), note->id, worker_now(receiver));
	free(note);
}

static void on_taken(struct mail *mail, void *receiver)
{
	struct note *note = CONTAINER_OF(mail, struct note, mail);

	hub_session_taken(worker_hub(receiver), note->id, note->head.tenure, &note->head.place,
	                  worker_now(receiver));
	free(note);
}

static void send_note(struct cluster *cluster, const struct kept *kept, struct note draft)
{
	struct note *note = malloc(sizeof *note);

	if (note == NULL)
		return;
	*note = draft;
	memcpy(note->id, kept->id, sizeof note->id);
	mailbox_post(worker_mailbox(workers_at(cluster->workers, kept->worker)), &note->mail);
}

static void ask_again(struct cluster *cluster, struct kept *kept)
{
	kept->is_stale = false;
	send_note(cluster, kept, (struct note){.mail = {.deliver = on_again}});
}

/* Another node has it, which took this one for lost. */
static void lose_session(struct cluster *cluster, struct kept *kept, const char *text)
{
	struct note draft = {.mail = {.deliver = on_taken}};

	if (!session_head_read(text, &draft.head))
		return;
	send_note(cluster, kept, draft);
	kept_destroy(cluster, kept);
}

static enum err put_snapshot(struct cluster *cluster, struct kept *kept)
{
	struct session_words words =
		session_words_of(cluster, kept->id, kept->tenure, kept->worker);
	struct text plain, sealed;
	enum err err = ERR_NO_MEMORY;

	text_init(&plain, 0);
	text_init(&sealed, 0);
	post_write(kept->unsent, &plain);
	if (!plain.has_failed)
		snapshot_seal_close(cluster->snapshot_seal, kept->id, text_slice(&plain), &sealed);
	text_put_char(&sealed, '\0');
	if (!plain.has_failed && !sealed.has_failed)
		err = redis_connection_put(cluster->commands,
		                           WORDS("EVAL", keep_script, "1", words.key, words.tenure,
		                                 words.node, words.head, sealed.at, words.life));
	if (plain.at != NULL)
		bytes_wipe(plain.at, plain.len);
	text_deinit(&plain);
	text_deinit(&sealed);
	return err;
}

static enum err write_some(struct cluster *cluster, timestamp now, char problem[256])
{
	struct kept *written[WRITES_A_TURN];
	unsigned count = 0;
	redisReply *reply;
	enum err err = OK;

	LIST_FOR_EACH (at, &cluster->unsent) {
		struct kept *kept = CONTAINER_OF(at, struct kept, node);
		if (count == WRITES_A_TURN)
			break;
		enum err put = put_snapshot(cluster, kept);
		if (put == ERR_FULL)
			break; /* the connection's: in the next turn */
		if (put == OK)
			written[count++] = kept;
		kept->due = now + SNAPSHOT_AGAIN_MS;
		drop_unsent(cluster, kept);
	}
	for (unsigned i = 0; err == OK && i < count; i++) {
		err = sessions_hear(cluster, &reply, problem);
		if (err != OK)
			break;
		if (redis_reply_is_text(reply) && reply->str[0] != '\0')
			lose_session(cluster, written[i], reply->str);
		redis_reply_free(reply);
	}
	return err;
}

static enum err end_some(struct cluster *cluster, char problem[256])
{
	unsigned count = 0;
	redisReply *reply;
	enum err err = OK;

	LIST_FOR_EACH (at, &cluster->ended) {
		struct kept *kept = CONTAINER_OF(at, struct kept, node);
		struct session_words words =
			session_words_of(cluster, kept->id, kept->tenure, kept->worker);
		if (count == WRITES_A_TURN)
			break;
		count += redis_connection_put(cluster->commands,
		                              WORDS("EVAL", end_script, "1", words.key, words.head,
		                                    words.tenure, words.life)) == OK;
		kept_destroy(cluster, kept);
	}
	for (; err == OK && count > 0; count--) {
		err = sessions_hear(cluster, &reply, problem);
		if (err == OK)
			redis_reply_free(reply);
	}
	return err;
}

static void hear_renewed(struct cluster *cluster, struct kept *kept, const redisReply *said)
{
	if (redis_reply_is_text(said))
		lose_session(cluster, kept, said->str);
	else if (said->type == REDIS_REPLY_INTEGER && said->integer == 0)
		ask_again(cluster, kept);
}

/* Those that are due, with one command. */
static enum err renew(struct cluster *cluster, struct kept *const *due, unsigned count,
                      char problem[256])
{
	struct session_words words[RENEWALS_AT_ONCE];
	const char *command[2 * RENEWALS_AT_ONCE + 4];
	char number[16];
	redisReply *reply = NULL;
	enum err err;

	snprintf(number, sizeof number, "%u", count);
	command[0] = "EVAL";
	command[1] = renew_script;
	command[2] = number;
	for (unsigned i = 0; i < count; i++) {
		words[i] = session_words_of(cluster, due[i]->id, due[i]->tenure, due[i]->worker);
		command[3 + i] = words[i].key;
		command[4 + count + i] = words[i].head;
	}
	command[3 + count] = words[0].life;
	err = redis_connection_put(cluster->commands, command, 2 * count + 4);
	if (err == OK)
		err = sessions_hear(cluster, &reply, problem);
	for (unsigned i = 0; err == OK && i < count && i < reply->elements; i++)
		hear_renewed(cluster, due[i], reply->element[i]);
	redis_reply_free(reply);
	return err;
}

static enum err renew_some(struct cluster *cluster, timestamp now, char problem[256])
{
	struct kept *due[RENEWALS_AT_ONCE], *kept;
	size_t position = 0;
	unsigned count = 0;

	if (now < cluster->next_session_renewal)
		return OK;
	while (count < RENEWALS_AT_ONCE &&
	       (kept = hash_table_next(&cluster->sessions, &position)) != NULL)
		if (kept->due <= now && !list_is_linked(&kept->node)) {
			kept->due = now + SNAPSHOT_AGAIN_MS;
			if (kept->is_stale)
				ask_again(cluster, kept);
			due[count++] = kept;
		}
	if (count < RENEWALS_AT_ONCE)
		cluster->next_session_renewal = now + BEAT_MS;
	return count == 0 ? OK : renew(cluster, due, count, problem);
}

/* ---- the thread ---- */

enum err sessions_init(struct cluster *cluster)
{
	uint8_t secret[32], key[32];
	size_t len;
	enum err err;

	if (cluster->snapshot_seal != NULL)
		return OK;
	err = hex_get(cluster->secret, secret, sizeof secret, &len);
	if (err == OK) {
		seal_derive_key(secret, "signaling session", key);
		err = snapshot_seal_create(key, &cluster->snapshot_seal);
	}
	bytes_wipe(secret, sizeof secret);
	bytes_wipe(key, sizeof key);
	return err;
}

enum err sessions_turn(struct cluster *cluster, timestamp now, char problem[256])
{
	enum err err = write_some(cluster, now, problem);

	if (err == OK)
		err = end_some(cluster, problem);
	if (err == OK)
		err = renew_some(cluster, now, problem);
	/* Nodes that are there may not have said so yet. */
	if (err == OK && cluster->is_settled && !cluster->is_ending)
		err = seek_turn(cluster, problem);
	if (err != OK && problem[0] == '\0')
		snprintf(problem, 256, "%s", err_string(err));
	return err;
}

bool sessions_are_waiting(const struct cluster *cluster)
{
	return !list_is_empty(&cluster->unsent) || !list_is_empty(&cluster->ended) ||
	       !list_is_empty(&cluster->seeking);
}

void sessions_end(struct cluster *cluster)
{
	struct kept *kept;
	size_t position = 0;

	seek_end(cluster);
	while ((kept = hash_table_next(&cluster->sessions, &position)) != NULL) {
		kept_destroy(cluster, kept);
		position = 0;
	}
	hash_table_deinit(&cluster->sessions);
	snapshot_seal_destroy(cluster->snapshot_seal);
}
