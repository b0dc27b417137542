/* Pools: items do not overlap, come back zeroed, and are used again. */
#include "tap.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"

enum { ITEMS = 1000 };

static void test_size(size_t size)
{
	static unsigned char *items[ITEMS];
	bool is_zero = true, is_aligned = true, is_own = true;
	struct pool pool;

	pool_init(&pool, size);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < ITEMS; i++) {
			items[i] = pool_take(&pool);
			is_aligned = is_aligned && (uintptr_t)items[i] % alignof(max_align_t) == 0;
			for (size_t j = 0; j < size; j++)
				is_zero = is_zero && items[i][j] == 0;
			memset(items[i], (int)(i % 255) + 1, size);
		}
		for (unsigned i = 0; i < ITEMS; i++)
			is_own = is_own && items[i][0] == i % 255 + 1 &&
			         items[i][size - 1] == i % 255 + 1;
		is_int(pool.in_use, ITEMS, "all in use");
		/* Every other one first, so that the free list is not in order. */
		for (unsigned i = 0; i < ITEMS; i++)
			pool_give(&pool, items[i * 2 % ITEMS + (i >= ITEMS / 2)]);
		is_int(pool.in_use, 0, "all given back");
	}
	ok(is_zero, "size %zu: zeroed", size);
	ok(is_aligned, "size %zu: aligned", size);
	ok(is_own, "size %zu: no two overlap", size);
	pool_deinit(&pool);
}

static void test_reuse(void)
{
	struct pool pool;

	pool_init(&pool, 40);
	void *item = pool_take(&pool);
	pool_give(&pool, item);
	ok(pool_take(&pool) == item, "what was given back is taken first");
	pool_give(&pool, NULL);
	is_int(pool.in_use, 1, "giving nothing back changes nothing");
	pool_deinit(
		&pool); /* with an item forgotten: a leak checker would see a slab that stayed */
	ok(pool.slabs == NULL && pool.free == NULL, "nothing is owned any more");
}

int main(void)
{
	test_size(1);
	test_size(8);
	test_size(100);
	test_size(4096);
	test_reuse();
	return tap_end();
}
