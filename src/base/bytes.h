/* Reading and writing bytes without casts: network order, text forms, comparison of secrets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

static inline uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t get_u64(const uint8_t *p)
{
	return (uint64_t)get_u32(p) << 32 | get_u32(p + 4);
}
static inline void put_u16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}
static inline void put_u32(uint8_t *p, uint32_t value)
{
	put_u16(p, (uint16_t)(value >> 16));
	put_u16(p + 2, (uint16_t)value);
}
static inline void put_u64(uint8_t *p, uint64_t value)
{
	put_u32(p, (uint32_t)(value >> 32));
	put_u32(p + 4, (uint32_t)value);
}

/* Compares len bytes in a time that depends on len alone. */
bool bytes_equal_secret(const void *a, const void *b, size_t len);
/* Copies a text and its end into size bytes. ERR_FULL when it does not fit: to is empty then. */
MUST_CHECK enum err text_copy(char *to, size_t size, const char *from);
/* Returns how many bytes the control character has that begins here: C0, DEL, or C1 in UTF-8 (U+0080 to
 * U+009F), all of which terminals obey. 0: none does. */
size_t text_control_len(const char *text);
/* Overwrites a secret so that the compiler keeps the writes. */
void bytes_wipe(void *bytes, size_t len);

/* Writes 2 * len lower-case digits and an end into text. */
void hex_put(const uint8_t *bytes, size_t len, char *text);
/* Reads an even number of digits of either case; at most size bytes. Gives the count in len. */
MUST_CHECK enum err hex_get(const char *text, uint8_t *bytes, size_t size, size_t *len);

/* RFC 4648 section 4. Room for base64: BASE64_SIZE(len), its end included. Padding is written only
 * when asked for; it is accepted and not demanded when reading. */
#define BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1)
size_t base64_put(const uint8_t *bytes, size_t len, bool is_padded, char *text);
MUST_CHECK enum err base64_get(const char *text, size_t text_len, uint8_t *bytes, size_t size,
                               size_t *len);
