/* What a first octet says about a datagram or connection (RFC 7983, RFC 8656 section 12). */
#pragma once

#include <stdint.h>

enum demux {
	DEMUX_STUN,         /* 0 to 3 */
	DEMUX_DTLS,         /* 20 to 63: a DTLS record; 22 on a stream is a TLS handshake */
	DEMUX_CHANNEL_DATA, /* 64 to 127 */
	DEMUX_UNKNOWN,
};

static inline enum demux demux_datagram(uint8_t first_octet)
{
	if (first_octet < 4)
		return DEMUX_STUN;
	if (first_octet >= 64 && first_octet < 128)
		return DEMUX_CHANNEL_DATA;
	if (first_octet >= 20 && first_octet < 64)
		return DEMUX_DTLS;
	return DEMUX_UNKNOWN;
}

enum { DEMUX_TLS_HANDSHAKE = 22 }; /* the content type a TLS stream begins with */
