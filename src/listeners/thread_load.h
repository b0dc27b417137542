/* How much the thread that asks has to do, told by the CPU time that it used of late. */
#pragma once

#include <stdint.h>

enum { THREAD_LOAD_MAX = 3 };

struct thread_load {
	unsigned level;
	uint64_t looked_at_ns, cpu_ns; /* at the last look */
};

/* Says how busy the calling thread is, from 0, not very, to THREAD_LOAD_MAX. Looks at its CPU time every few
 * milliseconds only, and so may be called often. The level rises when the thread needed half of its time,
 * and again while that does not help, and falls when it needs little: what knowing it saves makes no one
 * forget it. */
unsigned thread_load_level(struct thread_load *load);
