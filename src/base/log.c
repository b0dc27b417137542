/* Lines for the operator: put together on the caller's stack, written with one write(2). A lock keeps
 * the destination from changing under a writer; the packet path does not log. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/timestamp.h"

enum {
	TIME_SIZE = sizeof "2026-11-21T05:00:00.123Z",
	KEYS_SIZE = 960,  /* escaped it still fits into a line; the rest is cut, marked ... */
	LINE_SIZE = 4096, /* PIPE_BUF: lines of several processes on one pipe do not mix */
	PROGRAM_SIZE = 32,
};

/* min_level is read without the lock: relaxed, as nothing is ordered by it. */
static _Atomic int log_min_level = LEVEL_INFO;

static struct {
	pthread_mutex_t lock; /* for all below */
	int fd;
	bool is_file; /* fd is owned */
	bool to_syslog;
	char program[PROGRAM_SIZE]; /* openlog keeps the pointer */
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO};

static const struct {
	const char *name;
	int syslog_priority;
} levels[LEVEL_COUNT] = {
	[LEVEL_DEBUG] = {"DEBUG", LOG_DEBUG},
	[LEVEL_INFO] = {"INFO", LOG_INFO},
	[LEVEL_WARNING] = {"WARNING", LOG_WARNING},
	[LEVEL_ERROR] = {"ERROR", LOG_ERR},
};

struct line {
	char text[LINE_SIZE];
	size_t len;
};

static void set_sink(int fd, bool is_file, const char *syslog_program);
static void line_put(struct line *line, const char *text);
static void line_put_escaped(struct line *line, const char *text);
static void format_time(char text[TIME_SIZE]);
static void write_line(enum log_level level, struct line *line, size_t message_start);

enum err log_open(const struct log_settings *settings)
{
	int fd = STDERR_FILENO;

	if (settings->file != NULL && !settings->to_syslog) {
		fd = open(settings->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
		          0640);
		if (fd < 0)
			return ERR_SYSTEM;
	}
	log_set_level(settings->min_level);
	set_sink(fd, fd != STDERR_FILENO,
	         settings->to_syslog ? settings->program ? settings->program : "turnstone" : NULL);
	return OK;
}

void log_close(void)
{
	set_sink(STDERR_FILENO, false, NULL);
}

void log_set_level(enum log_level min_level)
{
	atomic_store_explicit(&log_min_level, (int)min_level, memory_order_relaxed);
}

bool log_is_on(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&log_min_level, memory_order_relaxed);
}

void log_event(enum log_level level, const char *event, const char *keys, ...)
{
	int saved_errno = errno; /* whoever logs a failure may still want to know which */
	char time[TIME_SIZE], text[KEYS_SIZE];
	struct line line = {.len = 0};
	va_list args;

	if (!log_is_on(level))
		return;
	format_time(time);
	line_put(&line, time);
	line_put(&line, " ");
	line_put(&line, levels[level].name);
	line_put(&line, " ");
	size_t message_start = line.len;
	line_put_escaped(&line, event);
	if (keys != NULL) {
		va_start(args, keys);
		int len = vsnprintf(text, sizeof text, keys, args);
		va_end(args);
		line_put(&line, ": ");
		line_put_escaped(&line, len < 0 ? keys : text);
		if (len >= (int)sizeof text)
			line_put(&line, "...");
	}
	write_line(level, &line, message_start);
	errno = saved_errno;
}

bool log_limit_passes(struct log_limit *limit, unsigned long long now_ms, unsigned *held_back)
{
	if (limit->second != now_ms / 1000) {
		limit->second = now_ms / 1000;
		limit->used = 0;
	}
	if (limit->used >= limit->per_second) {
		limit->held_back++;
		return false;
	}
	limit->used++;
	*held_back = limit->held_back;
	limit->held_back = 0;
	return true;
}

enum err log_level_parse(const char *text, enum log_level *level)
{
	for (int i = 0; i < LEVEL_COUNT; i++)
		if (strcasecmp(text, levels[i].name) == 0) {
			*level = (enum log_level)i;
			return OK;
		}
	return ERR_INVALID;
}

/* syslog_program is NULL when lines go to fd. */
static void set_sink(int fd, bool is_file, const char *syslog_program)
{
	pthread_mutex_lock(&sink.lock);
	int old_fd = sink.is_file ? sink.fd : -1;
	if (sink.to_syslog)
		closelog();
	sink.fd = fd;
	sink.is_file = is_file;
	sink.to_syslog = syslog_program != NULL;
	if (sink.to_syslog) {
		snprintf(sink.program, sizeof sink.program, "%s", syslog_program);
		openlog(sink.program, LOG_PID, LOG_DAEMON);
	}
	pthread_mutex_unlock(&sink.lock);
	if (old_fd >= 0)
		close(old_fd);
}

static void write_line(enum log_level level, struct line *line, size_t message_start)
{
	pthread_mutex_lock(&sink.lock);
	if (sink.to_syslog) { /* which has a time and a level of its own */
		syslog(levels[level].syslog_priority, "%s", line->text + message_start);
	} else {
		line->text[line->len] = '\n'; /* in place of the end */
		/* A disk that is full has no place for complaints. */
		while (write(sink.fd, line->text, line->len + 1) < 0 && errno == EINTR)
			continue;
	}
	pthread_mutex_unlock(&sink.lock);
}

/* Keeps text an ordinary string, whatever does not fit. */
static void line_put(struct line *line, const char *text)
{
	size_t len = strlen(text), room = sizeof line->text - 1 - line->len;

	if (len > room)
		return;
	memcpy(line->text + line->len, text, len + 1);
	line->len += len;
}

/* U+0080 to U+009F in UTF-8: terminals obey some of them. */
static bool is_c1_control(const char *text)
{
	return (uint8_t)text[0] == 0xC2 && (uint8_t)text[1] >= 0x80 && (uint8_t)text[1] <= 0x9F;
}

static void line_put_escaped(struct line *line, const char *text)
{
	unsigned escapes = 0; /* bytes ahead that are to be escaped whatever they are */
	char part[sizeof "\\xNN"];

	for (; *text != '\0'; text++) {
		uint8_t byte = (uint8_t)*text;

		if (escapes == 0 && is_c1_control(text))
			escapes = 2;
		if (escapes > 0 || byte < 0x20 || byte == 0x7F)
			snprintf(part, sizeof part, "\\x%02x", byte);
		else
			snprintf(part, sizeof part, "%c", byte);
		escapes -= escapes > 0;
		line_put(line, part);
	}
}

static void format_time(char text[TIME_SIZE])
{
	uint64_t ms = timestamp_wall_ms();
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char date[sizeof "2026-11-21T05:00:00"];

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, TIME_SIZE, "%.19s.%03uZ", date, (unsigned)(ms % 1000));
}
