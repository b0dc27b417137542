/* Keys of authorization servers (RFC 7635) in Redis: a hash for each. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis.h"

#include "base/bytes.h"
#include "base/log.h"

static const char begin[] = "turn/oauth/kid/";

static enum err key_read(const redisReply *reply, const char *kid, struct store_oauth_key *key);
static enum err ikm_key_read(const redisReply *value, struct store_oauth_key *key);
static uint64_t number(const redisReply *reply, const char *name);

enum err redis_oauth_key_find(struct store *store, const char *kid, struct store_oauth_key *key)
{
	char name[REDIS_KEY_MAX];
	redisReply *reply = NULL;
	enum err err;

	snprintf(name, sizeof name, "%s%s", begin, kid);
	err = redis_call(redis_of(store), &reply, WORDS("HGETALL", name));
	if (err == OK)
		err = key_read(reply, kid, key);
	redis_reply_free(reply);
	return err == ERR_INVALID ? ERR_NOT_FOUND : err;
}

enum err redis_oauth_key_put(struct store *store, const struct store_oauth_key *key)
{
	char name[REDIS_KEY_MAX], ikm_key[BASE64_SIZE(STORE_OAUTH_KEY_MAX)];
	char timestamp_text[24], lifetime[24];
	long long changed;
	enum err err;

	if (key->key_len == 0 || key->key_len > STORE_OAUTH_KEY_MAX || key->timestamp > INT64_MAX ||
	    key->lifetime_s > UINT32_MAX)
		return ERR_INVALID;
	snprintf(name, sizeof name, "%s%s", begin, key->kid);
	snprintf(timestamp_text, sizeof timestamp_text, "%" PRIu64, key->timestamp);
	snprintf(lifetime, sizeof lifetime, "%" PRIu64, key->lifetime_s);
	base64_put(key->key, key->key_len, true, ikm_key);
	err = redis_change(redis_of(store), &changed,
	                   WORDS("HSET", name, "ikm_key", ikm_key, "as_rs_alg", key->algorithm,
	                         "timestamp", timestamp_text, "lifetime", lifetime, "realm",
	                         key->realm));
	bytes_wipe(ikm_key, sizeof ikm_key);
	return err;
}

enum err redis_oauth_key_delete(struct store *store, const char *kid)
{
	char name[REDIS_KEY_MAX];
	long long changed;
	enum err err;

	snprintf(name, sizeof name, "%s%s", begin, kid);
	err = redis_change(redis_of(store), &changed, WORDS("DEL", name));
	return err == OK && changed == 0 ? ERR_NOT_FOUND : err;
}

enum err redis_oauth_key_list(struct store *store, const char *realm,
                              bool (*each)(const struct store_oauth_key *key, void *context),
                              void *context)
{
	struct redis_store *redis = redis_of(store);
	struct store_oauth_key key;
	char kid[STORE_KID_MAX + 1];
	struct redis_texts keys;
	bool goes_on = true;
	enum err err = redis_scan(redis, "turn/oauth/kid/*", &keys);

	for (size_t i = 0; err == OK && i < keys.count && goes_on; i++) {
		if (!redis_key_part(keys.item[i], begin, "", kid, sizeof kid))
			continue;
		err = redis_oauth_key_find(&redis->store, kid, &key);
		if (err == OK && (realm == NULL || strcmp(realm, key.realm) == 0))
			goes_on = each(&key, context);
		if (err == ERR_NOT_FOUND)
			err = OK;
	}
	bytes_wipe(&key, sizeof key);
	redis_texts_deinit(&keys);
	return err;
}

/* ERR_INVALID: it is not one that can be used. */
static enum err key_read(const redisReply *reply, const char *kid, struct store_oauth_key *key)
{
	const redisReply *algorithm, *realm;

	memset(key, 0, sizeof *key);
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
		return ERR_NOT_FOUND;
	algorithm = redis_field(reply, "as_rs_alg");
	realm = redis_field(reply, "realm");
	if (text_copy(key->kid, sizeof key->kid, kid) != OK ||
	    (algorithm != NULL &&
	     redis_text(algorithm, key->algorithm, sizeof key->algorithm) != OK) ||
	    (realm != NULL && redis_text(realm, key->realm, sizeof key->realm) != OK))
		return ERR_INVALID;
	if (ikm_key_read(redis_field(reply, "ikm_key"), key) != OK) {
		log_warning("OAuth key skipped: ikm_key is not base64 of 1 to 190 bytes", "kid=%s",
		            key->kid);
		return ERR_INVALID;
	}
	key->timestamp = number(reply, "timestamp");
	key->lifetime_s = number(reply, "lifetime");
	return OK;
}

static enum err ikm_key_read(const redisReply *value, struct store_oauth_key *key)
{
	char ikm_key[BASE64_SIZE(STORE_OAUTH_KEY_MAX)];
	enum err err = ERR_INVALID;

	if (value != NULL && redis_text(value, ikm_key, sizeof ikm_key) == OK)
		err = base64_get(ikm_key, strlen(ikm_key), key->key, sizeof key->key,
		                 &key->key_len);
	bytes_wipe(ikm_key, sizeof ikm_key);
	return err == OK && key->key_len == 0 ? ERR_INVALID : err;
}

static uint64_t number(const redisReply *reply, const char *name)
{
	const redisReply *value = redis_field(reply, name);
	long long read = 0;

	if (value != NULL && redis_reply_is_text(value))
		read = strtoll(value->str, NULL, 10);
	return read > 0 ? (uint64_t)read : 0;
}
