/* Descriptors are asked whether they would wait, rather than told not to: the pipe or terminal behind
 * standard error is other programs' as well, and would stop waiting for them too. */
#include "base/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log_datagram.h"
#include "base/timestamp.h"

static bool open_file(struct log_sink *sink);
static bool open_socket(struct log_sink *sink);
static void look_for_file(struct log_sink *sink);
static bool write_entry(struct log_sink *sink, const struct log_entry *entry);
static bool write_datagram(struct log_sink *sink, const struct log_entry *entry);
static bool write_bytes(struct log_sink *sink, const char *bytes, size_t len);
static bool tell_lost(struct log_sink *sink);

static bool is_datagram(const struct log_sink *sink)
{
	return sink->to == LOG_TO_SYSLOG || sink->to == LOG_TO_JOURNAL;
}

static void set_clock(struct log_clock *clock, const struct log_settings *settings)
{
	clock->time = settings->time;
	clock->started_ms = timestamp_wall_ms();
	snprintf(clock->format, sizeof clock->format, "%s",
	         settings->time_format != NULL ? settings->time_format : "");
}

static const char *path_of(const struct log_settings *settings)
{
	if (settings->file != NULL)
		return settings->file;
	if (settings->socket != NULL)
		return settings->socket;
	return settings->to == LOG_TO_JOURNAL ? LOG_JOURNAL_SOCKET : LOG_SYSLOG_SOCKET;
}

bool log_sink_open(struct log_sink *sink, const struct log_settings *settings)
{
	const char *path = path_of(settings);

	memset(sink, 0, sizeof *sink);
	sink->to = settings->file != NULL ? LOG_TO_FILE : settings->to;
	sink->format = settings->format;
	sink->facility = settings->facility;
	set_clock(&sink->clock, settings);
	snprintf(sink->program, sizeof sink->program, "%s",
	         settings->program != NULL ? settings->program : "turnstone");
	if (strlen(path) >= sizeof sink->path) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(sink->path, path, strlen(path) + 1);
	sink->fd = sink->to == LOG_TO_STDOUT ? STDOUT_FILENO : STDERR_FILENO;
	if (sink->to == LOG_TO_FILE)
		return open_file(sink);
	return is_datagram(sink) ? open_socket(sink) : true;
}

void log_sink_close(struct log_sink *sink)
{
	if (sink->fd >= 0 && (sink->to == LOG_TO_FILE || is_datagram(sink)))
		close(sink->fd);
	sink->fd = -1;
}

static bool is_same_file(int fd, int other)
{
	struct stat one, two;

	return fstat(fd, &one) == 0 && fstat(other, &two) == 0 && one.st_dev == two.st_dev &&
	       one.st_ino == two.st_ino;
}

void log_sink_follow(struct log_sink *sink, const struct log_sink *before)
{
	if (before->clock.started_ms != 0)
		sink->clock.started_ms = before->clock.started_ms;
	sink->lost = before->lost;
	sink->reason = before->reason;
	sink->is_in_line = before->is_in_line && is_same_file(sink->fd, before->fd);
}

int log_sink_write(struct log_sink *sink, const struct log_entry *entry)
{
	bool is_written;

	if (sink->to == LOG_TO_FILE)
		look_for_file(sink);
	is_written = (sink->lost == 0 || tell_lost(sink)) && write_entry(sink, entry);
	if (is_written)
		return 0;
	if (sink->lost++ > 0)
		return 0;
	sink->reason = errno;
	return sink->reason;
}

/* ---- files ---- */

/* Nobody waits for the reader of a named pipe. */
static bool open_file(struct log_sink *sink)
{
	sink->fd = open(sink->path,
	                O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	return sink->fd >= 0;
}

static bool is_named(int fd, const char *path)
{
	struct stat opened, named;

	return fstat(fd, &opened) == 0 && stat(path, &named) == 0 &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/* Once a second: logrotate may have moved it without telling. Where it cannot be opened anew, lines go
 * on to where it was moved to. */
static void look_for_file(struct log_sink *sink)
{
	uint64_t second = timestamp_now() / 1000;
	int old_fd = sink->fd;

	if (second == sink->looked_at_s)
		return;
	sink->looked_at_s = second;
	if (is_named(sink->fd, sink->path))
		return;
	if (!open_file(sink)) {
		sink->fd = old_fd;
		return;
	}
	close(old_fd);
	sink->is_in_line = false;
}

/* ---- sockets ---- */

static bool open_socket(struct log_sink *sink)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (strlen(sink->path) >= sizeof addr.sun_path) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(addr.sun_path, sink->path, strlen(sink->path) + 1);
	sink->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sink->fd >= 0 && connect(sink->fd, (struct sockaddr *)&addr, sizeof addr) == 0)
		return true;
	int reason = errno;
	log_sink_close(sink);
	errno = reason;
	return false;
}

static bool send_datagram(const struct log_sink *sink, const struct log_datagram *datagram)
{
	return sink->fd >= 0 && send(sink->fd, datagram->bytes, datagram->len, MSG_NOSIGNAL) >= 0;
}

/* Whoever reads may have been started anew since. */
static bool write_datagram(struct log_sink *sink, const struct log_entry *entry)
{
	struct log_datagram datagram;

	if (sink->to == LOG_TO_JOURNAL)
		log_datagram_journal(&datagram, sink->program, sink->format, entry);
	else
		log_datagram_syslog(&datagram, sink->program, sink->facility, sink->format, entry);
	if (send_datagram(sink, &datagram))
		return true;
	if (sink->fd >= 0 && (errno == EAGAIN || errno == EMSGSIZE))
		return false;
	log_sink_close(sink);
	return open_socket(sink) && send_datagram(sink, &datagram);
}

/* ---- lines ---- */

static bool write_entry(struct log_sink *sink, const struct log_entry *entry)
{
	struct log_line line;

	if (is_datagram(sink))
		return write_datagram(sink, entry);
	if (sink->format == LOG_JSON)
		log_line_json(&line, entry);
	else
		log_line_text(&line, entry, &sink->clock);
	line.text[line.len] = '\n'; /* in place of the end */
	return write_bytes(sink, line.text, line.len + 1);
}

/* Always true of a file. A pipe has room for a whole line then, or takes none of it. */
static bool is_writable(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};

	if (poll(&wait, 1, 0) == 1 && (wait.revents & POLLOUT) != 0)
		return true;
	errno = (wait.revents & (POLLERR | POLLHUP)) != 0 ? EPIPE : EAGAIN;
	return false;
}

/* A disk may have had room for a part; what follows then begins on a line of its own. */
static bool write_bytes(struct log_sink *sink, const char *bytes, size_t len)
{
	size_t written = 0;

	if (sink->is_in_line) {
		sink->is_in_line = false;
		if (!write_bytes(sink, "\n", 1)) {
			sink->is_in_line = true;
			return false;
		}
	}
	while (written < len && is_writable(sink->fd)) {
		ssize_t n = write(sink->fd, bytes + written, len - written);
		if (n > 0)
			written += (size_t)n;
		else if (errno != EINTR)
			break;
	}
	sink->is_in_line = written > 0 && written < len;
	return written == len;
}

static bool tell_lost(struct log_sink *sink)
{
	struct log_entry entry;
	char reason[128];

	snprintf(reason, sizeof reason, "%s", strerror(sink->reason));
	log_entry_init(&entry, LEVEL_WARNING, "log lines lost");
	log_entry_put(&entry, "lines=%u reason=\"%s\"", sink->lost, reason);
	if (!write_entry(sink, &entry))
		return false;
	sink->lost = 0;
	return true;
}
