/* JSON (RFC 8259) written as text: commas, escapes. */
#include <string.h>

#include "signaling/json_text.h"

/* A value or name gets a comma unless it is the first of its container, a member's value, or the first of a text.
 * Messages of one text end in a line feed (encoder_end_message). */
static void separate(struct text *text)
{
	if (text->len > 0 && memchr("{[:\n", text->at[text->len - 1], 4) == NULL)
		text_put_char(text, ',');
}

void json_open(struct text *text, char bracket)
{
	separate(text);
	text_put_char(text, bracket);
}

void json_close(struct text *text, char bracket)
{
	text_put_char(text, bracket);
}

void json_name(struct text *text, const char *name)
{
	json_put_string(text, slice_of(name));
	text_put_char(text, ':');
}

void json_put_raw(struct text *text, struct slice value)
{
	separate(text);
	text_put(text, slice_is_empty(value) ? SLICE("null") : value);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void put_escape(struct text *text, char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char meanings[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *meaning = memchr(meanings, c, sizeof meanings - 1);

	text_put_char(text, '\\');
	if (meaning != NULL) {
		text_put_char(text, letters[meaning - meanings]);
		return;
	}
	text_put(text, SLICE("u00"));
	text_put_char(text, hex[(unsigned char)c >> 4]);
	text_put_char(text, hex[c & 0xF]);
}

void json_put_string(struct text *text, struct slice string)
{
	const char *at = string.len == 0 ? "" : string.at, *end = at + string.len;

	separate(text);
	text_put_char(text, '"');
	while (at < end) {
		const char *first = at;
		size_t len = 1;
		while (at < end && is_plain((unsigned char)*at))
			at++;
		text_put(text, (struct slice){first, (size_t)(at - first)});
		if (at == end)
			break;
		if ((unsigned char)*at < 0x80)
			put_escape(text, *at);
		else if ((len = json_utf8_len(at, end)) > 0)
			text_put(text, (struct slice){at, len});
		else
			text_put(text, SLICE("\xEF\xBF\xBD"));
		at += len > 0 ? len : 1;
	}
	text_put_char(text, '"');
}

void json_put_integer(struct text *text, int64_t number)
{
	char digits[20];
	size_t at = sizeof digits;
	uint64_t magnitude = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	separate(text);
	do
		digits[--at] = (char)('0' + magnitude % 10);
	while ((magnitude /= 10) > 0);
	if (number < 0)
		text_put_char(text, '-');
	text_put(text, (struct slice){digits + at, sizeof digits - at});
}

void json_put_bool(struct text *text, bool value)
{
	json_put_raw(text, value ? SLICE("true") : SLICE("false"));
}

void json_member_raw(struct text *text, const char *name, struct slice value)
{
	json_name(text, name);
	json_put_raw(text, value);
}

void json_member_string(struct text *text, const char *name, struct slice string)
{
	json_name(text, name);
	json_put_string(text, string);
}

void json_member_integer(struct text *text, const char *name, int64_t number)
{
	json_name(text, name);
	json_put_integer(text, number);
}

void json_member_bool(struct text *text, const char *name, bool value)
{
	json_name(text, name);
	json_put_bool(text, value);
}
