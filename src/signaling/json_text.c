/* JSON (RFC 8259) as text: checking a whole one, finding values in one that was checked. Writing is in json_write.c. */
#include "signaling/json_text.h"

#include <stdarg.h>
#include <string.h>

struct reader {
	const char *at, *end;
	unsigned depth_left;
};

static bool check_value(struct reader *reader);
static bool check_items(struct reader *reader, char end);
static bool check_name(struct reader *reader);
static bool check_string(struct reader *reader);
static bool check_escape(struct reader *reader);
static bool check_surrogates(struct reader *reader, unsigned first);
static bool check_utf8(struct reader *reader);
static bool check_number(struct reader *reader);
static bool check_word(struct reader *reader, struct slice word);
static bool take(struct reader *reader, char wanted);
static bool take_hex(struct reader *reader, unsigned *unit);
static size_t skip_space(struct slice text, size_t at);
static size_t skip_value(struct slice text, size_t at);
static size_t skip_string(struct slice text, size_t at);
static bool next_item(struct slice container, char open, size_t *position);
static bool name_is(struct slice raw, const char *name);
static size_t decode_next(const char *at, char character[4], size_t *len);

static void reader_skip_space(struct reader *reader)
{
	while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
	                                    *reader->at == '\n' || *reader->at == '\r'))
		reader->at++;
}

enum err json_check_to(struct slice text, unsigned depth_max)
{
	struct reader reader = {.at = text.at, .depth_left = depth_max};

	if (text.len == 0)
		return ERR_INVALID;
	reader.end = text.at + text.len;
	reader_skip_space(&reader);
	if (!check_value(&reader))
		return ERR_INVALID;
	reader_skip_space(&reader);
	return reader.at == reader.end ? OK : ERR_INVALID;
}

static bool check_value(struct reader *reader)
{
	if (reader->at == reader->end)
		return false;
	switch (*reader->at) {
	case '{':
		return check_items(reader, '}');
	case '[':
		return check_items(reader, ']');
	case '"':
		return check_string(reader);
	case 't':
		return check_word(reader, SLICE("true"));
	case 'f':
		return check_word(reader, SLICE("false"));
	case 'n':
		return check_word(reader, SLICE("null"));
	default:
		return check_number(reader);
	}
}

/* Members of an object, or elements of an array. Recursion is bounded by depth_left. */
static bool check_items(struct reader *reader, char end)
{
	if (reader->depth_left-- == 0)
		return false;
	reader->at++;
	reader_skip_space(reader);
	for (bool is_first = true; !take(reader, end); is_first = false) {
		if (!is_first && !take(reader, ','))
			return false;
		reader_skip_space(reader);
		if ((end == '}' && !check_name(reader)) || !check_value(reader))
			return false;
		reader_skip_space(reader);
	}
	reader->depth_left++;
	return true;
}

/* A member's name, the colon, and the space behind it. */
static bool check_name(struct reader *reader)
{
	if (reader->at == reader->end || *reader->at != '"' || !check_string(reader))
		return false;
	reader_skip_space(reader);
	if (!take(reader, ':'))
		return false;
	reader_skip_space(reader);
	return true;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static bool check_string(struct reader *reader)
{
	reader->at++;
	while (reader->at < reader->end) {
		while (reader->at < reader->end && is_plain((unsigned char)*reader->at))
			reader->at++;
		if (reader->at == reader->end)
			return false;
		unsigned char c = (unsigned char)*reader->at;
		if (c == '"') {
			reader->at++;
			return true;
		}
		if (c < 0x20)
			return false;
		if (c == '\\' ? !check_escape(reader) : !check_utf8(reader))
			return false;
	}
	return false;
}

static bool check_escape(struct reader *reader)
{
	unsigned unit;

	reader->at++;
	if (reader->at == reader->end)
		return false;
	char c = *reader->at++;
	if (c != 'u')
		return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
	return take_hex(reader, &unit) && check_surrogates(reader, unit);
}

/* RFC 8259 section 7: what is beyond the Basic Multilingual Plane is a pair of escapes. Half a pair is no
 * character (section 8.2), and others would not know what to make of it. */
static bool check_surrogates(struct reader *reader, unsigned first)
{
	unsigned second;

	if (first < 0xD800 || first > 0xDFFF)
		return true;
	return first < 0xDC00 && take(reader, '\\') && take(reader, 'u') &&
	       take_hex(reader, &second) && second >= 0xDC00 && second <= 0xDFFF;
}

/* How many bytes the character has that at begins with; 0: it is none (RFC 3629 section 4). */
static size_t utf8_len(const char *at, const char *end)
{
	const unsigned char *byte = (const unsigned char *)at;
	size_t left = (size_t)(end - at), len;
	unsigned low = 0x80, high = 0xBF;

	if (byte[0] < 0x80)
		return 1;
	if (byte[0] < 0xC2 || byte[0] > 0xF4)
		return 0;
	len = byte[0] < 0xE0 ? 2 : byte[0] < 0xF0 ? 3 : 4;
	/* Overlong forms, surrogates, and what is above U+10FFFF. */
	if (byte[0] == 0xE0)
		low = 0xA0;
	else if (byte[0] == 0xED)
		high = 0x9F;
	else if (byte[0] == 0xF0)
		low = 0x90;
	else if (byte[0] == 0xF4)
		high = 0x8F;
	if (left < len || byte[1] < low || byte[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((byte[i] & 0xC0) != 0x80)
			return 0;
	return len;
}

size_t json_utf8_len(const char *at, const char *end)
{
	return utf8_len(at, end);
}

static bool check_utf8(struct reader *reader)
{
	size_t len = utf8_len(reader->at, reader->end);

	reader->at += len;
	return len != 0;
}

static bool take_digits(struct reader *reader)
{
	const char *first = reader->at;

	while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
		reader->at++;
	return reader->at > first;
}

/* RFC 8259 section 6. */
static bool check_number(struct reader *reader)
{
	take(reader, '-');
	if (!take(reader, '0') && !take_digits(reader))
		return false;
	if (take(reader, '.') && !take_digits(reader))
		return false;
	if (!take(reader, 'e') && !take(reader, 'E'))
		return true;
	if (!take(reader, '+'))
		take(reader, '-');
	return take_digits(reader);
}

static bool check_word(struct reader *reader, struct slice word)
{
	if ((size_t)(reader->end - reader->at) < word.len ||
	    memcmp(reader->at, word.at, word.len) != 0)
		return false;
	reader->at += word.len;
	return true;
}

static bool take(struct reader *reader, char wanted)
{
	if (reader->at == reader->end || *reader->at != wanted)
		return false;
	reader->at++;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool take_hex(struct reader *reader, unsigned *unit)
{
	*unit = 0;
	for (unsigned i = 0; i < 4; i++, reader->at++) {
		if (reader->at == reader->end || hex_digit(*reader->at) < 0)
			return false;
		*unit = *unit << 4 | (unsigned)hex_digit(*reader->at);
	}
	return true;
}

/* Finding. The text was checked; its end is looked at all the same. */

enum json_kind json_kind(struct slice value)
{
	size_t at = skip_space(value, 0);

	if (at == value.len)
		return JSON_KIND_ABSENT;
	switch (value.at[at]) {
	case '{':
		return JSON_KIND_OBJECT;
	case '[':
		return JSON_KIND_ARRAY;
	case '"':
		return JSON_KIND_STRING;
	case 't':
		return JSON_KIND_TRUE;
	case 'f':
		return JSON_KIND_FALSE;
	case 'n':
		return JSON_KIND_NULL;
	default:
		return JSON_KIND_NUMBER;
	}
}

struct slice json_member(struct slice object, const char *name)
{
	struct slice found = {0}, raw, value;
	size_t position = 0;

	while (json_next_member(object, &position, &raw, &value))
		if (name_is(raw, name))
			found = value;
	return found;
}

struct slice json_path(struct slice object, ...)
{
	va_list names;
	const char *name;

	va_start(names, object);
	while ((name = va_arg(names, const char *)) != NULL)
		object = json_member(object, name);
	va_end(names);
	return object;
}

bool json_next_element(struct slice array, size_t *position, struct slice *value)
{
	if (!next_item(array, '[', position))
		return false;
	size_t first = *position;
	*position = skip_value(array, first);
	*value = (struct slice){array.at + first, *position - first};
	return true;
}

bool json_next_member(struct slice object, size_t *position, struct slice *name,
                      struct slice *value)
{
	if (!next_item(object, '{', position))
		return false;
	size_t first = *position;
	*position = skip_value(object, first);
	*name = (struct slice){object.at + first, *position - first};
	first = skip_space(object, *position);
	first = skip_space(object, first + (first < object.len)); /* the colon */
	*position = skip_value(object, first);
	*value = (struct slice){object.at + first, *position - first};
	return true;
}

/* Moves to where the next member or element begins; false at the end of the container. */
static bool next_item(struct slice container, char open, size_t *position)
{
	size_t at = skip_space(container, *position);

	if (*position == 0) {
		if (at == container.len || container.at[at] != open)
			return false;
		at = skip_space(container, at + 1);
	} else if (at < container.len && container.at[at] == ',') {
		at = skip_space(container, at + 1);
	}
	*position = at;
	return at < container.len && container.at[at] != ']' && container.at[at] != '}';
}

static size_t skip_space(struct slice text, size_t at)
{
	while (at < text.len && (text.at[at] == ' ' || text.at[at] == '\t' || text.at[at] == '\n' ||
	                         text.at[at] == '\r'))
		at++;
	return at;
}

/* A quote ends the string unless an odd number of backslashes is before it. */
static size_t skip_string(struct slice text, size_t at)
{
	size_t first = at + 1;

	for (at = first; at < text.len; at++) {
		const char *quote = memchr(text.at + at, '"', text.len - at);
		if (quote == NULL)
			break;
		at = (size_t)(quote - text.at);
		size_t slash = at;
		while (slash > first && text.at[slash - 1] == '\\')
			slash--;
		if ((at - slash) % 2 == 0)
			return at + 1;
	}
	return text.len;
}

static size_t skip_container(struct slice text, size_t at)
{
	unsigned depth = 0;

	while (at < text.len) {
		char c = text.at[at];
		if (c == '"') {
			at = skip_string(text, at);
			continue;
		}
		at++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			break;
	}
	return at;
}

static size_t skip_value(struct slice text, size_t at)
{
	if (at >= text.len)
		return text.len;
	if (text.at[at] == '"')
		return skip_string(text, at);
	if (text.at[at] == '{' || text.at[at] == '[')
		return skip_container(text, at);
	while (at < text.len && memchr(",]} \t\n\r", text.at[at], 7) == NULL)
		at++;
	return at;
}

/* Strings. */

/* Gives the inside of a raw string; false when it is none. */
static bool string_inside(struct slice value, struct slice *inside)
{
	size_t first = skip_space(value, 0), end;

	if (first == value.len || value.at[first] != '"')
		return false;
	end = skip_string(value, first);
	if (end < first + 2)
		return false;
	*inside = (struct slice){value.at + first + 1, end - first - 2};
	return true;
}

static bool name_is(struct slice raw, const char *name)
{
	struct slice inside;
	char character[4];
	size_t len;

	if (!string_inside(raw, &inside))
		return false;
	if (memchr(inside.at, '\\', inside.len) == NULL)
		return slice_is(inside, name);
	for (size_t at = 0; at < inside.len; name += len) {
		at += decode_next(inside.at + at, character, &len);
		/* An escaped U+0000 is not the end of the name. */
		if (character[0] == '\0' || strncmp(name, character, len) != 0)
			return false;
	}
	return *name == '\0';
}

static unsigned hex_unit(const char *at)
{
	unsigned unit = 0;

	for (unsigned i = 0; i < 4; i++)
		unit = unit << 4 | (unsigned)hex_digit(at[i]);
	return unit;
}

static size_t put_utf8(uint32_t code, char to[4])
{
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (char)(0xC0 | code >> 6);
		to[1] = (char)(0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000) {
		to[0] = (char)(0xE0 | code >> 12);
		to[1] = (char)(0x80 | (code >> 6 & 0x3F));
		to[2] = (char)(0x80 | (code & 0x3F));
		return 3;
	}
	to[0] = (char)(0xF0 | code >> 18);
	to[1] = (char)(0x80 | (code >> 12 & 0x3F));
	to[2] = (char)(0x80 | (code >> 6 & 0x3F));
	to[3] = (char)(0x80 | (code & 0x3F));
	return 4;
}

/* Decodes one byte or one escape of a checked string, and returns how much of the text that was. */
static size_t decode_next(const char *at, char character[4], size_t *len)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";

	*len = 1;
	character[0] = *at;
	if (*at != '\\')
		return 1;
	if (at[1] != 'u') {
		const char *letter = strchr(letters, at[1]);
		character[0] = letter == NULL ? at[1] : meanings[letter - letters];
		return 2;
	}
	uint32_t code = hex_unit(at + 2);
	if (code < 0xD800 || code > 0xDFFF) {
		*len = put_utf8(code, character);
		return 6;
	}
	code = 0x10000 + ((code - 0xD800) << 10) + (hex_unit(at + 8) - 0xDC00);
	*len = put_utf8(code, character);
	return 12;
}

enum err json_get_string(struct slice value, char *to, size_t size)
{
	struct slice inside;
	char character[4];
	size_t used = 0, len;

	to[0] = '\0';
	if (!string_inside(value, &inside))
		return ERR_INVALID;
	for (size_t at = 0; at < inside.len; used += len) {
		at += decode_next(inside.at + at, character, &len);
		if (character[0] == '\0' || used + len >= size) {
			to[0] = '\0';
			return character[0] == '\0' ? ERR_INVALID : ERR_FULL;
		}
		memcpy(to + used, character, len);
	}
	to[used] = '\0';
	return OK;
}

enum err json_get_text(struct slice value, char *to, size_t size)
{
	enum json_kind kind = json_kind(value);

	if (kind != JSON_KIND_ABSENT && kind != JSON_KIND_NULL)
		return json_get_string(value, to, size);
	to[0] = '\0';
	return OK;
}

enum err json_decode(struct slice value, struct text *to)
{
	struct slice inside;
	char character[4];
	size_t len;

	if (!string_inside(value, &inside))
		return ERR_INVALID;
	for (size_t at = 0; at < inside.len;) {
		at += decode_next(inside.at + at, character, &len);
		if (character[0] == '\0')
			return ERR_INVALID;
		text_put(to, (struct slice){character, len});
	}
	return to->has_failed ? ERR_NO_MEMORY : OK;
}

/* Numbers: those that have a fraction other than zero, or an exponent, are not taken for whole. */

static bool fraction_is_zero(struct slice value, size_t at)
{
	if (at < value.len && value.at[at] == '.')
		for (at++; at < value.len && value.at[at] == '0';)
			at++;
	return skip_space(value, at) == value.len;
}

enum err json_get_integer(struct slice value, int64_t low, int64_t high, int64_t *number)
{
	size_t at = skip_space(value, 0);
	bool is_negative = at < value.len && value.at[at] == '-';
	uint64_t magnitude = 0;

	at += is_negative;
	if (at == value.len || value.at[at] < '0' || value.at[at] > '9')
		return ERR_INVALID;
	for (; at < value.len && value.at[at] >= '0' && value.at[at] <= '9'; at++) {
		magnitude = magnitude * 10 + (uint64_t)(value.at[at] - '0');
		if (magnitude > INT64_MAX)
			return ERR_INVALID;
	}
	int64_t result = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
	if (!fraction_is_zero(value, at) || result < low || result > high)
		return ERR_INVALID;
	*number = result;
	return OK;
}

bool json_string_is(struct slice value, const char *text)
{
	return name_is(value, text);
}

bool json_is_true(struct slice value)
{
	return json_kind(value) == JSON_KIND_TRUE;
}
