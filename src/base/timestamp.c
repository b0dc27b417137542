/* The two clocks of the programs. */
#include "base/timestamp.h"

#include <time.h>

static uint64_t read_ms(clockid_t clock)
{
	struct timespec time;

	/* Cannot fail: both clocks exist wherever the programs run. */
	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

timestamp timestamp_now(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

uint64_t timestamp_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}
