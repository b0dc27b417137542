/* A text that grows while it is written. One that failed for want of memory, or reached its bound, stays so
 * and takes nothing more: who writes checks once, at the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

struct text {
	char *at; /* owned */
	size_t len, capacity;
	size_t max;      /* bytes it may have; 0: no bound */
	bool has_failed; /* what is there is not whole */
};

void text_init(struct text *text, size_t max);
void text_deinit(struct text *text);
void text_clear(struct text *text); /* empty, and its memory kept */
void text_put(struct text *text, struct slice bytes);
void text_put_char(struct text *text, char c);
void text_printf(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
struct slice text_slice(const struct text *text);

/* A message that several connections send: written once, shared by reference. It belongs to one thread. */
struct buffer {
	unsigned references;
	size_t len;
	char bytes[];
};
/* Returns a copy with one reference, the caller's; NULL when there is no memory. */
struct buffer *buffer_create(struct slice bytes);
struct buffer *buffer_hold(struct buffer *buffer);
void buffer_release(struct buffer *buffer); /* NULL is fine */
