/* The values of the metrics of base/metric.h, as the request "metrics" is answered: main thread. */
#pragma once

#include <jansson.h>

#include "base/metric.h"
#include "relay/main_thread.h"

/* Returns {"time": T, "metrics": [METRIC, ...]}, or NULL when there is no memory. T is in seconds since
 * 1970. With by_thread what threads count has a label for the thread, else it is summed up.
 *
 *     METRIC  {"name": .., "help": .., "type": .., "unit": .., "samples": [SAMPLE, ...]}
 *     SAMPLE  {"labels": {..}, "value": N}; of a histogram
 *             {"labels": {..}, "count": N, "sum": S, "buckets": [[at most, how many], ...],
 *              "quantiles": {"0.5": S, ...}} */
json_t *metrics_describe(const struct main_thread *main_thread, bool by_thread);
/* The same of a metric of the server's own: its samples. */
void metrics_describe_server(const struct main_thread *main_thread, enum metric_server row,
                             json_t *samples);
/* Adds a sample; labels and value are taken over. labels NULL: none. */
void metrics_add(json_t *samples, json_t *labels, json_t *value);
