/* Network order, hex and base64. */
#include "tap.h"

#include "base/bytes.h"

static void test_order(void)
{
	uint8_t bytes[8];

	put_u64(bytes, UINT64_C(0x8182838485868788));
	is_bytes(bytes, "\x81\x82\x83\x84\x85\x86\x87\x88", 8, "network order");
	ok(get_u64(bytes) == UINT64_C(0x8182838485868788), "64 bits back");
	ok(get_u32(bytes + 1) == 0x82838485, "32 bits, not aligned");
	ok(get_u16(bytes + 1) == 0x8283, "16 bits");
}

static void test_secrets(void)
{
	char a[] = "secret", b[] = "secreT";

	ok(bytes_equal_secret(a, a, 6) && bytes_equal_secret(a, b, 5), "equal");
	ok(!bytes_equal_secret(a, b, 6), "the last byte differs");
	ok(!bytes_equal_secret("x", "y", 1) && bytes_equal_secret("x", "y", 0), "one byte, none");
	bytes_wipe(a, 6);
	is_bytes(a, "\0\0\0\0\0\0", 6, "wiped");
	bytes_wipe(NULL, 0);
}

static void test_hex(void)
{
	uint8_t bytes[4] = {0};
	char text[9];
	size_t len = 9;

	hex_put((const uint8_t *)"\x00\xAB\x0F", 3, text);
	is_text(text, "00ab0f", "written");
	is_int(hex_get("00aB0f", bytes, sizeof bytes, &len), OK, "read");
	is_int(len, 3, "three bytes");
	is_bytes(bytes, "\x00\xAB\x0F", 3, "these");
	is_int(hex_get("", bytes, 0, &len), OK, "nothing is fine");
	is_int(len, 0, "no bytes");
	is_int(hex_get("0", bytes, 4, &len), ERR_INVALID, "an odd number of digits");
	is_int(hex_get("0g", bytes, 4, &len), ERR_INVALID, "no digit");
	is_int(hex_get("g0", bytes, 4, &len), ERR_INVALID, "no digit first");
	is_int(hex_get("0011223344", bytes, 4, &len), ERR_FULL, "too many");
}

static void test_base64(void)
{
	/* RFC 4648 section 10 */
	static const char *const vectors[][3] = {
		{"", "", ""},
		{"f", "Zg==", "Zg"},
		{"fo", "Zm8=", "Zm8"},
		{"foo", "Zm9v", "Zm9v"},
		{"foob", "Zm9vYg==", "Zm9vYg"},
		{"fooba", "Zm9vYmE=", "Zm9vYmE"},
		{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
		{"\xFB\xFF", "+/8=", "+/8"},
	};
	static const char *const wrong[] = {"Z",     "Zm9vY", "Z===", "Zg=",  "Zh==", "Zm9=",
	                                    "Zm 9v", "Zm9-",  "=Zg=", "Zg=a", "====", "Zm8=Zm8="};
	char text[BASE64_SIZE(6)];
	uint8_t bytes[8];
	size_t len;

	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		const uint8_t *plain = (const uint8_t *)vectors[i][0];
		size_t plain_len = strlen(vectors[i][0]);

		is_int(base64_put(plain, plain_len, true, text), strlen(vectors[i][1]), "length");
		is_text(text, vectors[i][1], "padded");
		base64_put(plain, plain_len, false, text);
		is_text(text, vectors[i][2], "not padded");
		for (unsigned padded = 1; padded <= 2; padded++) {
			len = 99;
			is_int(base64_get(vectors[i][padded], strlen(vectors[i][padded]), bytes,
			                  plain_len, &len),
			       OK, "\"%s\" is read", vectors[i][padded]);
			ok(len == plain_len && memcmp(bytes, plain, len) == 0, "and is right");
		}
		if (plain_len > 0)
			is_int(base64_get(vectors[i][1], strlen(vectors[i][1]), bytes,
			                  plain_len - 1, &len),
			       ERR_FULL, "\"%s\" into less room", vectors[i][1]);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		is_int(base64_get(wrong[i], strlen(wrong[i]), bytes, sizeof bytes, &len),
		       ERR_INVALID, "\"%s\" is refused", wrong[i]);
}

static void test_control(void)
{
	is_int(text_control_len("\x1b["), 1, "ESC");
	is_int(text_control_len("\x7f"), 1, "DEL");
	is_int(text_control_len("\xc2\x9b"), 2, "CSI in UTF-8");
	is_int(text_control_len("\xc2\xa0"), 0, "a space that does not break");
	is_int(text_control_len("\xc3\x9b"), 0, "a letter");
	is_int(text_control_len("\xc2"), 0, "half a character");
	is_int(text_control_len(""), 0, "nothing");
}

int main(void)
{
	test_control();
	test_order();
	test_secrets();
	test_hex();
	test_base64();
	return tap_end();
}
