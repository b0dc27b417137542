/* Lines of the log, read back from files. */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"

static char folder[] = "/tmp/turnstone-log-XXXXXX";
static char first_path[64], second_path[64], pipe_path[64];

static void open_log(const char *path, enum log_level min_level)
{
	struct log_settings settings = {.min_level = min_level, .file = path};

	is_int(log_open(&settings), OK, "log opened");
}

static unsigned count_of(const char *text, const char *part)
{
	unsigned count = 0;

	for (; (text = strstr(text, part)) != NULL; text += strlen(part))
		count++;
	return count;
}

/* Returns what the file holds; valid until the next call. */
static const char *contents(const char *path)
{
	static char text[1 << 20];
	FILE *file = fopen(path, "r");
	size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0;

	if (file != NULL)
		fclose(file);
	text[len] = '\0';
	return text;
}

/* The line without its time. */
static const char *message(const char *path)
{
	const char *text = contents(path);

	return strlen(text) > 25 ? text + 25 : "";
}

static void check_line(const char *want, const char *name)
{
	is_text(message(first_path), want, "%s", name);
	if (truncate(first_path, 0) != 0)
		abort();
}

static void test_lines(void)
{
	open_log(first_path, LEVEL_INFO);
	errno = ENOENT;
	log_info("allocation created", "user=%s port=%u", "anna", 50112u);
	is_int(errno, ENOENT, "errno is kept");
	unsigned year, month, day, hour, minute, second, ms;
	char end;
	ok(sscanf(contents(first_path), "%4u-%2u-%2uT%2u:%2u:%2u.%3u%c ", &year, &month, &day,
	          &hour, &minute, &second, &ms, &end) == 8 &&
	           end == 'Z' && year >= 2024 && month <= 12 && day <= 31 && hour < 24,
	   "a time of ISO 8601 in UTC");
	check_line("INFO allocation created: user=anna port=50112\n", "event and keys");
	log_error("out of memory", NULL);
	check_line("ERROR out of memory\n", "no keys");
	log_warning("refused", "user=%s",
	            "a\nb\x1b[31m\x7f\xc2\x9b"
	            "caf\xc3\xa9");
	check_line("WARNING refused: user=a\\x0ab\\x1b[31m\\x7f\\xc2\\x9bcaf\xc3\xa9\n",
	           "control characters are escaped, others not");
	log_warning("refused", "user=%s port=%d", "eve realm=x", -1);
	check_line("WARNING refused: user=\"eve realm=x\" port=-1\n", "a value passes for no key");
	log_warning("refused", "user=%s reason=\"%s\"", "", "say \"no\"");
	check_line("WARNING refused: user= reason=\"say \\\"no\\\"\"\n", "quotes and nothing");
	log_info("seen", "origin?=%s user=%s", "", "anna");
	check_line("INFO seen: user=anna\n", "a key that is left out");
	log_info("seen", "origin?=%s user=%s", "https://a", "anna");
	check_line("INFO seen: origin=https://a user=anna\n", "and is there");
	log_debug("not seen", NULL);
	check_line("", "below the level");
	log_set_level(LEVEL_DEBUG);
	ok(log_is_on(LEVEL_DEBUG), "debug is on");
	log_debug("seen", NULL);
	check_line("DEBUG seen\n", "at the level");
}

/* Each conversion that a format may have, beside what printf makes of it. */
static void test_conversions(void)
{
	char want[512];

	log_info("all", "d=%d i=%i u=%u x=%x X=%#X o=%o ld=%ld lu=%lu lld=%lld llu=%llu", -1, 2, 3u,
	         0xABu, 0xCDu, 8u, -4L, 5UL, -6LL, 7ULL);
	check_line("INFO all: d=-1 i=2 u=3 x=ab X=0XCD o=10 ld=-4 lu=5 lld=-6 llu=7\n", "lengths");
	log_info("all", "zu=%zu ju=%ju hhu=%hhu c=%c percent=%u%% s=%.2s star=%.*s wide=%5d|%-5u|",
	         (size_t)1, (uintmax_t)2, (unsigned char)3, 'c', 50u, "abc", 1, "xyz", 7, 8u);
	snprintf(want, sizeof want,
	         "INFO all: zu=1 ju=2 hhu=3 c=c percent=50%% s=ab star=x "
	         "wide=\"%5d|%-5u|\"\n",
	         7, 8u);
	check_line(want, "sizes, widths and precisions");
	log_info("all", "%s=%u ports=%u-%u relayed=%s,%s", "made", 1u, 2u, 3u, "a", "b");
	check_line("INFO all: made=1 ports=2-3 relayed=a,b\n", "several in one value");
}

static void test_long_line(void)
{
	static char value[3000];
	const char *line;

	memset(value, 'k', sizeof value - 1);
	log_info("long", "user=%s client=%s", value, "192.0.2.1");
	line = message(first_path);
	size_t len = strlen(line);
	ok(len > 800 && len < 900 && strstr(line, "k... client=192.0.2.1\n") != NULL,
	   "a long value is cut, says so, and leaves room for the next");
	check_line(line, "it is one line");
	memset(value, 1, sizeof value - 1);
	log_info("long", "a=%s b=%s c=%s", value, value, value);
	line = message(first_path);
	len = strlen(line);
	ok(len + 25 <= 4096 && len > 3500 && line[len - 1] == '\n' && strstr(line, "...") != NULL,
	   "escaped too");
	check_line(line, "one line");
}

static void test_reopen(void)
{
	struct log_settings nowhere = {.file = "/nonexistent/file"};

	log_info("one", NULL);
	open_log(second_path, LEVEL_INFO);
	log_info("two", NULL);
	is_int(log_open(&nowhere), ERR_SYSTEM, "a file that cannot be opened");
	log_info("three", NULL);
	check_line("INFO one\n", "before the change");
	is_text(message(second_path), contents(second_path) + 25, "after it");
	ok(strstr(contents(second_path), "two\n") && strstr(contents(second_path), "three\n"),
	   "a failed change leaves the log where it was");
	log_close();
}

/* A named pipe keeps nobody waiting, be it without a reader or with one that has stopped; what it could not
 * take is told where the log goes then. */
static void test_pipe(void)
{
	struct log_settings pipe = {.file = pipe_path};

	if (truncate(first_path, 0) != 0 || mkfifo(pipe_path, 0600) != 0)
		abort();
	alarm(20); /* for who waits all the same */
	is_int(log_open(&pipe), ERR_SYSTEM, "a pipe that nobody reads");
	int reader = open(pipe_path, O_RDONLY | O_NONBLOCK);
	is_int(log_open(&pipe), OK, "one that somebody does");
	for (unsigned i = 0; i < 5000; i++)
		log_info("more than a pipe holds", NULL);
	open_log(first_path, LEVEL_INFO);
	log_info("after it", NULL);
	ok(strncmp(message(first_path), "WARNING log lines lost: lines=", 30) == 0,
	   "what was lost: %s", message(first_path));
	alarm(0);
	log_close();
	close(reader);
	unlink(pipe_path);
}

/* A disk that has room for a part of a line, here by the limit of a file's size. */
static void test_reopen_in_line(void)
{
	struct rlimit limit, tight;

	if (truncate(first_path, 0) != 0 || getrlimit(RLIMIT_FSIZE, &limit) != 0)
		abort();
	signal(SIGXFSZ, SIG_IGN);
	tight = (struct rlimit){.rlim_cur = 40, .rlim_max = limit.rlim_max};
	open_log(first_path, LEVEL_INFO);
	setrlimit(RLIMIT_FSIZE, &tight);
	log_info("a line longer than there is room for", NULL);
	setrlimit(RLIMIT_FSIZE, &limit);
	open_log(first_path, LEVEL_INFO);
	log_info("the next", NULL);
	is_int(count_of(contents(first_path), "\n"), 3, "the next begins on a line of its own");
	log_close();
	if (truncate(first_path, 0) != 0)
		abort();
}

enum { THREADS = 4, EVENTS = 500 };

static void *log_many(void *arg)
{
	for (unsigned i = 0; i < EVENTS; i++)
		log_info("event", "thread=%c", *(const char *)arg);
	return NULL;
}

/* Threads write while the destination changes: every line arrives whole, in one file or the other. */
static void test_threads(void)
{
	static char names[THREADS] = {'a', 'b', 'c', 'd'};
	pthread_t threads[THREADS];
	unsigned lines = 0, wrong = 0;

	if (truncate(first_path, 0) != 0 || truncate(second_path, 0) != 0)
		abort();
	open_log(first_path, LEVEL_INFO);
	for (unsigned i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, log_many, &names[i]) != 0)
			abort();
	for (unsigned i = 0; i < 50; i++) {
		struct log_settings settings = {.min_level = LEVEL_INFO,
		                                .file = i % 2 ? first_path : second_path};
		if (log_open(&settings) != OK)
			abort();
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	log_close();
	for (unsigned i = 0; i < 2; i++) {
		const char *at = contents(i ? first_path : second_path);

		for (const char *end; (end = strchr(at, '\n')) != NULL; at = end + 1, lines++)
			wrong += end - at != 25 + (int)strlen("INFO event: thread=a");
	}
	is_int(lines, THREADS * EVENTS, "every line arrived");
	is_int(wrong, 0, "and whole");
}

/* A second may pass between two lines here, so that bounds are for two of them. */
static void test_rate(void)
{
	struct log_settings settings = {.min_level = LEVEL_DEBUG, .file = first_path, .rate = 3};

	is_int(log_open(&settings), OK, "log opened");
	for (unsigned i = 0; i < 50; i++) {
		log_warning("flood", "option*=%s", i % 2 ? "this" : "that");
		log_debug("another flood", NULL);
		log_error("bad", NULL);
		log_always("start", NULL);
	}
	const char *text = contents(first_path);
	ok(count_of(text, "flood: option=this") >= 3 && count_of(text, "flood: option=this") <= 6,
	   "so many of an event and a kind");
	ok(count_of(text, "flood: option=that") >= 3, "one kind holds back no other");
	ok(count_of(text, "DEBUG another flood") <= 6, "debug, too");
	is_int(count_of(text, "ERROR bad"), 50, "errors are never held back");
	is_int(count_of(text, "INFO start"), 50, "nor what is always told");
	log_close();
	text = contents(first_path);
	ok(strstr(text, "WARNING lines held back: of=\"another flood\" held_back=") != NULL,
	   "at the end it is told what was");
	if (truncate(first_path, 0) != 0)
		abort();
}

/* Lines in another program's form have no room for the count. */
static void test_rate_of_text(void)
{
	struct log_settings settings = {.min_level = LEVEL_INFO, .file = first_path, .rate = 1};
	const char *told = "WARNING lines held back: of=\"theirs\" held_back=";

	is_int(log_open(&settings), OK, "log opened");
	alarm(20);
	do
		log_text(LEVEL_WARNING, "theirs", "session %u", 1u);
	while (strstr(contents(first_path), told) == NULL);
	alarm(0);
	ok(strstr(strstr(contents(first_path), told), "WARNING session 1\n") != NULL,
	   "of lines that are texts it is told before the next");
	log_close();
	if (truncate(first_path, 0) != 0)
		abort();
}

static void test_levels(void)
{
	enum log_level level;

	ok(log_level_parse("debug", &level) == OK && level == LEVEL_DEBUG, "debug");
	ok(log_level_parse("Warning", &level) == OK && level == LEVEL_WARNING, "Warning");
	is_int(log_level_parse("loud", &level), ERR_INVALID, "no level");
	int facility;
	ok(log_facility_parse("LOG_LOCAL3", &facility) == OK && facility == LOG_LOCAL3,
	   "LOG_LOCAL3");
	ok(log_facility_parse("daemon", &facility) == OK && facility == LOG_DAEMON, "daemon");
	is_int(log_facility_parse("LOG_NOWHERE", &facility), ERR_INVALID, "no facility");
}

int main(void)
{
	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(first_path, sizeof first_path, "%s/first", folder);
	snprintf(second_path, sizeof second_path, "%s/second", folder);
	snprintf(pipe_path, sizeof pipe_path, "%s/pipe", folder);
	test_lines();
	test_conversions();
	test_long_line();
	test_reopen();
	test_pipe();
	test_reopen_in_line();
	test_threads();
	test_rate();
	test_rate_of_text();
	test_levels();
	unlink(first_path);
	unlink(second_path);
	rmdir(folder);
	return tap_end();
}
