/* Which keys a username has: of a static user, of a name that a shared secret vouches for, of a
 * user in the store.
 *
 * A user of the store is remembered for 60 s and one it does not have for 5 s; its secrets for 5 s,
 * so that a new one counts at once. Requests that wait for the same answer share one question. */
#include "relay/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "relay/credential_cache.h"
#include "relay/secret_name.h"
#include "relay/static_users.h"

enum {
	FOUND_LIFETIME_MS = 60000,
	NOT_FOUND_LIFETIME_MS = 5000,
	SECRETS_LIFETIME_MS = 5000,
	WAITING_MAX = 8192, /* requests; the core parks fewer */
};

struct secret {
	char text[CREDENTIALS_SECRET_MAX + 1];
};
_Static_assert((int)STORE_SECRET_MAX <= (int)CREDENTIALS_SECRET_MAX, "the store's secrets fit");
_Static_assert((int)TURN_USERNAME_MAX < (int)STORE_TEXT_MAX, "usernames fit the store");
_Static_assert((int)TURN_REALM_MAX < (int)STORE_TEXT_MAX, "realms fit the store");

struct credentials {
	char realm[TURN_REALM_MAX + 1];
	bool lt_cred_mech, use_auth_secret;
	char separator;
	struct store_thread *store; /* owner: the program; NULL: none */
	struct mailbox *replies;    /* owner: the relay thread */
	struct stun_hasher *hasher; /* owned */

	struct static_users users;
	struct secret secrets[STORE_SECRETS_MAX]; /* static ones, then the store's */
	size_t static_secrets, secret_count;

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
	bool has_username;
	char username[TURN_USERNAME_MAX + 1];
	uint8_t userhash[STUN_USERHASH_SIZE];
};

/* The letter to the store and back. */
struct question {
	struct store_request request;
	struct credentials *credentials;
	struct cache_entry *entry; /* lent: it stays while it is CACHE_ASKED */
};

/* What is asked of the store; the first byte of a cache_key. */
enum cache_kind { KIND_USERNAME = 1, KIND_USERHASH, KIND_SECRETS };

static enum err secrets_copy(struct credentials *credentials,
                             const struct credentials_settings *settings);
static bool lookup_init(struct lookup *lookup, struct turn_server *server,
                        const struct turn_action *action, timestamp now);
static bool static_user_answer(const struct credentials *credentials, const struct lookup *lookup);
static void secret_name_answer(struct credentials *credentials, const struct lookup *lookup,
                               uint64_t wall_s);
static void stored_user_answer(struct credentials *credentials, const struct lookup *lookup);
static void answer_user(const struct lookup *lookup, const char *name,
                        const struct user_keys *keys);
static void answer_secret_keys(const struct credentials *credentials, const struct lookup *lookup);
static void answer_not_found(const struct lookup *lookup);
static void answer_unavailable(const struct lookup *lookup);

static void cache_key_init(struct cache_key *key, enum cache_kind kind, const void *bytes,
                           size_t len);
static void store_find(struct credentials *credentials, const struct cache_key *key,
                       const struct lookup *lookup);
static enum err store_ask(struct credentials *credentials, const struct cache_key *key,
                          const struct lookup *lookup, struct cache_entry **entry);
static void entry_wait(struct credentials *credentials, struct cache_entry *entry,
                       const struct lookup *lookup);
static void store_answered(struct mail *mail, void *receiver);
static void secrets_settle(struct credentials *credentials, struct question *question);
static void user_settle(struct credentials *credentials, struct question *question);
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
	if (text_copy(credentials->realm, sizeof credentials->realm, settings->realm) != OK) {
		free(credentials);
		return ERR_INVALID;
	}
	credentials->lt_cred_mech = settings->lt_cred_mech || !settings->use_auth_secret;
	credentials->use_auth_secret = settings->use_auth_secret;
	credentials->separator = settings->separator;
	credentials->store = settings->store;
	credentials->replies = settings->replies;
	err = stun_hasher_create(&credentials->hasher);
	if (err != OK)
		goto fail_hasher;
	err = secrets_copy(credentials, settings);
	if (err != OK)
		goto fail_secrets;
	err = static_users_init(&credentials->users, credentials->hasher, credentials->realm,
	                        settings->users, settings->user_count);
	if (err != OK)
		goto fail_users;
	credential_cache_init(&credentials->cache, credentials->hasher);
	*credentials_out = credentials;
	return OK;

fail_users:
	static_users_deinit(&credentials->users);
fail_secrets:
	stun_hasher_destroy(credentials->hasher);
fail_hasher:
	bytes_wipe(credentials, sizeof *credentials);
	free(credentials);
	return err;
}

void credentials_destroy(struct credentials *credentials)
{
	if (credentials == NULL)
		return;
	credential_cache_deinit(&credentials->cache);
	static_users_deinit(&credentials->users);
	stun_hasher_destroy(credentials->hasher);
	bytes_wipe(credentials, sizeof *credentials);
	free(credentials);
}

size_t credentials_cached(const struct credentials *credentials)
{
	return credentials->cache.table.count;
}

static enum err secrets_copy(struct credentials *credentials,
                             const struct credentials_settings *settings)
{
	if (settings->secret_count > STORE_SECRETS_MAX)
		return ERR_INVALID;
	for (size_t i = 0; i < settings->secret_count; i++) {
		struct secret *secret = &credentials->secrets[i];
		if (text_copy(secret->text, sizeof secret->text, settings->secrets[i]) != OK)
			return ERR_INVALID;
	}
	credentials->static_secrets = credentials->secret_count = settings->secret_count;
	return OK;
}

void credentials_find(struct credentials *credentials, struct turn_server *server,
                      const struct turn_action *action, timestamp now, uint64_t wall_s)
{
	struct lookup lookup;

	if (!lookup_init(&lookup, server, action, now) ||
	    strcmp(action->find.realm, credentials->realm) != 0)
		answer_not_found(&lookup);
	else if (credentials->lt_cred_mech && static_user_answer(credentials, &lookup))
		return;
	else if (credentials->use_auth_secret)
		secret_name_answer(credentials, &lookup, wall_s);
	else
		stored_user_answer(credentials, &lookup);
}

/* False when it cannot be anyone's name. */
static bool lookup_init(struct lookup *lookup, struct turn_server *server,
                        const struct turn_action *action, timestamp now)
{
	const struct turn_find_key *find = &action->find;

	*lookup = (struct lookup){
		.server = server,
		.cookie = action->cookie,
		.algorithm = find->algorithm,
		.now = now,
		.has_username = find->username != NULL,
	};
	if (!lookup->has_username) {
		memcpy(lookup->userhash, find->userhash, sizeof lookup->userhash);
		return true;
	}
	return find->username[0] != '\0' &&
	       text_copy(lookup->username, sizeof lookup->username, find->username) == OK;
}

static bool static_user_answer(const struct credentials *credentials, const struct lookup *lookup)
{
	const struct static_users *users = &credentials->users;
	const char *name = NULL;
	const struct user_keys *keys =
		lookup->has_username ? static_users_find(users, lookup->username, &name)
				     : static_users_find_hash(users, lookup->userhash, &name);

	if (keys == NULL)
		return false;
	answer_user(lookup, name, keys);
	return true;
}

static void secret_name_answer(struct credentials *credentials, const struct lookup *lookup,
                               uint64_t wall_s)
{
	struct cache_key key;
	uint64_t expiry_s;

	/* A USERHASH does not tell when the name expires, and there is no list of such names. */
	bool is_timed =
		lookup->has_username &&
		secret_name_read_expiry(lookup->username, credentials->separator, &expiry_s);
	if (!is_timed && credentials->lt_cred_mech) {
		stored_user_answer(credentials, lookup);
		return;
	}
	if (!is_timed || expiry_s < wall_s) {
		answer_not_found(lookup);
		return;
	}
	if (credentials->store == NULL) {
		answer_secret_keys(credentials, lookup);
		return;
	}
	cache_key_init(&key, KIND_SECRETS, NULL, 0);
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
		cache_key_init(&key, KIND_USERNAME, lookup->username, strlen(lookup->username));
	else
		cache_key_init(&key, KIND_USERHASH, lookup->userhash, sizeof lookup->userhash);
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
	struct turn_key keys[STORE_SECRETS_MAX];

	if (credentials->secret_count == 0) {
		answer_not_found(lookup);
		return;
	}
	for (size_t i = 0; i < credentials->secret_count; i++)
		secret_name_make_key(credentials->hasher, lookup->algorithm, lookup->username,
		                     credentials->realm, credentials->secrets[i].text, &keys[i]);
	turn_key_found(lookup->server, lookup->cookie, keys, credentials->secret_count,
	               lookup->now);
	bytes_wipe(keys, credentials->secret_count * sizeof keys[0]);
}

static void answer_not_found(const struct lookup *lookup)
{
	turn_key_not_found(lookup->server, lookup->cookie, lookup->now);
}

static void answer_unavailable(const struct lookup *lookup)
{
	turn_key_unavailable(lookup->server, lookup->cookie, lookup->now);
}

static void cache_key_init(struct cache_key *key, enum cache_kind kind, const void *bytes,
                           size_t len)
{
	key->len = 1 + len;
	key->bytes[0] = (uint8_t)kind;
	if (len > 0)
		memcpy(key->bytes + 1, bytes, len);
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
	memcpy(question->request.realm, credentials->realm, sizeof credentials->realm);
	memcpy(question->request.name, lookup->username, sizeof lookup->username);
	memcpy(question->request.userhash, lookup->userhash, sizeof lookup->userhash);
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
	waiting_take(&question->entry->waiting, &waiting);
	if (request->question == STORE_LIST_SECRETS)
		secrets_settle(credentials, question);
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
	size_t count = credentials->static_secrets;

	if (request->result != OK) {
		credential_cache_remove(&credentials->cache, entry);
		return;
	}
	bytes_wipe(&credentials->secrets[count],
	           (STORE_SECRETS_MAX - count) * sizeof credentials->secrets[0]);
	for (size_t i = 0; i < request->secret_count && count < STORE_SECRETS_MAX; i++)
		memcpy(credentials->secrets[count++].text, request->secrets[i],
		       sizeof request->secrets[i]);
	credentials->secret_count = count;
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
	struct user_keys keys;

	if (request->question == STORE_LIST_SECRETS &&
	    (request->result == OK || credentials->secret_count > 0)) {
		answer_secret_keys(credentials, lookup);
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
