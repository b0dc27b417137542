/* The beginning of a message whose end has not arrived. To say when it is whole is left to framing.c. */
#include "listeners/message_rest.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_MIN = 64 };

bool message_rest_keep(struct message_rest *rest, const uint8_t *bytes, size_t len, size_t needed)
{
	size_t room = 2 * len > ROOM_MIN ? 2 * len : ROOM_MIN;
	bool is_own = bytes == rest->bytes;
	uint8_t *grown;

	if (room > needed)
		room = needed;
	if (room > rest->room) {
		grown = realloc(rest->bytes, room);
		if (grown == NULL)
			return false;
		rest->bytes = grown;
	}
	rest->room = room;
	if (!is_own)
		memcpy(rest->bytes, bytes, len);
	rest->len = len;
	rest->needed = needed;
	return true;
}

void message_rest_drop(struct message_rest *rest)
{
	free(rest->bytes);
	*rest = (struct message_rest){0};
}
