/* The frames of RFC 6455, of the server's side: bytes in, messages out. It opens no socket, and keeps memory only while a frame
 * or a message of several is incomplete.
 *
 *   0               1               2                     2 to 13
 *   +-+-+-+-+-------+-+-------------+---------------------+- - - - - - - - - - -+---------
 *   |F|R|R|R| opcode|M| length (7)  | 0, 2 or 8 octets of | mask: 4 octets, if  | payload
 *   |I|S|S|S|  (4)  |A| 126: 2 more | length              | MASK (from clients  |
 *   |N|V|V|V|       |S| 127: 8 more |                     | alone, and always)  |
 *   |1|1|2|3|       |K|             |                     |                     |
 *   +-+-+-+-+-------+-+-------------+---------------------+- - - - - - - - - - -+--------- */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { WEBSOCKET_CONTROL_MAX = 125, WEBSOCKET_HEADER_MAX = 10, WEBSOCKET_REASON_MAX = 123 };

/* RFC 6455 section 5.2. */
enum websocket_opcode {
	WEBSOCKET_OPCODE_CONTINUATION = 0x0,
	WEBSOCKET_OPCODE_TEXT = 0x1,
	WEBSOCKET_OPCODE_BINARY = 0x2,
	WEBSOCKET_OPCODE_CLOSE = 0x8,
	WEBSOCKET_OPCODE_PING = 0x9,
	WEBSOCKET_OPCODE_PONG = 0xa,
};

/* Section 7.4.1. */
enum websocket_code {
	WEBSOCKET_NORMAL = 1000,
	WEBSOCKET_GOING_AWAY = 1001,
	WEBSOCKET_PROTOCOL_ERROR = 1002,
	WEBSOCKET_UNSUPPORTED = 1003,
	WEBSOCKET_NO_STATUS = 1005, /* what a Close without a code is counted as; never sent */
	WEBSOCKET_BAD_PAYLOAD = 1007,
	WEBSOCKET_POLICY = 1008,
	WEBSOCKET_TOO_BIG = 1009,
	WEBSOCKET_INTERNAL = 1011,
	WEBSOCKET_TRY_LATER = 1013,
};

struct websocket_partial;
struct websocket {                         /* zeroed: nothing has come yet */
	struct websocket_partial *partial; /* owned; NULL: at the start of a message */
	bool has_ended;                    /* a Close came, or the peer broke the protocol */
};

enum websocket_kind {
	WEBSOCKET_MORE, /* all bytes were taken, and nothing is complete */
	WEBSOCKET_TEXT, /* payload: a whole message, in UTF-8 */
	WEBSOCKET_PING, /* payload: to be sent back */
	WEBSOCKET_PONG,
	WEBSOCKET_CLOSE,  /* code as the peer sent it, or NO_STATUS; payload: its reason */
	WEBSOCKET_FAILED, /* code: what the connection is to be closed with */
};
struct websocket_found {
	enum websocket_kind kind;
	unsigned code;
	struct slice payload; /* lent until the next call; lies in bytes, or in the websocket */
};

/* Takes bytes, which it unmasks in place, up to the end of the first thing that is complete, and gives it. To be called until it gives
 * WEBSOCKET_MORE, with what is left, even if that is nothing: what it gave goes then. A text message may have message_max bytes. After
 * WEBSOCKET_CLOSE and WEBSOCKET_FAILED it takes everything for nothing. Returns how many bytes were taken. */
size_t websocket_input(struct websocket *websocket, size_t message_max, char *bytes, size_t len,
                       struct websocket_found *found);
void websocket_deinit(struct websocket *websocket);
/* Whether it is between messages, and has no memory. */
bool websocket_is_idle(const struct websocket *websocket);
/* How much memory a message that is not whole yet takes. */
size_t websocket_kept(const struct websocket *websocket);

/* Writes the head of an unmasked, whole frame, and returns its length. */
size_t websocket_put_header(uint8_t header[WEBSOCKET_HEADER_MAX], enum websocket_opcode opcode,
                            size_t payload_len);
/* Writes the payload of a Close, and returns its length: reason is cut where it is too long, between characters. */
size_t websocket_put_close(char payload[WEBSOCKET_CONTROL_MAX], unsigned code, const char *reason);
