/* Messages in a byte stream, whatever the pieces they come in. */
#include "listeners/framing.h"

#include "base/bytes.h"
#include "stun/channel_data.h"
#include "stun/message.h"
#include "tap.h"

static uint8_t stream[70000];

static size_t put_stun(uint8_t *bytes, uint16_t body_len)
{
	put_u16(bytes, 0x0001);
	put_u16(bytes + 2, body_len);
	put_u32(bytes + 4, STUN_MAGIC_COOKIE);
	return 20u + body_len;
}

static size_t put_channel_data(uint8_t *bytes, uint16_t len)
{
	channel_data_put(bytes, 0x4000, len);
	return 4u + len;
}

/* Every beginning of a message asks for more, and for no less than it can know of. */
static void test_beginnings(size_t used, const char *name)
{
	size_t len, needed;
	bool is_again = true, is_enough = true;

	for (size_t available = 0; available < used; available++) {
		is_again &= framing_next(stream, available, &len, &needed) == ERR_AGAIN;
		is_enough &= needed > available && needed == (available < 4 ? 4 : used);
	}
	ok(is_again, "%s: no beginning is taken for the whole", name);
	ok(is_enough, "%s: what is needed is told as soon as it is known", name);
}

static void test_whole(size_t available, size_t want_len, size_t want_used, const char *name)
{
	size_t len = 0, used = 0;

	is_int(framing_next(stream, available, &len, &used), OK, "%s is whole", name);
	is_int(len, want_len, "%s: its length", name);
	is_int(used, want_used, "%s: what to skip", name);
}

static void test_refused(size_t available, const char *name)
{
	size_t len, used;

	is_int(framing_next(stream, available, &len, &used), ERR_INVALID, "%s is refused", name);
}

static void test_first_octets(void)
{
	int wrong = -1;
	size_t len, used;

	for (int first = 4; first < 256; first++) {
		stream[0] = (uint8_t)first;
		if ((first < 64 || first >= 128) &&
		    framing_next(stream, 1, &len, &used) != ERR_INVALID)
			wrong = first;
	}
	is_int(wrong, -1, "streams that begin with 4 to 63 or 128 to 255 are refused");
}

int main(void)
{
	size_t len = put_stun(stream, 8);

	test_whole(len, 28, 28, "a STUN message");
	test_whole(len + 5, 28, 28, "a STUN message with more behind it");
	test_beginnings(28, "STUN");
	len = put_stun(stream, 65532);
	test_whole(len, 65552, 65552, "the longest STUN message");

	put_channel_data(stream, 5);
	test_whole(12, 9, 12, "ChannelData with padding (RFC 8656 section 12.5)");
	test_beginnings(12, "ChannelData");
	put_channel_data(stream, 0);
	test_whole(4, 4, 4, "empty ChannelData");
	put_channel_data(stream, 65535);
	test_whole(65540, 65539, 65540, "the longest ChannelData");
	stream[0] = 0x7F;
	test_whole(65540, 65539, 65540, "ChannelData of an RFC 5766 number");

	put_stun(stream, 6);
	test_refused(4, "a STUN length that is no multiple of four");
	put_stun(stream, 8);
	stream[4] = 0x22;
	test_refused(5, "the first wrong octet of the magic cookie");
	put_stun(stream, 8);
	stream[7] ^= 1;
	test_refused(8, "a wrong magic cookie");
	test_first_octets();
	return tap_end();
}
