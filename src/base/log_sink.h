/* Where lines go. A sink never waits: what it cannot take at once is lost, counted, and told when it
 * takes lines again. Its user locks. */
#pragma once

#include "base/log_line.h"

enum { LOG_PROGRAM_SIZE = 32, LOG_PATH_SIZE = 256 };

struct log_sink {
	enum log_destination to;
	enum log_format format;
	struct log_clock clock;
	int facility;
	char program[LOG_PROGRAM_SIZE];
	char path[LOG_PATH_SIZE]; /* LOG_TO_FILE: of the file; syslog, journal: of the socket */

	int fd;               /* -1: none; owned unless it is standard error or output */
	bool is_in_line;      /* what was written last is the beginning of a line */
	uint64_t looked_at_s; /* second in which the file was last looked for under its path */
	unsigned lost;        /* lines since the last that was written */
	int reason;           /* errno of the first of them */
};

/* Opens what settings name. False with errno. */
bool log_sink_open(struct log_sink *sink, const struct log_settings *settings);
void log_sink_close(struct log_sink *sink);
/* Goes on where the one before it ends: with its time, what it lost, and a line that it could not finish. */
void log_sink_follow(struct log_sink *sink, const struct log_sink *before);
/* Returns 0, or the errno of a line that could not be written when the one before could. */
int log_sink_write(struct log_sink *sink, const struct log_entry *entry);
