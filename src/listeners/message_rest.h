/* The beginning of a message whose end has not arrived: kept from one read of a stream to the next. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct message_rest {
	uint8_t *bytes; /* owned; NULL most of the time */
	size_t len, room;
	size_t needed; /* length of the message, or of so much of it as tells its length */
};

/* Keeps bytes, which may be the rest's own, and makes room for more: twice as many, no more than the
 * message has. So a length that is only promised costs no memory, and none is copied often. False
 * when out of memory. */
MUST_CHECK bool message_rest_keep(struct message_rest *rest, const uint8_t *bytes, size_t len,
                                  size_t needed);
/* Frees what is kept; the rest can be used again. */
void message_rest_drop(struct message_rest *rest);
