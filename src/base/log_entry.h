/* One event with its keys, taken apart so that it can be written in more than one form. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

enum {
	LOG_KEYS_MAX = 32,
	LOG_ROOM = 4096,     /* for names and values, with their ends */
	LOG_VALUE_MAX = 800, /* of one value; a longer one is cut, so that others have room too */
};

struct log_key {
	const char *name, *value; /* in the entry's room */
	bool is_number;           /* the value is a decimal number, with a sign perhaps */
	bool is_quoted;           /* the call site wants it in quotes, whatever it is */
};

struct log_entry {
	enum log_level level;
	uint64_t wall_ms;
	const char *event; /* lent */
	const char *text;  /* in the room: a line that is not ours in form; NULL: event and keys */
	const char *kind;  /* in the room: value of the key marked with *; NULL: none was */
	size_t key_count;
	struct log_key keys[LOG_KEYS_MAX];
	size_t used;
	char room[LOG_ROOM];
};

/* keys is the format of log_event; NULL: there are none. */
void log_entry_init(struct log_entry *entry, enum log_level level, const char *event);
void log_entry_put_keys(struct log_entry *entry, const char *keys, va_list args);
void log_entry_put_text(struct log_entry *entry, const char *format, va_list args);
/* More of them. */
void log_entry_put(struct log_entry *entry, const char *keys, ...) PRINTF_LIKE(2, 3);
