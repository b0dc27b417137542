/* Frames of RFC 6455. What came whole in one frame is unmasked where it lies and given from there; only what comes in
 * pieces is copied. */
#include "signaling/websocket.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "signaling/text.h"
#include "signaling/utf8_stream.h"

enum { FIRST_OCTETS = 2, MASK_SIZE = 4, HEADER_MAX = WEBSOCKET_HEADER_MAX + MASK_SIZE };
enum { FIN = 0x80, RESERVED = 0x70, OPCODE = 0x0f, MASKED = 0x80, LENGTH = 0x7f };
enum { LENGTH_16 = 126, LENGTH_64 = 127 };

struct websocket_partial {
	uint8_t header[HEADER_MAX];
	uint8_t header_len;
	bool is_in_frame;   /* the header is whole, the payload is not */
	bool is_in_message; /* a text message has begun, and its last frame has not ended */

	uint8_t opcode;
	bool is_last;
	uint8_t mask[MASK_SIZE];
	uint64_t len, taken; /* of the frame's payload */

	char control[WEBSOCKET_CONTROL_MAX];
	struct utf8_stream utf8;
	struct text message;
	bool was_given; /* message is what the last call gave */
};

static size_t take_header(struct websocket *websocket, size_t message_max, const char *bytes,
                          size_t len, struct websocket_found *found);
static unsigned check_first_octets(const struct websocket_partial *partial);
static unsigned begin_frame(struct websocket_partial *partial, size_t message_max);
static size_t take_payload(struct websocket *websocket, char *bytes, size_t len,
                           struct websocket_found *found);
static void take_control(struct websocket_partial *partial, struct slice *piece);
static unsigned take_text(struct websocket_partial *partial, struct slice *piece);
static void end_frame(struct websocket *websocket, struct slice payload,
                      struct websocket_found *found);
static void found_close(struct websocket *websocket, struct slice payload,
                        struct websocket_found *found);
static void fail(struct websocket *websocket, unsigned code, struct websocket_found *found);
static void rest(struct websocket *websocket);

size_t websocket_input(struct websocket *websocket, size_t message_max, char *bytes, size_t len,
                       struct websocket_found *found)
{
	size_t used = 0;

	*found = (struct websocket_found){.kind = WEBSOCKET_MORE};
	rest(websocket);
	if (websocket->has_ended || len == 0)
		return len;
	if (websocket->partial == NULL)
		websocket->partial = calloc(1, sizeof *websocket->partial);
	if (websocket->partial == NULL)
		fail(websocket, WEBSOCKET_INTERNAL, found);
	while (used < len && found->kind == WEBSOCKET_MORE)
		used += websocket->partial->is_in_frame
		                ? take_payload(websocket, bytes + used, len - used, found)
		                : take_header(websocket, message_max, bytes + used, len - used,
		                              found);
	if (found->kind == WEBSOCKET_MORE)
		rest(websocket);
	return websocket->has_ended ? len : used;
}

/* Frees what a message or a frame needed that is no more. */
static void rest(struct websocket *websocket)
{
	struct websocket_partial *partial = websocket->partial;

	if (partial == NULL)
		return;
	if (partial->was_given) {
		text_deinit(&partial->message);
		partial->was_given = false;
	}
	if (websocket->has_ended ||
	    (partial->header_len == 0 && !partial->is_in_frame && !partial->is_in_message))
		websocket_deinit(websocket);
}

void websocket_deinit(struct websocket *websocket)
{
	if (websocket->partial == NULL)
		return;
	text_deinit(&websocket->partial->message);
	free(websocket->partial);
	websocket->partial = NULL;
}

bool websocket_is_idle(const struct websocket *websocket)
{
	return websocket->partial == NULL;
}

size_t websocket_kept(const struct websocket *websocket)
{
	return websocket->partial == NULL ? 0 : websocket->partial->message.capacity;
}

static bool is_control(unsigned opcode)
{
	return (opcode & 0x8) != 0;
}

/* How long the header is, as its first two octets say. */
static size_t header_size(const uint8_t *header)
{
	unsigned length = header[1] & LENGTH;

	return FIRST_OCTETS + (length == LENGTH_64 ? 8 : length == LENGTH_16 ? 2 : 0) + MASK_SIZE;
}

static size_t take_header(struct websocket *websocket, size_t message_max, const char *bytes,
                          size_t len, struct websocket_found *found)
{
	struct websocket_partial *partial = websocket->partial;
	unsigned code = 0;
	size_t used = 0;

	while (used < len && code == 0 && !partial->is_in_frame) {
		partial->header[partial->header_len++] = (uint8_t)bytes[used++];
		if (partial->header_len < FIRST_OCTETS)
			continue;
		if (partial->header_len == FIRST_OCTETS)
			code = check_first_octets(partial);
		else if (partial->header_len == header_size(partial->header))
			code = begin_frame(partial, message_max);
	}
	if (code != 0)
		fail(websocket, code, found);
	else if (partial->is_in_frame && partial->len == 0)
		end_frame(websocket, (struct slice){bytes, 0}, found);
	return used;
}

/* RFC 6455 sections 5.1, 5.2, 5.4 and 5.5. Returns 0, or the code of what is wrong. */
static unsigned check_first_octets(const struct websocket_partial *partial)
{
	unsigned first = partial->header[0], opcode = first & OPCODE;
	unsigned length = partial->header[1] & LENGTH;

	/* No extension was negotiated, and every frame of a client is masked. */
	if ((first & RESERVED) != 0 || (partial->header[1] & MASKED) == 0)
		return WEBSOCKET_PROTOCOL_ERROR;
	switch (opcode) {
	case WEBSOCKET_OPCODE_CLOSE:
	case WEBSOCKET_OPCODE_PING:
	case WEBSOCKET_OPCODE_PONG:
		return (first & FIN) == 0 || length > WEBSOCKET_CONTROL_MAX
		               ? WEBSOCKET_PROTOCOL_ERROR
		               : 0;
	case WEBSOCKET_OPCODE_CONTINUATION:
		return partial->is_in_message ? 0 : WEBSOCKET_PROTOCOL_ERROR;
	case WEBSOCKET_OPCODE_TEXT:
		return partial->is_in_message ? WEBSOCKET_PROTOCOL_ERROR : 0;
	case WEBSOCKET_OPCODE_BINARY:
		return partial->is_in_message ? WEBSOCKET_PROTOCOL_ERROR : WEBSOCKET_UNSUPPORTED;
	default:
		return WEBSOCKET_PROTOCOL_ERROR;
	}
}

static unsigned begin_frame(struct websocket_partial *partial, size_t message_max)
{
	const uint8_t *header = partial->header;
	unsigned length = header[1] & LENGTH;

	partial->opcode = header[0] & OPCODE;
	partial->is_last = (header[0] & FIN) != 0;
	partial->len = length == LENGTH_64   ? get_u64(header + FIRST_OCTETS)
	               : length == LENGTH_16 ? get_u16(header + FIRST_OCTETS)
	                                     : length;
	partial->taken = 0;
	memcpy(partial->mask, header + header_size(header) - MASK_SIZE, MASK_SIZE);
	partial->header_len = 0;
	partial->is_in_frame = true;
	/* Section 5.2: the shortest form of a length is the only one, and its highest bit is 0. */
	if ((length == LENGTH_16 && partial->len < LENGTH_16) ||
	    (length == LENGTH_64 && (partial->len <= UINT16_MAX || partial->len > INT64_MAX)))
		return WEBSOCKET_PROTOCOL_ERROR;
	if (!is_control(partial->opcode) && partial->len > message_max - partial->message.len)
		return WEBSOCKET_TOO_BIG;
	return 0;
}

/* Section 5.3: octet i of the payload is XORed with octet i mod 4 of the mask. */
static void unmask(char *bytes, size_t len, const uint8_t mask[MASK_SIZE], uint64_t offset)
{
	uint8_t turned[8];
	uint64_t eight, some;
	size_t i = 0;

	for (unsigned k = 0; k < sizeof turned; k++)
		turned[k] = mask[(offset + k) % MASK_SIZE];
	memcpy(&eight, turned, sizeof eight);
	for (; i + sizeof some <= len; i += sizeof some) {
		memcpy(&some, bytes + i, sizeof some);
		some ^= eight;
		memcpy(bytes + i, &some, sizeof some);
	}
	for (; i < len; i++)
		bytes[i] = (char)((uint8_t)bytes[i] ^ turned[i % sizeof turned]);
}

static size_t take_payload(struct websocket *websocket, char *bytes, size_t len,
                           struct websocket_found *found)
{
	struct websocket_partial *partial = websocket->partial;
	uint64_t left = partial->len - partial->taken;
	struct slice piece = {bytes, len < left ? len : (size_t)left};
	size_t used = piece.len;
	unsigned code = 0;

	unmask(bytes, used, partial->mask, partial->taken);
	if (is_control(partial->opcode))
		take_control(partial, &piece);
	else
		code = take_text(partial, &piece);
	partial->taken += used;
	if (code != 0)
		fail(websocket, code, found);
	else if (partial->taken == partial->len)
		end_frame(websocket, piece, found);
	return used;
}

/* Keeps a piece of a control frame; where it is the last, piece becomes the whole payload. */
static void take_control(struct websocket_partial *partial, struct slice *piece)
{
	if (piece->len == partial->len)
		return;
	memcpy(partial->control + partial->taken, piece->at, piece->len);
	*piece = (struct slice){partial->control, (size_t)partial->len};
}

/* The same for a piece of a message: what is a message by itself is not copied. */
static unsigned take_text(struct websocket_partial *partial, struct slice *piece)
{
	if (!utf8_stream_put(&partial->utf8, *piece))
		return WEBSOCKET_BAD_PAYLOAD;
	if (piece->len == partial->len && partial->is_last && !partial->is_in_message)
		return 0;
	text_put(&partial->message, *piece);
	*piece = text_slice(&partial->message);
	return partial->message.has_failed ? WEBSOCKET_INTERNAL : 0;
}

static void end_frame(struct websocket *websocket, struct slice payload,
                      struct websocket_found *found)
{
	struct websocket_partial *partial = websocket->partial;

	partial->is_in_frame = false;
	switch (partial->opcode) {
	case WEBSOCKET_OPCODE_PING:
	case WEBSOCKET_OPCODE_PONG:
		found->kind =
			partial->opcode == WEBSOCKET_OPCODE_PING ? WEBSOCKET_PING : WEBSOCKET_PONG;
		found->payload = payload;
		return;
	case WEBSOCKET_OPCODE_CLOSE:
		found_close(websocket, payload, found);
		return;
	}
	partial->is_in_message = !partial->is_last;
	if (partial->is_in_message)
		return;
	if (!utf8_stream_is_whole(&partial->utf8)) {
		fail(websocket, WEBSOCKET_BAD_PAYLOAD, found);
		return;
	}
	found->kind = WEBSOCKET_TEXT;
	/* A last frame that is empty ends what came before it. */
	found->payload = partial->message.len > 0 ? text_slice(&partial->message) : payload;
	partial->was_given = true;
}

/* Section 7.4: what may stand in a Close. 1005, 1006 and 1015 never do; 1016 to 2999 are not given out yet. */
static bool is_code(unsigned code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}

static void found_close(struct websocket *websocket, struct slice payload,
                        struct websocket_found *found)
{
	struct utf8_stream utf8 = {0};

	found->code = WEBSOCKET_NO_STATUS;
	if (payload.len > 0) {
		if (payload.len < 2 || !is_code(get_u16((const uint8_t *)payload.at))) {
			fail(websocket, WEBSOCKET_PROTOCOL_ERROR, found);
			return;
		}
		found->code = get_u16((const uint8_t *)payload.at);
		found->payload = (struct slice){payload.at + 2, payload.len - 2};
	}
	if (!utf8_stream_put(&utf8, found->payload) || !utf8_stream_is_whole(&utf8)) {
		fail(websocket, WEBSOCKET_BAD_PAYLOAD, found);
		return;
	}
	found->kind = WEBSOCKET_CLOSE;
	websocket->has_ended = true;
}

static void fail(struct websocket *websocket, unsigned code, struct websocket_found *found)
{
	*found = (struct websocket_found){.kind = WEBSOCKET_FAILED, .code = code};
	websocket->has_ended = true;
}

size_t websocket_put_header(uint8_t header[WEBSOCKET_HEADER_MAX], enum websocket_opcode opcode,
                            size_t payload_len)
{
	header[0] = (uint8_t)(FIN | opcode);
	if (payload_len < LENGTH_16) {
		header[1] = (uint8_t)payload_len;
		return FIRST_OCTETS;
	}
	if (payload_len <= UINT16_MAX) {
		header[1] = LENGTH_16;
		put_u16(header + FIRST_OCTETS, (uint16_t)payload_len);
		return FIRST_OCTETS + 2;
	}
	header[1] = LENGTH_64;
	put_u64(header + FIRST_OCTETS, payload_len);
	return FIRST_OCTETS + 8;
}

size_t websocket_put_close(char payload[WEBSOCKET_CONTROL_MAX], unsigned code, const char *reason)
{
	size_t len = reason == NULL ? 0 : strlen(reason);

	/* Section 7.1.5: a Close without a code is counted as 1005, which no frame carries. */
	if (code == WEBSOCKET_NO_STATUS)
		return 0;
	put_u16((uint8_t *)payload, (uint16_t)code);
	if (len > WEBSOCKET_REASON_MAX) {
		len = WEBSOCKET_REASON_MAX;
		while (len > 0 && ((unsigned char)reason[len] & 0xc0) == 0x80)
			len--;
	}
	if (len > 0)
		memcpy(payload + 2, reason, len);
	return 2 + len;
}
