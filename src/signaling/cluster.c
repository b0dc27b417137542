/* The cluster's thread: mail of the workers in, then what Redis is to be told and asked, then what it has for this node. */
#include "signaling/cluster.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/random.h"
#include "signaling/cluster_private.h"
#include "signaling/post.h"

static void *run(void *context);
static void turn(struct cluster *cluster);
static int wait_ms(const struct cluster *cluster);
static void lose_redis(struct cluster *cluster, timestamp now, const char *problem);

static void name_node(struct cluster *cluster, const char *name)
{
	uint8_t bytes[(INSTANCE_SIZE - 1) / 2];

	random_bytes(bytes, sizeof bytes);
	hex_put(bytes, sizeof bytes, cluster->instance);
	cluster->number = random_below(INT32_MAX) + 1;
	if (name != NULL)
		snprintf(cluster->name, sizeof cluster->name, "%s", name);
	else if (gethostname(cluster->name, sizeof cluster->name - 1) != 0)
		snprintf(cluster->name, sizeof cluster->name, "?");
}

static enum err open_all(struct cluster *cluster, const struct cluster_settings *settings,
                         char problem[256])
{
	char words[256];
	uint8_t key[32];
	enum err err = redis_settings_parse(settings->connection, &cluster->settings, words);

	if (err != OK) {
		snprintf(problem, 256, "the connection to Redis: %.200s", words);
		return err;
	}
	cluster->at = cluster->settings.address;
	err = mailbox_create(&cluster->mailbox);
	if (err == OK)
		err = registry_connect(cluster, problem);
	if (err == ERR_UNAVAILABLE || err == ERR_AGAIN) {
		lose_redis(cluster, timestamp_now(), problem);
		return OK;
	}
	if (err != OK)
		return err;
	cluster_seal_key(cluster, key);
	err = seal_create(key, &cluster->seal);
	bytes_wipe(key, sizeof key);
	if (err == OK)
		err = sessions_init(cluster);
	atomic_store_explicit(&cluster->is_joined, err == OK, memory_order_relaxed);
	return err;
}

enum err cluster_create(const struct cluster_settings *settings, struct cluster **result,
                        char problem[256])
{
	struct cluster *cluster = calloc(1, sizeof *cluster);
	enum err err;

	snprintf(problem, 256, "%s", err_string(ERR_NO_MEMORY));
	if (cluster == NULL)
		return ERR_NO_MEMORY;
	cluster->threads = settings->threads;
	cluster->dialects = settings->dialects;
	cluster->dialect_count = settings->dialect_count;
	cluster->notify = settings->notify;
	cluster->reported = settings->reported;
	cluster->is_ready = true;
	cluster->is_settled = true;
	list_init(&cluster->nodes);
	list_init(&cluster->questions);
	list_init(&cluster->releases);
	list_init(&cluster->unsent);
	list_init(&cluster->ended);
	list_init(&cluster->seeking);
	list_init(&cluster->recalls);
	hash_table_init(&cluster->rooms);
	hash_table_init(&cluster->sessions);
	backoff_init(&cluster->retry, RETRY_FIRST_MS, RETRY_LAST_MS);
	name_node(cluster, settings->name);
	err = open_all(cluster, settings, problem);
	if (err != OK) {
		cluster_destroy(cluster);
		return err;
	}
	*result = cluster;
	return OK;
}

uint32_t cluster_node(const struct cluster *cluster)
{
	return cluster->number;
}

bool cluster_is_joined(const struct cluster *cluster)
{
	return atomic_load_explicit(&cluster->is_joined, memory_order_acquire);
}

/* For as long as others settle after Redis was away nobody need go elsewhere. */
const char *cluster_problem(const struct cluster *cluster)
{
	uint64_t since;

	if (cluster == NULL)
		return NULL;
	if (!cluster_is_joined(cluster))
		return "Redis has not been reached yet";
	since = atomic_load_explicit(&cluster->away_since, memory_order_relaxed);
	return since != 0 && timestamp_now() >= since + SETTLE_MS ? "Redis is away" : NULL;
}

void cluster_seal_key(const struct cluster *cluster, uint8_t key[32])
{
	uint8_t secret[32];
	size_t len;

	if (hex_get(cluster->secret, secret, sizeof secret, &len) != OK)
		random_bytes(secret, sizeof secret); /* it was read by hex_get before */
	seal_derive_key(secret, "signaling seal", key);
	bytes_wipe(secret, sizeof secret);
}

enum err cluster_start(struct cluster *cluster, struct workers *workers, char problem[256])
{
	sigset_t all, before;
	int failure;

	cluster->workers = workers;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
	failure = pthread_create(&cluster->thread, NULL, run, cluster);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	cluster->has_thread = failure == 0;
	if (failure == 0)
		return OK;
	snprintf(problem, 256, "no thread for the cluster: %s", strerror(failure));
	return ERR_SYSTEM;
}

static void on_end(struct mail *mail, void *receiver)
{
	(void)mail;
	((struct cluster *)receiver)->is_ending = true;
}

void cluster_stop(struct cluster *cluster)
{
	struct mail end = {.deliver = on_end};

	if (cluster == NULL || !cluster->has_thread)
		return;
	mailbox_post(cluster->mailbox, &end);
	pthread_join(cluster->thread, NULL);
	cluster->has_thread = false;
}

void cluster_destroy(struct cluster *cluster)
{
	if (cluster == NULL)
		return;
	cluster->is_ending = true;
	if (cluster->mailbox != NULL)
		mailbox_deliver(cluster->mailbox, cluster);
	registry_leave(cluster);
	registry_disconnect(cluster);
	rooms_end(cluster);
	sessions_end(cluster);
	registry_deinit(cluster);
	mailbox_destroy(cluster->mailbox);
	seal_destroy(cluster->seal);
	bytes_wipe(cluster, sizeof *cluster);
	free(cluster);
}

/* ---- what workers hand in ---- */

bool cluster_reserve(struct cluster *cluster)
{
	if (atomic_fetch_add_explicit(&cluster->pending, 1, memory_order_relaxed) < PENDING_MAX)
		return true;
	cluster_release(cluster);
	atomic_store_explicit(&cluster->has_dropped, true, memory_order_relaxed);
	return false;
}

void cluster_release(struct cluster *cluster)
{
	atomic_fetch_sub_explicit(&cluster->pending, 1, memory_order_relaxed);
}

static void on_ready(struct mail *mail, void *receiver)
{
	((struct cluster *)receiver)->next_beat = 0;
	free(mail);
}

void cluster_set_ready(struct cluster *cluster, bool is_ready)
{
	struct mail *mail = cluster == NULL ? NULL : calloc(1, sizeof *mail);

	if (cluster == NULL)
		return;
	atomic_store_explicit(&cluster->is_ready, is_ready, memory_order_relaxed);
	/* Without the letter the next beat tells it. */
	if (mail == NULL)
		return;
	mail->deliver = on_ready;
	mailbox_post(cluster->mailbox, mail);
}

static void post_to_node(struct cluster *cluster, const struct cluster_node *node,
                         const struct post *post)
{
	for (unsigned worker = 0; worker < node->threads; worker++) {
		struct post *copy = post_create(post);
		if (copy == NULL)
			continue;
		copy->destination = (struct hub_place){node->number, (uint16_t)worker};
		link_post(cluster, copy);
	}
}

static void post_everywhere(struct cluster *cluster, struct post *post)
{
	LIST_FOR_EACH (at, &cluster->nodes) {
		struct cluster_node *node = CONTAINER_OF(at, struct cluster_node, node);
		if (node->is_alive)
			post_to_node(cluster, node, post);
	}
	post_destroy(post);
}

static void on_post(struct mail *mail, void *receiver)
{
	struct cluster *cluster = receiver;
	struct post *post = CONTAINER_OF(mail, struct post, mail);

	cluster_release(cluster);
	if (cluster->is_ending)
		post_destroy(post);
	else if (post->destination.node == hub_everywhere.node)
		post_everywhere(cluster, post);
	else
		link_post(cluster, post);
}

void cluster_post(struct cluster *cluster, struct hub_place place, struct post *post)
{
	if (!cluster_reserve(cluster)) {
		post_destroy(post);
		return;
	}
	post->destination = place;
	post->mail.deliver = on_post;
	mailbox_post(cluster->mailbox, &post->mail);
}

struct room_letter {
	struct mail mail;
	unsigned worker;
	uint64_t cookie;
	bool is_gone;
	struct kept_facts facts;
	struct room_key key;
};

/* Lengths keep apart what slashes in names would not. */
static bool set_key(struct room_key *key, const struct room_info *room)
{
	snprintf(key->text, sizeof key->text, CLUSTER_PREFIX "room/%zu/%zu/%s/%s/%s",
	         strlen(room->tenant), strlen(room->type), room->tenant, room->type, room->name);
	return text_copy(key->tenant, sizeof key->tenant, room->tenant) == OK &&
	       text_copy(key->type, sizeof key->type, room->type) == OK &&
	       text_copy(key->name, sizeof key->name, room->name) == OK;
}

static bool send_room(struct cluster *cluster, struct worker *worker, const struct room_info *room,
                      struct room_letter draft)
{
	struct room_letter *letter = calloc(1, sizeof *letter);

	if (letter == NULL || !set_key(&draft.key, room)) {
		free(letter);
		return false;
	}
	*letter = draft;
	letter->worker = worker_number(worker);
	mailbox_post(cluster->mailbox, &letter->mail);
	return true;
}

static void on_question(struct mail *mail, void *receiver)
{
	struct cluster *cluster = receiver;
	struct room_letter *letter = CONTAINER_OF(mail, struct room_letter, mail);

	if (!cluster->is_ending)
		rooms_ask(cluster, letter->worker, letter->cookie, &letter->key);
	free(letter);
}

void cluster_find_room(struct cluster *cluster, struct worker *worker, uint64_t cookie,
                       const struct room_info *room)
{
	struct room_letter draft = {.mail = {.deliver = on_question}, .cookie = cookie};

	if (!send_room(cluster, worker, room, draft))
		hub_room_found(worker_hub(worker), cookie, NULL, 0, worker_now(worker));
}

static void on_recall(struct mail *mail, void *receiver)
{
	struct cluster *cluster = receiver;
	struct room_letter *letter = CONTAINER_OF(mail, struct room_letter, mail);

	if (!cluster->is_ending)
		facts_ask(cluster, letter->worker, letter->cookie, &letter->key);
	free(letter);
}

void cluster_recall_room(struct cluster *cluster, struct worker *worker, uint64_t cookie,
                         const struct room_info *room)
{
	struct room_letter draft = {.mail = {.deliver = on_recall}, .cookie = cookie};

	if (!send_room(cluster, worker, room, draft))
		hub_room_recalled(worker_hub(worker), cookie, false, NULL, worker_now(worker));
}

static void on_changed(struct mail *mail, void *receiver)
{
	struct cluster *cluster = receiver;
	struct room_letter *letter = CONTAINER_OF(mail, struct room_letter, mail);

	if (!cluster->is_ending)
		rooms_hear(cluster, letter->worker, &letter->key, &letter->facts, letter->is_gone);
	facts_wipe(&letter->facts);
	free(letter);
}

void cluster_room_changed(struct cluster *cluster, struct worker *worker,
                          const struct room_facts *facts, bool is_gone)
{
	struct room_letter draft = {.mail = {.deliver = on_changed},
	                            .is_gone = is_gone,
	                            .facts = {.generation = facts->generation}};

	if (!is_gone && !facts_write(facts, &draft.facts))
		return;
	/* Its keys in Redis then end by themselves. */
	if (!send_room(cluster, worker, &facts->info, draft))
		facts_wipe(&draft.facts);
}

/* ---- the thread ---- */

/* Those who left as this node ends have left, and are not waited for. */
static void say_the_last(struct cluster *cluster)
{
	char problem[256] = "";

	if (cluster->commands != NULL && link_flush(cluster, problem) == OK)
		(void)!sessions_turn(cluster, timestamp_now(), problem);
}

static void *run(void *context)
{
	struct cluster *cluster = context;

	while (!cluster->is_ending) {
		struct pollfd fds[2] = {
			{.fd = mailbox_fd(cluster->mailbox), .events = POLLIN},
			{.fd = cluster->letters == NULL ? -1
		                                        : redis_connection_fd(cluster->letters),
		         .events = POLLIN},
		};
		poll(fds, 2, wait_ms(cluster));
		mailbox_deliver(cluster->mailbox, cluster);
		if (!cluster->is_ending)
			turn(cluster);
	}
	say_the_last(cluster);
	return NULL;
}

static int wait_ms(const struct cluster *cluster)
{
	timestamp now = timestamp_now(), next;

	if (cluster->commands == NULL)
		next = cluster->retry.due;
	else
		next = cluster->next_beat;
	if ((rooms_are_waiting(cluster) || sessions_are_waiting(cluster) ||
	     link_has_unsent(cluster)) &&
	    next > now + SOON_MS)
		next = now + SOON_MS;
	return next <= now ? 0 : next - now > BEAT_MS ? BEAT_MS : (int)(next - now);
}

/* What is lost while Redis is away. */
static const char *effect(const struct cluster *cluster)
{
	return cluster_is_joined(cluster) ? "rooms of this node go on, others cannot be joined"
	                                  : "nobody is let in until it is there";
}

/* Told once for each time that Redis is away, and again where there is another reason. */
static void lose_redis(struct cluster *cluster, timestamp now, const char *problem)
{
	registry_disconnect(cluster);
	cluster->is_settled = false;
	backoff_failed(&cluster->retry, now);
	if (!cluster->is_away || strcmp(cluster->problem, problem) != 0)
		log_warning("cluster away", "reason=\"Redis at %.100s:%u: %.120s\" effect=\"%s\"",
		            cluster->at.host, cluster->at.port, problem, effect(cluster));
	snprintf(cluster->problem, sizeof cluster->problem, "%s", problem);
	if (cluster->is_away)
		return;
	cluster->is_away = true;
	cluster->lost_at = now;
	atomic_store_explicit(&cluster->away_since, now, memory_order_relaxed);
	if (cluster->has_thread)
		report_send(cluster);
}

static void raise_all(struct cluster *cluster)
{
	LIST_FOR_EACH (at, &cluster->nodes) {
		struct cluster_node *node = CONTAINER_OF(at, struct cluster_node, node);
		link_raise(cluster, node, node->epoch + 1);
	}
}

static void come_back(struct cluster *cluster, timestamp now)
{
	char problem[256] = "";

	if (!backoff_is_due(&cluster->retry, now))
		return;
	if (registry_connect(cluster, problem) != OK ||
	    (!cluster_is_joined(cluster) && join_hubs(cluster, problem) != OK)) {
		lose_redis(cluster, timestamp_now(), problem);
		return;
	}
	backoff_worked(&cluster->retry, timestamp_now());
	/* The others have forgotten by now how often the links were lost. */
	if (timestamp_now() - cluster->lost_at >= FORGET_MS)
		raise_all(cluster);
	rooms_claim_again(cluster);
	sessions_keep_again(cluster);
	log_always("cluster back", "node=%s number=%u", cluster->name, (unsigned)cluster->number);
	cluster->is_away = false;
	atomic_store_explicit(&cluster->away_since, 0, memory_order_relaxed);
	report_send(cluster);
}

static void lose_letters(struct cluster *cluster)
{
	log_warning("cluster letters lost",
	            "reason=\"more than %d waited\" effect=\"all nodes agree on their rooms anew\"",
	            PENDING_MAX);
	raise_all(cluster);
}

static enum err talk(struct cluster *cluster, timestamp now, char problem[256])
{
	enum err err = OK;

	if (!cluster->is_settled && now - cluster->connected_at >= SETTLE_MS)
		cluster->is_settled = true;
	if (now >= cluster->next_beat) {
		err = registry_beat(cluster, now, problem);
		if (err == OK)
			report_send(cluster);
	}
	if (err == OK)
		err = rooms_turn(cluster, now, problem);
	if (err == OK)
		err = link_listen(cluster, problem);
	if (err == OK)
		err = link_flush(cluster, problem);
	return err == OK ? sessions_turn(cluster, now, problem) : err;
}

static void turn(struct cluster *cluster)
{
	timestamp now = timestamp_now();
	char problem[256] = "";

	if (atomic_exchange_explicit(&cluster->has_dropped, false, memory_order_relaxed))
		lose_letters(cluster);
	if (cluster->commands == NULL)
		come_back(cluster, now);
	if (cluster->commands != NULL && talk(cluster, timestamp_now(), problem) != OK)
		lose_redis(cluster, timestamp_now(), problem);
	rooms_refuse_late(cluster, timestamp_now());
	seek_refuse_late(cluster, timestamp_now());
}
