/* Lines are written into a bound: a value that does not fit is cut and marked with ..., and room for
 * what closes the line is kept from the start. */
#include "base/log_line.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"

enum {
	TIME_SIZE = 128,
	CLOSING = sizeof "...\"}\n", /* what may follow when a line is full */
	VALUE_LEAST = 24, /* a key that has no more room than this for its value is left out */
	JSON_PIECE = sizeof "\\u0000" - 1, /* the longest that a character becomes */
};

static void put(struct log_line *line, const char *text);
static void put_behind(struct log_line *line, const char *text);
static void put_message(struct log_line *line, const struct log_entry *entry);
static void put_text_key(struct log_line *line, const struct log_key *key, const char *before);
static void put_text(struct log_line *line, const char *text, const char *escaped);
static void put_json_member(struct log_line *line, const char *name, const char *value,
                            bool is_number);
static void put_json_string(struct log_line *line, const char *text);
static void put_time(struct log_line *line, const struct log_entry *entry,
                     const struct log_clock *clock);
static void time_iso(uint64_t wall_ms, char text[TIME_SIZE]);

static void begin(struct log_line *line)
{
	line->len = 0;
	line->limit = LOG_LINE_SIZE - CLOSING;
	line->text[0] = '\0';
}

void log_line_text(struct log_line *line, const struct log_entry *entry,
                   const struct log_clock *clock)
{
	begin(line);
	put_time(line, entry, clock);
	put(line, " ");
	put(line, log_level_name(entry->level));
	put(line, " ");
	put_message(line, entry);
}

void log_line_message(struct log_line *line, const struct log_entry *entry)
{
	begin(line);
	put_message(line, entry);
}

void log_line_json(struct log_line *line, const struct log_entry *entry)
{
	static const char *const levels[LEVEL_COUNT] = {"debug", "info", "warning", "error"};
	char time[TIME_SIZE];

	begin(line);
	time_iso(entry->wall_ms, time);
	put(line, "{");
	put_json_member(line, "time", time, false);
	put_json_member(line, "level", levels[entry->level], false);
	put_json_member(line, "event", entry->event, false);
	if (entry->text != NULL)
		put_json_member(line, "text", entry->text, false);
	for (size_t i = 0; i < entry->key_count; i++)
		put_json_member(line, entry->keys[i].name, entry->keys[i].value,
		                entry->keys[i].is_number);
	put_behind(line, "}");
}

const char *log_level_name(enum log_level level)
{
	static const char *const names[LEVEL_COUNT] = {"DEBUG", "INFO", "WARNING", "ERROR"};

	return names[level];
}

/* ---- bounded writing ---- */

static bool has_room(const struct log_line *line, size_t len)
{
	return line->len + len <= line->limit;
}

/* Whole, or nothing of it. */
static bool put_piece(struct log_line *line, const char *piece, size_t len)
{
	if (!has_room(line, len))
		return false;
	memcpy(line->text + line->len, piece, len);
	line->len += len;
	line->text[line->len] = '\0';
	return true;
}

static void put(struct log_line *line, const char *text)
{
	(void)put_piece(line, text, strlen(text));
}

/* What closes a value or a line: there is room for it behind the limit. */
static void put_behind(struct log_line *line, const char *text)
{
	size_t len = strlen(text);

	assert(line->len + len < LOG_LINE_SIZE);
	memcpy(line->text + line->len, text, len + 1);
	line->len += len;
}

/* ---- text ---- */

static void put_message(struct log_line *line, const struct log_entry *entry)
{
	put_text(line, entry->text != NULL ? entry->text : entry->event, "");
	if (entry->text != NULL)
		return;
	for (size_t i = 0; i < entry->key_count; i++)
		put_text_key(line, &entry->keys[i], i == 0 ? ": " : " ");
}

/* What a program that splits lines at spaces, and keys at =, would read wrongly. */
static bool needs_quotes(const char *value)
{
	return strpbrk(value, " \"=") != NULL;
}

static void put_text_key(struct log_line *line, const struct log_key *key, const char *before)
{
	bool is_quoted = key->is_quoted || needs_quotes(key->value);

	if (!has_room(line, strlen(key->name) + VALUE_LEAST))
		return;
	put(line, before);
	put_text(line, key->name, "");
	put(line, is_quoted ? "=\"" : "=");
	put_text(line, key->value, "\\\"");
	if (is_quoted)
		put_behind(line, "\"");
}

/* How text shows what begins at *text, which is moved behind it: characters as they are, but controls
 * and what is no UTF-8 as \xNN, byte by byte, and those of escaped behind a backslash. */
static size_t text_piece(const char **text, const char *escaped, char piece[4 * UTF8_LEN_MAX + 1])
{
	const char *from = *text;
	uint32_t character = 0;
	size_t len = utf8_next(from, &character), out = 0;

	*text += len > 0 ? len : 1;
	if (len == 1 && strchr(escaped, from[0]) != NULL)
		return (size_t)snprintf(piece, 4, "\\%c", from[0]);
	if (len > 0 && !utf8_is_control(character)) {
		memcpy(piece, from, len);
		return len;
	}
	for (; from < *text; from++)
		out += (size_t)snprintf(piece + out, sizeof "\\xNN", "\\x%02x", (uint8_t)*from);
	return out;
}

static void put_text(struct log_line *line, const char *text, const char *escaped)
{
	char piece[4 * UTF8_LEN_MAX + 1];

	while (*text != '\0') {
		size_t len = text_piece(&text, escaped, piece);
		if (put_piece(line, piece, len))
			continue;
		put_behind(line, "...");
		return;
	}
}

/* ---- JSON ---- */

/* RFC 8259 has no bound for numbers, but some readers have: what is no number of theirs is ours to
 * know, so that only decimal ones come here. */
static void put_json_member(struct log_line *line, const char *name, const char *value,
                            bool is_number)
{
	if (!has_room(line, JSON_PIECE * strlen(name) + VALUE_LEAST))
		return;
	if (line->text[line->len - 1] != '{')
		put(line, ",");
	put_json_string(line, name);
	put(line, ":");
	if (is_number && has_room(line, strlen(value)))
		put(line, value);
	else
		put_json_string(line, value);
}

/* RFC 8259 section 7. What is no UTF-8 is U+FFFD, as decoders show it. */
static size_t json_piece(const char **text, char piece[JSON_PIECE + 1])
{
	static const char replacement[] = "\\ufffd";
	uint32_t character;
	size_t len = utf8_next(*text, &character);
	const char *from = *text;

	*text += len > 0 ? len : 1;
	if (len == 0)
		return (size_t)snprintf(piece, JSON_PIECE + 1, "%s", replacement);
	if (character == '"' || character == '\\')
		return (size_t)snprintf(piece, JSON_PIECE + 1, "\\%c", (char)character);
	if (utf8_is_control(character))
		return (size_t)snprintf(piece, JSON_PIECE + 1, "\\u%04x", (unsigned)character);
	memcpy(piece, from, len);
	return len;
}

static void put_json_string(struct log_line *line, const char *text)
{
	char piece[JSON_PIECE + 1];

	put(line, "\"");
	while (*text != '\0') {
		size_t len = json_piece(&text, piece);
		if (put_piece(line, piece, len))
			continue;
		put_behind(line, "...");
		break;
	}
	put_behind(line, "\"");
}

/* ---- time ---- */

static void time_iso(uint64_t wall_ms, char text[TIME_SIZE])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	char date[sizeof "2026-11-21T05:00:00"];

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, TIME_SIZE, "%.19s.%03uZ", date, (unsigned)(wall_ms % 1000));
}

/* coturn's own conversion beside those of strftime: %f are the milliseconds. */
static void expand_milliseconds(const char *format, unsigned ms, char expanded[TIME_SIZE])
{
	size_t at = 0;

	for (; *format != '\0' && at + 4 < TIME_SIZE; format++) {
		if (format[0] == '%' && format[1] == 'f') {
			at += (size_t)snprintf(expanded + at, TIME_SIZE - at, "%03u", ms);
			format++;
			continue;
		}
		expanded[at++] = *format;
		if (format[0] == '%' && format[1] != '\0')
			expanded[at++] = *++format;
	}
	expanded[at] = '\0';
}

static void time_by_format(uint64_t wall_ms, const char *format, char text[TIME_SIZE])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char expanded[TIME_SIZE];
	struct tm tm;

	localtime_r(&seconds, &tm);
	expand_milliseconds(format, (unsigned)(wall_ms % 1000), expanded);
	if (strftime(text, TIME_SIZE, expanded, &tm) == 0)
		text[0] = '\0';
}

static void put_time(struct log_line *line, const struct log_entry *entry,
                     const struct log_clock *clock)
{
	char text[TIME_SIZE];

	switch (clock->time) {
	case LOG_TIME_ISO:
		time_iso(entry->wall_ms, text);
		break;
	case LOG_TIME_FORMAT:
		time_by_format(entry->wall_ms, clock->format, text);
		break;
	case LOG_TIME_SECONDS:
		snprintf(text, sizeof text, "%llu",
		         (unsigned long long)(entry->wall_ms > clock->started_ms
		                                      ? (entry->wall_ms - clock->started_ms) / 1000
		                                      : 0));
		break;
	}
	put_text(line, text, "");
}
