/* Which user a USERHASH (RFC 8489 section 14.4) is, for users whom coturn's turnadmin made and who have no
 * key for it: 16 bytes a user and the name, computed when first asked for, and again when a user was
 * changed, but not more often than every few seconds, since strangers can ask. Users of all realms are in
 * it: strangers name the realm too, by ORIGIN. */
#include <stdlib.h>
#include <string.h>

#include "store/redis.h"

#include "base/bytes.h"

enum { REBUILD_MS = 5000 };

struct userhash {
	uint64_t hash; /* its first eight bytes */
	char *name;    /* owned */
};

struct redis_userhashes {
	int64_t version; /* of the users */
	timestamp made_at;
	size_t count, room;
	struct userhash *entries; /* owned, sorted by hash */
	struct stun_hasher *hasher;
	enum err err;
};

static enum err refresh(struct redis_store *redis);
static bool entry_add(const struct store_user *user, void *context);
static int compare_entries(const void *a, const void *b);
static size_t first_of(const struct redis_userhashes *userhashes, uint64_t hash);

enum err redis_userhash_find(struct redis_store *redis, const char *realm,
                             const uint8_t userhash[STUN_USERHASH_SIZE], char *name, size_t size)
{
	uint8_t found[STUN_USERHASH_SIZE];
	uint64_t hash = get_u64(userhash);
	enum err err = refresh(redis);

	if (err != OK)
		return err;
	for (size_t i = first_of(redis->userhashes, hash);
	     i < redis->userhashes->count && redis->userhashes->entries[i].hash == hash; i++) {
		const char *candidate = redis->userhashes->entries[i].name;

		stun_userhash(redis->hasher, (const uint8_t *)candidate, strlen(candidate), realm,
		              found);
		if (memcmp(found, userhash, sizeof found) == 0)
			return text_copy(name, size, candidate) == OK ? OK : ERR_NOT_FOUND;
	}
	return ERR_NOT_FOUND;
}

void redis_userhashes_destroy(struct redis_userhashes *userhashes)
{
	if (userhashes == NULL)
		return;
	for (size_t i = 0; i < userhashes->count; i++)
		free(userhashes->entries[i].name);
	free(userhashes->entries);
	free(userhashes);
}

static enum err refresh(struct redis_store *redis)
{
	struct redis_userhashes *made = redis->userhashes;
	int64_t version = 0;
	enum err err;

	if (made != NULL && timestamp_now() - made->made_at < REBUILD_MS)
		return OK;
	err = redis_user_version(redis, &version);
	if (err != OK || (made != NULL && made->version == version))
		return err;
	made = calloc(1, sizeof *made);
	if (made == NULL)
		return ERR_NO_MEMORY;
	redis_userhashes_destroy(redis->userhashes);
	redis->userhashes = made;
	made->version = version;
	made->made_at = timestamp_now();
	made->hasher = redis->hasher;
	err = redis_user_list(&redis->store, NULL, entry_add, made);
	if (err == OK)
		err = made->err;
	if (err == OK && made->count > 0)
		qsort(made->entries, made->count, sizeof made->entries[0], compare_entries);
	if (err != OK) {
		redis_userhashes_destroy(made);
		redis->userhashes = NULL;
	}
	return err;
}

static bool entry_add(const struct store_user *user, void *context)
{
	struct redis_userhashes *made = context;
	uint8_t userhash[STUN_USERHASH_SIZE];

	if (made->count == made->room) {
		size_t room = made->room == 0 ? 64 : 2 * made->room;
		struct userhash *grown = realloc(made->entries, room * sizeof *grown);

		if (grown == NULL) {
			made->err = ERR_NO_MEMORY;
			return false;
		}
		made->entries = grown;
		made->room = room;
	}
	struct userhash *entry = &made->entries[made->count];
	stun_userhash(made->hasher, (const uint8_t *)user->name, strlen(user->name), user->realm,
	              userhash);
	entry->hash = get_u64(userhash);
	entry->name = strdup(user->name);
	if (entry->name == NULL) {
		made->err = ERR_NO_MEMORY;
		return false;
	}
	made->count++;
	return true;
}

static int compare_entries(const void *a, const void *b)
{
	uint64_t left = ((const struct userhash *)a)->hash;
	uint64_t right = ((const struct userhash *)b)->hash;

	return left < right ? -1 : left > right;
}

/* Returns the first that is not less than hash; the count when there is none. */
static size_t first_of(const struct redis_userhashes *userhashes, uint64_t hash)
{
	size_t low = 0, high = userhashes->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (userhashes->entries[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
