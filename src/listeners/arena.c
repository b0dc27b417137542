/* Room for bytes that are lent to io until its next flush. */
#include "listeners/arena.h"

#include <assert.h>
#include <sys/mman.h>

enum err arena_init(struct arena *arena, struct io *io, size_t size)
{
	arena->io = io;
	arena->size = size;
	arena->used = 0;
	arena->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (arena->bytes == MAP_FAILED) {
		arena->bytes = NULL;
		return ERR_NO_MEMORY;
	}
	return OK;
}

void arena_deinit(struct arena *arena)
{
	if (arena->bytes != NULL)
		munmap(arena->bytes, arena->size);
	arena->bytes = NULL;
}

uint8_t *arena_room(struct arena *arena, size_t len)
{
	assert(len <= arena->size);
	if (arena->size - arena->used < len) {
		io_flush(arena->io);
		arena->used = 0;
	}
	return arena->bytes + arena->used;
}

void arena_keep(struct arena *arena, size_t len)
{
	arena->used += len;
	assert(arena->used <= arena->size);
}
