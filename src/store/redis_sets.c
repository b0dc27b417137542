/* What coturn has in sets of a realm: its secrets, and the peers that its clients may reach or may
 * not. */
#include <stdio.h>
#include <string.h>

#include "store/redis.h"

#include "base/log.h"

static const char secret_end[] = "/secret";
static const char *const peer_ends[STORE_PEER_LIST_COUNT] = {
	[STORE_ALLOWED_PEERS] = "/allowed-peer-ip",
	[STORE_DENIED_PEERS] = "/denied-peer-ip",
};

typedef bool member_fn(const char *realm, const char *member, void *context);

static void set_key(const char *realm, const char *end, char key[REDIS_KEY_MAX]);
static enum err member_add(struct store *store, const char *realm, const char *end,
                           const char *member);
static enum err member_delete(struct store *store, const char *realm, const char *end,
                              const char *first, const char *second);
static enum err members_list(struct redis_store *redis, const char *realm, const char *end,
                             size_t max, member_fn *each, void *context);
static enum err members_give(struct redis_store *redis, const char *key, const char *realm,
                             size_t max, member_fn *each, void *context, bool *goes_on);

enum err redis_secret_ask(struct redis_store *redis, const char *realm)
{
	char key[REDIS_KEY_MAX];

	set_key(realm, secret_end, key);
	return redis_put(redis, WORDS("SMEMBERS", key));
}

enum err redis_secret_list(struct store *store, const char *realm, member_fn *each, void *context)
{
	return members_list(redis_of(store), realm, secret_end, STORE_SECRET_MAX, each, context);
}

enum err redis_peer_range_add(struct store *store, enum store_peer_list list, const char *realm,
                              const char *range)
{
	return member_add(store, realm, peer_ends[list], range);
}

enum err redis_peer_range_delete(struct store *store, enum store_peer_list list, const char *realm,
                                 const char *range, const char *canonical)
{
	return member_delete(store, realm, peer_ends[list], range, canonical);
}

enum err redis_peer_range_list(struct store *store, enum store_peer_list list, const char *realm,
                               member_fn *each, void *context)
{
	return members_list(redis_of(store), realm, peer_ends[list], STORE_RANGE_MAX, each,
	                    context);
}

static void set_key(const char *realm, const char *end, char key[REDIS_KEY_MAX])
{
	snprintf(key, REDIS_KEY_MAX, "turn/realm/%s%s", realm, end);
}

static enum err member_add(struct store *store, const char *realm, const char *end,
                           const char *member)
{
	char key[REDIS_KEY_MAX];
	long long changed;
	enum err err;

	set_key(realm, end, key);
	err = redis_change(redis_of(store), &changed, WORDS("SADD", key, member));
	return err == OK && changed == 0 ? ERR_EXISTS : err;
}

/* first NULL: the whole set. second may be NULL. */
static enum err member_delete(struct store *store, const char *realm, const char *end,
                              const char *first, const char *second)
{
	struct redis_store *redis = redis_of(store);
	char key[REDIS_KEY_MAX];
	long long changed;
	enum err err;

	set_key(realm, end, key);
	if (first == NULL)
		err = redis_change(redis, &changed, WORDS("DEL", key));
	else if (second == NULL)
		err = redis_change(redis, &changed, WORDS("SREM", key, first));
	else
		err = redis_change(redis, &changed, WORDS("SREM", key, first, second));
	return err == OK && changed == 0 ? ERR_NOT_FOUND : err;
}

static enum err members_list(struct redis_store *redis, const char *realm, const char *end,
                             size_t max, member_fn *each, void *context)
{
	char pattern[REDIS_KEY_MAX], key[REDIS_KEY_MAX], of_realm[STORE_TEXT_MAX];
	struct redis_texts keys;
	bool goes_on = true;
	enum err err;

	if (realm != NULL) {
		set_key(realm, end, key);
		return members_give(redis, key, realm, max, each, context, &goes_on);
	}
	set_key("*", end, pattern);
	err = redis_scan(redis, pattern, &keys);
	for (size_t i = 0; err == OK && i < keys.count && goes_on; i++)
		if (redis_key_part(keys.item[i], "turn/realm/", end, of_realm, sizeof of_realm))
			err = members_give(redis, keys.item[i], of_realm, max, each, context,
			                   &goes_on);
	redis_texts_deinit(&keys);
	return err;
}

static enum err members_give(struct redis_store *redis, const char *key, const char *realm,
                             size_t max, member_fn *each, void *context, bool *goes_on)
{
	struct redis_texts members;
	enum err err = redis_members(redis, key, &members);

	if (err == ERR_INVALID) {
		log_warning("Redis key skipped", "key=%s reason=\"it is no set\"", key);
		return OK;
	}
	for (size_t i = 0; err == OK && i < members.count && *goes_on; i++) {
		if (strlen(members.item[i]) <= max)
			*goes_on = each(realm, members.item[i], context);
		else
			log_warning("Redis key skipped", "key=%s reason=\"a member is too long\"",
			            key);
	}
	redis_texts_deinit(&members);
	return err;
}
