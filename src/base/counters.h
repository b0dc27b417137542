/* Counters that one thread writes and any thread reads. Their names are what operators see. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum counter {
#define COUNTER(name, help) COUNT_##name,
#include "base/counters.def"
#undef COUNTER
	COUNTER_COUNT /* the number of counters */
};

struct counters {
	_Atomic uint64_t value[COUNTER_COUNT];
};

/* Only the owning thread writes, so that no locked instruction is needed; relaxed, because a
 * reader wants a recent value and orders nothing by it. */
static inline void counter_add(struct counters *counters, enum counter counter, uint64_t n)
{
	uint64_t old = atomic_load_explicit(&counters->value[counter], memory_order_relaxed);
	atomic_store_explicit(&counters->value[counter], old + n, memory_order_relaxed);
}
static inline void counter_sub(struct counters *counters, enum counter counter, uint64_t n)
{
	counter_add(counters, counter, 0 - n);
}
static inline uint64_t counter_read(const struct counters *counters, enum counter counter)
{
	return atomic_load_explicit(&counters->value[counter], memory_order_relaxed);
}

const char *counter_name(enum counter counter);
const char *counter_help(enum counter counter);
