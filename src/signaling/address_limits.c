/* One entry for each address that has connections, or was seen lately. Entries without connections stand in a list, the one
 * seen for longest first: the table makes room from there. */
#include "signaling/address_limits.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_table.h"
#include "base/list.h"
#include "base/random.h"

enum {
	ENTRIES_DEFAULT = 1 << 20,
	SPARE_ENTRIES = 1 << 14,
	MILLI = 1000,
	MINUTE_MS = 60000,
	PREFIX_64 = 8
};

struct entry {
	struct list node; /* in limits.unused, while it has no connections */
	struct transport_addr addr;
	unsigned connections;
	/* Buckets: how much of what is allowed is left, in thousandths, at that time. */
	struct bucket {
		uint64_t left;
		timestamp at;
	} requests, failures;
};

struct address_limits {
	pthread_mutex_t lock;
	struct address_limits_settings settings;
	size_t connections, connections_max, entries_max;
	uint64_t seed;
	struct hash_table entries; /* owned */
	struct list unused;
};

enum err address_limits_create(size_t connections_max,
                               const struct address_limits_settings *settings,
                               struct address_limits **limits)
{
	struct address_limits *created = calloc(1, sizeof *created);

	if (created == NULL)
		return ERR_NO_MEMORY;
	if (pthread_mutex_init(&created->lock, NULL) != 0) {
		free(created);
		return ERR_SYSTEM;
	}
	created->settings = *settings;
	created->connections_max = connections_max;
	created->entries_max =
		(connections_max == 0 ? ENTRIES_DEFAULT : connections_max) + SPARE_ENTRIES;
	random_bytes(&created->seed, sizeof created->seed);
	hash_table_init(&created->entries);
	list_init(&created->unused);
	*limits = created;
	return OK;
}

void address_limits_destroy(struct address_limits *limits)
{
	struct entry *entry;
	size_t position = 0;

	if (limits == NULL)
		return;
	while ((entry = hash_table_next(&limits->entries, &position)) != NULL)
		free(entry);
	hash_table_deinit(&limits->entries);
	pthread_mutex_destroy(&limits->lock);
	free(limits);
}

void address_limits_change(struct address_limits *limits,
                           const struct address_limits_settings *settings)
{
	pthread_mutex_lock(&limits->lock);
	limits->settings = *settings;
	pthread_mutex_unlock(&limits->lock);
}

bool address_limits_take_connection(struct address_limits *limits)
{
	pthread_mutex_lock(&limits->lock);
	bool is_taken =
		limits->connections_max == 0 || limits->connections < limits->connections_max;
	limits->connections += is_taken;
	pthread_mutex_unlock(&limits->lock);
	return is_taken;
}

void address_limits_give_connection(struct address_limits *limits)
{
	pthread_mutex_lock(&limits->lock);
	limits->connections--;
	pthread_mutex_unlock(&limits->lock);
}

size_t address_limits_count(struct address_limits *limits)
{
	pthread_mutex_lock(&limits->lock);
	size_t count = limits->entries.count;
	pthread_mutex_unlock(&limits->lock);
	return count;
}

/* Who has one address of a /64 has them all (RFC 6177 section 2). */
static void key_of(const struct transport_addr *addr, struct transport_addr *key)
{
	size_t len;
	uint8_t ip[16] = {0};

	memcpy(ip, addr_ip(addr, &len), 4);
	if (addr_family(addr) == AF_INET6)
		memcpy(ip, addr_ip(addr, &len), PREFIX_64);
	addr_init(key, addr_family(addr), ip, 0);
}

static bool has_key(const void *item, const void *key)
{
	return addr_equal_ip(&((const struct entry *)item)->addr, key);
}

static void forget(struct address_limits *limits, struct entry *entry)
{
	list_remove(&entry->node);
	hash_table_remove(&limits->entries, addr_hash_ip(&entry->addr, limits->seed), entry);
	free(entry);
}

/* Makes room where there is none. */
static bool has_room(struct address_limits *limits)
{
	if (limits->entries.count < limits->entries_max)
		return true;
	struct list *oldest = list_first(&limits->unused);
	if (oldest == NULL)
		return false;
	forget(limits, CONTAINER_OF(oldest, struct entry, node));
	return true;
}

/* The entry of an address, made where there is none; NULL: there is no room. */
static struct entry *entry_of(struct address_limits *limits, const struct transport_addr *addr)
{
	struct transport_addr key;

	key_of(addr, &key);
	uint64_t hash = addr_hash_ip(&key, limits->seed);
	struct entry *entry = hash_table_find(&limits->entries, hash, has_key, &key);
	if (entry == NULL) {
		entry = has_room(limits) ? calloc(1, sizeof *entry) : NULL;
		if (entry == NULL)
			return NULL;
		entry->addr = key;
		if (hash_table_insert(&limits->entries, hash, entry) != OK) {
			free(entry);
			return NULL;
		}
	}
	list_remove(&entry->node);
	if (entry->connections == 0)
		list_append(&limits->unused, &entry->node);
	return entry;
}

bool address_limits_open(struct address_limits *limits, const struct transport_addr *addr,
                         timestamp now)
{
	(void)now;
	pthread_mutex_lock(&limits->lock);
	struct entry *entry = entry_of(limits, addr);
	unsigned max = limits->settings.connections;
	bool is_open = entry != NULL && (max == 0 || entry->connections < max);
	if (is_open) {
		entry->connections++;
		list_remove(&entry->node);
	}
	pthread_mutex_unlock(&limits->lock);
	return is_open;
}

void address_limits_close(struct address_limits *limits, const struct transport_addr *addr)
{
	pthread_mutex_lock(&limits->lock);
	struct entry *entry = entry_of(limits, addr);
	if (entry != NULL && entry->connections > 0 && --entry->connections == 0)
		list_append(&limits->unused, &entry->node);
	pthread_mutex_unlock(&limits->lock);
}

/* How much time there is to fill a bucket for. Threads read their clocks one before the other. */
static timestamp time_passed(const struct bucket *bucket, timestamp period_ms, timestamp now)
{
	if (bucket->at == 0)
		return period_ms;
	timestamp passed = now > bucket->at ? now - bucket->at : 0;
	return passed < period_ms ? passed : period_ms;
}

/* Fills a bucket that holds max, and as much again each period; one never used is full. */
static void fill(struct bucket *bucket, unsigned max, timestamp period_ms, timestamp now)
{
	uint64_t full = (uint64_t)max * MILLI;
	uint64_t more = full * time_passed(bucket, period_ms, now) / period_ms;

	/* Time too short for a thousandth is kept for the next. */
	if (more > 0)
		bucket->at = now == 0 ? 1 : now;
	bucket->left = bucket->left + more < full ? bucket->left + more : full;
}

static bool take(struct bucket *bucket)
{
	if (bucket->left < MILLI)
		return false;
	bucket->left -= MILLI;
	return true;
}

bool address_limits_request(struct address_limits *limits, const struct transport_addr *addr,
                            timestamp now)
{
	bool is_allowed = true;

	pthread_mutex_lock(&limits->lock);
	unsigned max = limits->settings.requests_s;
	struct entry *entry = max == 0 ? NULL : entry_of(limits, addr);
	if (entry != NULL) {
		fill(&entry->requests, max, MILLI, now);
		is_allowed = take(&entry->requests);
	}
	pthread_mutex_unlock(&limits->lock);
	return is_allowed;
}

void address_limits_failed(struct address_limits *limits, const struct transport_addr *addr,
                           timestamp now)
{
	pthread_mutex_lock(&limits->lock);
	unsigned max = limits->settings.failures_min;
	struct entry *entry = max == 0 ? NULL : entry_of(limits, addr);
	if (entry != NULL) {
		fill(&entry->failures, max, MINUTE_MS, now);
		(void)take(&entry->failures);
	}
	pthread_mutex_unlock(&limits->lock);
}

bool address_limits_is_barred(struct address_limits *limits, const struct transport_addr *addr,
                              timestamp now)
{
	bool is_barred = false;

	pthread_mutex_lock(&limits->lock);
	unsigned max = limits->settings.failures_min;
	struct entry *entry = max == 0 ? NULL : entry_of(limits, addr);
	if (entry != NULL) {
		fill(&entry->failures, max, MINUTE_MS, now);
		is_barred = entry->failures.left < MILLI;
	}
	pthread_mutex_unlock(&limits->lock);
	return is_barred;
}
