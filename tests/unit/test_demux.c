/* All 256 first octets of a datagram (RFC 7983 section 7, with the channel numbers of RFC 5766). */
#include "listeners/demux.h"

#include "tap.h"

static const struct {
	int low, high;
	enum demux kind;
} ranges[] = {
	{0, 3, DEMUX_STUN},        {4, 19, DEMUX_UNKNOWN},
	{20, 63, DEMUX_DTLS},      {64, 127, DEMUX_CHANNEL_DATA},
	{128, 255, DEMUX_UNKNOWN},
};

int main(void)
{
	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
		int wrong = -1;

		for (int octet = ranges[i].low; octet <= ranges[i].high; octet++)
			if (demux_datagram((uint8_t)octet) != ranges[i].kind)
				wrong = octet;
		is_int(wrong, -1, "octets %d to %d", ranges[i].low, ranges[i].high);
	}
	is_int(demux_datagram(DEMUX_TLS_HANDSHAKE), DEMUX_DTLS, "a TLS handshake is no message");
	return tap_end();
}
