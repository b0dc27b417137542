/* Secrets of a realm by their age. coturn's set of them has no order; beside it is a hash of ours with the time at which turnadmin
 * added each. It stands there under the secret's SHA-256: nothing of one is left that coturn's turnadmin takes out of the set. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis.h"

#include "base/bytes.h"
#include "base/log.h"

enum { MICROSECONDS = 1000000, TIME_SIZE = 24, DIGEST_SIZE = 2 * STUN_SHA256_KEY_SIZE + 1 };

struct secret_keys {
	char set[REDIS_KEY_MAX], times[REDIS_KEY_MAX];
};
struct aged {
	const char *secret;
	uint64_t added_us; /* 0: nobody knows, by another program than ours */
};

static void keys_of(const char *realm, struct secret_keys *keys);
static void digest_of(const struct redis_store *redis, const char *secret,
                      char digest[DIGEST_SIZE]);
static enum err has_member(struct redis_store *redis, const char *key, const char *secret,
                           bool *has);
static enum err time_now(struct redis_store *redis, char text[TIME_SIZE]);
static enum err change(struct redis_store *redis, long long *changed, const char *const *first,
                       size_t first_count, const char *const *second, size_t second_count);
static enum err aged_give(struct redis_store *redis, const struct redis_texts *members,
                          const redisReply *times, const char *realm, redis_each_secret *each,
                          void *context);

/* The clock is Redis's, one for all who add. It is set before the secret is there, and for none that was there before. */
enum err redis_secret_add(struct store *store, const char *realm, const char *secret)
{
	struct redis_store *redis = redis_of(store);
	char digest[DIGEST_SIZE], now[TIME_SIZE];
	struct secret_keys keys;
	long long changed = 0;
	bool is_there;
	enum err err;

	keys_of(realm, &keys);
	digest_of(redis, secret, digest);
	err = has_member(redis, keys.set, secret, &is_there);
	if (err == OK && is_there)
		return ERR_EXISTS;
	if (err == OK)
		err = time_now(redis, now);
	if (err == OK)
		err = change(redis, &changed, WORDS("HSET", keys.times, digest, now),
		             WORDS("SADD", keys.set, secret));
	return err == OK && changed == 0 ? ERR_EXISTS : err;
}

enum err redis_secret_delete(struct store *store, const char *realm, const char *secret)
{
	struct redis_store *redis = redis_of(store);
	char digest[DIGEST_SIZE];
	struct secret_keys keys;
	long long changed = 0;
	enum err err;

	keys_of(realm, &keys);
	if (secret == NULL) {
		err = change(redis, &changed, WORDS("DEL", keys.times), WORDS("DEL", keys.set));
	} else {
		digest_of(redis, secret, digest);
		err = change(redis, &changed, WORDS("HDEL", keys.times, digest),
		             WORDS("SREM", keys.set, secret));
	}
	return err == OK && changed == 0 ? ERR_NOT_FOUND : err;
}

enum err redis_secret_list_by_age(struct store *store, const char *realm, redis_each_secret *each,
                                  void *context)
{
	struct redis_store *redis = redis_of(store);
	struct secret_keys keys;
	struct redis_texts members;
	redisReply *times = NULL;
	enum err err;

	keys_of(realm, &keys);
	err = redis_members(redis, keys.set, &members);
	if (err == OK)
		err = redis_call(redis, &times, WORDS("HGETALL", keys.times));
	if (err == OK)
		err = aged_give(redis, &members, times, realm, each, context);
	redis_reply_free(times);
	redis_texts_deinit(&members);
	if (err != ERR_INVALID)
		return err;
	log_warning("Redis key skipped", "key=%s reason=\"it is no set, or %s no hash\"", keys.set,
	            keys.times);
	return OK;
}

static void keys_of(const char *realm, struct secret_keys *keys)
{
	snprintf(keys->set, sizeof keys->set, "turn/realm/%s/secret", realm);
	snprintf(keys->times, sizeof keys->times, "turnstone/realm/%s/secret-times", realm);
}

static void digest_of(const struct redis_store *redis, const char *secret, char digest[DIGEST_SIZE])
{
	uint8_t sum[STUN_SHA256_KEY_SIZE];

	stun_sha256(redis->hasher, secret, strlen(secret), sum);
	hex_put(sum, sizeof sum, digest);
}

static enum err has_member(struct redis_store *redis, const char *key, const char *secret,
                           bool *has)
{
	redisReply *reply = NULL;
	enum err err = redis_call(redis, &reply, WORDS("SISMEMBER", key, secret));

	*has = err == OK && reply->type == REDIS_REPLY_INTEGER && reply->integer != 0;
	redis_reply_free(reply);
	return err;
}

/* TIME: seconds and microseconds. */
static enum err time_now(struct redis_store *redis, char text[TIME_SIZE])
{
	char seconds[TIME_SIZE], rest[TIME_SIZE];
	redisReply *reply = NULL;
	enum err err = redis_call(redis, &reply, WORDS("TIME"));

	if (err == OK && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	                  redis_text(reply->element[0], seconds, sizeof seconds) != OK ||
	                  redis_text(reply->element[1], rest, sizeof rest) != OK))
		err = redis_say(redis, ERR_UNAVAILABLE, "it does not tell the time");
	if (err == OK)
		snprintf(text, TIME_SIZE, "%" PRIu64,
		         (uint64_t)strtoull(seconds, NULL, 10) * MICROSECONDS +
		                 (uint64_t)strtoull(rest, NULL, 10));
	redis_reply_free(reply);
	return err;
}

/* Both or nothing. changed is how many the second one did: what coturn has is what counts. */
static enum err change(struct redis_store *redis, long long *changed, const char *const *first,
                       size_t first_count, const char *const *second, size_t second_count)
{
	redisReply *reply = NULL;
	enum err err = redis_begin(redis);

	if (err == OK)
		err = redis_put(redis, first, first_count);
	if (err == OK)
		err = redis_put(redis, second, second_count);
	if (err == OK)
		err = redis_commit(redis, &reply);
	if (err == OK && reply->elements == 2 && reply->element[1]->type == REDIS_REPLY_INTEGER)
		*changed = reply->element[1]->integer;
	redis_reply_free(reply);
	return err;
}

/* Of those whose time nobody knows the last in order is the first: every node takes the same. */
static int compare_aged(const void *a, const void *b)
{
	const struct aged *left = a, *right = b;

	if (left->added_us != right->added_us)
		return left->added_us > right->added_us ? -1 : 1;
	return strcmp(right->secret, left->secret);
}

static enum err aged_give(struct redis_store *redis, const struct redis_texts *members,
                          const redisReply *times, const char *realm, redis_each_secret *each,
                          void *context)
{
	struct aged *aged = calloc(members->count + 1, sizeof *aged);
	bool goes_on = true;

	if (aged == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < members->count; i++) {
		char digest[DIGEST_SIZE], text[TIME_SIZE];
		const redisReply *added;

		digest_of(redis, members->item[i], digest);
		added = redis_field(times, digest);
		aged[i].secret = members->item[i];
		if (added != NULL && redis_text(added, text, sizeof text) == OK)
			aged[i].added_us = strtoull(text, NULL, 10);
	}
	qsort(aged, members->count, sizeof *aged, compare_aged);
	for (size_t i = 0; i < members->count && goes_on; i++)
		if (strlen(aged[i].secret) <= STORE_SECRET_MAX)
			goes_on = each(realm, aged[i].secret, context);
	free(aged);
	return OK;
}
