/* Finding messages in a byte stream (RFC 8656 section 12.5, RFC 8489 section 6.2.2): the header of
 * STUN or ChannelData says how long each is; ChannelData is padded to four bytes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Looks at the first bytes of a stream. OK: a whole message is there; *len is its length without
 * padding, *used what to skip with it. ERR_AGAIN: more bytes are needed, and *used says how many in
 * all (at least 4 while that is unknown). ERR_INVALID: neither STUN nor ChannelData can begin so; the stream
 * cannot be read further. */
MUST_CHECK enum err framing_next(const uint8_t *bytes, size_t available, size_t *len, size_t *used);
