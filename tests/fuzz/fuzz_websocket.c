/* Frames of a client, at once and cut in two: both give the same messages, codes and end, and nothing is read or written beside the
 * bytes. The first octet says where the cut is. */
#include "signaling/websocket.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { MESSAGE_MAX = 1000 };

struct outcome { /* what came out, as a sum */
	uint64_t sum;
	size_t count;
};

static void add(struct outcome *outcome, const struct websocket_found *found)
{
	if (found->kind == WEBSOCKET_TEXT && found->payload.len > MESSAGE_MAX)
		abort();
	if ((found->kind == WEBSOCKET_PING || found->kind == WEBSOCKET_PONG ||
	     found->kind == WEBSOCKET_CLOSE) &&
	    found->payload.len > WEBSOCKET_CONTROL_MAX)
		abort();
	outcome->count++;
	outcome->sum = outcome->sum * 31 + (uint64_t)found->kind * 7 + found->code;
	for (size_t i = 0; i < found->payload.len; i++)
		outcome->sum = outcome->sum * 31 + (uint8_t)found->payload.at[i];
}

static void feed(struct websocket *websocket, const uint8_t *bytes, size_t len,
                 struct outcome *outcome)
{
	char *copy = malloc(len + 1);
	struct websocket_found found;
	size_t used = 0;

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, len);
	do {
		size_t n = websocket_input(websocket, MESSAGE_MAX, copy + used, len - used, &found);
		if (n > len - used || (n == 0 && found.kind != WEBSOCKET_MORE))
			abort();
		used += n;
		if (found.kind != WEBSOCKET_MORE)
			add(outcome, &found);
	} while (found.kind != WEBSOCKET_MORE);
	if (used != len)
		abort();
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct websocket whole = {0}, cut = {0};
	struct outcome of_whole = {0}, of_cut = {0};

	if (len == 0)
		return 0;
	size_t at = len == 1 ? 0 : bytes[0] % len;
	bytes++, len--;
	if (at > len)
		at = len;
	feed(&whole, bytes, len, &of_whole);
	feed(&cut, bytes, at, &of_cut);
	feed(&cut, bytes + at, len - at, &of_cut);
	if (of_whole.sum != of_cut.sum || of_whole.count != of_cut.count ||
	    whole.has_ended != cut.has_ended ||
	    websocket_is_idle(&whole) != websocket_is_idle(&cut))
		abort();
	websocket_deinit(&whole);
	websocket_deinit(&cut);
	return 0;
}
