/* Nobody is asked twice before having answered once: a thread that hangs finds one letter when it goes
 * on, and not a day's. */
#include "process/watchdog.h"

#include <assert.h>

enum watchdog_verdict watchdog_tick(const struct watchdog *watchdog)
{
	if (!watchdog->has_asked)
		return WATCHDOG_ASK;
	return watchdog->waiting == 0 ? WATCHDOG_PET_AND_ASK : WATCHDOG_WAIT;
}

void watchdog_asked(struct watchdog *watchdog, unsigned threads)
{
	assert(watchdog->waiting == 0);
	watchdog->has_asked = true;
	watchdog->waiting = threads;
}

void watchdog_answered(struct watchdog *watchdog)
{
	assert(watchdog->waiting > 0);
	watchdog->waiting--;
}
