/* What a hub counts: its thread writes, any thread reads. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum hub_counter {
#define HUB_COUNTER(name, help) HUB_COUNT_##name,
#include "signaling/hub_counters.def"
	HUB_COUNTERS /* the number of counters */
};

struct hub_counters {
	_Atomic uint64_t value[HUB_COUNTERS];
};

/* One thread writes, so that no locked instruction is needed; relaxed: a reader wants a recent value and orders nothing by it. */
static inline void hub_count(struct hub_counters *counters, enum hub_counter counter, int64_t n)
{
	uint64_t old = atomic_load_explicit(&counters->value[counter], memory_order_relaxed);
	atomic_store_explicit(&counters->value[counter], old + (uint64_t)n, memory_order_relaxed);
}
static inline uint64_t hub_counter_read(const struct hub_counters *counters,
                                        enum hub_counter counter)
{
	return atomic_load_explicit(&counters->value[counter], memory_order_relaxed);
}
const char *hub_counter_name(enum hub_counter counter);
const char *hub_counter_help(enum hub_counter counter);
