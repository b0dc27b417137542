/* Time as the programs count it: milliseconds of a monotonic clock. The core never reads a clock;
 * whoever drives it does, once for each batch. */
#pragma once

#include <stdint.h>

typedef uint64_t timestamp;

#define TIMESTAMP_NEVER UINT64_MAX

/* Returns the milliseconds of CLOCK_MONOTONIC. */
timestamp timestamp_now(void);

/* Returns the microseconds of the same clock, for what is measured. */
uint64_t timestamp_us(void);

/* Returns the milliseconds since 1970 of CLOCK_REALTIME. */
uint64_t timestamp_wall_ms(void);
