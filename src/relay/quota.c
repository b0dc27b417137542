/* The quotas. A user has a holder, and so has a realm, as long as it has a place: the table is as
 * large as what lives, and that is bounded by the ports there are to allocate.
 *
 *   hash of (realm, user) ──► shard ──► mutex ──► table ──► holder {realm, user, count}
 *
 * A mutex for each shard, and nothing cleverer: an Allocate costs several system calls and hashes,
 * beside which a lock that nobody holds is nothing. Two threads rarely meet in one but for the
 * realm's, which is held for some twenty instructions. No thread holds two. Granted bandwidth is a
 * single number, and an atomic. */
#include "relay/quota.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_table.h"
#include "relay/secret_name.h"

enum { SHARDS = 64 };

struct holder_key {
	const char *realm, *user; /* user_len is 0 for the realm as a whole */
	size_t realm_len, user_len;
};

struct holder {
	uint32_t count;
	struct holder_key key; /* points into text */
	char text[];
};

struct shard {
	_Alignas(64) pthread_mutex_t lock;
	struct hash_table holders; /* owned, with its items */
};

/* What a reload changes while other threads take places. Relaxed: each number stands for itself, and a
 * request that meets two of them half way is judged by limits that both are some operator's. */
struct shared_limits {
	_Atomic uint32_t user_quota, total_quota;
	_Atomic uint64_t max_bps, bps_capacity;
	_Atomic char separator;
};

struct quota {
	uint64_t hash_seed;
	struct shared_limits limits;
	_Atomic uint64_t granted_bps;
	struct shard shards[SHARDS];
};

static struct quota_limits limits_of(const struct quota_view *view, const char *realm);
static struct quota_limits common_limits(const struct quota *quota);
static uint64_t capacity_of(const struct quota *quota);
static uint64_t share_of(const struct quota *quota, const struct quota_limits *limits,
                         const struct turn_place_wish *wish);
static struct holder_key user_key(const struct quota *quota, const char *realm,
                                  const char *username);
static struct holder_key realm_key(const char *realm, size_t len);
static enum turn_limit places_take(struct quota *quota, const struct holder_key *user,
                                   const struct quota_limits *limits, struct holder **holder,
                                   uint64_t *value);
static void places_give(struct quota *quota, struct holder *holder);
static bool bps_take(struct quota *quota, uint64_t bps);
static void bps_give(struct quota *quota, uint64_t bps);
static enum err holder_take(struct quota *quota, const struct holder_key *key, uint32_t most,
                            struct holder **holder);
static void holder_give(struct quota *quota, const struct holder_key *key);
static struct holder *holder_find(const struct shard *shard, uint64_t hash,
                                  const struct holder_key *key);
static enum err holder_create(struct shard *shard, uint64_t hash, const struct holder_key *key,
                              struct holder **holder);
static uint64_t key_hash(const struct quota *quota, const struct holder_key *key);
static struct shard *shard_of(struct quota *quota, uint64_t hash);

enum err quota_create(const struct quota_settings *settings, struct quota **result)
{
	struct quota *quota = aligned_alloc(_Alignof(struct quota), sizeof *quota);

	if (quota == NULL)
		return ERR_NO_MEMORY;
	memset(quota, 0, sizeof *quota);
	quota->hash_seed = settings->hash_seed;
	quota_set_limits(quota, settings);
	for (unsigned i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&quota->shards[i].lock, NULL);
		hash_table_init(&quota->shards[i].holders);
	}
	*result = quota;
	return OK;
}

void quota_set_limits(struct quota *quota, const struct quota_settings *settings)
{
	struct shared_limits *limits = &quota->limits;

	atomic_store_explicit(&limits->user_quota, settings->limits.user_quota,
	                      memory_order_relaxed);
	atomic_store_explicit(&limits->total_quota, settings->limits.total_quota,
	                      memory_order_relaxed);
	atomic_store_explicit(&limits->max_bps, settings->limits.max_bps, memory_order_relaxed);
	atomic_store_explicit(&limits->bps_capacity, settings->bps_capacity, memory_order_relaxed);
	atomic_store_explicit(&limits->separator, settings->separator, memory_order_relaxed);
}

void quota_destroy(struct quota *quota)
{
	struct holder *holder;

	if (quota == NULL)
		return;
	for (unsigned i = 0; i < SHARDS; i++) {
		struct hash_table *holders = &quota->shards[i].holders;
		for (size_t at = 0; (holder = hash_table_next(holders, &at)) != NULL;)
			free(holder);
		hash_table_deinit(holders);
		pthread_mutex_destroy(&quota->shards[i].lock);
	}
	free(quota);
}

/* What is left to grant is handed out whole or not at all: a client that is refused goes elsewhere,
 * one that is granted a trickle has a call that does not work. */
enum turn_limit quota_take(void *context, const struct turn_place_wish *wish,
                           struct turn_place *place, uint64_t *value)
{
	const struct quota_view *view = context;
	struct quota *quota = view->quota;
	const struct quota_limits limits = limits_of(view, wish->realm);
	struct holder_key user = user_key(quota, wish->realm, wish->username);
	uint64_t bps = wish->is_reservation ? 0 : share_of(quota, &limits, wish);
	struct holder *holder;

	enum turn_limit limit = places_take(quota, &user, &limits, &holder, value);
	if (limit != TURN_LIMIT_NONE)
		return limit;
	if (!bps_take(quota, bps)) {
		places_give(quota, holder);
		*value = capacity_of(quota);
		return TURN_LIMIT_CAPACITY;
	}
	*place = (struct turn_place){holder, bps};
	return TURN_LIMIT_NONE;
}

void quota_give(void *context, const struct turn_place *place)
{
	struct quota *quota = ((const struct quota_view *)context)->quota;

	bps_give(quota, place->bps);
	places_give(quota, place->holder);
}

uint32_t quota_count(struct quota *quota, const char *realm, const char *username)
{
	struct holder_key key = user_key(quota, realm, username);
	uint64_t hash = key_hash(quota, &key);
	struct shard *shard = shard_of(quota, hash);

	pthread_mutex_lock(&shard->lock);
	const struct holder *holder = holder_find(shard, hash, &key);
	uint32_t count = holder != NULL ? holder->count : 0;
	pthread_mutex_unlock(&shard->lock);
	return count;
}

uint64_t quota_granted_bps(const struct quota *quota)
{
	return atomic_load_explicit(&quota->granted_bps, memory_order_relaxed);
}

/* The value of a realm wins over the configuration's, be it more or less. */
static struct quota_limits limits_of(const struct quota_view *view, const char *realm)
{
	struct quota_limits limits = common_limits(view->quota);
	const struct quota_own_limits *own =
		view->own_limits != NULL ? view->own_limits(view->context, realm) : NULL;

	if (own == NULL)
		return limits;
	if (own->has_user_quota)
		limits.user_quota = own->limits.user_quota;
	if (own->has_total_quota)
		limits.total_quota = own->limits.total_quota;
	if (own->has_max_bps)
		limits.max_bps = own->limits.max_bps;
	return limits;
}

static struct quota_limits common_limits(const struct quota *quota)
{
	const struct shared_limits *limits = &quota->limits;

	return (struct quota_limits){
		.user_quota = atomic_load_explicit(&limits->user_quota, memory_order_relaxed),
		.total_quota = atomic_load_explicit(&limits->total_quota, memory_order_relaxed),
		.max_bps = atomic_load_explicit(&limits->max_bps, memory_order_relaxed),
	};
}

static uint64_t capacity_of(const struct quota *quota)
{
	return atomic_load_explicit(&quota->limits.bps_capacity, memory_order_relaxed);
}

static uint64_t share_of(const struct quota *quota, const struct quota_limits *limits,
                         const struct turn_place_wish *wish)
{
	uint64_t capacity = capacity_of(quota);
	uint64_t most = capacity != 0 && capacity < limits->max_bps ? capacity : limits->max_bps;
	bool is_less = wish->asked_bps != 0 && (most == 0 || wish->asked_bps < most);

	return is_less ? wish->asked_bps : most;
}

/* A time-limited name counts for the user in it, or each new credential would be a new user. */
static struct holder_key user_key(const struct quota *quota, const char *realm,
                                  const char *username)
{
	struct holder_key key = realm_key(realm, strlen(realm));

	char separator = atomic_load_explicit(&quota->limits.separator, memory_order_relaxed);

	key.user = secret_name_user(username, separator, &key.user_len);
	return key;
}

static struct holder_key realm_key(const char *realm, size_t len)
{
	return (struct holder_key){.realm = realm, .user = "", .realm_len = len, .user_len = 0};
}

/* The user first: one who has all he may have must not hold the realm's last place for a moment in
 * which another asks for it. */
static enum turn_limit places_take(struct quota *quota, const struct holder_key *user,
                                   const struct quota_limits *limits, struct holder **holder,
                                   uint64_t *value)
{
	struct holder_key realm = realm_key(user->realm, user->realm_len);
	struct holder *realm_holder;
	bool has_user = user->user_len > 0;
	enum err err = OK;

	*value = limits->user_quota;
	if (has_user)
		err = holder_take(quota, user, limits->user_quota, holder);
	if (err != OK)
		return err == ERR_FULL ? TURN_LIMIT_USER_QUOTA : TURN_LIMIT_MEMORY;
	*value = limits->total_quota;
	err = holder_take(quota, &realm, limits->total_quota, &realm_holder);
	if (err != OK) {
		if (has_user)
			holder_give(quota, user);
		return err == ERR_FULL ? TURN_LIMIT_TOTAL_QUOTA : TURN_LIMIT_MEMORY;
	}
	if (!has_user)
		*holder = realm_holder;
	return TURN_LIMIT_NONE;
}

/* The holder lives until its own place is given, which is last. */
static void places_give(struct quota *quota, struct holder *holder)
{
	struct holder_key realm = realm_key(holder->key.realm, holder->key.realm_len);

	if (holder->key.user_len > 0)
		holder_give(quota, &realm);
	holder_give(quota, &holder->key);
}

/* Relaxed: the number is all there is to know, nothing else is read or written by it. Without max-bps a
 * client may ask for more than there is at all. */
static bool bps_take(struct quota *quota, uint64_t bps)
{
	uint64_t most = capacity_of(quota);
	uint64_t old = atomic_load_explicit(&quota->granted_bps, memory_order_relaxed);

	do {
		if (most != 0 && (bps > most || old > most - bps))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&quota->granted_bps, &old, old + bps, memory_order_relaxed, memory_order_relaxed));
	return true;
}

static void bps_give(struct quota *quota, uint64_t bps)
{
	atomic_fetch_sub_explicit(&quota->granted_bps, bps, memory_order_relaxed);
}

/* ERR_FULL: it has most places. */
static enum err holder_take(struct quota *quota, const struct holder_key *key, uint32_t most,
                            struct holder **result)
{
	uint64_t hash = key_hash(quota, key);
	struct shard *shard = shard_of(quota, hash);
	enum err err = OK;

	pthread_mutex_lock(&shard->lock);
	struct holder *holder = holder_find(shard, hash, key);
	if (holder == NULL)
		err = holder_create(shard, hash, key, &holder);
	else if (most != 0 && holder->count >= most)
		err = ERR_FULL;
	if (err == OK)
		holder->count++;
	pthread_mutex_unlock(&shard->lock);
	*result = holder;
	return err;
}

static void holder_give(struct quota *quota, const struct holder_key *key)
{
	uint64_t hash = key_hash(quota, key);
	struct shard *shard = shard_of(quota, hash);

	pthread_mutex_lock(&shard->lock);
	struct holder *holder = holder_find(shard, hash, key);
	assert(holder != NULL && holder->count > 0);
	if (--holder->count == 0) {
		hash_table_remove(&shard->holders, hash, holder);
		free(holder);
	}
	pthread_mutex_unlock(&shard->lock);
}

static bool has_key(const void *item, const void *wanted)
{
	const struct holder *holder = item;
	const struct holder_key *key = wanted;

	return holder->key.realm_len == key->realm_len && holder->key.user_len == key->user_len &&
	       memcmp(holder->key.realm, key->realm, key->realm_len) == 0 &&
	       memcmp(holder->key.user, key->user, key->user_len) == 0;
}

static struct holder *holder_find(const struct shard *shard, uint64_t hash,
                                  const struct holder_key *key)
{
	return hash_table_find(&shard->holders, hash, has_key, key);
}

static enum err holder_create(struct shard *shard, uint64_t hash, const struct holder_key *key,
                              struct holder **result)
{
	struct holder *holder = calloc(1, sizeof *holder + key->realm_len + key->user_len);

	if (holder == NULL)
		return ERR_NO_MEMORY;
	holder->key = *key;
	holder->key.realm = memcpy(holder->text, key->realm, key->realm_len);
	holder->key.user = memcpy(holder->text + key->realm_len, key->user, key->user_len);
	if (hash_table_insert(&shard->holders, hash, holder) != OK) {
		free(holder);
		return ERR_NO_MEMORY;
	}
	*result = holder;
	return OK;
}

/* FNV-1a from a secret start, spread at the end: names come from whoever runs the server, and a user
 * cannot choose his own. */
static uint64_t key_hash(const struct quota *quota, const struct holder_key *key)
{
	uint64_t hash = quota->hash_seed ^ key->realm_len;

	for (size_t i = 0; i < key->realm_len; i++)
		hash = (hash ^ (uint8_t)key->realm[i]) * 0x100000001B3u;
	for (size_t i = 0; i < key->user_len; i++)
		hash = (hash ^ (uint8_t)key->user[i]) * 0x100000001B3u;
	return (hash ^ hash >> 32) * 0x9E3779B97F4A7C15u;
}

/* The table uses the low bits. */
static struct shard *shard_of(struct quota *quota, uint64_t hash)
{
	return &quota->shards[hash >> 32 & (SHARDS - 1)];
}
