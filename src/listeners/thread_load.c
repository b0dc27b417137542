/* How much the thread that asks has to do. */
#include "listeners/thread_load.h"

#include <time.h>

static const uint64_t LOOK_NS = 5000000;

/* Eighths of the time that passed: from where each level rises, and below which all fall. */
static const unsigned MUCH[THREAD_LOAD_MAX] = {4, 3, 3}, LITTLE = 1;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	/* Cannot fail: the clocks exist wherever the programs run. */
	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

unsigned thread_load_level(struct thread_load *load)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), passed = now - load->looked_at_ns, cpu, used;

	if (passed < LOOK_NS)
		return load->level;
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	used = 8 * (cpu - load->cpu_ns);
	if (load->level < THREAD_LOAD_MAX && used >= MUCH[load->level] * passed)
		load->level++;
	else if (used < LITTLE * passed && load->level > 0)
		load->level--;
	load->looked_at_ns = now;
	load->cpu_ns = cpu;
	return load->level;
}
