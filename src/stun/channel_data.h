/* ChannelData (RFC 8656 section 12.4): four bytes before the data.
 *
 *   |         Channel Number        |            Length             |
 *   |                       Application Data                        |
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
	CHANNEL_DATA_HEADER_SIZE = 4,
	CHANNEL_NUMBER_MIN = 0x4000,
	CHANNEL_NUMBER_MAX = 0x4FFF,         /* RFC 8656 section 12 */
	CHANNEL_NUMBER_MAX_RFC5766 = 0x7FFE, /* RFC 5766 section 11 */
};

/* The first two bits are 01 (RFC 7983 section 7 leaves 64 to 79; RFC 5766 clients go to 127). */
static inline bool channel_data_is(uint8_t first_octet)
{
	return (first_octet & 0xC0) == 0x40;
}
static inline uint16_t channel_data_number(const uint8_t *bytes)
{
	return get_u16(bytes);
}
static inline uint16_t channel_data_len(const uint8_t *bytes)
{
	return get_u16(bytes + 2);
}
static inline void channel_data_put(uint8_t *bytes, uint16_t number, uint16_t len)
{
	put_u16(bytes, number);
	put_u16(bytes + 2, len);
}
/* What follows the data on a stream: RFC 8656 section 12.5. */
static inline size_t channel_data_padding(size_t len)
{
	return -len & 3;
}
