/* An event is put together on the caller's stack and written with one system call. A lock keeps the
 * destination from changing under a writer; the packet path does not log. */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log_rate.h"
#include "base/log_ring.h"
#include "base/log_sink.h"
#include "base/timestamp.h"

/* min_level is read without the lock: relaxed, as nothing is ordered by it. */
static _Atomic int log_min_level = LEVEL_INFO;

static struct {
	pthread_mutex_t lock; /* for all below */
	struct log_sink sink, copy;
	bool has_copy;
	struct log_ring *ring; /* lent; NULL: none */
	struct log_rate rate;
} process_log = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.sink = {.fd = STDERR_FILENO},
};

static bool is_journal(int fd);
static void set_owner(const struct log_settings *settings, int fd);
static void write_entry(const struct log_entry *entry);
static void tell_held_back(const char *event, unsigned lines);
static void tell_all_held_back(void);

/* Standard error that leads to the journal is left for the journal's own door, where keys stay keys. */
static bool open_sink(struct log_sink *sink, const struct log_settings *settings)
{
	struct log_settings journal = *settings;

	journal.to = LOG_TO_JOURNAL;
	if (settings->file == NULL && settings->to == LOG_TO_STDERR && is_journal(STDERR_FILENO) &&
	    log_sink_open(sink, &journal))
		return true;
	return log_sink_open(sink, settings);
}

enum err log_open(const struct log_settings *settings)
{
	const struct log_settings copy = {
		.to = LOG_TO_STDOUT,
		.format = settings->format,
		.time = settings->time,
		.time_format = settings->time_format,
	};
	struct log_sink sink;

	if (!open_sink(&sink, settings))
		return ERR_SYSTEM;
	if (sink.to == LOG_TO_FILE)
		set_owner(settings, sink.fd);
	log_set_level(settings->min_level);
	pthread_mutex_lock(&process_log.lock);
	log_sink_follow(&sink, &process_log.sink);
	log_sink_close(&process_log.sink);
	process_log.sink = sink;
	/* What goes to syslog is in the journal already. */
	process_log.has_copy = settings->to_stdout_too &&
	                       (sink.to == LOG_TO_FILE ||
	                        (sink.to == LOG_TO_SYSLOG && !is_journal(STDOUT_FILENO))) &&
	                       log_sink_open(&process_log.copy, &copy);
	process_log.copy.clock.started_ms = sink.clock.started_ms;
	process_log.rate.per_second = settings->rate;
	pthread_mutex_unlock(&process_log.lock);
	return OK;
}

void log_close(void)
{
	pthread_mutex_lock(&process_log.lock);
	tell_all_held_back();
	log_sink_close(&process_log.sink);
	process_log.sink = (struct log_sink){.fd = STDERR_FILENO};
	process_log.has_copy = false;
	pthread_mutex_unlock(&process_log.lock);
}

void log_set_ring(struct log_ring *ring)
{
	pthread_mutex_lock(&process_log.lock);
	process_log.ring = ring;
	pthread_mutex_unlock(&process_log.lock);
}

void log_set_level(enum log_level min_level)
{
	atomic_store_explicit(&log_min_level, (int)min_level, memory_order_relaxed);
}

bool log_is_on(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&log_min_level, memory_order_relaxed);
}

/* ---- events ---- */

static enum log_level level_of(unsigned level)
{
	return (enum log_level)(level & ~(unsigned)LOG_ALWAYS);
}

static void submit(struct log_entry *entry, bool is_always)
{
	unsigned held_back = 0;

	pthread_mutex_lock(&process_log.lock);
	if (is_always || entry->level == LEVEL_ERROR ||
	    log_rate_passes(&process_log.rate, entry, timestamp_now(), &held_back)) {
		if (held_back > 0 && entry->text != NULL) /* which has no keys */
			tell_held_back(entry->event, held_back);
		else if (held_back > 0)
			log_entry_put(entry, "held_back=%u", held_back);
		write_entry(entry);
	}
	pthread_mutex_unlock(&process_log.lock);
}

void log_event(unsigned level, const char *event, const char *keys, ...)
{
	int saved_errno = errno; /* whoever logs a failure may still want to know which */
	struct log_entry entry;
	va_list args;

	if (!log_is_on(level_of(level)))
		return;
	log_entry_init(&entry, level_of(level), event);
	va_start(args, keys);
	log_entry_put_keys(&entry, keys, args);
	va_end(args);
	submit(&entry, (level & LOG_ALWAYS) != 0);
	errno = saved_errno;
}

void log_text(unsigned level, const char *event, const char *format, ...)
{
	int saved_errno = errno;
	struct log_entry entry;
	va_list args;

	if (!log_is_on(level_of(level)))
		return;
	log_entry_init(&entry, level_of(level), event);
	va_start(args, format);
	log_entry_put_text(&entry, format, args);
	va_end(args);
	submit(&entry, (level & LOG_ALWAYS) != 0);
	errno = saved_errno;
}

/* Under the lock, as what follows. A log that cannot be written has one other place to say so. */
static void write_entry(const struct log_entry *entry)
{
	struct log_sink last_resort = {.fd = STDERR_FILENO};
	struct log_entry failure;
	int reason = log_sink_write(&process_log.sink, entry);

	if (process_log.ring != NULL)
		log_ring_put(process_log.ring, entry);
	if (process_log.has_copy)
		(void)log_sink_write(&process_log.copy, entry);
	if (reason == 0 || process_log.sink.to == LOG_TO_STDERR)
		return;
	log_entry_init(&failure, LEVEL_ERROR, "log cannot be written");
	log_entry_put(&failure, "reason=\"%s\" advice=\"lines are lost until it can be\"",
	              strerror(reason));
	(void)log_sink_write(&last_resort, &failure);
}

static void tell_held_back(const char *event, unsigned lines)
{
	struct log_entry entry;

	log_entry_init(&entry, LEVEL_WARNING, "lines held back");
	log_entry_put(&entry, "of=\"%s\" held_back=%u", event, lines);
	write_entry(&entry);
}

/* No line comes any more that could tell it. */
static void tell_all_held_back(void)
{
	for (unsigned i = 0; i < LOG_RATE_SLOTS; i++) {
		struct log_rate_slot *slot = &process_log.rate.slots[i];

		if (slot->held_back > 0)
			tell_held_back(slot->event, slot->held_back);
		slot->held_back = 0;
	}
}

/* ---- destinations ---- */

/* systemd says by device and inode which descriptor of ours is its journal's. */
static bool is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat opened;

	return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(fd, &opened) == 0 && opened.st_dev == device && opened.st_ino == inode;
}

/* Only of a file that is new: what others made stays theirs. */
static void set_owner(const struct log_settings *settings, int fd)
{
	struct stat opened;

	if (settings->has_owner && geteuid() == 0 && fstat(fd, &opened) == 0 &&
	    opened.st_size == 0 && S_ISREG(opened.st_mode))
		(void)!fchown(fd, settings->owner, settings->group);
}

/* ---- names ---- */

enum err log_level_parse(const char *text, enum log_level *level)
{
	for (int i = 0; i < LEVEL_COUNT; i++)
		if (strcasecmp(text, log_level_name((enum log_level)i)) == 0) {
			*level = (enum log_level)i;
			return OK;
		}
	return ERR_INVALID;
}

/* The kernel's is for the kernel alone: syslogd takes it for the users'. */
enum err log_facility_parse(const char *text, int *facility)
{
	static const struct {
		const char *name;
		int facility;
	} rows[] = {
		{"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},
		{"daemon", LOG_DAEMON}, {"ftp", LOG_FTP},           {"kern", LOG_USER},
		{"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},     {"local2", LOG_LOCAL2},
		{"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4},     {"local5", LOG_LOCAL5},
		{"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7},     {"lpr", LOG_LPR},
		{"mail", LOG_MAIL},     {"news", LOG_NEWS},         {"syslog", LOG_SYSLOG},
		{"user", LOG_USER},     {"uucp", LOG_UUCP},
	};

	if (strncasecmp(text, "LOG_", 4) == 0)
		text += 4;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcasecmp(text, rows[i].name) == 0) {
			*facility = rows[i].facility;
			return OK;
		}
	return ERR_INVALID;
}
