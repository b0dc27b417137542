/* What readers make of histograms. */
#include "base/histogram.h"

void histogram_merge(struct histogram_sum *into, const struct histogram *histogram)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t n = atomic_load_explicit(&histogram->bucket[i], memory_order_relaxed);

		into->bucket[i] += n;
		into->count += n;
	}
	into->sum += atomic_load_explicit(&histogram->sum, memory_order_relaxed);
}

/* The other way round than histogram_bucket: the steps of a doubling begin at HISTOGRAM_STEPS. */
uint64_t histogram_bucket_most(unsigned bucket)
{
	if (bucket < HISTOGRAM_STEPS)
		return bucket + 1;
	unsigned shift = (bucket >> HISTOGRAM_STEP_BITS) - 1;
	uint64_t step = HISTOGRAM_STEPS + bucket % HISTOGRAM_STEPS;

	return (step + 1) << shift;
}

uint64_t histogram_count_up_to(const struct histogram_sum *sum, uint64_t most)
{
	unsigned last = histogram_bucket(most);
	uint64_t count = 0;

	for (unsigned i = 0; i <= last; i++)
		count += sum->bucket[i];
	return count;
}

uint64_t histogram_quantile(const struct histogram_sum *sum, double share)
{
	double wanted = share * (double)sum->count;
	uint64_t count = 0;

	if (sum->count == 0)
		return 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		count += sum->bucket[i];
		if (count > 0 && (double)count >= wanted)
			return histogram_bucket_most(i);
	}
	return histogram_bucket_most(HISTOGRAM_BUCKETS - 1);
}
