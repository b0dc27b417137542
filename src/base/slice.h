/* A part of a text or of bytes that someone else keeps: lent, and not ended by a zero. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *at;
	size_t len;
};

#define SLICE(literal)      ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_FORMAT        "%.*s"
#define SLICE_PRINTF(slice) (int)(slice).len, (slice).at

static inline struct slice slice_of(const char *text) /* NULL is empty */
{
	return (struct slice){text, text == NULL ? 0 : strlen(text)};
}
static inline bool slice_is_empty(struct slice slice)
{
	return slice.len == 0;
}
static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}
static inline bool slice_is(struct slice a, const char *text)
{
	return slice_equal(a, slice_of(text));
}
