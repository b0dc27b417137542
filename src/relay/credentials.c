/* Which keys a username has: of a static user, of a name that a shared secret vouches for, of a user in
 * the store; which key an authorization server has. What is asked of the store is store_questions.c's
 * matter. */
#include "relay/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "relay/lookup.h"
#include "relay/secret_name.h"

static bool lookup_init(const struct credentials *credentials, struct lookup *lookup,
                        struct turn_server *server, const struct turn_action *action);
static void lookup_go_home(const struct credentials *credentials, struct lookup *lookup);
static bool static_user_answer(const struct credentials *credentials, const struct lookup *lookup);
static void secret_name_answer(struct credentials *credentials, const struct lookup *lookup);
static void token_key_answer(struct credentials *credentials, const struct lookup *lookup);
static void stored_user_answer(struct credentials *credentials, const struct lookup *lookup);

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
	credentials->realm_of_name = settings->realm_of_name;
	credentials->context = settings->context;
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
	revocations_init(&credentials->revocations);
	*credentials_out = credentials;
	return OK;

fail_fixed:
	stun_hasher_destroy(credentials->hasher);
fail_hasher:
	free(credentials);
	return err;
}

/* The receiver is whoever owns the mailbox; the letter knows whose it is. */
static void store_wrote(struct mail *mail, void *receiver)
{
	struct store_change *change = CONTAINER_OF(mail, struct store_change, mail);
	struct credentials *credentials = change->context;

	(void)receiver;
	credential_cache_forget(&credentials->cache);
	free(change);
}

/* Without memory for them those of before stay: the next letter has all again. */
static void store_revoked(struct mail *mail, void *receiver)
{
	struct store_revocations *letter = CONTAINER_OF(mail, struct store_revocations, mail);
	struct credentials *credentials = letter->context;

	(void)receiver;
	if (revocations_take(&credentials->revocations, letter) != OK)
		log_error("revocations not known", "reason=\"%s\"", err_string(ERR_NO_MEMORY));
}

void credentials_watch(struct credentials *credentials)
{
	if (credentials->store == NULL)
		return;
	credentials->watch = (struct store_watch){
		.notify = credentials->replies,
		.wrote = store_wrote,
		.revoked = store_revoked,
		.context = credentials,
	};
	store_thread_watch(credentials->store, &credentials->watch);
}

void credentials_exchange_fixed(struct credentials *credentials, struct fixed_credentials **fixed)
{
	struct fixed_credentials *before = credentials->fixed, *after = *fixed;

	secret_uses_take_over(after->uses, after->secrets, after->secret_count, before->uses,
	                      before->secrets, before->secret_count);
	credentials->fixed = after;
	credentials->fixed->users.hasher = credentials->hasher;
	before->users.hasher = NULL;
	*fixed = before;
}

void credentials_destroy(struct credentials *credentials)
{
	if (credentials == NULL)
		return;
	revocations_deinit(&credentials->revocations);
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

	if (!lookup_init(credentials, &lookup, server, action))
		lookup_answer_not_found(&lookup);
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
static bool lookup_init(const struct credentials *credentials, struct lookup *lookup,
                        struct turn_server *server, const struct turn_action *action)
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
	if (find->username[0] == '\0' ||
	    text_copy(lookup->username, sizeof lookup->username, find->username) != OK)
		return false;
	lookup_go_home(credentials, lookup);
	return true;
}

static void lookup_go_home(const struct credentials *credentials, struct lookup *lookup)
{
	const char *home = NULL;

	if (credentials->realm_of_name != NULL)
		home = credentials->realm_of_name(credentials->context, lookup->username);
	if (home == NULL || text_copy(lookup->home, sizeof lookup->home, home) != OK)
		memcpy(lookup->home, lookup->realm, sizeof lookup->home);
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
	lookup_answer_user(lookup, name, keys);
	return true;
}

static void secret_name_answer(struct credentials *credentials, const struct lookup *lookup)
{
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
		lookup_answer_not_found(lookup);
		return;
	}
	if (credentials->store == NULL) {
		lookup_answer_secret_keys(credentials, lookup);
		return;
	}
	lookup_ask_store(credentials, lookup, LOOKUP_SECRETS, lookup->home, NULL, 0);
}

static void stored_user_answer(struct credentials *credentials, const struct lookup *lookup)
{
	if (credentials->store == NULL) {
		lookup_answer_not_found(lookup);
		return;
	}
	if (lookup->has_username)
		lookup_ask_store(credentials, lookup, LOOKUP_USERNAME, lookup->realm,
		                 lookup->username, strlen(lookup->username));
	else
		lookup_ask_store(credentials, lookup, LOOKUP_USERHASH, lookup->realm,
		                 lookup->userhash, sizeof lookup->userhash);
}

/* A kid is one of all realms. */
static void token_key_answer(struct credentials *credentials, const struct lookup *lookup)
{
	if (credentials->store == NULL) {
		lookup_answer_not_found(lookup);
		return;
	}
	lookup_ask_store(credentials, lookup, LOOKUP_TOKEN_KEY, "", lookup->username,
	                 strlen(lookup->username));
}

/* Gives the key for the algorithm of the request; when it is not known, the other one, for the core
 * to judge. */
void lookup_answer_user(const struct lookup *lookup, const char *name, const struct user_keys *keys)
{
	bool is_sha256 =
		keys->has_sha256 && (lookup->algorithm == STUN_PASSWORD_SHA256 || !keys->has_md5);
	struct turn_key key = {.len = is_sha256 ? sizeof keys->sha256 : sizeof keys->md5};

	snprintf(key.username, sizeof key.username, "%s", name);
	memcpy(key.key, is_sha256 ? keys->sha256 : keys->md5, key.len);
	turn_key_found(lookup->server, lookup->cookie, &key, 1, lookup->now);
	bytes_wipe(&key, sizeof key);
}

/* The keys of all secrets that vouch for a name, and which use is counted for each. */
struct secret_keys {
	struct turn_key key[STORE_SECRETS_MAX];
	struct secret_use *use[STORE_SECRETS_MAX];
	uint64_t before[STORE_SECRETS_MAX]; /* of its count */
	size_t count;
};

static void make_keys(const struct credentials *credentials, const struct lookup *lookup,
                      const struct secret *secrets, struct secret_use *uses, size_t count,
                      struct secret_keys *keys)
{
	for (size_t i = 0; i < count && keys->count < STORE_SECRETS_MAX; i++) {
		struct turn_key *key = &keys->key[keys->count];

		secret_name_make_key(credentials->hasher, lookup->algorithm, lookup->username,
		                     lookup->realm, secrets[i].text, key);
		key->uses = &uses[i].count;
		keys->use[keys->count] = &uses[i];
		keys->before[keys->count++] = uses[i].count;
	}
}

/* The core has counted while it was told the keys. */
static void note_uses(const struct secret_keys *keys, uint64_t wall_s)
{
	for (size_t i = 0; i < keys->count; i++)
		if (keys->use[i]->count != keys->before[i])
			keys->use[i]->last_s = wall_s;
}

void lookup_answer_secret_keys(const struct credentials *credentials, const struct lookup *lookup)
{
	const struct realm_secrets *stored =
		secrets_table_find(&credentials->stored_secrets, lookup->home);
	struct fixed_credentials *fixed = credentials->fixed;
	struct secret_keys keys;

	keys.count = 0;
	if (!revocations_have(&credentials->revocations, lookup->username)) {
		make_keys(credentials, lookup, fixed->secrets, fixed->uses, fixed->secret_count,
		          &keys);
		if (stored != NULL)
			make_keys(credentials, lookup, stored->secrets, stored->uses, stored->count,
			          &keys);
	}
	if (keys.count == 0) {
		lookup_answer_not_found(lookup);
		return;
	}
	turn_key_found(lookup->server, lookup->cookie, keys.key, keys.count, lookup->now);
	note_uses(&keys, lookup->wall_s);
	bytes_wipe(keys.key, keys.count * sizeof keys.key[0]);
}

/* ---- their use ---- */

static void make_marks(const struct credentials *credentials, const char *realm,
                       const struct secret *secrets, struct secret_use *uses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (uses[i].mark[0] == '\0')
			secret_mark(credentials->hasher, realm, secrets[i].text, uses[i].mark);
}

/* Their marks depend on the realm: they are made for each question. */
static void tell_fixed(const struct credentials *credentials, const char *realm,
                       void (*each)(const struct credentials_uses *told, void *context),
                       void *context)
{
	struct fixed_credentials *fixed = credentials->fixed;

	for (size_t i = 0; i < fixed->secret_count; i++)
		fixed->uses[i].mark[0] = '\0';
	make_marks(credentials, realm, fixed->secrets, fixed->uses, fixed->secret_count);
	each(&(struct credentials_uses){realm, true, fixed->uses, fixed->secret_count}, context);
}

void credentials_tell_uses(struct credentials *credentials, const char *realm,
                           void (*each)(const struct credentials_uses *told, void *context),
                           void *context)
{
	LIST_FOR_EACH (node, &credentials->stored_secrets.realms) {
		const struct realm_secrets *stored = CONTAINER_OF(node, struct realm_secrets, node);

		if (realm != NULL && strcmp(realm, stored->realm) != 0)
			continue;
		make_marks(credentials, stored->realm, stored->secrets, stored->uses,
		           stored->count);
		each(&(struct credentials_uses){stored->realm, false, stored->uses, stored->count},
		     context);
	}
	tell_fixed(credentials, realm != NULL ? realm : "", each, context);
}

void lookup_answer_token_key(const struct lookup *lookup, const struct cache_token_key *key)
{
	if (key->valid_until_s != 0 && lookup->wall_s >= key->valid_until_s)
		lookup_answer_not_found(lookup);
	else
		turn_token_key_found(lookup->server, lookup->cookie, &key->key,
		                     lookup->wall_s * 1000, lookup->now);
}

void lookup_answer_not_found(const struct lookup *lookup)
{
	turn_key_not_found(lookup->server, lookup->cookie, lookup->now);
}

void lookup_answer_unavailable(const struct lookup *lookup)
{
	turn_key_unavailable(lookup->server, lookup->cookie, lookup->now);
}
