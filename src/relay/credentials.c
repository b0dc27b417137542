/* Which keys a username has: of a static user, of a name that a shared secret vouches for, of a
 * user in the store; which key an authorization server has.
 *
 * A user of the store is remembered for 60 s and one it does not have for 5 s; its secrets for 5 s,
 * and keys of
 * authorization servers too, so that a new one counts at once. Requests that wait for the same answer share one question. */
#include "relay/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "relay/credential_cache.h"
#include "relay/fixed_credentials.h"
#include "relay/secret_name.h"
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

struct credentials {
	struct store_thread *store; /* owner: the program; NULL: none */
	struct mailbox *replies;    /* owner: the relay thread */
	struct counters *counters;  /* owner: the relay thread; NULL: nothing is counted */
	struct stun_hasher *hasher; /* owned */

	struct fixed_credentials *fixed; /* owned; a reload exchanges them */
	struct secrets_table stored_secrets;

	struct credential_cache cache;
	size_t waiting;
};

/* One TURN_FIND_KEY, copied as far as its answer needs it. */
struct lookup {
	struct list node; /* while it waits */
	struct turn_server *server;
	uint64_t cookie;
	enum stun_password_algorithm algorithm;
	timestamp now;
	uint64_t wall_s;
	bool has_username, is_token;
	char realm[TURN_REALM_MAX + 1];
	char username[TURN_USERNAME_MAX + 1];
	uint8_t userhash[STUN_USERHASH_SIZE];
};

/* The letter to the store and back. */
struct question {
	struct store_request request;
	struct credentials *credentials;
	struct cache_entry *entry; /* lent: it stays while it is CACHE_ASKED */
	uint64_t asked_us;
};

/* What is asked of the store; the first byte of a cache_key. */
enum cache_kind { KIND_USERNAME = 1, KIND_USERHASH, KIND_SECRETS, KIND_TOKEN_KEY };

static bool lookup_init(struct lookup *lookup, struct turn_server *server,
                        const struct turn_action *action);
static bool static_user_answer(const struct credentials *credentials, const struct lookup *lookup);
static void secret_name_answer(struct credentials *credentials, const struct lookup *lookup);
static void token_key_answer(struct credentials *credentials, const struct lookup *lookup);
static void answer_token_key(const struct lookup *lookup, const struct cache_token_key *key);
static void stored_user_answer(struct credentials *credentials, const struct lookup *lookup);
static void answer_user(const struct lookup *lookup, const char *name,
                        const struct user_keys *keys);
static void answer_secret_keys(const struct credentials *credentials, const struct lookup *lookup);
static void answer_not_found(const struct lookup *lookup);
static void answer_unavailable(const struct lookup *lookup);

static void cache_key_init(struct cache_key *key, enum cache_kind kind, const char *realm,
                           const void *bytes, size_t len);
static void store_find(struct credentials *credentials, const struct cache_key *key,
                       const struct lookup *lookup);
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

enum err credentials_create(const struct credentials_settings *settings,
                            struct credentials **credentials_out)
{
	struct credentials *credentials;
	enum err err;

	credentials = calloc(1, sizeof *credentials);
	if (credentials == NULL)
		return ERR_NO_MEMORY;
	credentials->store = settings->store;
	credentials->replies = settings->replies;
	credentials->counters = settings->counters;
	err = stun_hasher_create(&credentials->hasher);
	if (err != OK)
		goto fail_hasher;
	err = fixed_credentials_create(settings, &credentials->fixed);
	if (err != OK)
		goto fail_fixed;
	credentials->fixed->users.hasher = credentials->hasher;
	credential_cache_init(&credentials->cache, credentials->hasher);
	secrets_table_init(&credentials->stored_secrets);
	*credentials_out = credentials;
	return OK;

fail_fixed:
	stun_hasher_destroy(credentials->hasher);
fail_hasher:
	free(credentials);
	return err;
}

void credentials_exchange_fixed(struct credentials *credentials, struct fixed_credentials **fixed)
{
	struct fixed_credentials *before = credentials->fixed;

	credentials->fixed = *fixed;
	credentials->fixed->users.hasher = credentials->hasher;
	before->users.hasher = NULL;
	*fixed = before;
}

void credentials_destroy(struct credentials *credentials)
{
	if (credentials == NULL)
		return;
	secrets_table_deinit(&credentials->stored_secrets);
	credential_cache_deinit(&credentials->cache);
	fixed_credentials_destroy(credentials->fixed);
	stun_hasher_destroy(credentials->hasher);
	bytes_wipe(credentials, sizeof *credentials);
	free(credentials);
}

size_t credentials_cached(const struct credentials *credentials)
{
	return credentials->cache.table.count;
}

void credentials_find(struct credentials *credentials, struct turn_server *server,
                      const struct turn_action *action, timestamp now, uint64_t wall_s)
{
	struct lookup lookup = {.now = now, .wall_s = wall_s};

	if (!lookup_init(&lookup, server, action))
		answer_not_found(&lookup);
	else if (lookup.is_token)
		token_key_answer(credentials, &lookup);
	else if (credentials->fixed->lt_cred_mech && static_user_answer(credentials, &lookup))
		return;
	else if (credentials->fixed->use_auth_secret)
		secret_name_answer(credentials, &lookup);
	else
		stored_user_answer(credentials, &lookup);
}

/* False when it cannot be anyone's name. */
static bool lookup_init(struct lookup *lookup, struct turn_server *server,
                        const struct turn_action *action)
{
	const struct turn_find_key *find = &action->find;

	lookup->server = server;
	lookup->cookie = action->cookie;
	lookup->algorithm = find->algorithm;
	lookup->has_username = find->username != NULL;
	lookup->is_token = find->is_token;
	if (text_copy(lookup->realm, sizeof lookup->realm, find->realm) != OK)
		return false;
	if (!lookup->has_username) {
		memcpy(lookup->userhash, find->userhash, sizeof lookup->userhash);
		return true;
	}
	return find->username[0] != '\0' &&
	       text_copy(lookup->username, sizeof lookup->username, find->username) == OK;
}

static bool static_user_answer(const struct credentials *credentials, const struct lookup *lookup)
{
	const struct static_users *users = &credentials->fixed->users;
	const char *name = NULL;
	const struct user_keys *keys =
		lookup->has_username ? static_users_find(users, lookup->username, &name)
				     : static_users_find_hash(users, lookup->userhash, &name);

	if (keys == NULL || strcmp(lookup->realm, credentials->fixed->realm) != 0)
		return false;
	answer_user(lookup, name, keys);
	return true;
}

static void secret_name_answer(struct credentials *credentials, const struct lookup *lookup)
{
	struct cache_key key;
	uint64_t expiry_s;

	/* A USERHASH does not tell when the name expires, and there is no list of such names. */
	bool is_timed =
		lookup->has_username &&
		secret_name_read_expiry(lookup->username, credentials->fixed->separator, &expiry_s);
	if (!is_timed && credentials->fixed->lt_cred_mech) {
		stored_user_answer(credentials, lookup);
		return;
	}
	if (!is_timed || expiry_s < lookup->wall_s) {
		answer_not_found(lookup);
		return;
	}
	if (credentials->store == NULL) {
		answer_secret_keys(credentials, lookup);
		return;
	}
	cache_key_init(&key, KIND_SECRETS, lookup->realm, NULL, 0);
	store_find(credentials, &key, lookup);
}

static void stored_user_answer(struct credentials *credentials, const struct lookup *lookup)
{
	struct cache_key key;

	if (credentials->store == NULL) {
		answer_not_found(lookup);
		return;
	}
	if (lookup->has_username)
		cache_key_init(&key, KIND_USERNAME, lookup->realm, lookup->username,
		               strlen(lookup->username));
	else
		cache_key_init(&key, KIND_USERHASH, lookup->realm, lookup->userhash,
		               sizeof lookup->userhash);
	store_find(credentials, &key, lookup);
}

/* A kid is one of all realms. */
static void token_key_answer(struct credentials *credentials, const struct lookup *lookup)
{
	struct cache_key key;

	if (credentials->store == NULL) {
		answer_not_found(lookup);
		return;
	}
	cache_key_init(&key, KIND_TOKEN_KEY, "", lookup->username, strlen(lookup->username));
	store_find(credentials, &key, lookup);
}

/* Gives the key for the algorithm of the request; when it is not known, the other one, for the core
 * to judge. */
static void answer_user(const struct lookup *lookup, const char *name, const struct user_keys *keys)
{
	bool is_sha256 =
		keys->has_sha256 && (lookup->algorithm == STUN_PASSWORD_SHA256 || !keys->has_md5);
	struct turn_key key = {.len = is_sha256 ? sizeof keys->sha256 : sizeof keys->md5};

	snprintf(key.username, sizeof key.username, "%s", name);
	memcpy(key.key, is_sha256 ? keys->sha256 : keys->md5, key.len);
	turn_key_found(lookup->server, lookup->cookie, &key, 1, lookup->now);
	bytes_wipe(&key, sizeof key);
}

static void answer_secret_keys(const struct credentials *credentials, const struct lookup *lookup)
{
	const struct realm_secrets *stored =
		secrets_table_find(&credentials->stored_secrets, lookup->realm);
	size_t fixed = credentials->fixed->secret_count, count = fixed;
	struct turn_key keys[STORE_SECRETS_MAX];

	if (stored != NULL)
		count += stored->count;
	if (count > STORE_SECRETS_MAX)
		count = STORE_SECRETS_MAX;
	if (count == 0) {
		answer_not_found(lookup);
		return;
	}
	for (size_t i = 0; i < count; i++)
		secret_name_make_key(credentials->hasher, lookup->algorithm, lookup->username,
		                     lookup->realm,
		                     i < fixed ? credentials->fixed->secrets[i].text
		                               : stored->secrets[i - fixed].text,
		                     &keys[i]);
	turn_key_found(lookup->server, lookup->cookie, keys, count, lookup->now);
	bytes_wipe(keys, count * sizeof keys[0]);
}

static void answer_token_key(const struct lookup *lookup, const struct cache_token_key *key)
{
	if (key->valid_until_s != 0 && lookup->wall_s >= key->valid_until_s)
		answer_not_found(lookup);
	else
		turn_token_key_found(lookup->server, lookup->cookie, &key->key,
		                     lookup->wall_s * 1000, lookup->now);
}

static void answer_not_found(const struct lookup *lookup)
{
	turn_key_not_found(lookup->server, lookup->cookie, lookup->now);
}

static void answer_unavailable(const struct lookup *lookup)
{
	turn_key_unavailable(lookup->server, lookup->cookie, lookup->now);
}

static void cache_key_init(struct cache_key *key, enum cache_kind kind, const char *realm,
                           const void *bytes, size_t len)
{
	size_t realm_size = strlen(realm) + 1;

	key->len = 1 + realm_size + len;
	key->bytes[0] = (uint8_t)kind;
	memcpy(key->bytes + 1, realm, realm_size);
	if (len > 0)
		memcpy(key->bytes + 1 + realm_size, bytes, len);
}

static void store_find(struct credentials *credentials, const struct cache_key *key,
                       const struct lookup *lookup)
{
	struct cache_entry *entry = credential_cache_find(&credentials->cache, key, lookup->now);

	if (entry == NULL && store_ask(credentials, key, lookup, &entry) != OK)
		answer_unavailable(lookup);
	else if (entry->state == CACHE_ASKED)
		entry_wait(credentials, entry, lookup);
	else if (entry->state == CACHE_NOT_FOUND)
		answer_not_found(lookup);
	else if (entry->state == CACHE_SECRETS)
		answer_secret_keys(credentials, lookup);
	else if (entry->state == CACHE_TOKEN_KEY)
		answer_token_key(lookup, entry->token_key);
	else
		answer_user(lookup, entry->user->name, &entry->user->keys);
}

static enum err store_ask(struct credentials *credentials, const struct cache_key *key,
                          const struct lookup *lookup, struct cache_entry **entry)
{
	static const enum store_question questions[] = {
		[KIND_USERNAME] = STORE_FIND_USER,
		[KIND_USERHASH] = STORE_FIND_USERHASH,
		[KIND_SECRETS] = STORE_LIST_SECRETS,
		[KIND_TOKEN_KEY] = STORE_FIND_OAUTH_KEY,
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
	memcpy(question->request.realm, lookup->realm, sizeof lookup->realm);
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
		answer_unavailable(lookup);
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
		log_warning("OAuth key not used: as_rs_alg is A256GCM with 32 bytes of key, or "
		            "A128GCM with 16",
		            "kid=%s as_rs_alg=%s bytes=%zu", stored->kid, stored->algorithm,
		            stored->key_len);
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
	     secrets_table_find(stored, lookup->realm) != NULL)) {
		answer_secret_keys(credentials, lookup);
	} else if (request->question == STORE_FIND_OAUTH_KEY && request->result == OK) {
		if (token_key_make(&request->oauth_key, &token_key) == OK)
			answer_token_key(lookup, &token_key);
		else
			answer_not_found(lookup);
		bytes_wipe(&token_key, sizeof token_key);
	} else if (request->result == OK) {
		stored_user_keys(&request->user, &keys);
		answer_user(lookup, request->user.name, &keys);
		bytes_wipe(&keys, sizeof keys);
	} else if (request->result == ERR_NOT_FOUND) {
		answer_not_found(lookup);
	} else {
		answer_unavailable(lookup);
	}
}
