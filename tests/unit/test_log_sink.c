/* Destinations: a disk that is full, a file that was moved, a reader that has stopped, the sockets of
 * syslog and journal. */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log_sink.h"

static char folder[] = "/tmp/turnstone-sink-XXXXXX";
static char path[64], moved_path[64], socket_path[64];

static const char *contents(const char *name)
{
	static char text[1 << 20];
	FILE *file = fopen(name, "r");
	size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0;

	if (file != NULL)
		fclose(file);
	text[len] = '\0';
	return text;
}

static int write_event(struct log_sink *sink, const char *event, unsigned number)
{
	struct log_entry entry;

	log_entry_init(&entry, LEVEL_WARNING, event);
	log_entry_put(&entry, "number=%u", number);
	return log_sink_write(sink, &entry);
}

static void set_file_limit(rlim_t bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) != 0)
		abort();
	limit.rlim_cur = bytes;
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		abort();
}

/* What fills is the limit of a file's size, which needs no disk. */
static void test_full(void)
{
	struct log_settings settings = {.file = path};
	struct log_sink sink;
	char *line;

	signal(SIGXFSZ, SIG_IGN);
	ok(log_sink_open(&sink, &settings), "file opened");
	is_int(write_event(&sink, "before", 0), 0, "a line");
	set_file_limit(strlen(contents(path)) + 10);
	is_int(write_event(&sink, "cut", 1), EFBIG, "the disk is full, and it is said");
	is_int(write_event(&sink, "lost", 2), 0, "once");
	is_int(write_event(&sink, "lost", 3), 0, "and not again");
	set_file_limit(RLIM_INFINITY);
	is_int(write_event(&sink, "after", 4), 0, "there is space");
	log_sink_close(&sink);
	line = strstr(contents(path),
	              "WARNING log lines lost: lines=3 reason=\"File too large\"\n");
	ok(line != NULL, "which is told");
	ok(line != NULL && strstr(line, "WARNING after: number=4\n") != NULL, "and then the line");
	ok(line != NULL && line - contents(path) > 25 && line[-26] == '\n',
	   "on a line of its own, behind the one that was cut");
	unlink(path);
}

static void test_moved(void)
{
	struct log_settings settings = {.file = path};
	struct log_sink sink;

	ok(log_sink_open(&sink, &settings), "file opened");
	write_event(&sink, "one", 1);
	if (rename(path, moved_path) != 0)
		abort();
	sink.looked_at_s = 0; /* as if a second had passed */
	write_event(&sink, "two", 2);
	ok(strstr(contents(path), "two") != NULL, "a file that was moved is opened anew");
	ok(strstr(contents(moved_path), "one") && !strstr(contents(moved_path), "two"),
	   "what was moved is left alone");
	unlink(moved_path);
	if (rename(path, moved_path) != 0 || symlink("/nonexistent/file", path) != 0)
		abort();
	sink.looked_at_s = 0;
	write_event(&sink, "three", 3);
	ok(strstr(contents(moved_path), "three") != NULL,
	   "where it cannot be, lines go on to where it was moved to");
	log_sink_close(&sink);
	unlink(path);
	unlink(moved_path);
}

/* Standard output in place of whatever it is, while f runs. */
static void test_stopped_reader(void)
{
	struct log_settings settings = {.to = LOG_TO_STDOUT};
	struct log_sink sink;
	int ends[2], saved = dup(STDOUT_FILENO);
	unsigned written = 0, first_lost = 0;
	char bytes[65536];

	fflush(stdout);
	if (saved < 0 || pipe(ends) != 0 || dup2(ends[1], STDOUT_FILENO) < 0)
		abort();
	bool is_open = log_sink_open(&sink, &settings);
	for (unsigned i = 0; i < 10000 && first_lost == 0; i++)
		if (write_event(&sink, "line", i) == 0)
			written++;
		else
			first_lost = i;
	ssize_t n = read(ends[0], bytes, sizeof bytes);
	bool is_told = write_event(&sink, "again", 1) == 0;
	ssize_t more = read(ends[0], bytes + (n > 0 ? n : 0), sizeof bytes - (size_t)n);
	dup2(saved, STDOUT_FILENO);
	ok(is_open && written > 100 && first_lost > 0, "a full pipe makes nobody wait: %u lines",
	   written);
	ok(n > 0 && more > 0 && is_told, "and takes lines again when it is read");
	bytes[n + more - 1] = '\0';
	ok(strstr(bytes + n, "log lines lost: lines=1 reason=\"Resource temporarily") != NULL,
	   "it is told what was lost");
	ok(strstr(bytes + n, "again: number=1") != NULL, "before the next");
	close(saved);
	close(ends[0]);
	close(ends[1]);
}

static int open_socket(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	unlink(socket_path);
	memcpy(addr.sun_path, socket_path, strlen(socket_path) + 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0)
		abort();
	return fd;
}

/* The next datagram; NULL: none. */
static const char *receive(int fd, size_t *len)
{
	static char bytes[65536];
	ssize_t n = recv(fd, bytes, sizeof bytes - 1, 0);

	*len = n > 0 ? (size_t)n : 0;
	bytes[*len] = '\0';
	return n > 0 ? bytes : NULL;
}

static void test_syslog(void)
{
	struct log_settings settings = {.to = LOG_TO_SYSLOG,
	                                .socket = socket_path,
	                                .program = "turnserver",
	                                .facility = LOG_LOCAL3};
	struct log_sink sink;
	char program[64];
	int fd = open_socket();
	size_t len;

	ok(log_sink_open(&sink, &settings), "syslog opened");
	write_event(&sink, "hello", 7);
	const char *text = receive(fd, &len);
	/* 19 * 8 + 4: local3 and warning, as RFC 3164 section 4.1.1 has it. */
	ok(text != NULL && strncmp(text, "<156>", 5) == 0, "priority: %.8s", text ? text : "");
	snprintf(program, sizeof program, " turnserver[%ld]: hello: number=7", (long)getpid());
	is_text(text != NULL && len > 20 ? text + 20 : "", program, "program and message");
	close(fd);
	is_int(write_event(&sink, "lost", 1), ECONNREFUSED, "syslogd is away");
	fd = open_socket();
	is_int(write_event(&sink, "found", 2), 0, "and back");
	text = receive(fd, &len);
	ok(text != NULL && strstr(text, "log lines lost: lines=1") != NULL, "which is told");
	text = receive(fd, &len);
	ok(text != NULL && strstr(text, "found: number=2") != NULL, "before the line");
	for (unsigned i = 0; i < 10000; i++)
		if (write_event(&sink, "flood", i) != 0)
			break;
	ok(sink.lost == 1, "a reader that has stopped makes nobody wait");
	log_sink_close(&sink);
	close(fd);
}

static void test_journal(void)
{
	struct log_settings settings = {
		.to = LOG_TO_JOURNAL, .socket = socket_path, .program = "turnserver"};
	static const char want[] =
		"PRIORITY=3\nSYSLOG_IDENTIFIER=turnserver\n"
		"MESSAGE=store is away: user=a\\x0ab to-peer=5\nTURNSTONE_EVENT=store is away\n"
		"TURNSTONE_USER\n\x03\0\0\0\0\0\0\0a\nb\nTURNSTONE_TO_PEER=5\n";
	struct log_entry entry;
	struct log_sink sink;
	int fd = open_socket();
	size_t len;

	ok(log_sink_open(&sink, &settings), "journal opened");
	log_entry_init(&entry, LEVEL_ERROR, "store is away");
	log_entry_put(&entry, "user=%s to-peer=%d", "a\nb", 5);
	is_int(log_sink_write(&sink, &entry), 0, "written");
	const char *bytes = receive(fd, &len);
	ok(bytes != NULL && len == sizeof want - 1 && memcmp(bytes, want, len) == 0,
	   "fields, that of two lines with its length");
	log_sink_close(&sink);
	close(fd);
	unlink(socket_path);
	ok(!log_sink_open(&sink, &settings) && errno == ENOENT, "there is no journal");
}

int main(void)
{
	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(path, sizeof path, "%s/log", folder);
	snprintf(moved_path, sizeof moved_path, "%s/log.1", folder);
	snprintf(socket_path, sizeof socket_path, "%s/socket", folder);
	test_full();
	test_moved();
	test_stopped_reader();
	test_syslog();
	test_journal();
	unlink(socket_path);
	rmdir(folder);
	return tap_end();
}
