/* One attribute after the other, as they lie on the wire (RFC 8489 section 14). For this folder. */
#pragma once

#include "base/bytes.h"
#include "stun/message.h"

enum { STUN_ATTRIBUTE_HEADER_SIZE = 4 };

struct stun_wire_attribute {
	uint16_t type, len;
	const uint8_t *value;
	enum stun_attribute row; /* STUN_ATTR_COUNT: not in attributes.def */
};

/* What a value takes with its padding. */
static inline size_t stun_padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

/* Reads the attribute at *offset and moves *offset behind its padding. False when the bytes end
 * before it does; *offset == len, the regular end, is for the caller to see. */
bool stun_walk(const uint8_t *bytes, size_t len, size_t *offset,
               struct stun_wire_attribute *attribute);

/* True for the attributes that end what an integrity check covers. */
static inline bool stun_is_check(enum stun_attribute row)
{
	return row == STUN_ATTR_MESSAGE_INTEGRITY || row == STUN_ATTR_MESSAGE_INTEGRITY_SHA256 ||
	       row == STUN_ATTR_FINGERPRINT;
}
