/* Finding messages in a byte stream: lengths alone, what they mean is the core's. */
#include "listeners/framing.h"

#include "base/bytes.h"
#include "listeners/demux.h"
#include "stun/channel_data.h"
#include "stun/message.h"

static enum err stun_extent(const uint8_t *bytes, size_t available, size_t *len, size_t *used);
static enum err channel_data_extent(const uint8_t *bytes, size_t *len, size_t *used);

enum err framing_next(const uint8_t *bytes, size_t available, size_t *len, size_t *used)
{
	enum demux kind = available > 0 ? demux_datagram(bytes[0]) : DEMUX_STUN;
	enum err err;

	if (kind != DEMUX_STUN && kind != DEMUX_CHANNEL_DATA)
		return ERR_INVALID;
	*used = CHANNEL_DATA_HEADER_SIZE;
	if (available < CHANNEL_DATA_HEADER_SIZE)
		return ERR_AGAIN;
	err = kind == DEMUX_STUN ? stun_extent(bytes, available, len, used)
	                         : channel_data_extent(bytes, len, used);
	if (err != OK)
		return err;
	return available < *used ? ERR_AGAIN : OK;
}

/* RFC 8489 section 6: the length is a multiple of four and the magic cookie follows it. A stream
 * that breaks either is not STUN, and where its next message begins cannot be known. */
static enum err stun_extent(const uint8_t *bytes, size_t available, size_t *len, size_t *used)
{
	uint8_t cookie[4];
	size_t cookie_seen = available < 8 ? available - 4 : 4;

	put_u32(cookie, STUN_MAGIC_COOKIE);
	for (size_t i = 0; i < cookie_seen; i++)
		if (bytes[4 + i] != cookie[i])
			return ERR_INVALID;
	*len = *used = STUN_HEADER_SIZE + get_u16(bytes + 2);
	return *len % 4 == 0 ? OK : ERR_INVALID;
}

/* RFC 8656 section 12.5: on a stream ChannelData is padded, and the length does not say so. */
static enum err channel_data_extent(const uint8_t *bytes, size_t *len, size_t *used)
{
	*len = (size_t)CHANNEL_DATA_HEADER_SIZE + channel_data_len(bytes);
	*used = *len + channel_data_padding(*len);
	return OK;
}
