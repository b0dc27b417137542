/* Entries by key, and by state in the order in which they were settled. Each state has a lifetime
 * of its own, so that the oldest of it is the first whose time is over. */
#include "relay/credential_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"

static const size_t entries_max[CACHE_STATE_COUNT] = {
	[CACHE_ASKED] = CACHE_ASKED_MAX,         [CACHE_FOUND] = CACHE_FOUND_MAX,
	[CACHE_NOT_FOUND] = CACHE_NOT_FOUND_MAX, [CACHE_SECRETS] = REALM_SECRETS_MAX,
	[CACHE_TOKEN_KEY] = CACHE_TOKEN_KEY_MAX,
};

static uint64_t key_hash(const struct credential_cache *cache, const struct cache_key *key);
static bool key_equal(const void *item, const void *key);
static struct cache_entry *entry_oldest(const struct credential_cache *cache,
                                        enum cache_state state);

void credential_cache_init(struct credential_cache *cache, struct stun_hasher *hasher)
{
	*cache = (struct credential_cache){.hasher = hasher};
	hash_table_init(&cache->table);
	for (int state = 0; state < CACHE_STATE_COUNT; state++)
		list_init(&cache->entries[state]);
	random_bytes(cache->seed, sizeof cache->seed);
}

void credential_cache_deinit(struct credential_cache *cache)
{
	struct cache_entry *entry;

	for (int state = 0; state < CACHE_STATE_COUNT; state++)
		while ((entry = entry_oldest(cache, state)) != NULL)
			credential_cache_remove(cache, entry);
	hash_table_deinit(&cache->table);
}

struct cache_entry *credential_cache_find(struct credential_cache *cache,
                                          const struct cache_key *key, timestamp now)
{
	struct cache_entry *entry =
		hash_table_find(&cache->table, key_hash(cache, key), key_equal, key);

	if (entry == NULL || entry->state == CACHE_ASKED || now < entry->deadline)
		return entry;
	credential_cache_remove(cache, entry);
	return NULL;
}

enum err credential_cache_ask(struct credential_cache *cache, const struct cache_key *key,
                              timestamp now, struct cache_entry **entry_out)
{
	struct cache_entry *entry;

	if (cache->count[CACHE_ASKED] == CACHE_ASKED_MAX)
		return ERR_FULL;
	entry = calloc(1, sizeof *entry + key->len);
	if (entry == NULL)
		return ERR_NO_MEMORY;
	entry->hash = key_hash(cache, key);
	entry->asked_at = now;
	entry->key_len = key->len;
	memcpy(entry->key, key->bytes, key->len);
	list_init(&entry->waiting);
	if (hash_table_insert(&cache->table, entry->hash, entry) != OK) {
		free(entry);
		return ERR_NO_MEMORY;
	}
	entry->state = CACHE_ASKED;
	list_append(&cache->entries[CACHE_ASKED], &entry->node);
	cache->count[CACHE_ASKED]++;
	*entry_out = entry;
	return OK;
}

void credential_cache_settle(struct credential_cache *cache, struct cache_entry *entry,
                             enum cache_state state, timestamp deadline)
{
	list_remove(&entry->node);
	cache->count[entry->state]--;
	if (cache->count[state] == entries_max[state])
		credential_cache_remove(cache, entry_oldest(cache, state));
	entry->state = state;
	entry->deadline = deadline;
	list_append(&cache->entries[state], &entry->node);
	cache->count[state]++;
}

void credential_cache_remove(struct credential_cache *cache, struct cache_entry *entry)
{
	hash_table_remove(&cache->table, entry->hash, entry);
	list_remove(&entry->node);
	cache->count[entry->state]--;
	if (entry->user != NULL)
		bytes_wipe(&entry->user->keys, sizeof entry->user->keys);
	free(entry->user);
	if (entry->token_key != NULL)
		bytes_wipe(entry->token_key, sizeof *entry->token_key);
	free(entry->token_key);
	free(entry);
}

/* A MAC under a secret of ours: strangers choose the names, and shall not choose their slots. */
void credential_cache_forget(struct credential_cache *cache)
{
	struct list *node;

	for (enum cache_state state = 0; state < CACHE_STATE_COUNT; state++)
		while (state != CACHE_ASKED && (node = list_first(&cache->entries[state])) != NULL)
			credential_cache_remove(cache,
			                        CONTAINER_OF(node, struct cache_entry, node));
}

static uint64_t key_hash(const struct credential_cache *cache, const struct cache_key *key)
{
	uint8_t mac[STUN_SHA1_SIZE];

	stun_hmac_sha1(cache->hasher, cache->seed, sizeof cache->seed, key->bytes, key->len, mac);
	return get_u64(mac);
}

static bool key_equal(const void *item, const void *key)
{
	const struct cache_entry *entry = item;
	const struct cache_key *wanted = key;

	return entry->key_len == wanted->len && memcmp(entry->key, wanted->bytes, wanted->len) == 0;
}

static struct cache_entry *entry_oldest(const struct credential_cache *cache,
                                        enum cache_state state)
{
	struct list *node = list_first(&cache->entries[state]);

	return node == NULL ? NULL : CONTAINER_OF(node, struct cache_entry, node);
}
