/* A ring of samples under a lock, filled by a thread that sleeps between two questions. */
#include "admin/history.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/timestamp.h"
#include "control/client.h"

enum { MS_PER_S = 1000 };

/* A series is the sum over all samples of one metric, or of its sample with one label. Counters become rates. */
static const struct {
	const char *name, *metric;
	bool is_rate;
} rows[] = {
	{"allocations", "turnstone_allocations", false},
	{"allocations_made", "turnstone_allocations_made", true},
	{"client_bytes_in", "turn_traffic_rcvb", true},
	{"client_bytes_out", "turn_traffic_sentb", true},
	{"peer_bytes_in", "turn_traffic_peer_rcvb", true},
	{"peer_bytes_out", "turn_traffic_peer_sentb", true},
	{"client_packets_in", "turn_traffic_rcvp", true},
	{"client_packets_out", "turn_traffic_sentp", true},
	{"drops", "turnstone_drops", true},
	{"errors", "turnstone_stun_errors", true},
	{"cpu_seconds", "process_cpu_seconds", true},
	{"memory", "process_resident_memory_bytes", false},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

struct sample {
	double time;             /* seconds since 1970 */
	double value[ROW_COUNT]; /* NAN: unknown */
};

struct history {
	const char *socket; /* lent */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_ending;
	json_t *latest;                    /* owned; NULL: the relay is away */
	double sums[ROW_COUNT], sums_time; /* of the last answer */
	bool has_sums;
	struct sample ring[HISTORY_SAMPLES];
	size_t count, next;
};

/* ---- taking ---- */

/* NAN: there is no such metric. */
static double sum_of(const json_t *metrics, const char *name)
{
	const json_t *metric, *sample;
	size_t i, j;

	json_array_foreach(metrics, i, metric)
	{
		double sum = 0;
		const char *own = json_string_value(json_object_get(metric, "name"));
		if (own == NULL || strcmp(own, name) != 0)
			continue;
		json_array_foreach(json_object_get(metric, "samples"), j, sample) sum +=
			json_number_value(json_object_get(sample, "value"));
		return sum;
	}
	return NAN;
}

static double rate(double now, double before, double seconds)
{
	return seconds > 0 && now >= before ? (now - before) / seconds : NAN;
}

static void put(struct history *history, const struct sample *sample)
{
	history->ring[history->next] = *sample;
	history->next = (history->next + 1) % HISTORY_SAMPLES;
	if (history->count < HISTORY_SAMPLES)
		history->count++;
}

/* A relay that was started anew counts from zero: such a rate is a gap. */
static void take(struct history *history, const json_t *answer)
{
	struct sample sample = {.time = json_number_value(json_object_get(answer, "time"))};
	const json_t *metrics = json_object_get(answer, "metrics");
	double seconds = sample.time - history->sums_time;

	for (size_t i = 0; i < ROW_COUNT; i++) {
		double sum = sum_of(metrics, rows[i].metric);
		sample.value[i] = !rows[i].is_rate    ? sum
		                  : history->has_sums ? rate(sum, history->sums[i], seconds)
		                                      : NAN;
		history->sums[i] = sum;
	}
	history->sums_time = sample.time;
	history->has_sums = true;
	put(history, &sample);
}

static void take_gap(struct history *history)
{
	struct sample sample = {.time = (double)timestamp_wall_ms() / MS_PER_S};

	for (size_t i = 0; i < ROW_COUNT; i++)
		sample.value[i] = NAN;
	history->has_sums = false;
	if (history->count > 0)
		put(history, &sample);
}

static void ask(struct history *history)
{
	char problem[256];
	json_t *answer = NULL;
	enum err err = ERR_UNAVAILABLE;

	if (history->socket[0] != '\0')
		err = control_ask(history->socket, "metrics", NULL, &answer, problem);
	pthread_mutex_lock(&history->lock);
	json_decref(history->latest);
	history->latest = err == OK ? answer : NULL;
	if (err == OK)
		take(history, answer);
	else
		take_gap(history);
	pthread_mutex_unlock(&history->lock);
}

/* False: it is the end. */
static bool sleep_until(struct history *history, const struct timespec *then)
{
	bool goes_on;

	pthread_mutex_lock(&history->lock);
	while (!history->is_ending &&
	       pthread_cond_timedwait(&history->wake, &history->lock, then) != ETIMEDOUT)
		;
	goes_on = !history->is_ending;
	pthread_mutex_unlock(&history->lock);
	return goes_on;
}

static void *run(void *context)
{
	struct history *history = context;
	struct timespec then;

	clock_gettime(CLOCK_MONOTONIC, &then);
	do {
		ask(history);
		then.tv_sec += HISTORY_INTERVAL_S;
	} while (sleep_until(history, &then));
	return NULL;
}

/* ---- life ---- */

enum err history_start(const char *relay_socket, struct history **history)
{
	struct history *started = calloc(1, sizeof *started);
	pthread_condattr_t monotonic;

	if (started == NULL)
		return ERR_NO_MEMORY;
	started->socket = relay_socket;
	pthread_mutex_init(&started->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&started->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&started->thread, NULL, run, started) == 0) {
		*history = started;
		return OK;
	}
	pthread_cond_destroy(&started->wake);
	pthread_mutex_destroy(&started->lock);
	free(started);
	return ERR_SYSTEM;
}

void history_stop(struct history *history)
{
	if (history == NULL)
		return;
	pthread_mutex_lock(&history->lock);
	history->is_ending = true;
	pthread_cond_signal(&history->wake);
	pthread_mutex_unlock(&history->lock);
	pthread_join(history->thread, NULL);
	json_decref(history->latest);
	pthread_cond_destroy(&history->wake);
	pthread_mutex_destroy(&history->lock);
	free(history);
}

/* ---- telling ---- */

static json_t *number(double value)
{
	return isnan(value) ? json_null() : json_real(value);
}

static void describe_sample(const struct sample *sample, json_t *times, json_t *const *series)
{
	json_array_append_new(times, json_real(sample->time));
	for (size_t i = 0; i < ROW_COUNT; i++)
		json_array_append_new(series[i], number(sample->value[i]));
}

json_t *history_describe(struct history *history, double since)
{
	json_t *times = json_array(), *all = json_object(), *series[ROW_COUNT];

	for (size_t i = 0; i < ROW_COUNT; i++) {
		series[i] = json_array();
		json_object_set_new(all, rows[i].name, series[i]);
	}
	pthread_mutex_lock(&history->lock);
	for (size_t i = 0; i < history->count; i++) {
		size_t at =
			(history->next + HISTORY_SAMPLES - history->count + i) % HISTORY_SAMPLES;
		if (history->ring[at].time > since)
			describe_sample(&history->ring[at], times, series);
	}
	pthread_mutex_unlock(&history->lock);
	return json_pack("{s:i, s:o, s:o}", "interval", HISTORY_INTERVAL_S, "times", times,
	                 "series", all);
}

/* A copy, as counts of references are of one thread alone. */
json_t *history_latest(struct history *history)
{
	json_t *latest;

	pthread_mutex_lock(&history->lock);
	latest = json_deep_copy(history->latest);
	pthread_mutex_unlock(&history->lock);
	return latest;
}
