/* How often values of which size came: buckets of fixed number, eight to each doubling, so that a value
 * is known to an eighth of itself, be it one or a thousand million.
 *
 *     bucket    0   1  ...  7    8  ...  15      16       17    ...    23       24
 *     values    1   2  ...  8    9  ...  16    17..18   19..20       31..32   33..36
 *
 * A bucket holds the values above the last one's greatest, up to and with its own: how many were at most
 * 2^n is told exactly. One thread adds, any thread reads. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum {
	HISTOGRAM_STEP_BITS = 3,
	HISTOGRAM_STEPS = 1 << HISTOGRAM_STEP_BITS, /* to each doubling */
	HISTOGRAM_BUCKETS = 256,                    /* up to 2^34; what is more is in the last */
};

struct histogram {
	_Atomic uint64_t bucket[HISTOGRAM_BUCKETS];
	_Atomic uint64_t sum;
};

/* Which bucket a value is in. 0 counts as 1. */
static inline unsigned histogram_bucket(uint64_t value)
{
	uint64_t below = value > 0 ? value - 1 : 0;

	if (below < HISTOGRAM_STEPS)
		return (unsigned)below;
	unsigned shift = 63 - (unsigned)__builtin_clzll(below) - HISTOGRAM_STEP_BITS;
	unsigned index = (shift << HISTOGRAM_STEP_BITS) + (unsigned)(below >> shift);

	return index < HISTOGRAM_BUCKETS ? index : HISTOGRAM_BUCKETS - 1;
}

/* As counters are: only the owning thread writes, and nothing is ordered by it. */
static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
	_Atomic uint64_t *bucket = &histogram->bucket[histogram_bucket(value)];

	atomic_store_explicit(bucket, atomic_load_explicit(bucket, memory_order_relaxed) + 1,
	                      memory_order_relaxed);
	atomic_store_explicit(&histogram->sum,
	                      atomic_load_explicit(&histogram->sum, memory_order_relaxed) + value,
	                      memory_order_relaxed);
}

/* What a reader has of one or several histograms, all zero at first. */
struct histogram_sum {
	uint64_t bucket[HISTOGRAM_BUCKETS];
	uint64_t count, sum;
};

/* Adds what a histogram has by now. */
void histogram_merge(struct histogram_sum *into, const struct histogram *histogram);
/* Returns how many values were at most most, which is exact for 2^n and else rounds up to a bucket. */
uint64_t histogram_count_up_to(const struct histogram_sum *sum, uint64_t most);
/* Returns the greatest value of the bucket that the share of all values reaches: at least the value it
 * stands for, and less than an eighth more. share: 0 to 1. 0 when nothing was added. */
uint64_t histogram_quantile(const struct histogram_sum *sum, double share);
/* Returns the greatest value of a bucket. */
uint64_t histogram_bucket_most(unsigned bucket);
