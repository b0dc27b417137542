/* Counters and histograms of all threads as JSON. They are read while the threads go on counting: what is
 * told of two counters may be some microseconds apart. */
#include "relay/metrics.h"

#include <stdio.h>

#include "base/timestamp.h"
#include "relay/thread.h"

/* Whose counters a sample tells of: from first to last, as one. */
struct span {
	unsigned first, last;
	const char *name; /* of the label "thread"; NULL: it has none */
};

struct scope {
	const struct main_thread *main_thread;
	bool by_thread;
};

typedef void describe_fn(const struct scope *scope, const struct span *span,
                         const struct metric *metric, json_t *samples);
static describe_fn describe_group, describe_counter, describe_histogram, describe_coturn,
	describe_drops, describe_lanes;

static describe_fn *const describers[] = {
	[METRIC_OF_GROUP] = describe_group,         [METRIC_OF_COUNTER] = describe_counter,
	[METRIC_OF_HISTOGRAM] = describe_histogram, [METRIC_OF_COTURN] = describe_coturn,
	[METRIC_OF_DROPS] = describe_drops,         [METRIC_OF_LANES] = describe_lanes,
};

static json_t *describe(const struct scope *scope, const struct metric *metric);
static void describe_threads(const struct scope *scope, const struct metric *metric,
                             json_t *samples);

json_t *metrics_describe(const struct main_thread *main_thread, bool by_thread)
{
	const struct scope scope = {main_thread, by_thread};
	json_t *list = json_array();
	struct metric metric;

	for (unsigned i = 0; metric_get(i, &metric); i++)
		json_array_append_new(list, describe(&scope, &metric));
	return json_pack("{s:f, s:o}", "time", (double)timestamp_wall_ms() / 1000, "metrics", list);
}

static json_t *describe(const struct scope *scope, const struct metric *metric)
{
	json_t *samples = json_array();

	if (metric->source == METRIC_OF_SERVER)
		metrics_describe_server(scope->main_thread, metric->row, samples);
	else
		describe_threads(scope, metric, samples);
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", metric->name, "help", metric->help,
	                 "type", metric_type_name(metric->type), "unit", metric->unit, "samples",
	                 samples);
}

/* By coturn's names there are no threads. */
static void describe_threads(const struct scope *scope, const struct metric *metric,
                             json_t *samples)
{
	const struct relay *relay = scope->main_thread->relay;
	struct span span = {0, relay->thread_count - 1, NULL};
	char name[RELAY_THREAD_NAME_SIZE];

	if (!scope->by_thread || metric->source >= METRIC_OF_COTURN) {
		describers[metric->source](scope, &span, metric, samples);
		return;
	}
	for (unsigned i = 0; i < relay->thread_count; i++) {
		span = (struct span){i, i, relay_thread_name(relay->threads[i], name)};
		describers[metric->source](scope, &span, metric, samples);
	}
}

void metrics_add(json_t *samples, json_t *labels, json_t *value)
{
	json_array_append_new(samples,
	                      json_pack("{s:o, s:o}", "labels",
	                                labels != NULL ? labels : json_object(), "value", value));
}

static json_t *label_thread(const struct span *span)
{
	return span->name != NULL ? json_pack("{s:s}", "thread", span->name) : json_object();
}

/* ---- counters ---- */

static uint64_t read_all(const struct scope *scope, const struct span *span, enum counter counter)
{
	const struct relay *relay = scope->main_thread->relay;
	uint64_t sum = 0;

	for (unsigned i = span->first; i <= span->last; i++)
		sum += counter_read(&relay->threads[i]->counters, counter);
	return sum;
}

static uint64_t read_lane(const struct scope *scope, const struct span *span, unsigned lane,
                          enum counter counter)
{
	const struct relay *relay = scope->main_thread->relay;
	uint64_t sum = 0;

	for (unsigned i = span->first; i <= span->last; i++)
		sum += counter_read_lane(&relay->threads[i]->counters, lane, counter);
	return sum;
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* A sample for each client transport, and one for what is of none where there is any. */
static void describe_by_transport(const struct scope *scope, const struct span *span,
                                  enum counter counter, const json_t *labels, json_t *samples)
{
	for (unsigned lane = 0; lane < COUNTER_LANES; lane++) {
		uint64_t value = read_lane(scope, span, lane, counter);
		json_t *own = json_deep_copy(labels);

		json_object_set_new(own, "transport", json_string(metric_transport(lane)));
		if (lane != COUNTER_LANE_NONE || value != 0)
			metrics_add(samples, own, number(value));
		else
			json_decref(own);
	}
}

static void describe_counter(const struct scope *scope, const struct span *span,
                             const struct metric *metric, json_t *samples)
{
	json_t *labels = label_thread(span);

	if (!counter_is_by_transport(metric->counter)) {
		metrics_add(samples, labels, number(read_all(scope, span, metric->counter)));
		return;
	}
	describe_by_transport(scope, span, metric->counter, labels, samples);
	json_decref(labels);
}

static json_t *label_group(const struct span *span, const struct metric *metric,
                           enum counter counter)
{
	char values[METRIC_VALUES][METRIC_NAME_SIZE], names[METRIC_VALUES][METRIC_LABELS_SIZE];
	json_t *labels = label_thread(span);
	int count = sscanf(metric->labels, "%39s %39s", names[0], names[1]);

	metric_group_values(metric, counter, values);
	for (int i = 0; i < count; i++)
		if (values[i][0] != 0)
			json_object_set_new(labels, names[i], json_string(values[i]));
	return labels;
}

/* What has no transport in a group that has some is of none. */
static void describe_group(const struct scope *scope, const struct span *span,
                           const struct metric *metric, json_t *samples)
{
	for (enum counter counter = 0; counter < COUNTER_COUNT; counter++) {
		if (!metric_has_counter(metric, counter))
			continue;
		json_t *labels = label_group(span, metric, counter);
		if (counter_is_by_transport(counter)) {
			describe_by_transport(scope, span, counter, labels, samples);
			json_decref(labels);
			continue;
		}
		if (metric_is_by_transport(metric))
			json_object_set_new(labels, "transport",
			                    json_string(metric_transport(COUNTER_LANE_NONE)));
		metrics_add(samples, labels, number(read_all(scope, span, counter)));
	}
}

/* ---- by coturn's names ---- */

static void describe_coturn(const struct scope *scope, const struct span *span,
                            const struct metric *metric, json_t *samples)
{
	uint64_t sum = read_all(scope, span, metric->counter);

	if (metric->other != COUNTER_COUNT)
		sum += read_all(scope, span, metric->other);
	metrics_add(samples, NULL, number(sum));
}

static void describe_drops(const struct scope *scope, const struct span *span,
                           const struct metric *metric, json_t *samples)
{
	uint64_t sum = 0;

	for (enum counter counter = 0; counter < COUNTER_COUNT; counter++)
		if (metric_has_counter(metric, counter))
			sum += read_all(scope, span, counter);
	metrics_add(samples, NULL, number(sum));
}

static void describe_lanes(const struct scope *scope, const struct span *span,
                           const struct metric *metric, json_t *samples)
{
	for (enum transport transport = 0; transport < TRANSPORT_COUNT; transport++)
		metrics_add(samples, json_pack("{s:s}", "type", metric_coturn_transport(transport)),
		            number(read_lane(scope, span, transport, metric->counter)));
}

/* ---- histograms ---- */

static json_t *describe_buckets(const struct metric_histogram *row, const struct histogram_sum *sum)
{
	double scale = metric_histogram_scale(row);
	json_t *buckets = json_array();

	for (unsigned power = row->least; power <= row->most; power++) {
		uint64_t most = (uint64_t)1 << power;
		json_array_append_new(buckets,
		                      json_pack("[f, I]", (double)most * scale,
		                                (json_int_t)histogram_count_up_to(sum, most)));
	}
	return buckets;
}

static json_t *describe_quantiles(const struct metric_histogram *row,
                                  const struct histogram_sum *sum)
{
	static const struct {
		const char *name;
		double share;
	} quantiles[] = {{"0.5", 0.5}, {"0.9", 0.9}, {"0.99", 0.99}, {"0.999", 0.999}};
	double scale = metric_histogram_scale(row);
	json_t *object = json_object();

	for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
		double value = (double)histogram_quantile(sum, quantiles[i].share) * scale;
		json_object_set_new(object, quantiles[i].name, json_real(value));
	}
	return object;
}

static void describe_histogram(const struct scope *scope, const struct span *span,
                               const struct metric *metric, json_t *samples)
{
	const struct metric_histogram *row = metric_histogram(metric->row);
	const struct relay *relay = scope->main_thread->relay;
	struct histogram_sum sum = {0};

	for (unsigned i = span->first; i <= span->last; i++)
		histogram_merge(&sum, &relay->threads[i]->counters.histogram[metric->row]);
	json_array_append_new(samples,
	                      json_pack("{s:o, s:I, s:f, s:o, s:o}", "labels", label_thread(span),
	                                "count", (json_int_t)sum.count, "sum",
	                                (double)sum.sum * metric_histogram_scale(row), "buckets",
	                                describe_buckets(row, &sum), "quantiles",
	                                describe_quantiles(row, &sum)));
}
