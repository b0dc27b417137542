/* When to try again what may be away: soon at first, then at growing intervals. It is a time and no timer;
 * whoever tries looks at it. */
#pragma once

#include <stdbool.h>

#include "base/timestamp.h"

/* What was there for less than this is as good as not there: it is not tried anew ten times a second. */
enum { BACKOFF_STEADY_MS = 10000 };

struct backoff {
	unsigned first_ms, last_ms, next_ms;
	timestamp due;       /* the next attempt */
	timestamp worked_at; /* 0: the last attempt failed */
};

/* Is due at once. Of each interval, between first_ms and last_ms, at least half is waited. */
void backoff_init(struct backoff *backoff, unsigned first_ms, unsigned last_ms);
/* An attempt succeeded. */
void backoff_worked(struct backoff *backoff, timestamp now);
/* An attempt failed, or what had worked does so no longer. */
void backoff_failed(struct backoff *backoff, timestamp now);

static inline bool backoff_is_due(const struct backoff *backoff, timestamp now)
{
	return now >= backoff->due;
}
