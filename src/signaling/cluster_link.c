/* Letters between nodes. What has gathered for a node goes as one batch, and the next when Redis has said that it was heard:
 *
 *   FROM EPOCH SEQUENCE
 *   WORKER LENGTH
 *   {a post}                      any number of these two
 *
 * Redis keeps nothing for who does not listen. A batch that nobody heard is sent again; one that was and did not arrive shows
 * by the number of the next. Then the link is begun anew, and both ends do as if the other had been lost. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "signaling/cluster_private.h"
#include "signaling/post.h"

enum { UNSENT_MAX = 16 << 20 /* bytes for one node */ };

struct loss {
	struct worker_task task;
	uint32_t number;
};

static void on_worker(struct worker_task *task, struct worker *worker)
{
	hub_node_lost(worker_hub(worker), CONTAINER_OF(task, struct loss, task)->number,
	              worker_now(worker));
}

static void on_done(struct worker_task *task)
{
	free(CONTAINER_OF(task, struct loss, task));
}

static void tell_workers(struct cluster *cluster, uint32_t number)
{
	struct loss *loss = cluster->workers == NULL ? NULL : calloc(1, sizeof *loss);

	if (loss == NULL)
		return;
	*loss = (struct loss){{.run = on_worker, .done = on_done}, number};
	if (workers_ask(cluster->workers, NULL, &loss->task) != OK)
		free(loss);
}

void link_raise(struct cluster *cluster, struct cluster_node *node, uint64_t epoch)
{
	node->epoch = epoch;
	node->sent = node->heard = 0;
	node->must_greet = true;
	text_deinit(&node->pending);
	text_deinit(&node->batch);
	text_init(&node->pending, 0);
	text_init(&node->batch, 0);
	tell_workers(cluster, node->number);
}

/* ---- to others ---- */

static void hand_in(struct mail *mail, void *receiver)
{
	struct worker *worker = receiver;

	hub_post_input(worker_hub(worker), CONTAINER_OF(mail, struct post, mail),
	               worker_now(worker));
}

static void hand_to(struct cluster *cluster, unsigned worker, struct post *post)
{
	post->mail.deliver = hand_in;
	mailbox_post(worker_mailbox(workers_at(cluster->workers, worker)), &post->mail);
}

/* Who wants to resume what was lost with its node hears so at once, and looks for what was kept of it. */
static void refuse_resume(struct cluster *cluster, const struct post *ask)
{
	struct post draft = {.kind = POST_SNAPSHOT,
	                     .from = ask->destination,
	                     .to = ask->subject.id,
	                     .error = SIGNALING_NO_SESSION,
	                     .is_soft = true};
	struct post *post;

	if (ask->kind != POST_RESUME || ask->sender.node != cluster->number ||
	    ask->sender.worker >= workers_count(cluster->workers))
		return;
	post = post_create(&draft);
	if (post != NULL)
		hand_to(cluster, ask->sender.worker, post);
}

static void put(struct cluster *cluster, struct cluster_node *node, const struct post *post)
{
	struct text text;

	text_init(&text, 0);
	post_write(post, &text);
	if (!text.has_failed && memchr(text.at, 0, text.len) == NULL) {
		text_printf(&node->pending, "%u %zu\n", post->destination.worker, text.len);
		text_put(&node->pending, text_slice(&text));
	}
	if (text.has_failed || node->pending.has_failed || node->pending.len > UNSENT_MAX) {
		log_warning("cluster letters lost",
		            "node=\"%s\" reason=\"too many wait\" effect=\"both nodes agree on "
		            "their rooms anew\"",
		            node->name);
		link_raise(cluster, node, node->epoch + 1);
	}
	text_deinit(&text);
}

void link_post(struct cluster *cluster, struct post *post)
{
	struct cluster_node *node = registry_find(cluster, post->destination.node);

	if (node == NULL || !node->is_alive)
		refuse_resume(cluster, post);
	else
		put(cluster, node, post);
	post_destroy(post);
}

static bool has_something(const struct cluster_node *node)
{
	return node->is_alive && (node->batch.len > 0 || node->pending.len > 0 || node->must_greet);
}

bool link_has_unsent(const struct cluster *cluster)
{
	LIST_FOR_EACH (at, (struct list *)&cluster->nodes)
		if (has_something(CONTAINER_OF(at, struct cluster_node, node)))
			return true;
	return false;
}

static enum err publish(struct cluster *cluster, struct cluster_node *node)
{
	char channel[64];

	if (node->batch.len == 0) {
		text_printf(&node->batch, "%u %" PRIu64 " %" PRIu64 "\n", (unsigned)cluster->number,
		            node->epoch, ++node->sent);
		text_put(&node->batch, text_slice(&node->pending));
		text_put_char(&node->batch, '\0');
		text_clear(&node->pending);
		node->must_greet = false;
	}
	if (node->batch.has_failed)
		return ERR_NO_MEMORY;
	snprintf(channel, sizeof channel, CLUSTER_PREFIX "to/%u", (unsigned)node->number);
	return redis_connection_put(cluster->commands, WORDS("PUBLISH", channel, node->batch.at));
}

/* The number of those who listened. */
static enum err take_answer(struct cluster *cluster, struct cluster_node *node, char problem[256])
{
	redisReply *reply = NULL;
	enum err err =
		redis_connection_get(cluster->commands, timestamp_now() + REDIS_WAIT_MS, &reply);

	if (err != OK) {
		snprintf(problem, 256, "%s", redis_connection_problem(cluster->commands));
		return err;
	}
	err = redis_reply_check(reply, problem);
	if (err == OK && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0)
		text_clear(&node->batch);
	redis_reply_free(reply);
	return err;
}

enum err link_flush(struct cluster *cluster, char problem[256])
{
	LIST_FOR_EACH (at, &cluster->nodes) {
		struct cluster_node *node = CONTAINER_OF(at, struct cluster_node, node);
		if (!has_something(node))
			continue;
		enum err err = publish(cluster, node);
		if (err != OK) {
			snprintf(problem, 256, "%s", err_string(err));
			link_raise(cluster, node, node->epoch + 1);
			return err;
		}
		err = take_answer(cluster, node, problem);
		if (err != OK)
			return err;
	}
	return OK;
}

/* ---- from others ---- */

/* Reads a number and the character behind it. */
static bool take_number(struct slice *left, char end, uint64_t *number)
{
	size_t len = 0;

	for (*number = 0; len < left->len && left->at[len] >= '0' && left->at[len] <= '9'; len++) {
		if (len == 18)
			return false;
		*number = *number * 10 + (uint64_t)(left->at[len] - '0');
	}
	if (len == 0 || len == left->len || left->at[len] != end)
		return false;
	*left = (struct slice){left->at + len + 1, left->len - len - 1};
	return true;
}

static bool take_post(struct cluster *cluster, struct slice *left)
{
	struct post *post = NULL;
	uint64_t worker, len;

	if (!take_number(left, ' ', &worker) || !take_number(left, '\n', &len) || len > left->len)
		return false;
	enum err err = post_read((struct slice){left->at, len}, cluster->dialects,
	                         cluster->dialect_count, &post);
	*left = (struct slice){left->at + len, left->len - len};
	if (err != OK)
		return false;
	if (cluster->workers == NULL || worker >= workers_count(cluster->workers))
		post_destroy(post);
	else
		hand_to(cluster, (unsigned)worker, post);
	return true;
}

/* False: nothing of the batch counts. */
static bool is_next(struct cluster *cluster, struct cluster_node *node, uint64_t epoch,
                    uint64_t sequence)
{
	if (epoch < node->epoch) {
		node->must_greet = true;
		return false;
	}
	if (epoch > node->epoch)
		link_raise(cluster, node, epoch);
	if (sequence <= node->heard)
		return false; /* it was sent again, and had come before */
	if (sequence == node->heard + 1)
		return true;
	log_warning("cluster letters lost",
	            "node=\"%s\" batches=%" PRIu64
	            " effect=\"both nodes agree on their rooms anew\"",
	            node->name, sequence - node->heard - 1);
	link_raise(cluster, node, node->epoch + 1);
	return false;
}

static void take_batch(struct cluster *cluster, struct slice batch)
{
	uint64_t from, epoch, sequence;
	struct cluster_node *node;
	struct slice left = batch;

	if (!take_number(&left, ' ', &from) || !take_number(&left, ' ', &epoch) ||
	    !take_number(&left, '\n', &sequence) || from == 0 || from > INT32_MAX ||
	    from == cluster->number)
		return;
	node = registry_meet(cluster, (uint32_t)from);
	if (node == NULL || !is_next(cluster, node, epoch, sequence))
		return;
	node->heard = sequence;
	node->is_alive = true;
	while (left.len > 0)
		if (!take_post(cluster, &left)) {
			log_warning("cluster letter ignored",
			            "node=\"%s\" reason=\"it is of another version\"", node->name);
			return;
		}
}

enum err link_listen(struct cluster *cluster, char problem[256])
{
	redisReply *reply;
	enum err err;

	while ((err = redis_connection_poll(cluster->letters, &reply)) == OK) {
		if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
		    redis_reply_is_text(reply->element[0]) &&
		    strcmp(reply->element[0]->str, "message") == 0 &&
		    redis_reply_is_text(reply->element[2]))
			take_batch(cluster, (struct slice){reply->element[2]->str,
			                                   (size_t)reply->element[2]->len});
		redis_reply_free(reply);
	}
	if (err == ERR_AGAIN)
		return OK;
	snprintf(problem, 256, "%s", redis_connection_problem(cluster->letters));
	return err;
}
