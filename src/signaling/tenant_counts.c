/* An entry stays once it is there: tenants are as many as the operator has made, and who looks for one needs no turn. */
#include "signaling/tenant_counts.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/identity.h"

enum { BUCKETS = 256 };

struct entry {
	struct entry *next; /* does not change */
	_Atomic uint32_t now[TENANT_COUNT_KINDS];
	char tenant[TENANT_NAME_MAX + 1];
};

struct tenant_counts {
	_Atomic(struct entry *) buckets[BUCKETS]; /* owned */
};

enum err tenant_counts_create(struct tenant_counts **counts)
{
	*counts = calloc(1, sizeof **counts);
	return *counts == NULL ? ERR_NO_MEMORY : OK;
}

void tenant_counts_destroy(struct tenant_counts *counts)
{
	for (size_t i = 0; counts != NULL && i < BUCKETS; i++) {
		struct entry *entry =
			atomic_load_explicit(&counts->buckets[i], memory_order_relaxed);
		while (entry != NULL) {
			struct entry *next = entry->next;
			free(entry);
			entry = next;
		}
	}
	free(counts);
}

/* FNV-1a: names are the operator's, so that nobody fills one bucket. */
static _Atomic(struct entry *) *bucket_of(struct tenant_counts *counts, const char *tenant)
{
	uint32_t hash = 2166136261u;

	for (; *tenant != '\0'; tenant++)
		hash = (hash ^ (uint8_t)*tenant) * 16777619u;
	return &counts->buckets[hash % BUCKETS];
}

static struct entry *find(struct entry *entry, const char *tenant)
{
	while (entry != NULL && strcmp(entry->tenant, tenant) != 0)
		entry = entry->next;
	return entry;
}

/* Acquire: what is in an entry was written before it was put there (release, below). */
static struct entry *entry_find(struct tenant_counts *counts, const char *tenant)
{
	return find(atomic_load_explicit(bucket_of(counts, tenant), memory_order_acquire), tenant);
}

/* Another thread may have put one there meanwhile: that is the one then. */
static struct entry *entry_make(struct tenant_counts *counts, const char *tenant)
{
	_Atomic(struct entry *) *bucket = bucket_of(counts, tenant);
	struct entry *made = calloc(1, sizeof *made), *there;

	if (made == NULL || text_copy(made->tenant, sizeof made->tenant, tenant) != OK) {
		free(made);
		return NULL;
	}
	made->next = atomic_load_explicit(bucket, memory_order_acquire);
	do {
		there = find(made->next, tenant);
		if (there != NULL) {
			free(made);
			return there;
		}
	} while (!atomic_compare_exchange_weak_explicit(
		bucket, &made->next, made, memory_order_release, memory_order_acquire));
	return made;
}

bool tenant_counts_take(struct tenant_counts *counts, const char *tenant,
                        enum tenant_count_kind kind, uint32_t most)
{
	struct entry *entry = entry_find(counts, tenant);
	uint32_t now;

	if (entry == NULL)
		entry = entry_make(counts, tenant);
	if (entry == NULL)
		return false;
	/* Relaxed, as below: numbers alone, that order nothing else. */
	now = atomic_load_explicit(&entry->now[kind], memory_order_relaxed);
	do {
		if ((most > 0 && now >= most) || now == UINT32_MAX)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&entry->now[kind], &now, now + 1, memory_order_relaxed, memory_order_relaxed));
	return true;
}

void tenant_counts_give(struct tenant_counts *counts, const char *tenant,
                        enum tenant_count_kind kind)
{
	struct entry *entry = entry_find(counts, tenant);

	if (entry != NULL)
		atomic_fetch_sub_explicit(&entry->now[kind], 1, memory_order_relaxed);
}

uint32_t tenant_counts_now(struct tenant_counts *counts, const char *tenant,
                           enum tenant_count_kind kind)
{
	const struct entry *entry = entry_find(counts, tenant);

	return entry == NULL ? 0 : atomic_load_explicit(&entry->now[kind], memory_order_relaxed);
}
