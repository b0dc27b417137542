/* Lines of the log in memory: in order and whole, the oldest go first, numbers outlive a start, who waits is woken; many threads at one time. */
#include "base/log_ring.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "tap.h"

enum { PATIENCE_MS = 20000, WRITERS = 4, LINES_EACH = 5000 };

static struct log_ring *create(size_t bytes)
{
	struct log_ring *ring;

	if (log_ring_create(bytes, &ring) != OK)
		printf("Bail out! no ring\n"), exit(1);
	return ring;
}

static void put(struct log_ring *ring, enum log_level level, const char *user)
{
	struct log_entry entry;

	log_entry_init(&entry, level, "tested");
	log_entry_put(&entry, "user=%s", user);
	log_ring_put(ring, &entry);
}

static bool is_told(const struct log_ring *ring, int wait_ms)
{
	struct pollfd told = {.fd = log_ring_fd(ring), .events = POLLIN};

	return poll(&told, 1, wait_ms) == 1;
}

static void test_order(void)
{
	struct log_ring *ring = create(LOG_RING_BYTES);
	struct log_ring_line line = {.number = 0};
	uint64_t first, oldest, newest;

	ok(!log_ring_next(ring, 0, &line), "an empty one has no line");
	log_ring_numbers(ring, &first, &oldest, &newest);
	ok(first == oldest && newest == first - 1, "nor a number");
	ok(newest < UINT64_C(1) << 53, "which all who read JSON can tell from the next");
	put(ring, LEVEL_WARNING, "anna \"1\"\n");
	put(ring, LEVEL_INFO, "bert");
	ok(log_ring_next(ring, 0, &line), "the oldest line");
	is_int(line.number, first, "has the first number");
	is_int(line.level, LEVEL_WARNING, "and its level");
	ok(strstr(line.json.text, "\"event\":\"tested\",\"user\":\"anna \\\"1\\\"\\u000a\"}") !=
	           NULL,
	   "as JSON: %s", line.json.text);
	is_int(line.json.len, strlen(line.json.text), "whole");
	ok(log_ring_next(ring, line.number, &line) && line.number == first + 1, "then the next");
	ok(!log_ring_next(ring, line.number, &line), "and no more");
	ok(log_ring_next(ring, UINT64_MAX - 1, &line) && line.number == first,
	   "who has a number of another clock begins anew");
	log_ring_destroy(ring);
}

/* Lines of different lengths, so that they end at each place of the buffer. */
static void test_bytes(void)
{
	struct log_ring *ring = create(LOG_LINE_SIZE);
	char user[400];
	uint64_t first, oldest, newest, after = 0;
	struct log_ring_line line;
	unsigned lines = 0, bytes = 0;
	bool is_whole = true;

	for (unsigned i = 0; i < 1000; i++) {
		memset(user, 'a' + (int)(i % 26), i % 397);
		user[i % 397] = '\0';
		put(ring, LEVEL_INFO, user);
	}
	while (log_ring_next(ring, after, &line)) {
		is_whole &= line.json.text[0] == '{' && line.json.text[line.json.len - 1] == '}' &&
		            strlen(line.json.text) == line.json.len;
		bytes += (unsigned)line.json.len;
		after = line.number;
		lines++;
	}
	log_ring_numbers(ring, &first, &oldest, &newest);
	ok(is_whole, "all lines are whole");
	ok(bytes <= LOG_LINE_SIZE && bytes > LOG_LINE_SIZE - 600, "it is full: %u bytes", bytes);
	is_int(newest - first + 1, 1000, "all were numbered");
	is_int(newest - oldest + 1, lines, "the newest are there");
	ok(log_ring_next(ring, first, &line) && line.number == oldest,
	   "who comes too late has the oldest");
	log_ring_destroy(ring);
}

static void test_lines(void)
{
	struct log_ring *ring = create(LOG_RING_BYTES);
	uint64_t first, oldest, newest;

	for (unsigned i = 0; i < LOG_RING_LINES + 5; i++)
		put(ring, LEVEL_INFO, "");
	log_ring_numbers(ring, &first, &oldest, &newest);
	is_int(oldest - first, 5, "short lines have a bound as well");
	log_ring_destroy(ring);
}

static void test_numbers_of_next_start(void)
{
	struct log_ring *ring = create(LOG_RING_BYTES), *next;
	uint64_t first, oldest, newest, next_first;

	put(ring, LEVEL_INFO, "anna");
	log_ring_numbers(ring, &first, &oldest, &newest);
	log_ring_destroy(ring);
	poll(NULL, 0, 2); /* numbers are by the clock */
	next = create(LOG_RING_BYTES);
	log_ring_numbers(next, &next_first, &oldest, &newest);
	ok(next_first > first, "a later start has later numbers");
	log_ring_destroy(next);
}

static void test_waking(void)
{
	struct log_ring *ring = create(LOG_RING_BYTES);

	put(ring, LEVEL_INFO, "before");
	ok(!is_told(ring, 0), "who is not armed is not told");
	log_ring_arm(ring);
	ok(!is_told(ring, 0), "of what was there already");
	put(ring, LEVEL_INFO, "anna");
	ok(is_told(ring, PATIENCE_MS), "of what comes");
	log_ring_arm(ring);
	ok(!is_told(ring, 0), "once");
	put(ring, LEVEL_INFO, "bert");
	ok(is_told(ring, PATIENCE_MS), "and again");
	log_ring_destroy(ring);
}

static void *write_lines(void *context)
{
	for (unsigned i = 0; i < LINES_EACH; i++)
		put(context, LEVEL_INFO, "somebody with a name");
	return NULL;
}

/* Reads as they come, waiting when there is nothing. */
static void test_threads(void)
{
	struct log_ring *ring = create(LOG_RING_BYTES);
	pthread_t writers[WRITERS];
	struct log_ring_line line;
	uint64_t first, oldest, newest, after = 0;
	bool is_whole = true, grows = true, is_woken = true;

	for (unsigned i = 0; i < WRITERS; i++)
		pthread_create(&writers[i], NULL, write_lines, ring);
	log_ring_numbers(ring, &first, &oldest, &newest);
	while (is_woken && after < first + WRITERS * LINES_EACH - 1) {
		log_ring_arm(ring);
		if (!log_ring_next(ring, after, &line)) {
			is_woken = is_told(ring, PATIENCE_MS);
			continue;
		}
		grows &= line.number > after;
		is_whole &= strstr(line.json.text, "somebody with a name\"}") != NULL;
		after = line.number;
	}
	ok(is_woken, "the reader was woken for each line");
	ok(grows && is_whole, "each whole, and in order");
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	log_ring_destroy(ring);
}

static void test_log(void)
{
	struct log_ring *ring = create(LOG_RING_BYTES);
	const struct log_settings quiet = {
		.min_level = LEVEL_WARNING, .file = "/dev/null", .rate = 1};
	struct log_ring_line line;
	uint64_t first, oldest, newest;

	if (log_open(&quiet) != OK)
		printf("Bail out! no log\n"), exit(1);
	log_set_ring(ring);
	log_info("not written", NULL);
	log_warning("written", "n=%d", 1);
	log_warning("written", "n=%d", 2);
	log_set_ring(NULL);
	log_error("written elsewhere", NULL);
	log_ring_numbers(ring, &first, &oldest, &newest);
	is_int(newest - first + 1, 1,
	       "what the log writes is in it, and what it holds back is not");
	ok(log_ring_next(ring, 0, &line) && strstr(line.json.text, "\"n\":1}") != NULL,
	   "as JSON, whatever the log's form");
	log_close();
	log_ring_destroy(ring);
}

int main(void)
{
	test_order();
	test_bytes();
	test_lines();
	test_numbers_of_next_start();
	test_waking();
	test_threads();
	test_log();
	return tap_end();
}
