/* Pipes for splice(): bytes go through them from one socket to another without being copied to user
 * space. A thread has a bounded number, each taken only while bytes are on their way. */
#pragma once

#include <stdbool.h>

enum {
	PIPES_MAX = 256,    /* open at once; who gets none copies */
	PIPES_KEPT = 16,    /* open without use */
	PIPE_BYTES = 65536, /* what the kernel gives a pipe by default */
};

struct pipe {
	int out, in; /* to read from, to write to */
};

struct pipe_pool {
	struct pipe kept[PIPES_KEPT];
	unsigned kept_count, open_count;
};

/* Zeroed memory is an empty pool. */
void pipe_pool_deinit(struct pipe_pool *pool);

/* Gives an empty pipe; false when there are too many, or no descriptors. */
bool pipe_pool_take(struct pipe_pool *pool, struct pipe *pipe);
/* Takes it back. One that is not empty is closed, and what is in it lost. */
void pipe_pool_give(struct pipe_pool *pool, const struct pipe *pipe, bool is_empty);
