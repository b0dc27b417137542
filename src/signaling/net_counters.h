/* What a worker thread counts: it alone writes, any thread reads. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum net_counter {
#define NET_COUNTER(name, help) NET_COUNT_##name,
#include "signaling/net_counters.def"
	NET_COUNTERS /* the count */
};

struct net_counters {
	_Atomic uint64_t value[NET_COUNTERS];
};

/* One thread writes, so that no locked instruction is needed; relaxed: a reader wants a recent value and orders nothing by it. */
static inline void net_count(struct net_counters *counters, enum net_counter counter, int64_t n)
{
	uint64_t old = atomic_load_explicit(&counters->value[counter], memory_order_relaxed);
	atomic_store_explicit(&counters->value[counter], old + (uint64_t)n, memory_order_relaxed);
}
static inline uint64_t net_counter_read(const struct net_counters *counters,
                                        enum net_counter counter)
{
	return atomic_load_explicit(&counters->value[counter], memory_order_relaxed);
}
const char *net_counter_name(enum net_counter counter);
const char *net_counter_help(enum net_counter counter);
