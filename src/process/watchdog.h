/* The rule by which a server is alive: all its threads have answered what they were asked last. */
#pragma once

#include <stdbool.h>

struct watchdog {
	unsigned waiting; /* answers that have not come */
	bool has_asked;
};

enum watchdog_verdict {
	WATCHDOG_ASK,         /* for the first time: nothing is known yet */
	WATCHDOG_PET_AND_ASK, /* all have answered: say so, and ask anew */
	WATCHDOG_WAIT,        /* somebody hangs: say nothing, ask nothing */
};

/* Each half of the watchdog's time. With an _ASK the host asks, and tells by watchdog_asked of how many. */
enum watchdog_verdict watchdog_tick(const struct watchdog *watchdog);
void watchdog_asked(struct watchdog *watchdog, unsigned threads);
void watchdog_answered(struct watchdog *watchdog);
