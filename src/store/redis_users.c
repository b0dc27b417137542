/* Users in Redis: coturn's key with the MD5 key of each, and beside it ours with what RFC 8489 adds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis.h"

#include "base/bytes.h"
#include "base/log.h"

enum {
	MD5_DIGITS = 2 * STUN_MD5_KEY_SIZE,
	OWN_DIGITS = MD5_DIGITS + 1 + 2 * STUN_SHA256_KEY_SIZE, /* with the colon */
	LIST_AT_ONCE = 256,
};

/* The keys of one user. */
struct user_keys_of {
	char coturn[REDIS_KEY_MAX], own[REDIS_KEY_MAX], userhash[REDIS_KEY_MAX];
};

static void keys_of(const char *realm, const char *name, struct user_keys_of *keys);
static void userhash_key(const char *realm, const uint8_t userhash[STUN_USERHASH_SIZE],
                         char key[REDIS_KEY_MAX]);
static enum err user_read(const redisReply *reply, const char *realm, const char *name,
                          struct store_user *user);
static void own_key_read(const redisReply *reply, struct store_user *user);
static enum err names_list(struct redis_store *redis, const char *realm, struct redis_texts *names);
static enum err names_add(struct redis_texts *names, const char *key);

enum err redis_user_ask(struct redis_store *redis, const char *realm, const char *name)
{
	struct user_keys_of keys;

	keys_of(realm, name, &keys);
	return redis_put(redis, WORDS("MGET", keys.coturn, keys.own));
}

enum err redis_user_find(struct store *store, const char *realm, const char *name,
                         struct store_user *user)
{
	struct redis_store *redis = redis_of(store);
	struct user_keys_of keys;
	redisReply *reply = NULL;
	enum err err;

	keys_of(realm, name, &keys);
	err = redis_ask(redis, &reply, WORDS("MGET", keys.coturn, keys.own));
	if (err == OK)
		err = user_read(reply, realm, name, user);
	redis_reply_free(reply);
	return err;
}

enum err redis_user_find_hash(struct store *store, const char *realm, const uint8_t userhash[32],
                              struct store_user *user)
{
	struct redis_store *redis = redis_of(store);
	char key[REDIS_KEY_MAX], name[STORE_TEXT_MAX];
	redisReply *reply = NULL;
	enum err err;

	userhash_key(realm, userhash, key);
	err = redis_call(redis, &reply, WORDS("GET", key));
	if (err == OK && redis_text(reply, name, sizeof name) != OK)
		err = redis_userhash_find(redis, realm, userhash, name, sizeof name);
	redis_reply_free(reply);
	return err != OK ? err : redis_user_find(store, realm, name, user);
}

enum err redis_user_put(struct store *store, const struct store_user *user)
{
	struct redis_store *redis = redis_of(store);
	char md5[MD5_DIGITS + 1], own[OWN_DIGITS + 1];
	uint8_t userhash[STUN_USERHASH_SIZE];
	struct user_keys_of keys;
	redisReply *reply = NULL;
	enum err err;

	if (user->key_len != STUN_MD5_KEY_SIZE)
		return ERR_INVALID;
	keys_of(user->realm, user->name, &keys);
	stun_userhash(redis->hasher, (const uint8_t *)user->name, strlen(user->name), user->realm,
	              userhash);
	userhash_key(user->realm, userhash, keys.userhash);
	hex_put(user->key, user->key_len, md5);
	memcpy(own, md5, MD5_DIGITS);
	own[MD5_DIGITS] = ':';
	hex_put(user->sha256_key, sizeof user->sha256_key, own + MD5_DIGITS + 1);
	err = redis_begin(redis);
	if (err == OK)
		err = redis_put(redis, WORDS("SET", keys.coturn, md5));
	if (err == OK && user->has_sha256)
		err = redis_put(redis, WORDS("SET", keys.own, own));
	else if (err == OK)
		err = redis_put(redis, WORDS("DEL", keys.own));
	if (err == OK)
		err = redis_put(redis, WORDS("SET", keys.userhash, user->name));
	if (err == OK)
		err = redis_commit(redis, &reply);
	bytes_wipe(md5, sizeof md5);
	bytes_wipe(own, sizeof own);
	redis_reply_free(reply);
	return err;
}

enum err redis_user_delete(struct store *store, const char *realm, const char *name)
{
	struct redis_store *redis = redis_of(store);
	uint8_t userhash[STUN_USERHASH_SIZE];
	struct user_keys_of keys;
	redisReply *reply = NULL;
	enum err err = redis_begin(redis);

	keys_of(realm, name, &keys);
	stun_userhash(redis->hasher, (const uint8_t *)name, strlen(name), realm, userhash);
	userhash_key(realm, userhash, keys.userhash);
	if (err == OK)
		err = redis_put(redis, WORDS("DEL", keys.coturn));
	if (err == OK)
		err = redis_put(redis, WORDS("DEL", keys.own, keys.userhash));
	if (err == OK)
		err = redis_commit(redis, &reply);
	if (err == OK && (reply->elements < 1 || reply->element[0]->integer == 0))
		err = ERR_NOT_FOUND;
	redis_reply_free(reply);
	return err;
}

enum err redis_user_list(struct store *store, const char *realm,
                         bool (*each)(const struct store_user *user, void *context), void *context)
{
	struct redis_store *redis = redis_of(store);
	struct redis_texts names;
	enum err err = names_list(redis, realm, &names);
	bool goes_on = true;

	for (size_t i = 0; i < names.count && err == OK && goes_on; i += LIST_AT_ONCE)
		err = redis_users_give(redis, names.item + i,
		                       names.count - i < LIST_AT_ONCE ? names.count - i
		                                                      : LIST_AT_ONCE,
		                       each, context, &goes_on);
	redis_texts_deinit(&names);
	return err;
}

/* Asks for some users at once, and reads as many answers, be they wanted or not: one that is left would be
 * taken for that to the next question. */
enum err redis_users_give(struct redis_store *redis, char **names, size_t count,
                          redis_each_user *each, void *context, bool *goes_on)
{
	struct store_user user;
	size_t asked = 0;
	enum err err = OK;

	for (; asked < count && err == OK; asked += err == OK) {
		*strchr(names[asked], '\n') = '\0';
		err = redis_user_ask(redis, names[asked], strchr(names[asked], '\0') + 1);
	}
	redis_asked_ahead(redis, (unsigned)asked);
	for (size_t i = 0; i < asked; i++) {
		enum err found =
			redis_user_find(&redis->store, names[i], strchr(names[i], '\0') + 1, &user);

		if (found == OK && err == OK && *goes_on)
			*goes_on = each(&user, context);
		else if (found != OK && found != ERR_NOT_FOUND && err == OK)
			err = found;
	}
	bytes_wipe(&user, sizeof user);
	return err;
}

/* As realm and name with a line end between, by which they are sorted. */
static enum err names_list(struct redis_store *redis, const char *realm, struct redis_texts *names)
{
	char part[REDIS_KEY_MAX], pattern[2 * REDIS_KEY_MAX];
	struct redis_texts keys;
	enum err err;

	*names = (struct redis_texts){.item = NULL};
	redis_pattern(realm, part, sizeof part);
	snprintf(pattern, sizeof pattern, "turn/realm/%s/user/*/key", part);
	err = redis_scan(redis, pattern, &keys);
	if (err != OK)
		return err;
	names->item = calloc(keys.count + 1, sizeof *names->item);
	err = names->item == NULL ? ERR_NO_MEMORY : OK;
	for (size_t i = 0; i < keys.count && err == OK; i++)
		err = names_add(names, keys.item[i]);
	redis_texts_deinit(&keys);
	if (err == OK)
		redis_texts_sort(names);
	return err;
}

/* The list has room for as many as there are keys. */
static enum err names_add(struct redis_texts *names, const char *key)
{
	char user[REDIS_KEY_MAX];

	if (!redis_user_of_key(key, user))
		return OK;
	names->item[names->count] = strdup(user);
	if (names->item[names->count] == NULL)
		return ERR_NO_MEMORY;
	names->count++;
	return OK;
}

bool redis_user_of_key(const char *key, char user[REDIS_KEY_MAX])
{
	static const char between[] = "/user/";
	char *at, *name;

	if (!redis_key_part(key, "turn/realm/", "/key", user, REDIS_KEY_MAX) ||
	    strchr(user, '\n') != NULL)
		return false;
	at = strstr(user, between);
	if (at == NULL || at - user >= STORE_TEXT_MAX)
		return false;
	name = at + strlen(between);
	if (strlen(name) >= STORE_TEXT_MAX)
		return false;
	*at = '\n';
	memmove(at + 1, name, strlen(name) + 1);
	return true;
}

static void keys_of(const char *realm, const char *name, struct user_keys_of *keys)
{
	snprintf(keys->coturn, REDIS_KEY_MAX, "turn/realm/%s/user/%s/key", realm, name);
	snprintf(keys->own, REDIS_KEY_MAX, "turnstone/realm/%s/user/%s/keys", realm, name);
}

static void userhash_key(const char *realm, const uint8_t userhash[STUN_USERHASH_SIZE],
                         char key[REDIS_KEY_MAX])
{
	char digits[2 * STUN_USERHASH_SIZE + 1];

	hex_put(userhash, STUN_USERHASH_SIZE, digits);
	snprintf(key, REDIS_KEY_MAX, "turnstone/realm/%s/userhash/%s", realm, digits);
}

/* Reads the two values of MGET. What cannot be a key is as good as not there: the log says so. */
static enum err user_read(const redisReply *reply, const char *realm, const char *name,
                          struct store_user *user)
{
	char digits[MD5_DIGITS + 1];
	enum err err;

	memset(user, 0, sizeof *user);
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type == REDIS_REPLY_NIL)
		return ERR_NOT_FOUND;
	if (text_copy(user->realm, sizeof user->realm, realm) != OK ||
	    text_copy(user->name, sizeof user->name, name) != OK)
		return ERR_NOT_FOUND;
	err = redis_text(reply->element[0], digits, sizeof digits);
	if (err == OK)
		err = hex_get(digits, user->key, sizeof user->key, &user->key_len);
	bytes_wipe(digits, sizeof digits);
	if (err != OK || user->key_len != STUN_MD5_KEY_SIZE) {
		log_warning("user skipped",
		            "user=%s realm=%s reason=\"the value of the key is not 32 hex digits\"",
		            name, realm);
		return ERR_NOT_FOUND;
	}
	own_key_read(reply->element[1], user);
	return OK;
}

/* It counts while coturn's key is the one it was made with: coturn's turnadmin does not know of ours when
 * it changes a password. */
static void own_key_read(const redisReply *reply, struct store_user *user)
{
	char digits[OWN_DIGITS + 1], md5[MD5_DIGITS + 1];
	size_t len;

	hex_put(user->key, user->key_len, md5);
	if (redis_text(reply, digits, sizeof digits) == OK &&
	    strncmp(digits, md5, MD5_DIGITS) == 0 && digits[MD5_DIGITS] == ':')
		user->has_sha256 = hex_get(digits + MD5_DIGITS + 1, user->sha256_key,
		                           sizeof user->sha256_key, &len) == OK &&
		                   len == sizeof user->sha256_key;
	bytes_wipe(digits, sizeof digits);
	bytes_wipe(md5, sizeof md5);
}
