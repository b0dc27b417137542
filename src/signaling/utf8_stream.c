/* RFC 3629 section 4, octet by octet; runs of ASCII eight at a time. */
#include "signaling/utf8_stream.h"

/* The octets that begin a character of several, and what may follow them. */
static const struct lead {
	uint8_t first, last, need, low, high;
} leads[] = {
	{0xc2, 0xdf, 1, 0x80, 0xbf},
	{0xe0, 0xe0, 2, 0xa0, 0xbf}, /* lower ones are overlong */
	{0xe1, 0xec, 2, 0x80, 0xbf},
	{0xed, 0xed, 2, 0x80, 0x9f}, /* higher ones are surrogates */
	{0xee, 0xef, 2, 0x80, 0xbf},
	{0xf0, 0xf0, 3, 0x90, 0xbf}, /* lower ones are overlong */
	{0xf1, 0xf3, 3, 0x80, 0xbf},
	{0xf4, 0xf4, 3, 0x80, 0x8f}, /* higher ones are above U+10FFFF */
};
enum { LEADS = sizeof leads / sizeof leads[0] };

static bool begin(struct utf8_stream *stream, uint8_t octet)
{
	if (octet < 0x80)
		return true;
	for (unsigned i = 0; i < LEADS; i++)
		if (octet >= leads[i].first && octet <= leads[i].last) {
			*stream = (struct utf8_stream){leads[i].need, leads[i].low, leads[i].high};
			return true;
		}
	return false;
}

static bool go_on(struct utf8_stream *stream, uint8_t octet)
{
	if (octet < stream->low || octet > stream->high)
		return false;
	*stream = (struct utf8_stream){(uint8_t)(stream->need - 1), 0x80, 0xbf};
	return true;
}

static size_t ascii_run(const char *at, size_t len)
{
	uint64_t eight;
	size_t i = 0;

	for (; i + sizeof eight <= len; i += sizeof eight) {
		memcpy(&eight, at + i, sizeof eight);
		if ((eight & UINT64_C(0x8080808080808080)) != 0)
			break;
	}
	return i;
}

bool utf8_stream_put(struct utf8_stream *stream, struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if (stream->need == 0 && (i += ascii_run(bytes.at + i, bytes.len - i)) == bytes.len)
			break;
		uint8_t octet = (uint8_t)bytes.at[i];
		if (!(stream->need == 0 ? begin(stream, octet) : go_on(stream, octet)))
			return false;
	}
	return true;
}
