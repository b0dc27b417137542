/* Questions to the store. A user is remembered for 60 s and one that the store does not have for 5 s; its
 * secrets for 5 s, and keys of authorization servers too; all of it at most until the store tells that
 * something was written. Requests that wait for the same answer share one question. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "relay/lookup.h"
#include "relay/store_count.h"
#include "stun/access_token.h"

enum {
	FOUND_LIFETIME_MS = 60000,
	NOT_FOUND_LIFETIME_MS = 5000,
	SECRETS_LIFETIME_MS = 5000,
	TOKEN_KEY_LIFETIME_MS = 5000,
	TOKEN_KEY_GRACE_S = 5, /* as in coturn: clocks differ */
	WAITING_MAX = 8192,    /* requests; the core parks fewer */
};

_Static_assert((int)STORE_SECRET_MAX == (int)CREDENTIALS_SECRET_MAX, "secrets are one kind");
_Static_assert((int)TURN_USERNAME_MAX < (int)STORE_TEXT_MAX, "usernames fit the store");
_Static_assert((int)TURN_REALM_MAX < (int)STORE_TEXT_MAX, "realms fit the store");

/* The letter to the store and back. */
struct question {
	struct store_request request;
	struct credentials *credentials;
	struct cache_entry *entry; /* lent: it stays while it is CACHE_ASKED */
	uint64_t asked_us;
};

static void cache_key_init(struct cache_key *key, enum lookup_kind kind, const char *realm,
                           const void *bytes, size_t len);
static enum err store_ask(struct credentials *credentials, const struct cache_key *key,
                          const struct lookup *lookup, struct cache_entry **entry);
static void entry_wait(struct credentials *credentials, struct cache_entry *entry,
                       const struct lookup *lookup);
static void store_answered(struct mail *mail, void *receiver);
static void secrets_settle(struct credentials *credentials, struct question *question);
static void user_settle(struct credentials *credentials, struct question *question);
static void token_key_settle(struct credentials *credentials, struct question *question);
static enum err token_key_make(const struct store_oauth_key *stored, struct cache_token_key *key);
static struct cache_user *cache_user_create(const struct store_user *user);
static void stored_user_keys(const struct store_user *user, struct user_keys *keys);
static void waiting_take(struct list *waiting, struct list *taken);
static void waiting_answer(struct credentials *credentials, struct list *waiting,
                           const struct store_request *request);
static void lookup_answer(const struct credentials *credentials, const struct lookup *lookup,
                          const struct store_request *request);

void lookup_ask_store(struct credentials *credentials, const struct lookup *lookup,
                      enum lookup_kind kind, const char *realm, const void *bytes, size_t len)
{
	struct cache_key key;

	cache_key_init(&key, kind, realm, bytes, len);
	struct cache_entry *entry = credential_cache_find(&credentials->cache, &key, lookup->now);
	if (entry == NULL && store_ask(credentials, &key, lookup, &entry) != OK)
		lookup_answer_unavailable(lookup);
	else if (entry->state == CACHE_ASKED)
		entry_wait(credentials, entry, lookup);
	else if (entry->state == CACHE_NOT_FOUND)
		lookup_answer_not_found(lookup);
	else if (entry->state == CACHE_SECRETS)
		lookup_answer_secret_keys(credentials, lookup);
	else if (entry->state == CACHE_TOKEN_KEY)
		lookup_answer_token_key(lookup, entry->token_key);
	else
		lookup_answer_user(lookup, entry->user->name, &entry->user->keys);
}

static void cache_key_init(struct cache_key *key, enum lookup_kind kind, const char *realm,
                           const void *bytes, size_t len)
{
	size_t realm_size = strlen(realm) + 1;

	key->len = 1 + realm_size + len;
	key->bytes[0] = (uint8_t)kind;
	memcpy(key->bytes + 1, realm, realm_size);
	if (len > 0)
		memcpy(key->bytes + 1 + realm_size, bytes, len);
}

static enum err store_ask(struct credentials *credentials, const struct cache_key *key,
                          const struct lookup *lookup, struct cache_entry **entry)
{
	static const enum store_question questions[] = {
		[LOOKUP_USERNAME] = STORE_FIND_USER,
		[LOOKUP_USERHASH] = STORE_FIND_USERHASH,
		[LOOKUP_SECRETS] = STORE_LIST_SECRETS,
		[LOOKUP_TOKEN_KEY] = STORE_FIND_OAUTH_KEY,
	};
	struct question *question = calloc(1, sizeof *question);
	enum err err = ERR_NO_MEMORY;

	if (question == NULL)
		return err;
	err = credential_cache_ask(&credentials->cache, key, lookup->now, entry);
	if (err != OK) {
		free(question);
		return err;
	}
	question->credentials = credentials;
	question->entry = *entry;
	question->request.mail.deliver = store_answered;
	question->request.reply_to = credentials->replies;
	question->request.question = questions[key->bytes[0]];
	memcpy(question->request.realm,
	       question->request.question == STORE_LIST_SECRETS ? lookup->home : lookup->realm,
	       sizeof lookup->realm);
	memcpy(question->request.name, lookup->username, sizeof lookup->username);
	memcpy(question->request.userhash, lookup->userhash, sizeof lookup->userhash);
	question->asked_us = timestamp_us();
	store_thread_ask(credentials->store, &question->request);
	return OK;
}

static void entry_wait(struct credentials *credentials, struct cache_entry *entry,
                       const struct lookup *lookup)
{
	struct lookup *waiting = NULL;

	if (credentials->waiting < WAITING_MAX)
		waiting = malloc(sizeof *waiting);
	if (waiting == NULL) {
		lookup_answer_unavailable(lookup);
		return;
	}
	*waiting = *lookup;
	list_append(&entry->waiting, &waiting->node);
	credentials->waiting++;
}

/* The receiver is whoever owns the mailbox; the letter knows whose it is. */
static void store_answered(struct mail *mail, void *receiver)
{
	struct store_request *request = CONTAINER_OF(mail, struct store_request, mail);
	struct question *question = CONTAINER_OF(request, struct question, request);
	struct credentials *credentials = question->credentials;
	struct list waiting;

	(void)receiver;
	store_count_answer(credentials->counters, request, question->asked_us);
	waiting_take(&question->entry->waiting, &waiting);
	if (request->question == STORE_LIST_SECRETS)
		secrets_settle(credentials, question);
	else if (request->question == STORE_FIND_OAUTH_KEY)
		token_key_settle(credentials, question);
	else
		user_settle(credentials, question);
	waiting_answer(credentials, &waiting, request);
	bytes_wipe(question, sizeof *question);
	free(question);
}

/* A store that is away does not take its secrets back: those known hold until it says otherwise. */
static void secrets_settle(struct credentials *credentials, struct question *question)
{
	struct store_request *request = &question->request;
	struct cache_entry *entry = question->entry;
	struct secret *secrets = (struct secret *)request->secrets;

	if (request->result != OK || secrets_table_set(&credentials->stored_secrets, request->realm,
	                                               secrets, request->secret_count) != OK) {
		credential_cache_remove(&credentials->cache, entry);
		return;
	}
	credential_cache_settle(&credentials->cache, entry, CACHE_SECRETS,
	                        entry->asked_at + SECRETS_LIFETIME_MS);
}

static void user_settle(struct credentials *credentials, struct question *question)
{
	struct cache_entry *entry = question->entry;
	enum err result = question->request.result;

	if (result == OK)
		entry->user = cache_user_create(&question->request.user);
	if (entry->user != NULL)
		credential_cache_settle(&credentials->cache, entry, CACHE_FOUND,
		                        entry->asked_at + FOUND_LIFETIME_MS);
	else if (result == ERR_NOT_FOUND)
		credential_cache_settle(&credentials->cache, entry, CACHE_NOT_FOUND,
		                        entry->asked_at + NOT_FOUND_LIFETIME_MS);
	else
		credential_cache_remove(&credentials->cache, entry);
}

/* A key that is none is as good as not found: the log says why. */
static void token_key_settle(struct credentials *credentials, struct question *question)
{
	struct cache_entry *entry = question->entry;
	struct store_request *request = &question->request;

	if (request->result == OK)
		entry->token_key = calloc(1, sizeof *entry->token_key);
	if (entry->token_key != NULL &&
	    token_key_make(&request->oauth_key, entry->token_key) != OK) {
		free(entry->token_key);
		entry->token_key = NULL;
		request->result = ERR_NOT_FOUND;
	}
	if (entry->token_key != NULL)
		credential_cache_settle(&credentials->cache, entry, CACHE_TOKEN_KEY,
		                        entry->asked_at + TOKEN_KEY_LIFETIME_MS);
	else if (request->result == ERR_NOT_FOUND)
		credential_cache_settle(&credentials->cache, entry, CACHE_NOT_FOUND,
		                        entry->asked_at + NOT_FOUND_LIFETIME_MS);
	else
		credential_cache_remove(&credentials->cache, entry);
}

static enum err token_key_make(const struct store_oauth_key *stored, struct cache_token_key *key)
{
	if (text_copy(key->key.realm, sizeof key->key.realm, stored->realm) != OK ||
	    access_token_key(stored->algorithm, stored->key, stored->key_len, &key->key.key) !=
	            OK) {
		log_warning("OAuth key not used",
		            "kid=%s as_rs_alg=%s bytes=%zu reason=\"A256GCM has a key of 32 bytes, "
		            "A128GCM one of 16\"",
		            stored->kid, stored->algorithm, stored->key_len);
		return ERR_INVALID;
	}
	key->valid_until_s = stored->lifetime_s == 0
	                             ? 0
	                             : stored->timestamp + stored->lifetime_s + TOKEN_KEY_GRACE_S;
	return OK;
}

/* NULL without memory: then it is not remembered. */
static struct cache_user *cache_user_create(const struct store_user *user)
{
	size_t size = strlen(user->name) + 1;
	struct cache_user *created = malloc(sizeof *created + size);

	if (created == NULL)
		return NULL;
	stored_user_keys(user, &created->keys);
	memcpy(created->name, user->name, size);
	return created;
}

static void stored_user_keys(const struct store_user *user, struct user_keys *keys)
{
	*keys = (struct user_keys){
		.has_md5 = user->key_len == sizeof keys->md5,
		.has_sha256 = user->has_sha256,
	};
	memcpy(keys->md5, user->key, sizeof keys->md5);
	memcpy(keys->sha256, user->sha256_key, sizeof keys->sha256);
}

/* Once it is settled the entry may be gone. */
static void waiting_take(struct list *waiting, struct list *taken)
{
	struct list *node;

	list_init(taken);
	while ((node = list_first(waiting)) != NULL) {
		list_remove(node);
		list_append(taken, node);
	}
}

static void waiting_answer(struct credentials *credentials, struct list *waiting,
                           const struct store_request *request)
{
	timestamp now = timestamp_now();
	struct list *node;

	while ((node = list_first(waiting)) != NULL) {
		struct lookup *lookup = CONTAINER_OF(node, struct lookup, node);

		list_remove(node);
		credentials->waiting--;
		if (lookup->now < now)
			lookup->now = now;
		lookup_answer(credentials, lookup, request);
		free(lookup);
	}
}

static void lookup_answer(const struct credentials *credentials, const struct lookup *lookup,
                          const struct store_request *request)
{
	const struct secrets_table *stored = &credentials->stored_secrets;
	struct cache_token_key token_key;
	struct user_keys keys;

	if (request->question == STORE_LIST_SECRETS &&
	    (request->result == OK || credentials->fixed->secret_count > 0 ||
	     secrets_table_find(stored, lookup->home) != NULL)) {
		lookup_answer_secret_keys(credentials, lookup);
	} else if (request->question == STORE_FIND_OAUTH_KEY && request->result == OK) {
		if (token_key_make(&request->oauth_key, &token_key) == OK)
			lookup_answer_token_key(lookup, &token_key);
		else
			lookup_answer_not_found(lookup);
		bytes_wipe(&token_key, sizeof token_key);
	} else if (request->result == OK) {
		stored_user_keys(&request->user, &keys);
		lookup_answer_user(lookup, request->user.name, &keys);
		bytes_wipe(&keys, sizeof keys);
	} else if (request->result == ERR_NOT_FOUND) {
		lookup_answer_not_found(lookup);
	} else {
		lookup_answer_unavailable(lookup);
	}
}
