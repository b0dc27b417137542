/* The last hour of the relay, a sample each five seconds: what the charts of the overview show. A thread of its own asks the relay by its
 * control socket ("metrics"), also while nobody looks; while the relay is away there are gaps. */
#pragma once

#include <jansson.h>

#include "base/err.h"

struct history;
enum { HISTORY_INTERVAL_S = 5, HISTORY_SAMPLES = 720 };

MUST_CHECK enum err history_start(const char *relay_socket, struct history **history);
void history_stop(struct history *history); /* NULL is fine */
/* {interval, times: [...], series: {allocations: [...], bytes_in: [...], ...}}; rates are per second, null is a gap. since: seconds since
 * 1970, 0 for all. NULL: no memory. Any thread. */
json_t *history_describe(struct history *history, double since);
/* The newest answer of "metrics", a reference of the caller's; NULL: the relay is away. */
json_t *history_latest(struct history *history);
/* [{name, cpu_seconds, load}] of the relay's threads; load: the share of a CPU between the last two samples, null is unknown. */
json_t *history_threads(struct history *history);
