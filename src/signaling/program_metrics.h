/* What the workers count, as the requests "counters" and "metrics" are answered: main thread. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct program;

/* {"counters": {"joins": N, ...}, "threads": [{...}, ...]}; the threads only with by_thread. NULL without memory. */
json_t *program_counters_describe(const struct program *program, bool by_thread);
/* {"time": T, "metrics": [...]}, in the form that turnserver answers in. */
json_t *program_metrics_describe(const struct program *program, bool by_thread);
