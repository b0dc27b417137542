/* Linear probing: an item lies at its home slot or in the unbroken run of taken slots behind it. */
#include "base/hash_table.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 16 };

static bool is_home_within(size_t home, size_t hole, size_t at);
static bool is_crowded(const struct hash_table *table);
static bool is_sparse(const struct hash_table *table);
static enum err resize(struct hash_table *table, size_t capacity);

void hash_table_init(struct hash_table *table)
{
	*table = (struct hash_table){0};
}

void hash_table_deinit(struct hash_table *table)
{
	free(table->slots);
	hash_table_init(table);
}

static size_t slot_after(const struct hash_table *table, size_t at)
{
	return (at + 1) & (table->capacity - 1);
}

static size_t home_of(const struct hash_table *table, uint64_t hash)
{
	return (size_t)hash & (table->capacity - 1);
}

void *hash_table_find(const struct hash_table *table, uint64_t hash, hash_table_equal_fn *equal,
                      const void *key)
{
	if (table->count == 0)
		return NULL;
	for (size_t at = home_of(table, hash);; at = slot_after(table, at)) {
		const struct hash_slot *slot = &table->slots[at];

		if (slot->item == NULL)
			return NULL;
		if (slot->hash == hash && equal(slot->item, key))
			return slot->item;
	}
}

static void place(struct hash_table *table, uint64_t hash, void *item)
{
	size_t at = home_of(table, hash);

	while (table->slots[at].item != NULL)
		at = slot_after(table, at);
	table->slots[at] = (struct hash_slot){hash, item};
}

enum err hash_table_insert(struct hash_table *table, uint64_t hash, void *item)
{
	if (is_crowded(table)) {
		size_t capacity = table->capacity ? 2 * table->capacity : CAPACITY_MIN;
		enum err err = resize(table, capacity);

		if (err != OK)
			return err;
	}
	place(table, hash, item);
	table->count++;
	return OK;
}

/* Moves what follows the hole back into it, so that no run is broken and no tombstone stays. */
static void close_hole(struct hash_table *table, size_t hole)
{
	for (size_t at = slot_after(table, hole); table->slots[at].item != NULL;
	     at = slot_after(table, at)) {
		if (is_home_within(home_of(table, table->slots[at].hash), hole, at))
			continue;
		table->slots[hole] = table->slots[at];
		hole = at;
	}
	table->slots[hole].item = NULL;
}

void hash_table_remove(struct hash_table *table, uint64_t hash, const void *item)
{
	if (table->count == 0)
		return;
	size_t at = home_of(table, hash);
	while (table->slots[at].item != item) {
		if (table->slots[at].item == NULL)
			return;
		at = slot_after(table, at);
	}
	close_hole(table, at);
	table->count--;
	/* Without memory for a smaller table the larger one goes on. */
	if (is_sparse(table) && resize(table, table->capacity / 2) != OK)
		return;
}

void *hash_table_next(const struct hash_table *table, size_t *position)
{
	while (*position < table->capacity) {
		void *item = table->slots[(*position)++].item;

		if (item != NULL)
			return item;
	}
	return NULL;
}

/* True when home lies behind hole, up to and including at, on the ring: the item at "at" would not be
 * found any more if it were moved into the hole. */
static bool is_home_within(size_t home, size_t hole, size_t at)
{
	if (hole < at)
		return hole < home && home <= at;
	return hole < home || home <= at;
}

/* Three quarters: beyond that the runs of linear probing grow long. */
static bool is_crowded(const struct hash_table *table)
{
	return table->count + 1 > table->capacity / 4 * 3;
}

/* An eighth: far enough below the half of three quarters that a table does not swing. */
static bool is_sparse(const struct hash_table *table)
{
	return table->capacity > CAPACITY_MIN && table->count < table->capacity / 8;
}

static enum err resize(struct hash_table *table, size_t capacity)
{
	struct hash_table resized = {calloc(capacity, sizeof *table->slots), capacity,
	                             table->count};

	if (resized.slots == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < table->capacity; i++)
		if (table->slots[i].item != NULL)
			place(&resized, table->slots[i].hash, table->slots[i].item);
	free(table->slots);
	*table = resized;
	return OK;
}
