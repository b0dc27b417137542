/* A counter that has gone back is of a server that was started anew: that is a gap, and no rate. */
#include "admin/history_ring.h"

#include <math.h>
#include <string.h>

static const struct {
	const char *name, *metric;
	bool is_rate;
} rows[HISTORY_ROW_COUNT] = {
#define HISTORY_SERIES(name, metric, is_rate) {#name, #metric, is_rate},
	HISTORY_ROWS
#undef HISTORY_SERIES
};

void history_ring_deinit(struct history_ring *ring)
{
	json_decref(ring->threads);
	ring->threads = NULL;
}

/* ---- taking ---- */

static const json_t *samples_of(const json_t *metrics, const char *name)
{
	const json_t *metric;
	size_t i;

	json_array_foreach(metrics, i, metric)
	{
		const char *own = json_string_value(json_object_get(metric, "name"));
		if (own != NULL && strcmp(own, name) == 0)
			return json_object_get(metric, "samples");
	}
	return NULL;
}

/* NAN: there is no such metric, or nothing of it is known. */
static double sum_of(const json_t *metrics, const char *name)
{
	const json_t *samples = samples_of(metrics, name), *sample;
	double sum = 0;
	size_t i;

	json_array_foreach(samples, i, sample)
	{
		sum += json_number_value(json_object_get(sample, "value"));
	}
	return json_array_size(samples) > 0 ? sum : NAN;
}

static double rate(double now, double before, double seconds)
{
	return seconds > 0 && now >= before ? (now - before) / seconds : NAN;
}

static void put(struct history_ring *ring, const struct history_sample *sample)
{
	ring->samples[ring->next] = *sample;
	ring->next = (ring->next + 1) % HISTORY_SAMPLES;
	if (ring->count < HISTORY_SAMPLES)
		ring->count++;
}

static json_t *number(double value)
{
	return isnan(value) ? json_null() : json_real(value);
}

static double cpu_before(const json_t *threads, const char *name)
{
	const json_t *thread;
	size_t i;

	json_array_foreach(threads, i, thread)
	{
		if (strcmp(json_string_value(json_object_get(thread, "name")), name) == 0)
			return json_number_value(json_object_get(thread, "cpu_seconds"));
	}
	return NAN;
}

/* seconds: since the last answer; NAN: there is none. */
static json_t *describe_threads(const json_t *samples, const json_t *before, double seconds)
{
	json_t *list = json_array();
	const json_t *sample;
	size_t i;

	json_array_foreach(samples, i, sample)
	{
		const char *name = json_string_value(
			json_object_get(json_object_get(sample, "labels"), "thread"));
		double cpu = json_number_value(json_object_get(sample, "value"));
		if (name == NULL)
			continue;
		json_array_append_new(
			list, json_pack("{s:s, s:f, s:o}", "name", name, "cpu_seconds", cpu, "load",
		                        number(rate(cpu, cpu_before(before, name), seconds))));
	}
	return list;
}

void history_ring_take(struct history_ring *ring, const json_t *answer)
{
	struct history_sample sample = {.time = json_number_value(json_object_get(answer, "time"))};
	const json_t *metrics = json_object_get(answer, "metrics");
	double seconds = ring->has_sums ? sample.time - ring->sums_time : NAN;
	json_t *threads = describe_threads(samples_of(metrics, "turnstone_thread_cpu_seconds"),
	                                   ring->threads, seconds);

	json_decref(ring->threads);
	ring->threads = threads;
	for (enum history_row i = 0; i < HISTORY_ROW_COUNT; i++) {
		double sum = sum_of(metrics, rows[i].metric);
		sample.value[i] = rows[i].is_rate ? rate(sum, ring->sums[i], seconds) : sum;
		ring->sums[i] = sum;
	}
	ring->sums_time = sample.time;
	ring->has_sums = true;
	put(ring, &sample);
}

void history_ring_take_gap(struct history_ring *ring, double time)
{
	struct history_sample sample = {.time = time};

	for (enum history_row i = 0; i < HISTORY_ROW_COUNT; i++)
		sample.value[i] = NAN;
	ring->has_sums = false;
	if (ring->count > 0)
		put(ring, &sample);
}

/* ---- telling ---- */

static void describe_sample(const struct history_sample *sample, json_t *times,
                            json_t *const *series)
{
	json_array_append_new(times, json_real(sample->time));
	for (enum history_row i = 0; i < HISTORY_ROW_COUNT; i++)
		json_array_append_new(series[i], number(sample->value[i]));
}

json_t *history_ring_describe(const struct history_ring *ring, double since)
{
	json_t *times = json_array(), *all = json_object(), *series[HISTORY_ROW_COUNT];

	for (enum history_row i = 0; i < HISTORY_ROW_COUNT; i++) {
		series[i] = json_array();
		json_object_set_new(all, rows[i].name, series[i]);
	}
	for (size_t i = 0; i < ring->count; i++) {
		size_t at = (ring->next + HISTORY_SAMPLES - ring->count + i) % HISTORY_SAMPLES;
		if (ring->samples[at].time > since)
			describe_sample(&ring->samples[at], times, series);
	}
	return json_pack("{s:i, s:o, s:o}", "interval", HISTORY_INTERVAL_S, "times", times,
	                 "series", all);
}

json_t *history_ring_threads(const struct history_ring *ring)
{
	return ring->threads != NULL ? json_deep_copy(ring->threads) : json_array();
}
