/* Requests that wait for the host. */
#include "turn/pending.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "turn/action.h"

enum awaited { AWAITS_KEY, AWAITS_RELAY, AWAITS_PEER, AWAITS_OWNER };

struct pending {
	struct list node; /* in the server's pending */
	struct turn_server *server;
	struct timer timer;
	uint64_t cookie;
	struct five_tuple tuple;
	void *path;
	enum awaited awaited;
	uint64_t parked_us, began_us; /* since when it waits, and the first time */

	/* Who sent it, once that is known: a relay is opened for proven users alone. */
	bool is_authenticated, names_algorithm;
	char *realm; /* owned; NULL: not decided */
	timestamp token_deadline;
	char username[TURN_USERNAME_MAX + 1];
	uint8_t key[STUN_KEY_MAX];
	size_t key_len;
	struct places places;

	size_t len;
	uint8_t message[];
};

struct transaction {
	const struct five_tuple *tuple;
	const uint8_t *id;
};

static struct pending *park(struct request *request, enum awaited awaited);
static bool keep_proof(struct pending *pending, struct request *request);
static struct pending *pending_find(struct turn_server *server, uint64_t cookie,
                                    enum awaited awaited);
static void resume(struct pending *pending, struct request *request);
static void measure(const struct pending *pending);
static void expire(struct timer *timer, timestamp now);
static void destroy(struct pending *pending);
static void close_all(struct turn_server *server, const struct turn_opened *opened);

int pending_find_key(struct request *request, const struct turn_find_key *find)
{
	struct pending *pending = park(request, AWAITS_KEY);

	if (pending == NULL)
		return OUTCOME_DROPPED;
	action_find_key(request->server, pending->cookie, find);
	return OUTCOME_PARKED;
}

int pending_open_relay(struct request *request, const struct turn_open_relay *open)
{
	struct pending *pending = park(request, AWAITS_RELAY);

	if (pending == NULL || !keep_proof(pending, request))
		return OUTCOME_DROPPED;
	pending->places = request->places;
	request->places = (struct places){0};
	action_open_relay(request->server, pending->cookie, open);
	return OUTCOME_PARKED;
}

int pending_connect(struct request *request, uint64_t *cookie)
{
	struct pending *pending = park(request, AWAITS_PEER);

	if (pending == NULL || !keep_proof(pending, request))
		return OUTCOME_DROPPED;
	timer_cancel(request->server->timers, &pending->timer);
	*cookie = pending->cookie;
	return OUTCOME_PARKED;
}

void pending_connect_answer(struct turn_server *server, uint64_t cookie, enum answer_state answer,
                            uint32_t connection_id)
{
	struct pending *pending = pending_find(server, cookie, AWAITS_PEER);

	if (pending != NULL)
		resume(pending,
		       &(struct request){.peer_answer = answer, .connection_id = connection_id});
}

void pending_connect_forget(struct turn_server *server, uint64_t cookie)
{
	struct pending *pending = pending_find(server, cookie, AWAITS_PEER);

	if (pending != NULL)
		destroy(pending);
}

/* Who sent it is known by now. False when out of memory: the request is dropped. */
static bool keep_proof(struct pending *pending, struct request *request)
{
	pending->realm = strdup(request_realm(request));
	if (pending->realm == NULL) {
		destroy(pending);
		drop(request->server, COUNT_drop_no_memory);
		return false;
	}
	pending->is_authenticated = request->is_authenticated;
	pending->names_algorithm = request->names_algorithm;
	pending->token_deadline = request->token_deadline;
	memcpy(pending->username, request->username, strlen(request->username) + 1);
	memcpy(pending->key, request->key, request->key_len);
	pending->key_len = request->key_len;
	return true;
}

int pending_ask_owner(struct request *request, const struct ticket *ticket)
{
	struct turn_server *server = request->server;
	struct handoff *ask =
		handoff_create(server, HANDOFF_ASK, ticket->allocation, request->message.len);
	struct pending *pending = ask != NULL ? park(request, AWAITS_OWNER) : NULL;

	if (pending == NULL) {
		if (ask != NULL)
			handoff_destroy(server, ask);
		return OUTCOME_DROPPED;
	}
	ask->tuple = *request->tuple;
	ask->cookie = pending->cookie;
	ask->generation = ticket->generation;
	memcpy(ask->message, request->message.bytes, request->message.len);
	handoff_post(server, ticket->thread, ask);
	return OUTCOME_PARKED;
}

/* The client chooses the ID: what of it goes in first is spread by a secret before the rest follows, or
 * one part could undo the other and all that is parked would lie in one run. */
static uint64_t hash_transaction(const struct turn_server *server, const struct five_tuple *tuple,
                                 const uint8_t *id)
{
	uint64_t secret = five_tuple_hash(tuple, server->hash_seed);

	return hash_mix((hash_mix(secret ^ get_u64(id)) + secret) ^ get_u32(id + 8));
}

static uint64_t hash_of(const struct pending *pending)
{
	return hash_transaction(pending->server, &pending->tuple, pending->message + 8);
}

static bool is_transaction(const void *item, const void *key)
{
	const struct pending *pending = item;
	const struct transaction *transaction = key;

	return memcmp(pending->message + 8, transaction->id, STUN_TRANSACTION_ID_SIZE) == 0 &&
	       five_tuple_equal(&pending->tuple, transaction->tuple);
}

bool pending_has(const struct turn_server *server, const struct five_tuple *tuple,
                 const uint8_t *transaction_id)
{
	struct transaction transaction = {tuple, transaction_id};

	return !list_is_empty(&server->pending) &&
	       hash_table_find(&server->pending_by_transaction,
	                       hash_transaction(server, tuple, transaction_id), is_transaction,
	                       &transaction) != NULL;
}

/* One that is being resumed is in the list, and lends its request the 5-tuple. */
bool pending_has_other(const struct request *request)
{
	LIST_FOR_EACH (node, &request->server->pending) {
		const struct pending *pending = CONTAINER_OF(node, struct pending, node);
		if (&pending->tuple != request->tuple &&
		    five_tuple_equal(&pending->tuple, request->tuple))
			return true;
	}
	return false;
}

void pending_forget(struct turn_server *server, const struct five_tuple *tuple)
{
	LIST_FOR_EACH (node, &server->pending) {
		struct pending *pending = CONTAINER_OF(node, struct pending, node);
		if (five_tuple_equal(&pending->tuple, tuple))
			destroy(pending);
	}
}

void pending_deinit(struct turn_server *server)
{
	LIST_FOR_EACH (node, &server->pending)
		destroy(CONTAINER_OF(node, struct pending, node));
}

void turn_key_found(struct turn_server *server, uint64_t cookie, const struct turn_key *keys,
                    size_t n, timestamp now)
{
	struct pending *pending = pending_find(server, cookie, AWAITS_KEY);

	server->now = now;
	if (pending != NULL)
		resume(pending,
		       &(struct request){.key_answer = ANSWER_FOUND, .keys = keys, .key_count = n});
}

void turn_token_key_found(struct turn_server *server, uint64_t cookie,
                          const struct turn_token_key *key, uint64_t wall_ms, timestamp now)
{
	struct pending *pending = pending_find(server, cookie, AWAITS_KEY);

	server->now = now;
	if (pending != NULL)
		resume(pending, &(struct request){.key_answer = ANSWER_FOUND,
		                                  .token_key = key,
		                                  .wall_ms = wall_ms});
}

void turn_key_not_found(struct turn_server *server, uint64_t cookie, timestamp now)
{
	struct pending *pending = pending_find(server, cookie, AWAITS_KEY);

	server->now = now;
	if (pending != NULL)
		resume(pending, &(struct request){.key_answer = ANSWER_NOT_FOUND});
}

void turn_key_unavailable(struct turn_server *server, uint64_t cookie, timestamp now)
{
	struct pending *pending = pending_find(server, cookie, AWAITS_KEY);

	server->now = now;
	if (pending != NULL)
		resume(pending, &(struct request){.key_answer = ANSWER_UNAVAILABLE});
}

struct turn_allocation *turn_relay_opened(struct turn_server *server, uint64_t cookie,
                                          const struct turn_opened *opened, timestamp now)
{
	struct pending *pending = pending_find(server, cookie, AWAITS_RELAY);
	struct request request = {.relay_answer = ANSWER_FOUND, .opened = opened};

	server->now = now;
	if (pending != NULL)
		resume(pending, &request);
	if (!request.is_adopted) {
		close_all(server, opened);
		return NULL;
	}
	if (!request.allocation->answer.has_token && opened->reserved.relay != NULL)
		action_close_relay(server, opened->reserved.relay); /* nobody asked for it */
	return request.allocation;
}

void turn_relay_failed(struct turn_server *server, uint64_t cookie, timestamp now)
{
	struct pending *pending = pending_find(server, cookie, AWAITS_RELAY);

	server->now = now;
	if (pending != NULL)
		resume(pending, &(struct request){.relay_answer = ANSWER_NOT_FOUND});
}

void pending_owner_answered(struct turn_server *server, uint64_t cookie,
                            const struct owner_answer *answer)
{
	struct pending *pending = pending_find(server, cookie, AWAITS_OWNER);

	if (pending != NULL)
		resume(pending, &(struct request){.owner_answer = answer});
}

/* Those that wait for peers, for half a minute each, are as many as connections may be made, and take
 * no room from who wants to log in. */
static struct pending *park(struct request *request, enum awaited awaited)
{
	struct turn_server *server = request->server;
	size_t len = request->message.len;

	if (awaited != AWAITS_PEER &&
	    server->pending_by_cookie.count >=
	            server->settings.pending_max + server->pending_for_peers) {
		drop(server, COUNT_drop_pending_full);
		return NULL;
	}
	struct pending *pending = calloc(1, sizeof *pending + len);
	if (pending == NULL)
		goto fail;
	pending->server = server;
	pending->awaited = awaited;
	pending->cookie = ++server->next_id;
	pending->tuple = *request->tuple;
	pending->path = request->path;
	pending->parked_us = microseconds(server);
	pending->began_us = request->began_us != 0 ? request->began_us : pending->parked_us;
	pending->len = len;
	memcpy(pending->message, request->message.bytes, len);
	if (hash_table_insert(&server->pending_by_cookie, hash_mix(pending->cookie), pending) != OK)
		goto fail_cookie;
	if (hash_table_insert(&server->pending_by_transaction, hash_of(pending), pending) != OK)
		goto fail_transaction;
	server->pending_for_peers += awaited == AWAITS_PEER;
	list_append(&server->pending, &pending->node);
	timer_set(server->timers, &pending->timer, server->now + PENDING_TIMEOUT_MS, expire);
	return pending;

fail_transaction:
	hash_table_remove(&server->pending_by_cookie, hash_mix(pending->cookie), pending);
fail_cookie:
	free(pending);
fail:
	drop(server, COUNT_drop_no_memory);
	return NULL;
}

static bool has_cookie(const void *item, const void *key)
{
	return ((const struct pending *)item)->cookie == *(const uint64_t *)key;
}

static struct pending *pending_find(struct turn_server *server, uint64_t cookie,
                                    enum awaited awaited)
{
	struct pending *pending =
		hash_table_find(&server->pending_by_cookie, hash_mix(cookie), has_cookie, &cookie);

	return pending != NULL && pending->awaited == awaited ? pending : NULL;
}

/* Dispatches again, with what the host answered in hand. The entry is out of the list and the tables
 * first, as the request may be parked once more, or have all others of its 5-tuple forgotten. */
static void resume(struct pending *pending, struct request *request)
{
	struct turn_server *server = pending->server;

	list_remove(&pending->node);
	hash_table_remove(&server->pending_by_cookie, hash_mix(pending->cookie), pending);
	hash_table_remove(&server->pending_by_transaction, hash_of(pending), pending);
	serve(server, pending->tuple.transport, server->now);
	measure(pending);
	request->server = server;
	request->began_us = pending->began_us;
	request->tuple = &pending->tuple;
	request->path = pending->path;
	request->username = pending->username;
	request->is_authenticated = pending->is_authenticated;
	request->names_algorithm = pending->names_algorithm;
	request->token_deadline = pending->token_deadline;
	request->realm = pending->realm;
	memcpy(request->key, pending->key, pending->key_len);
	request->key_len = pending->key_len;
	request->places = pending->places;
	pending->places = (struct places){0};
	if (stun_message_parse(pending->message, pending->len, &request->message) == OK)
		dispatch(request);
	places_give(server, &request->places);
	bytes_wipe(request->key, sizeof request->key);
	destroy(pending);
}

static void measure(const struct pending *pending)
{
	struct turn_server *server = pending->server;

	if (pending->awaited == AWAITS_KEY && pending->parked_us != 0)
		histogram_add(&server->settings.counters->histogram[HISTOGRAM_key_lookup],
		              microseconds(server) - pending->parked_us);
}

/* Silently: the client has given up or will ask again. */
static void expire(struct timer *timer, timestamp now)
{
	(void)now;
	destroy(CONTAINER_OF(timer, struct pending, timer));
}

static void destroy(struct pending *pending)
{
	struct turn_server *server = pending->server;

	timer_cancel(server->timers, &pending->timer);
	list_remove(&pending->node);
	server->pending_for_peers -= pending->awaited == AWAITS_PEER;
	hash_table_remove(&server->pending_by_cookie, hash_mix(pending->cookie), pending);
	hash_table_remove(&server->pending_by_transaction, hash_of(pending), pending);
	places_give(server, &pending->places);
	bytes_wipe(pending->key, sizeof pending->key);
	free(pending->realm);
	free(pending);
}

static void close_all(struct turn_server *server, const struct turn_opened *opened)
{
	for (enum turn_family family = 0; family < TURN_FAMILY_COUNT; family++)
		if (opened->relay[family].relay != NULL)
			action_close_relay(server, opened->relay[family].relay);
	if (opened->reserved.relay != NULL)
		action_close_relay(server, opened->reserved.relay);
}
