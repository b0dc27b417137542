/* An event as a line: text, or an object of JSON. Whatever the values hold it is one line of UTF-8, and
 * in JSON one whole object. */
#pragma once

#include "base/log_entry.h"

enum { LOG_LINE_SIZE = 4096 }; /* PIPE_BUF: lines of several processes on one pipe do not mix */

struct log_line {
	size_t len, limit;        /* limit: text may not grow further now */
	char text[LOG_LINE_SIZE]; /* ends with a zero, without a newline */
};

/* How a line of text tells its time. */
struct log_clock {
	enum log_time time;
	char format[LOG_TIME_FORMAT_MAX + 1]; /* LOG_TIME_FORMAT: of strftime, and %f */
	uint64_t started_ms;                  /* LOG_TIME_SECONDS */
};

/* With time and level. */
void log_line_text(struct log_line *line, const struct log_entry *entry,
                   const struct log_clock *clock);
/* Without them, for logs that have their own. */
void log_line_message(struct log_line *line, const struct log_entry *entry);
void log_line_json(struct log_line *line, const struct log_entry *entry);
/* "INFO". */
const char *log_level_name(enum log_level level);
