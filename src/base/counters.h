/* What a thread counts: one thread writes, any thread reads. The names are what operators see.
 *
 * A row of counters.def that is counted by transport has a lane for each client transport, all others
 * one lane. A lane is an array, so that to choose one is to add to a pointer. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/histogram.h"

enum counter {
#define COUNTER(name, help) COUNT_##name,
#include "base/counters.def"
#undef COUNTER
	COUNTER_COUNT /* the number of counters */
};

enum timing {
#define HISTOGRAM(name, unit, least, most, help) HISTOGRAM_##name,
#include "base/histograms.def"
#undef HISTOGRAM
	TIMING_COUNT /* the number of histograms */
};

/* Transports, and what is of none: what no client is known of, and every row without a transport. */
enum { COUNTER_LANE_NONE = TRANSPORT_COUNT, COUNTER_LANES };

enum { /* lanes begin where cache lines do: the counters of data packets are the first line */
       COUNTER_LINE = 8,
       COUNTER_ROOM = (COUNTER_COUNT + COUNTER_LINE - 1) / COUNTER_LINE * COUNTER_LINE,
};

struct counter_lane {
	_Atomic uint64_t value[COUNTER_ROOM];
};

struct counters {
	struct counter_lane lane[COUNTER_LANES];
	struct histogram histogram[TIMING_COUNT];
};

/* Whether a row is counted by transport. Known to the compiler where the counter is. */
static inline bool counter_is_by_transport(enum counter counter)
{
	switch (counter) {
#define COUNTER(name, help)
#define COUNTER_BY_TRANSPORT(name, help) case COUNT_##name:
#include "base/counters.def"
#undef COUNTER_BY_TRANSPORT
#undef COUNTER
		return true;
	default:
		return false;
	}
}

/* Only the owning thread writes, so that no locked instruction is needed; relaxed, because a
 * reader wants a recent value and orders nothing by it. */
static inline void counter_lane_add(struct counter_lane *lane, enum counter counter, uint64_t n)
{
	uint64_t old = atomic_load_explicit(&lane->value[counter], memory_order_relaxed);
	atomic_store_explicit(&lane->value[counter], old + n, memory_order_relaxed);
}
static inline void counter_add(struct counters *counters, enum counter counter, uint64_t n)
{
	counter_lane_add(&counters->lane[COUNTER_LANE_NONE], counter, n);
}
static inline void counter_sub(struct counters *counters, enum counter counter, uint64_t n)
{
	counter_add(counters, counter, 0 - n);
}
/* Counts what a client of this transport had to do with; a row that is not counted by transport, for
 * all of them. */
static inline void counter_add_for(struct counters *counters, enum transport transport,
                                   enum counter counter, uint64_t n)
{
	unsigned lane = counter_is_by_transport(counter) ? transport : COUNTER_LANE_NONE;

	counter_lane_add(&counters->lane[lane], counter, n);
}
static inline uint64_t counter_read_lane(const struct counters *counters, unsigned lane,
                                         enum counter counter)
{
	return atomic_load_explicit(&counters->lane[lane].value[counter], memory_order_relaxed);
}
/* Reads the sum of all lanes. */
static inline uint64_t counter_read(const struct counters *counters, enum counter counter)
{
	uint64_t sum = 0;

	for (unsigned lane = 0; lane < COUNTER_LANES; lane++)
		sum += counter_read_lane(counters, lane, counter);
	return sum;
}

const char *counter_name(enum counter counter);
const char *counter_help(enum counter counter);
