/* Randomness can only be tested for what it must not be: equal, bounded wrongly, biased. */
#include "tap.h"

#include <stdint.h>

#include "base/random.h"

static void test_bytes(void)
{
	uint8_t a[32] = {0}, b[33] = {0}, zero[32] = {0};

	random_bytes(a, sizeof a);
	random_bytes(b, 32);
	ok(memcmp(a, b, 32) != 0 && memcmp(a, zero, 32) != 0, "never the same twice");
	is_int(b[32], 0, "no byte too many");
	random_bytes(a, 0);
}

static void test_below(void)
{
	/* Three out of four numbers fit: a plain remainder would give the lower third twice its share. */
	const uint32_t bound = 0xC0000000;
	enum { DRAWS = 30000 };
	unsigned lower = 0, seen[3] = {0};
	bool is_below = true;

	for (unsigned i = 0; i < DRAWS; i++) {
		uint32_t number = random_below(bound);

		is_below = is_below && number < bound;
		lower += number < 0x40000000;
	}
	ok(is_below, "below its bound");
	/* 10,000 expected, 82 standard deviation; with bias it would be 15,000. */
	ok(lower > 9500 && lower < 10500, "without bias: %u of %u in the lower third", lower,
	   DRAWS);
	for (unsigned i = 0; i < 300; i++)
		seen[random_below(3)]++;
	ok(seen[0] > 40 && seen[1] > 40 && seen[2] > 40, "small bounds");
	is_int(random_below(1), 0, "a choice of one");
}

int main(void)
{
	test_bytes();
	test_below();
	return tap_end();
}
