/* The two clocks of the programs. */
#include "base/timestamp.h"

#include <time.h>

/* Cannot fail: both clocks exist wherever the programs run. */
static uint64_t read_clock(clockid_t clock, uint64_t units_per_s)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * units_per_s +
	       (uint64_t)time.tv_nsec / (1000000000 / units_per_s);
}

timestamp timestamp_now(void)
{
	return read_clock(CLOCK_MONOTONIC, 1000);
}

uint64_t timestamp_us(void)
{
	return read_clock(CLOCK_MONOTONIC, 1000000);
}

uint64_t timestamp_wall_ms(void)
{
	return read_clock(CLOCK_REALTIME, 1000);
}
