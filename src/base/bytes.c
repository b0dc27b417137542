/* Text forms of bytes, and what secrets need. */
#include "base/bytes.h"

#include <string.h>

bool bytes_equal_secret(const void *a, const void *b, size_t len)
{
	/* volatile keeps the compiler from leaving at the first difference. */
	const volatile uint8_t *left = a, *right = b;
	uint8_t difference = 0;

	for (size_t i = 0; i < len; i++)
		difference |= left[i] ^ right[i];
	return difference == 0;
}

enum err text_copy(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);

	to[0] = '\0';
	if (len >= size)
		return ERR_FULL;
	memcpy(to, from, len + 1);
	return OK;
}

void bytes_wipe(void *bytes, size_t len)
{
	if (len > 0)
		explicit_bzero(bytes, len);
}

void hex_put(const uint8_t *bytes, size_t len, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*text++ = digits[bytes[i] >> 4];
		*text++ = digits[bytes[i] & 15];
	}
	*text = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum err hex_get(const char *text, uint8_t *bytes, size_t size, size_t *len)
{
	size_t n = 0;

	for (; *text != '\0'; text += 2, n++) {
		int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0)
			return ERR_INVALID;
		if (n == size)
			return ERR_FULL;
		bytes[n] = (uint8_t)(high << 4 | low);
	}
	*len = n;
	return OK;
}

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_put(const uint8_t *bytes, size_t len, bool is_padded, char *text)
{
	char *start = text;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)bytes[i] << 16;

		bits |= n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
		bits |= n > 2 ? bytes[i + 2] : 0;
		for (size_t j = 0; j <= n; j++)
			*text++ = base64_digits[bits >> (18 - 6 * j) & 63];
		for (size_t j = n; is_padded && j < 3; j++)
			*text++ = '=';
	}
	*text = '\0';
	return (size_t)(text - start);
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static size_t without_padding(const char *text, size_t len)
{
	if (len == 0 || len % 4 != 0)
		return len;
	for (unsigned i = 0; i < 2 && text[len - 1] == '='; i++)
		len--;
	return len;
}

enum err base64_get(const char *text, size_t text_len, uint8_t *bytes, size_t size, size_t *len)
{
	size_t digits = without_padding(text, text_len), n = 0;
	uint32_t bits = 0;

	if (digits % 4 == 1)
		return ERR_INVALID;
	if (digits / 4 * 3 + digits % 4 * 3 / 4 > size)
		return ERR_FULL;
	for (size_t i = 0; i < digits; i++) {
		int digit = base64_digit(text[i]);

		if (digit < 0)
			return ERR_INVALID;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 != 0)
			bytes[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	/* RFC 4648 section 3.5: bits left over are zero, so that each value has one text. */
	if ((digits % 4 == 2 && (bits & 15) != 0) || (digits % 4 == 3 && (bits & 3) != 0))
		return ERR_INVALID;
	*len = n;
	return OK;
}

size_t text_control_len(const char *text)
{
	const uint8_t *p = (const uint8_t *)text;

	if (*p == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0)
		return 2;
	return (*p > 0 && *p < ' ') || *p == 0x7F ? 1 : 0;
}
