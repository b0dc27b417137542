/* The hash table against an array that knows what is in it. */
#include "tap.h"

#include <stdlib.h>

#include "base/hash_table.h"

struct item {
	unsigned key;
	bool is_in;
};

static bool has_key(const void *item, const void *key)
{
	return ((const struct item *)item)->key == *(const unsigned *)key;
}

static void test_empty(void)
{
	struct hash_table table;
	size_t position = 0;
	unsigned key = 1;

	hash_table_init(&table);
	ok(hash_table_find(&table, 1, has_key, &key) == NULL, "nothing in an empty table");
	ok(hash_table_next(&table, &position) == NULL, "nothing to walk");
	hash_table_remove(&table, 1, &key);
	is_int(table.count, 0, "nothing to remove");
	ok(table.slots == NULL, "nothing allocated");
	hash_table_deinit(&table);
}

static bool agrees(const struct hash_table *table, const struct item *items, unsigned n,
                   uint64_t (*hash)(unsigned))
{
	size_t count = 0, walked = 0, position = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct item *found = hash_table_find(table, hash(i), has_key, &items[i].key);

		if (found != (items[i].is_in ? &items[i] : NULL))
			return false;
		count += items[i].is_in;
	}
	for (struct item *item; (item = hash_table_next(table, &position)) != NULL; walked++)
		if (!item->is_in)
			return false;
	return walked == count && table->count == count;
}

static uint64_t good_hash(unsigned key)
{
	return (key + 1) * UINT64_C(0x9E3779B97F4A7C15) >> 13;
}

/* Everything in three homes, two of them at the end, so that runs meet and wrap around. */
static uint64_t bad_hash(unsigned key)
{
	return UINT64_MAX - (key % 3 == 2 ? UINT64_MAX / 4 : key % 3) - ((uint64_t)key << 32);
}

static uint64_t same_hash(unsigned key)
{
	(void)key;
	return 42;
}

static void test_random(uint64_t (*hash)(unsigned), const char *name, unsigned n, unsigned steps)
{
	struct item *items = calloc(n, sizeof *items);
	struct hash_table table;
	bool is_right = true;

	hash_table_init(&table);
	for (unsigned i = 0; i < n; i++)
		items[i].key = i;
	srandom(1);
	for (unsigned step = 0; step < steps && is_right; step++) {
		struct item *item = &items[(unsigned)random() % n];

		/* Phases of growth and of decline. */
		bool wants_in = random() % 4 != 0 ? step / (steps / 6) % 2 == 0 : random() % 2;
		if (item->is_in && !wants_in)
			hash_table_remove(&table, hash(item->key), item);
		else if (!item->is_in && wants_in)
			is_right = hash_table_insert(&table, hash(item->key), item) == OK;
		else
			continue;
		item->is_in = wants_in;
		if (step % 16 == 0)
			is_right = is_right && agrees(&table, items, n, hash);
	}
	ok(is_right, "%s hashes: the table is right after each step", name);
	for (unsigned i = 0; i < n; i++)
		hash_table_remove(&table, hash(i), &items[i]);
	is_int(table.count, 0, "%s hashes: all removed", name);
	ok(table.capacity <= 16, "%s hashes: memory was given back", name);
	hash_table_deinit(&table);
	free(items);
}

static void test_very_item(void)
{
	struct item one = {.key = 7}, twin = {.key = 7};
	struct hash_table table;

	hash_table_init(&table);
	is_int(hash_table_insert(&table, 5, &one), OK, "inserted");
	hash_table_remove(&table, 5, &twin);
	ok(hash_table_find(&table, 5, has_key, &one.key) == &one, "an equal item is not this one");
	ok(hash_table_find(&table, 5 + 16, has_key, &one.key) == NULL, "the whole hash counts");
	hash_table_deinit(&table);
}

int main(void)
{
	test_empty();
	test_random(good_hash, "good", 600, 30000);
	test_random(bad_hash, "bad", 90, 6000);
	test_random(same_hash, "equal", 40, 3000);
	test_very_item();
	return tap_end();
}
