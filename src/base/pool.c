/* Slabs of 64 items. A free item holds the pointer to the next free one; slabs stay until the end. */
#include "base/pool.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SLAB_ITEMS = 64 };

struct slab {
	struct slab *next;
	alignas(max_align_t) unsigned char items[];
};

struct free_item {
	struct free_item *next;
};

static struct slab *add_slab(struct pool *pool);

void pool_init(struct pool *pool, size_t item_size)
{
	size_t unit = alignof(max_align_t);

	assert(item_size > 0 && item_size < SIZE_MAX / SLAB_ITEMS / 2);
	*pool = (struct pool){.item_size = (item_size + unit - 1) / unit * unit};
}

void pool_deinit(struct pool *pool)
{
	struct slab *next;

	for (struct slab *slab = pool->slabs; slab != NULL; slab = next) {
		next = slab->next;
		free(slab);
	}
	*pool = (struct pool){.item_size = pool->item_size};
}

void *pool_take(struct pool *pool)
{
	if (pool->free == NULL && add_slab(pool) == NULL)
		return NULL;
	struct free_item *item = pool->free;
	pool->free = item->next;
	pool->in_use++;
	return memset(item, 0, pool->item_size);
}

void pool_give(struct pool *pool, void *item)
{
	struct free_item *given = item;

	if (given == NULL)
		return;
	assert(pool->in_use > 0);
	given->next = pool->free;
	pool->free = given;
	pool->in_use--;
}

static struct slab *add_slab(struct pool *pool)
{
	struct slab *slab = malloc(sizeof *slab + SLAB_ITEMS * pool->item_size);

	if (slab == NULL)
		return NULL;
	slab->next = pool->slabs;
	pool->slabs = slab;
	/* Backwards, so that items are taken in the order in which they lie. */
	for (size_t i = SLAB_ITEMS; i-- > 0;) {
		struct free_item *item = (void *)(slab->items + i * pool->item_size);

		item->next = pool->free;
		pool->free = item;
	}
	return slab;
}
