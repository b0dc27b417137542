/* A byte stream, framed at once and in pieces: both give the same messages, none reaches beyond its
 * bytes, and each moves the stream forward. */
#include "listeners/framing.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Walks the messages among the first len bytes; gives where the walk ended. */
static size_t walk(const uint8_t *bytes, size_t len, enum err *end)
{
	size_t at = 0, message_len, used;

	*end = ERR_AGAIN;
	while (at < len) {
		*end = framing_next(bytes + at, len - at, &message_len, &used);
		if (*end == ERR_AGAIN && used <= len - at)
			abort(); /* it has what it asks for */
		if (*end != OK)
			break;
		if (message_len < 4 || message_len > used || used - message_len > 3 ||
		    used > len - at)
			abort();
		at += used;
	}
	return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	enum err end, end_of_part;
	size_t whole = walk(bytes, len, &end);

	for (size_t cut = len > 64 ? len - 64 : 0; cut < len; cut++) {
		uint8_t *part = malloc(cut + 1);
		size_t first;

		if (part == NULL)
			return 0;
		memcpy(part, bytes, cut);
		first = walk(part, cut, &end_of_part);
		free(part);
		if (first > whole ||
		    first + walk(bytes + first, len - first, &end_of_part) != whole)
			abort();
		if (end_of_part != end)
			abort();
	}
	return 0;
}
