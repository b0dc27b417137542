/* The format of a call site is its schema: where a key begins and ends is read from the format and not
 * from what was made of it, so that no value, whoever sent it, can pass for a key. For this each
 * conversion is carried out by itself. */
#include "base/log_entry.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"

enum { SPEC_SIZE = 48, MARK_SIZE = sizeof "..." };

struct arguments {
	va_list list; /* in a struct: an array type cannot be passed by pointer everywhere */
};

/* "%-5.3ld", as the compiler has checked it. */
struct conversion {
	char spec[SPEC_SIZE]; /* with numbers for its stars, and j for the length of an integer */
	size_t spec_len;
	bool is_bare; /* neither flags nor width nor precision */
	char length;  /* 'l', 'L' for ll, 'z', 'j', 't'; 0: int, or smaller */
	char letter;
};

static const char *put_key(struct log_entry *entry, const char *format, struct arguments *args);
static const char *put_part(struct log_entry *entry, const char *format, const char *ends,
                            struct arguments *args, bool *is_number);
static const char *put_conversion(struct log_entry *entry, const char *format, size_t limit,
                                  struct arguments *args, bool *is_number);
static const char *conversion_parse(struct conversion *conversion, const char *format,
                                    struct arguments *args);
static int print(char *out, size_t size, const struct conversion *conversion,
                 struct arguments *args);
static void mark_cut(struct log_entry *entry, size_t start);

void log_entry_init(struct log_entry *entry, enum log_level level, const char *event)
{
	entry->level = level;
	entry->wall_ms = timestamp_wall_ms();
	entry->event = event;
	entry->text = entry->kind = NULL;
	entry->key_count = entry->used = 0;
}

/* A key is begun only where the longest would fit. */
static bool has_room(const struct log_entry *entry)
{
	return entry->key_count < LOG_KEYS_MAX &&
	       entry->used + 2 * (LOG_VALUE_MAX + MARK_SIZE) <= LOG_ROOM;
}

void log_entry_put_keys(struct log_entry *entry, const char *keys, va_list list)
{
	struct arguments args;

	va_copy(args.list, list);
	while (keys != NULL && *keys != '\0' && has_room(entry))
		keys = put_key(entry, keys, &args);
	va_end(args.list);
}

void log_entry_put_text(struct log_entry *entry, const char *format, va_list list)
{
	size_t start = entry->used;

	vsnprintf(entry->room + start, LOG_ROOM - start, format, list);
	entry->text = entry->room + start;
	entry->used += strlen(entry->text) + 1;
}

void log_entry_put(struct log_entry *entry, const char *keys, ...)
{
	va_list args;

	va_start(args, keys);
	log_entry_put_keys(entry, keys, args);
	va_end(args);
}

/* Ends what was begun at start: what follows is another text. */
static const char *end_text(struct log_entry *entry, size_t start)
{
	if (entry->used - start >= LOG_VALUE_MAX)
		mark_cut(entry, start);
	entry->room[entry->used++] = '\0';
	return entry->room + start;
}

/* name=value, name?=value, name*=value, name="value value". */
static const char *put_key(struct log_entry *entry, const char *format, struct arguments *args)
{
	struct log_key *key = &entry->keys[entry->key_count];
	size_t start = entry->used;
	bool is_optional, is_kind;

	format = put_part(entry, format, "=?* ", args, &key->is_number);
	key->name = end_text(entry, start);
	is_optional = *format == '?';
	is_kind = *format == '*';
	format += is_optional || is_kind;
	format += *format == '=';
	key->is_quoted = *format == '"';
	format += key->is_quoted;
	start = entry->used;
	format = put_part(entry, format, key->is_quoted ? "\"" : " ", args, &key->is_number);
	key->value = end_text(entry, start);
	key->is_number = key->is_number && !key->is_quoted;
	format += key->is_quoted && *format == '"';
	if (is_kind)
		entry->kind = key->value;
	if (!is_optional || key->value[0] != '\0')
		entry->key_count++;
	while (*format == ' ')
		format++;
	return format;
}

/* Up to one of ends. *is_number: it is one whole number and nothing else. */
static const char *put_part(struct log_entry *entry, const char *format, const char *ends,
                            struct arguments *args, bool *is_number)
{
	size_t limit = entry->used + LOG_VALUE_MAX;
	bool is_one_number = false;
	unsigned parts = 0;

	for (; *format != '\0' && strchr(ends, *format) == NULL; parts++) {
		if (*format == '%') {
			format = put_conversion(entry, format + 1, limit, args, &is_one_number);
			continue;
		}
		if (entry->used < limit)
			entry->room[entry->used++] = *format;
		format++;
		is_one_number = false;
	}
	*is_number = parts == 1 && is_one_number;
	return format;
}

static const char *put_conversion(struct log_entry *entry, const char *format, size_t limit,
                                  struct arguments *args, bool *is_number)
{
	struct conversion conversion;
	size_t room = limit - entry->used;

	format = conversion_parse(&conversion, format, args);
	*is_number = conversion.is_bare && strchr("diu", conversion.letter) != NULL;
	int len = print(entry->room + entry->used, room + 1, &conversion, args);
	if (len > 0)
		entry->used += (size_t)len < room ? (size_t)len : room;
	return format;
}

static void spec_put(struct conversion *conversion, char letter)
{
	if (conversion->spec_len + 1 < SPEC_SIZE)
		conversion->spec[conversion->spec_len++] = letter;
	conversion->spec[conversion->spec_len] = '\0';
}

static void spec_put_star(struct conversion *conversion, struct arguments *args)
{
	char number[16];

	snprintf(number, sizeof number, "%d", va_arg(args->list, int));
	for (const char *digit = number; *digit != '\0'; digit++)
		spec_put(conversion, *digit);
}

static const char *conversion_parse(struct conversion *conversion, const char *format,
                                    struct arguments *args)
{
	*conversion = (struct conversion){.is_bare = strchr("-+ #0.*123456789", *format) == NULL};
	spec_put(conversion, '%');
	for (; *format != '\0' && strchr("-+ #0.*123456789", *format) != NULL; format++)
		if (*format == '*')
			spec_put_star(conversion, args);
		else
			spec_put(conversion, *format);
	for (; *format != '\0' && strchr("hlzjt", *format) != NULL; format++)
		if (*format != 'h')
			conversion->length = conversion->length == 'l' ? 'L' : *format;
	conversion->letter = *format;
	if (*format == '\0')
		return format;
	if (strchr("diuxXo", *format) != NULL)
		spec_put(conversion, 'j');
	spec_put(conversion, *format);
	return format + 1;
}

static intmax_t next_signed(char length, struct arguments *args)
{
	switch (length) {
	case 'l':
		return va_arg(args->list, long);
	case 'L':
		return va_arg(args->list, long long);
	case 'z':
	case 't':
		return va_arg(args->list, ptrdiff_t);
	case 'j':
		return va_arg(args->list, intmax_t);
	default:
		return va_arg(args->list, int);
	}
}

static uintmax_t next_unsigned(char length, struct arguments *args)
{
	switch (length) {
	case 'l':
		return va_arg(args->list, unsigned long);
	case 'L':
		return va_arg(args->list, unsigned long long);
	case 'z':
	case 't':
		return va_arg(args->list, size_t);
	case 'j':
		return va_arg(args->list, uintmax_t);
	default:
		return va_arg(args->list, unsigned);
	}
}

/* As snprintf does. */
static int print(char *out, size_t size, const struct conversion *conversion,
                 struct arguments *args)
{
	const char *spec = conversion->spec;

	switch (conversion->letter) {
	case 'd':
	case 'i':
		return snprintf(out, size, spec, next_signed(conversion->length, args));
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		return snprintf(out, size, spec, next_unsigned(conversion->length, args));
	case 'c':
		return snprintf(out, size, spec, va_arg(args->list, int));
	case 's':
		return snprintf(out, size, spec, va_arg(args->list, const char *));
	case '%':
		return snprintf(out, size, "%%");
	default:
		assert(!"a conversion that the log does not know");
		return 0;
	}
}

/* Not in the middle of a character. */
static void mark_cut(struct log_entry *entry, size_t start)
{
	while (entry->used > start && ((uint8_t)entry->room[entry->used - 1] & 0xC0) == 0x80)
		entry->used--;
	if (entry->used > start && (uint8_t)entry->room[entry->used - 1] >= 0xC0)
		entry->used--;
	memcpy(entry->room + entry->used, "...", MARK_SIZE);
	entry->used += MARK_SIZE - 1;
}
