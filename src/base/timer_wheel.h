/* Timers by the thousand: a hierarchical wheel. Setting, moving and cancelling cost the same
 * however many there are. The wheel has no clock; it is told the time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "base/timestamp.h"

struct timer;
typedef void timer_expire_fn(struct timer *timer, timestamp now);

struct timer { /* lives inside the object it belongs to; zeroed memory is an idle timer */
	struct list node;
	timestamp deadline;
	timer_expire_fn *expire;
};

struct timer_wheel;

/* Creates a wheel whose present is now. Deadlines are kept to the millisecond. */
MUST_CHECK enum err timer_wheel_create(timestamp now, struct timer_wheel **wheel);
void timer_wheel_destroy(struct timer_wheel *wheel);

/* Sets or moves a timer. A deadline in the past expires at the next advance. */
void timer_set(struct timer_wheel *wheel, struct timer *timer, timestamp deadline,
               timer_expire_fn *expire);
void timer_cancel(struct timer_wheel *wheel, struct timer *timer); /* idle timers are fine */
bool timer_is_set(const struct timer *timer);

/* Returns when the wheel next wants to be advanced: the earliest deadline or a time before it;
 * TIMESTAMP_NEVER when no timer is set. */
timestamp timer_wheel_next(const struct timer_wheel *wheel);
/* Expires, in order of deadline, all timers up to and including now. A callback may set, move and
 * cancel any timer, free its own object and those of other timers. */
void timer_wheel_advance(struct timer_wheel *wheel, timestamp now);
