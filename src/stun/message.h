/* A STUN message that arrived (RFC 8489 section 5): indexed once, its lengths checked once.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |0 0|     STUN Message Type     |         Message Length        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                    Magic Cookie  0x2112A442                   |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                     Transaction ID (96 bits)                  |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

enum {
	STUN_HEADER_SIZE = 20,
	STUN_MAGIC_COOKIE = 0x2112A442,
	STUN_TRANSACTION_ID_SIZE = 12,
	STUN_UNKNOWN_MAX = 16, /* unknown attributes remembered for a 420 */
};

enum stun_method {
	STUN_BINDING = 0x001,
	STUN_ALLOCATE = 0x003,
	STUN_REFRESH = 0x004,
	STUN_SEND = 0x006,
	STUN_DATA = 0x007,
	STUN_CREATE_PERMISSION = 0x008,
	STUN_CHANNEL_BIND = 0x009,
	STUN_CONNECT = 0x00A, /* RFC 6062, with the two below */
	STUN_CONNECTION_BIND = 0x00B,
	STUN_CONNECTION_ATTEMPT = 0x00C,
};

enum stun_class { STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS, STUN_ERROR_RESPONSE };

/* A row of attributes.def, not its type on the wire. */
enum stun_attribute {
#define ATTRIBUTE(name, type, text, least, greatest) STUN_ATTR_##name,
#include "stun/attributes.def"
#undef ATTRIBUTE
	STUN_ATTR_COUNT /* the number of attributes known */
};

/* 0, or the code of a row of errors.def. */
enum stun_error {
	STUN_NO_ERROR = 0,
#define STUN_ERROR(name, code, reason) STUN_##name = (code),
#include "stun/errors.def"
#undef STUN_ERROR
};

struct stun_message {
	const uint8_t *bytes; /* lent */
	size_t len;           /* header and body; bytes beyond belong to something else */
	enum stun_method method;
	enum stun_class class;
	struct {
		uint16_t offset, len; /* of the value; offset 0: absent */
	} attribute[STUN_ATTR_COUNT];
	uint16_t unknown[STUN_UNKNOWN_MAX]; /* types that must be understood and are not */
	unsigned unknown_count;
	bool has_wrong_fingerprint;
	bool has_bad_attribute; /* one's length is not what its row allows: it is left out; 400 */
	bool is_rfc3489; /* no magic cookie: its four bytes belong to a transaction ID of 128 bits */
};

/* True when the first bytes can be a STUN message: two zero bits, the magic cookie, a length that is
 * a multiple of four (RFC 8489 section 6.3). Needs no more than the header. */
bool stun_is_message(const uint8_t *bytes, size_t len);

/* Indexes a message. Of a repeated attribute the first counts (RFC 8489 section 14). Attributes
 * behind MESSAGE-INTEGRITY are ignored but for MESSAGE-INTEGRITY-SHA256 and FINGERPRINT, those
 * behind MESSAGE-INTEGRITY-SHA256 but for FINGERPRINT, and all behind FINGERPRINT (sections 14.5 to
 * 14.7). ERR_INVALID when it is no STUN message, ERR_TRUNCATED when it or an attribute ends early. */
MUST_CHECK enum err stun_message_parse(const uint8_t *bytes, size_t len,
                                       struct stun_message *message);
/* The same for a message of RFC 3489, in which any bytes but the magic cookie stand in its place. */
MUST_CHECK enum err stun_message_parse_rfc3489(const uint8_t *bytes, size_t len,
                                               struct stun_message *message);

static inline bool stun_has(const struct stun_message *message, enum stun_attribute attribute)
{
	return message->attribute[attribute].offset != 0;
}
/* Returns the value, lent from the message, and its length; NULL when it is absent. */
const uint8_t *stun_get(const struct stun_message *message, enum stun_attribute attribute,
                        size_t *len);
/* Return the value of a fixed length; the attribute is there and its length was checked. */
uint32_t stun_get_u32(const struct stun_message *message, enum stun_attribute attribute);

const uint8_t *stun_transaction_id(const struct stun_message *message);

/* Walks the occurrences of one attribute, as CreatePermission has many XOR-PEER-ADDRESS: start with
 * *offset = 0; returns each value in turn, NULL after the last one that integrity covers. Lengths
 * outside the row of attributes.def are returned too: the caller decodes and checks. */
const uint8_t *stun_next(const struct stun_message *message, enum stun_attribute attribute,
                         size_t *offset, size_t *len);

uint16_t stun_attribute_type(enum stun_attribute attribute);
const char *stun_attribute_name(enum stun_attribute attribute);
const char *stun_method_name(enum stun_method method); /* "Allocate"; "unknown" */
const char *stun_error_reason(enum stun_error error);
