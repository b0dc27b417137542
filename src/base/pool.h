/* Objects of one size, taken and given back often: slabs with a free list. One thread each. */
#pragma once

#include <stddef.h>

struct pool {
	size_t item_size;
	void *free;  /* owned: first free item */
	void *slabs; /* owned */
	size_t in_use;
};

void pool_init(struct pool *pool, size_t item_size);
void pool_deinit(struct pool *pool); /* all items must have been given back or be forgotten */
/* Returns zeroed memory, aligned for any type; NULL when there is none. */
void *pool_take(struct pool *pool);
void pool_give(struct pool *pool, void *item); /* NULL is fine */
