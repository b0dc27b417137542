/* Pipes for splice(). */
#include "listeners/pipe_pool.h"

#include <fcntl.h>
#include <unistd.h>

static void close_both(struct pipe_pool *pool, const struct pipe *pipe);

void pipe_pool_deinit(struct pipe_pool *pool)
{
	while (pool->kept_count > 0)
		close_both(pool, &pool->kept[--pool->kept_count]);
}

bool pipe_pool_take(struct pipe_pool *pool, struct pipe *pipe)
{
	int ends[2];

	if (pool->kept_count > 0) {
		*pipe = pool->kept[--pool->kept_count];
		return true;
	}
	if (pool->open_count >= PIPES_MAX || pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
		return false;
	pool->open_count++;
	*pipe = (struct pipe){.out = ends[0], .in = ends[1]};
	return true;
}

void pipe_pool_give(struct pipe_pool *pool, const struct pipe *pipe, bool is_empty)
{
	if (is_empty && pool->kept_count < PIPES_KEPT)
		pool->kept[pool->kept_count++] = *pipe;
	else
		close_both(pool, pipe);
}

static void close_both(struct pipe_pool *pool, const struct pipe *pipe)
{
	close(pipe->out);
	close(pipe->in);
	pool->open_count--;
}
