/* The log: one event a line, its keys behind it, written for the operator at night.
 *
 *   2026-11-21T05:00:00.123Z INFO allocation created: user=anna relayed=192.0.2.1:50112
 *
 * The log is the process's, not a thread's: the only state of the programs that hangs on nothing.
 * No secret is ever passed to it. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR, LEVEL_COUNT };

struct log_settings {
	enum log_level min_level;
	const char *file; /* NULL: standard error */
	bool to_syslog;
	const char *program; /* name in syslog */
};

/* Opens the log's destination. Before it is called events go to standard error.
 * ERR_SYSTEM when the file cannot be opened for appending. */
MUST_CHECK enum err log_open(const struct log_settings *settings);
void log_close(void);
void log_set_level(enum log_level min_level);
bool log_is_on(enum log_level level);

/* Writes one event. event is a constant of a few words; keys may be NULL, or a format of
 * "key=%s key=%u". Control characters in what arrives are written as \xNN. Any thread. */
void log_event(enum log_level level, const char *event, const char *keys, ...) PRINTF_LIKE(3, 4);

#define log_debug(...)   (log_is_on(LEVEL_DEBUG) ? log_event(LEVEL_DEBUG, __VA_ARGS__) : (void)0)
#define log_info(...)    log_event(LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_event(LEVEL_WARNING, __VA_ARGS__)
#define log_error(...)   log_event(LEVEL_ERROR, __VA_ARGS__)

/* At most per_second events a second pass; those held back are counted and told with the next. */
struct log_limit {
	unsigned per_second, used, held_back;
	unsigned long long second;
};
bool log_limit_passes(struct log_limit *limit, unsigned long long now_ms, unsigned *held_back);

MUST_CHECK enum err log_level_parse(const char *text, enum log_level *level);
