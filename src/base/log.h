/* The log: one event a line, its keys behind it, written for the operator at night.
 *
 *   2026-11-21T05:00:00.123Z INFO allocation created: user=anna relayed=192.0.2.1:50112
 *   {"time":"2026-11-21T05:00:00.123Z","level":"info","event":"allocation created","user":"anna",...}
 *
 * Whoever logs never waits: not for a disk that is full, nor for a reader that has stopped. What could not
 * be written is counted, and told when it can be again.
 *
 * The log is the process's, not a thread's: the only state of the programs that hangs on nothing.
 * No secret is ever passed to it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR, LEVEL_COUNT };

enum log_destination {
	LOG_TO_STDERR, /* the journal, natively, where standard error is that */
	LOG_TO_STDOUT,
	LOG_TO_FILE,
	LOG_TO_SYSLOG,
	LOG_TO_JOURNAL, /* of systemd */
};
enum log_format { LOG_TEXT, LOG_JSON };
enum log_time {
	LOG_TIME_ISO,     /* 2026-11-21T05:00:00.123Z */
	LOG_TIME_FORMAT,  /* .time_format, in local time */
	LOG_TIME_SECONDS, /* since the start */
};
enum { LOG_TIME_FORMAT_MAX = 63 };

struct log_settings {
	enum log_level min_level;
	enum log_destination to;
	const char *file;    /* to this file, whatever .to says; NULL: none */
	const char *socket;  /* of syslog or journal; NULL: the system's */
	bool to_stdout_too;  /* what goes to a file or to syslog */
	const char *program; /* name in syslog and journal; NULL: turnstone */
	int facility;        /* of syslog, as log_facility_parse gives it; 0: LOG_DAEMON */
	enum log_format format;
	enum log_time time;
	const char *time_format; /* of strftime, and %f for milliseconds */
	unsigned rate;           /* lines a second of one event; 0: no bound */
	bool has_owner; /* a file that root makes is given to owner and group, who may open it anew */
	uid_t owner;
	gid_t group;
};

/* Opens the log's destination, or opens it anew. Before it is called events go to standard error.
 * ERR_SYSTEM with errno when there is no such destination; the log then stays where it was. */
MUST_CHECK enum err log_open(const struct log_settings *settings);
void log_close(void);
struct log_ring;
/* Has each line that is written be put into a ring too, which outlives this; NULL: into none. */
void log_set_ring(struct log_ring *ring);
void log_set_level(enum log_level min_level);
bool log_is_on(enum log_level level);

/* Joined to a level: never held back, for what strangers cannot cause, or has to be accounted for. */
enum { LOG_ALWAYS = 1 << 4 };

/* Writes one event. event is a constant of a few words. keys is a format of keys and values, or NULL:
 *
 *   "user=%s port=%u reason=\"%s\""   a value that may have spaces stands in quotes
 *   "origin?=%s"                      is left out when its value is empty
 *   "option*=%s"                      lines with different values of this key are limited apart
 *
 * A value is a number where its format is a bare %d or %u, else a text. Whatever it holds, it cannot
 * pass for another key or line. Of one event .rate lines pass in a second, but for errors and LOG_ALWAYS;
 * those held back are counted, and told by the next: held_back=. Any thread. */
void log_event(unsigned level, const char *event, const char *keys, ...) PRINTF_LIKE(3, 4);
/* Writes a line that has another program's form; event names it where lines have members. */
void log_text(unsigned level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_debug(...)   (log_is_on(LEVEL_DEBUG) ? log_event(LEVEL_DEBUG, __VA_ARGS__) : (void)0)
#define log_info(...)    log_event(LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_event(LEVEL_WARNING, __VA_ARGS__)
#define log_error(...)   log_event(LEVEL_ERROR, __VA_ARGS__)
/* At level INFO, never held back: start and stop, what operators did, allocations. */
#define log_always(...) log_event(LEVEL_INFO | LOG_ALWAYS, __VA_ARGS__)

MUST_CHECK enum err log_level_parse(const char *text, enum log_level *level);
/* "LOG_LOCAL0", "local0". */
MUST_CHECK enum err log_facility_parse(const char *text, int *facility);
