/* UTF-8 by the table of RFC 3629 section 4. */
#include "base/utf8.h"

static const struct {
	uint8_t first, last; /* of the lead byte */
	uint8_t len, mask;   /* of the sequence; the bits of the lead byte that count */
	uint32_t least;      /* character that needs so many bytes */
} rows[] = {
	{0x00, 0x7F, 1, 0x7F, 0},
	{0xC2, 0xDF, 2, 0x1F, 0x80},
	{0xE0, 0xEF, 3, 0x0F, 0x800},
	{0xF0, 0xF4, 4, 0x07, 0x10000},
};

/* The zero at the end of the text is no continuation, so that nothing behind it is read. */
static size_t decode(const char *text, size_t len, uint8_t mask, uint32_t *character)
{
	*character = (uint8_t)text[0] & mask;
	for (size_t i = 1; i < len; i++) {
		uint8_t byte = (uint8_t)text[i];
		if ((byte & 0xC0) != 0x80)
			return 0;
		*character = *character << 6 | (byte & 0x3F);
	}
	return len;
}

size_t utf8_next(const char *text, uint32_t *character)
{
	uint8_t lead = (uint8_t)text[0];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (lead < rows[i].first || lead > rows[i].last)
			continue;
		size_t len = decode(text, rows[i].len, rows[i].mask, character);
		bool is_surrogate = *character >= 0xD800 && *character <= 0xDFFF;
		return *character < rows[i].least || *character > 0x10FFFF || is_surrogate ? 0
		                                                                           : len;
	}
	return 0;
}

bool utf8_is_control(uint32_t character)
{
	return character < 0x20 || (character >= 0x7F && character <= 0x9F) ||
	       (character >= 0x2028 && character <= 0x202E) ||
	       (character >= 0x2066 && character <= 0x2069);
}
