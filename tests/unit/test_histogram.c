/* Histograms against the sorted list of what was added. */
#include "base/histogram.h"

#include <stdlib.h>

#include "tap.h"

enum { VALUES = 20000 };

static uint64_t values[VALUES];

/* A generator of its own, so that each run is the same; sizes of all magnitudes. */
static uint64_t draw(void)
{
	static uint64_t state = 42;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 20) >> (10 + (state >> 59));
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static void test_buckets(void)
{
	unsigned gaps = 0, wide = 0;
	uint64_t below = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t most = histogram_bucket_most(i);
		gaps += histogram_bucket(below + 1) != i || histogram_bucket(most) != i;
		wide += (most - below) * HISTOGRAM_STEPS > (below + 1) && most - below > 1;
		below = most;
	}
	is_int(gaps, 0, "each bucket begins behind the last one");
	is_int(wide, 0, "none is wider than an eighth of what is in it");
	is_int(histogram_bucket(0), 0, "0 is in the first");
	is_int(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1, "the greatest in the last");
	is_int(histogram_bucket((uint64_t)1 << 34), HISTOGRAM_BUCKETS - 1, "2^34 as well");
}

static uint64_t count_up_to(uint64_t most)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < VALUES; i++)
		count += values[i] <= most;
	return count;
}

static void test_against_list(void)
{
	static const double shares[] = {0, 0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
	static struct histogram one, other;
	struct histogram_sum sum = {0};
	uint64_t total = 0;
	unsigned wrong = 0;

	for (unsigned i = 0; i < VALUES; i++) {
		values[i] = draw();
		total += values[i];
		histogram_add(i % 3 ? &one : &other, values[i]);
	}
	qsort(values, VALUES, sizeof values[0], compare);
	histogram_merge(&sum, &one);
	histogram_merge(&sum, &other);
	is_int(sum.count, VALUES, "all are counted, of both");
	is_int(sum.sum, total, "and summed up");
	for (unsigned power = 0; power <= 34; power++)
		wrong += histogram_count_up_to(&sum, (uint64_t)1 << power) !=
		         count_up_to((uint64_t)1 << power);
	is_int(wrong, 0, "how many are at most 2^n is exact");
	for (unsigned i = 0; i < sizeof shares / sizeof shares[0]; i++) {
		uint64_t rank = (uint64_t)(shares[i] * VALUES);
		uint64_t exact = values[rank > 0 ? rank - 1 : 0];
		uint64_t told = histogram_quantile(&sum, shares[i]);
		ok(told >= exact && (told - exact) * HISTOGRAM_STEPS <= exact + HISTOGRAM_STEPS,
		   "quantile %g: %llu is told for %llu", shares[i], (unsigned long long)told,
		   (unsigned long long)exact);
	}
}

static void test_empty(void)
{
	struct histogram_sum sum = {0};

	is_int(histogram_quantile(&sum, 0.5), 0, "nothing has no median");
	is_int(histogram_count_up_to(&sum, 1000), 0, "and no values");
}

int main(void)
{
	test_buckets();
	test_against_list();
	test_empty();
	return tap_end();
}
