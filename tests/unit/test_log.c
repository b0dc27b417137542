/* Lines of the log, read back from files. */
#include "tap.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

static char folder[] = "/tmp/turnstone-log-XXXXXX";
static char first_path[64], second_path[64];

static void open_log(const char *path, enum log_level min_level)
{
	struct log_settings settings = {.min_level = min_level, .file = path};

	is_int(log_open(&settings), OK, "log opened");
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
	log_debug("not seen", NULL);
	check_line("", "below the level");
	log_set_level(LEVEL_DEBUG);
	ok(log_is_on(LEVEL_DEBUG), "debug is on");
	log_debug("seen", NULL);
	check_line("DEBUG seen\n", "at the level");
}

static void test_long_line(void)
{
	static char keys[3000];
	const char *line;

	memset(keys, 'k', sizeof keys - 1);
	log_info("long", "%s", keys);
	line = message(first_path);
	size_t len = strlen(line);
	ok(len > 900 && len < 1100 && strcmp(line + len - 4, "...\n") == 0,
	   "a long line is cut and says so");
	check_line(line, "it is one line");
	memset(keys, 1, sizeof keys - 1);
	log_info("long", "%s", keys);
	line = message(first_path);
	len = strlen(line);
	ok(len <= 4096 && len > 3800 && strcmp(line + len - 8, "\\x01...\n") == 0, "escaped too");
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
		struct log_settings settings = {LEVEL_INFO, i % 2 ? first_path : second_path, false,
		                                NULL};
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

static void test_limit(void)
{
	struct log_limit limit = {.per_second = 2};
	unsigned held_back = 9, passed = 0;

	for (unsigned i = 0; i < 10; i++)
		passed += log_limit_passes(&limit, 5000 + i, &held_back);
	is_int(passed, 2, "two in a second");
	is_int(held_back, 0, "none was held back before them");
	ok(log_limit_passes(&limit, 6000, &held_back), "one in the next");
	is_int(held_back, 8, "which tells of those held back");
	ok(log_limit_passes(&limit, 6001, &held_back) && held_back == 0, "once");
}

static void test_levels(void)
{
	enum log_level level;

	ok(log_level_parse("debug", &level) == OK && level == LEVEL_DEBUG, "debug");
	ok(log_level_parse("Warning", &level) == OK && level == LEVEL_WARNING, "Warning");
	is_int(log_level_parse("loud", &level), ERR_INVALID, "no level");
}

int main(void)
{
	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(first_path, sizeof first_path, "%s/first", folder);
	snprintf(second_path, sizeof second_path, "%s/second", folder);
	test_lines();
	test_long_line();
	test_reopen();
	test_threads();
	test_limit();
	test_levels();
	unlink(first_path);
	unlink(second_path);
	rmdir(folder);
	return tap_end();
}
