/* The rule by which a server is alive. */
#include "tap.h"

#include "process/watchdog.h"

static void answer(struct watchdog *watchdog, unsigned n)
{
	while (n-- > 0)
		watchdog_answered(watchdog);
}

static void test_all_answer(void)
{
	struct watchdog watchdog = {0};

	is_int(watchdog_tick(&watchdog), WATCHDOG_ASK, "nothing is known at first");
	for (unsigned i = 0; i < 3; i++) {
		watchdog_asked(&watchdog, 4);
		answer(&watchdog, 4);
		is_int(watchdog_tick(&watchdog), WATCHDOG_PET_AND_ASK, "all have answered");
	}
}

static void test_one_hangs(void)
{
	struct watchdog watchdog = {0};

	watchdog_asked(&watchdog, 4);
	is_int(watchdog_tick(&watchdog), WATCHDOG_WAIT, "none has answered");
	answer(&watchdog, 3);
	for (unsigned i = 0; i < 5; i++)
		is_int(watchdog_tick(&watchdog), WATCHDOG_WAIT, "one hangs, however long");
	answer(&watchdog, 1);
	is_int(watchdog_tick(&watchdog), WATCHDOG_PET_AND_ASK, "it goes on");
	watchdog_asked(&watchdog, 4);
	is_int(watchdog_tick(&watchdog), WATCHDOG_WAIT, "and is asked anew");
}

int main(void)
{
	test_all_answer();
	test_one_hangs();
	return tap_end();
}
