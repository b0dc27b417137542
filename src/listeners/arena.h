/* Room for bytes that are lent to io until its next flush. When the room is used up io is flushed,
 * which gives all of it back. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/io.h"

struct arena {
	struct io *io;  /* lent */
	uint8_t *bytes; /* owned: mapped, so that what is never used is never there */
	size_t size, used;
};

MUST_CHECK enum err arena_init(struct arena *arena, struct io *io, size_t size);
void arena_deinit(struct arena *arena); /* nothing of it waits in io any more */
/* Returns len bytes to write into; len is no more than the arena's size. The bytes that were kept
 * before may be gone after this call, but for what io still has to send. */
uint8_t *arena_room(struct arena *arena, size_t len);
/* Keeps the first len bytes of the room until the flush. */
void arena_keep(struct arena *arena, size_t len);
