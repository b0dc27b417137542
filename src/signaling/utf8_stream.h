/* UTF-8 (RFC 3629) that comes in pieces, checked as it comes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct utf8_stream {       /* zeroed: between two characters */
	uint8_t need;      /* octets that the character still lacks */
	uint8_t low, high; /* what the next of them may be */
};

/* False: no UTF-8 begins with what has come. */
bool utf8_stream_put(struct utf8_stream *stream, struct slice bytes);
static inline bool utf8_stream_is_whole(const struct utf8_stream *stream)
{
	return stream->need == 0;
}
