/* How many lines of an event pass in a second, with a time of its own. */
#include "tap.h"

#include "base/log_rate.h"

static bool passes(struct log_rate *rate, const char *event, const char *kind, uint64_t now_ms,
                   unsigned *held_back)
{
	struct log_entry entry;

	log_entry_init(&entry, LEVEL_WARNING, event);
	entry.kind = kind;
	return log_rate_passes(rate, &entry, now_ms, held_back);
}

static void test_second(void)
{
	static struct log_rate rate = {.per_second = 2};
	unsigned held_back = 9, passed = 0;

	for (unsigned i = 0; i < 10; i++)
		passed += passes(&rate, "a", NULL, 5000 + i, &held_back);
	is_int(passed, 2, "two in a second");
	ok(passes(&rate, "b", NULL, 5100, &held_back) && held_back == 0,
	   "another event has its own");
	ok(passes(&rate, "a", "user-quota", 5100, &held_back), "and so has another kind");
	ok(passes(&rate, "a", NULL, 6000, &held_back), "one in the next second");
	is_int(held_back, 8, "which tells of those held back");
	ok(passes(&rate, "a", NULL, 6001, &held_back) && held_back == 0, "once");
	ok(!passes(&rate, "a", NULL, 6002, &held_back), "and then no more");
}

static void test_no_bound(void)
{
	static struct log_rate rate;
	unsigned held_back, passed = 0;

	for (unsigned i = 0; i < 1000; i++)
		passed += passes(&rate, "a", NULL, 5000, &held_back);
	is_int(passed, 1000, "0 is no bound");
}

/* More events than there are slots: they are bounded all the same, and nothing is written elsewhere. */
static void test_many(void)
{
	static struct log_rate rate = {.per_second = 1};
	static char names[3 * LOG_RATE_SLOTS][16];
	unsigned held_back, passed = 0;

	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < 3 * LOG_RATE_SLOTS; i++) {
			snprintf(names[i], sizeof names[i], "event %u", i);
			passed += passes(&rate, names[i], NULL, 5000, &held_back);
		}
	is_int(passed, LOG_RATE_SLOTS, "as many as there are slots");
}

int main(void)
{
	test_second();
	test_no_bound();
	test_many();
	return tap_end();
}
