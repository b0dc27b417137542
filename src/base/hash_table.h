/* A hash table with open addressing. A slot is a hash and a pointer to the caller's item; keys stay
 * inside the items, and an item is looked at only when its whole hash matches. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct hash_slot {
	uint64_t hash;
	void *item; /* NULL: free */
};

struct hash_table {
	struct hash_slot *slots; /* owned */
	size_t capacity;         /* a power of two, or 0 before the first insert */
	size_t count;
};

typedef bool hash_table_equal_fn(const void *item, const void *key);

void hash_table_init(struct hash_table *table); /* allocates nothing yet */
void hash_table_deinit(struct hash_table *table);

/* Returns the item whose hash and key match, or NULL. */
void *hash_table_find(const struct hash_table *table, uint64_t hash, hash_table_equal_fn *equal,
                      const void *key);
/* Adds an item; the caller made sure that no equal one is there. The item stays the caller's.
 * ERR_NO_MEMORY leaves the table as it was. */
MUST_CHECK enum err hash_table_insert(struct hash_table *table, uint64_t hash, void *item);
/* Removes this very item, when it is there. Gives memory back when the table has become sparse. */
void hash_table_remove(struct hash_table *table, uint64_t hash, const void *item);

/* Walks all items: start with *position = 0; NULL at the end. Nothing may be added meanwhile, and
 * nothing removed. */
void *hash_table_next(const struct hash_table *table, size_t *position);
