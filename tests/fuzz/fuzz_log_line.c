/* Whatever the values of an event hold: its line of JSON is one object of UTF-8, which is read back here by
 * a reader as strict as RFC 8259, and its line of text is one line of UTF-8. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_datagram.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* ---- a reader of JSON: one object of strings and numbers ---- */

static void take(const char **at, char wanted)
{
	require(**at == wanted);
	(*at)++;
}

static void take_escape(const char **at)
{
	take(at, '\\');
	if (**at != 'u') {
		require(**at != '\0' && strchr("\"\\/bfnrt", **at) != NULL);
		(*at)++;
		return;
	}
	(*at)++;
	for (unsigned i = 0; i < 4; i++, (*at)++)
		require(**at != '\0' && strchr("0123456789abcdefABCDEF", **at) != NULL);
}

static void take_string(const char **at)
{
	uint32_t character;

	take(at, '"');
	while (**at != '"') {
		if (**at == '\\') {
			take_escape(at);
			continue;
		}
		size_t len = utf8_next(*at, &character);
		require(len > 0 && !utf8_is_control(character));
		*at += len;
	}
	take(at, '"');
}

/* -?(0|[1-9][0-9]*) */
static void take_number(const char **at)
{
	size_t digits;

	*at += **at == '-';
	digits = strspn(*at, "0123456789");
	require(digits > 0 && (digits == 1 || **at != '0'));
	*at += digits;
}

static void check_json(const struct log_line *line)
{
	const char *at = line->text;

	require(strlen(line->text) == line->len && line->len < LOG_LINE_SIZE);
	take(&at, '{');
	for (;;) {
		take_string(&at);
		take(&at, ':');
		if (*at == '"')
			take_string(&at);
		else
			take_number(&at);
		if (*at != ',')
			break;
		at++;
	}
	take(&at, '}');
	require(*at == '\0');
}

static void check_text(const struct log_line *line)
{
	uint32_t character;
	size_t len;

	require(strlen(line->text) == line->len && line->len < LOG_LINE_SIZE);
	for (const char *at = line->text; *at != '\0'; at += len) {
		len = utf8_next(at, &character);
		require(len > 0 && !utf8_is_control(character));
	}
}

/* ---- an event of the input: its bytes between zeros are the values ---- */

enum { VALUES = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct log_clock clock = {.time = LOG_TIME_ISO};
	static struct log_entry entry;
	static struct log_line line;
	static struct log_datagram datagram;
	const char *value[VALUES];
	char *text = calloc(1, size + VALUES);

	require(text != NULL);
	if (size > 0)
		memcpy(text, bytes, size);
	value[0] = text;
	for (unsigned i = 1; i < VALUES; i++) {
		const char *next = value[i - 1] + strlen(value[i - 1]);
		value[i] = next < text + size ? next + 1 : next;
	}
	log_entry_init(&entry, LEVEL_WARNING, "event");
	log_entry_put(&entry, "user=%s port=%d reason=\"%s\" origin?=%s to=%s,%s bytes=%zu %s=%u",
	              value[0], (int)size - 8, value[1], value[2], value[3], value[4], size,
	              value[5], 1u);
	log_line_json(&line, &entry);
	check_json(&line);
	log_line_text(&line, &entry, &clock);
	check_text(&line);
	log_datagram_journal(&datagram, "turnserver", LOG_JSON, &entry);
	require(datagram.len <= sizeof datagram.bytes);
	log_datagram_syslog(&datagram, "turnserver", 0, LOG_TEXT, &entry);
	require(datagram.len < sizeof datagram.bytes);
	free(text);
	return 0;
}
