/* When to try again, with a time of its own. */
#include "tap.h"

#include "base/backoff.h"

enum { FIRST_MS = 100, LAST_MS = 1000 };

/* Fails so often, and returns what is waited after the last time. */
static timestamp waited(struct backoff *backoff, timestamp now, unsigned times)
{
	while (times-- > 0)
		backoff_failed(backoff, now);
	return backoff->due - now;
}

static void expect_between(timestamp waited_ms, timestamp least, timestamp most, const char *what)
{
	ok(waited_ms >= least && waited_ms <= most, what);
}

static void test_growing(void)
{
	struct backoff backoff;

	backoff_init(&backoff, FIRST_MS, LAST_MS);
	ok(backoff_is_due(&backoff, 0), "the first attempt is due at once");
	expect_between(waited(&backoff, 5000, 1), 50, 100, "half of the first interval or more");
	ok(!backoff_is_due(&backoff, 5049) && backoff_is_due(&backoff, 5100), "then it is due");
	expect_between(waited(&backoff, 5000, 1), 100, 200, "of twice as much");
	expect_between(waited(&backoff, 5000, 2), 400, 800, "and twice as much again");
	expect_between(waited(&backoff, 5000, 1), 500, 1000, "up to the last interval");
	expect_between(waited(&backoff, 5000, 100), 500, 1000, "and no more");
}

static void test_beginning_anew(void)
{
	struct backoff backoff;

	backoff_init(&backoff, FIRST_MS, LAST_MS);
	waited(&backoff, 5000, 9);
	backoff_worked(&backoff, 6000);
	expect_between(waited(&backoff, 6000 + BACKOFF_STEADY_MS - 1, 1), 500, 1000,
	               "what worked for a short time is not tried at once");
	backoff_worked(&backoff, 20000);
	expect_between(waited(&backoff, 20000 + BACKOFF_STEADY_MS, 1), 50, 100,
	               "what worked for long is");
	expect_between(waited(&backoff, 90000, 9), 500, 1000,
	               "failures in a row are no time in which it worked");
}

/* Two who lost the same server wait differently: a thousand waits are not one. */
static void test_chance(void)
{
	timestamp least = LAST_MS, most = 0;

	for (unsigned i = 0; i < 1000; i++) {
		struct backoff backoff;
		timestamp waited_ms;

		backoff_init(&backoff, FIRST_MS, LAST_MS);
		waited_ms = waited(&backoff, 5000, 1);
		least = waited_ms < least ? waited_ms : least;
		most = waited_ms > most ? waited_ms : most;
	}
	expect_between(least, 50, 60, "the shortest of many");
	expect_between(most, 90, 100, "the longest of many");
}

int main(void)
{
	test_growing();
	test_beginning_anew();
	test_chance();
	return tap_end();
}
