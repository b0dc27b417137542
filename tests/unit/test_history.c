/* The last hour: rates and levels, gaps, restarts, the ring's end, and that each series is of a metric that there is. */
#include "admin/history_ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/metric.h"
#include "tap.h"

static struct history_ring ring;

static void begin(void)
{
	history_ring_deinit(&ring);
	memset(&ring, 0, sizeof ring);
}

/* An answer of "metrics" in which the sum of each metric is value. */
static json_t *answer(double time, double value)
{
	json_t *list = json_array();
	struct metric metric;

	for (unsigned i = 0; metric_get(i, &metric); i++)
		json_array_append_new(list,
		                      json_pack("{s:s, s:[{s:{s:s}, s:f}, {s:{s:s}, s:f}]}", "name",
		                                metric.name, "samples", "labels", "thread",
		                                "relay-0", "value", value / 4, "labels", "thread",
		                                "relay-1", "value", value * 3 / 4));
	return json_pack("{s:f, s:o}", "time", time, "metrics", list);
}

static void take(double time, double value)
{
	json_t *given = answer(time, value);

	history_ring_take(&ring, given);
	json_decref(given);
}

/* The newest of a series as text: "2.0", "null". */
static const char *newest(const char *name)
{
	static char text[64];
	json_t *all = history_ring_describe(&ring, 0);
	json_t *series = json_object_get(json_object_get(all, "series"), name);
	char *dumped =
		json_dumps(json_array_get(series, json_array_size(series) - 1), JSON_ENCODE_ANY);

	snprintf(text, sizeof text, "%s", dumped != NULL ? dumped : "nothing");
	free(dumped);
	json_decref(all);
	return text;
}

static size_t count(double since)
{
	json_t *all = history_ring_describe(&ring, since);
	size_t times = json_array_size(json_object_get(all, "times"));

	json_decref(all);
	return times;
}

static void test_rates(void)
{
	begin();
	take(100, 50);
	is_text(newest("allocations"), "50.0", "a level is what it is");
	is_text(newest("client_bytes_in"), "null", "of one answer there is no rate");
	take(105, 60);
	is_text(newest("allocations"), "60.0", "the next level");
	is_text(newest("client_bytes_in"), "2.0", "what came by the second");
	is_int(count(0), 2, "two samples");
	is_int(count(100), 1, "one behind a time");
	take(110, 10);
	is_text(newest("client_bytes_in"), "null", "a server that began anew is a gap");
	take(115, 15);
	is_text(newest("client_bytes_in"), "1.0", "and counts from there");
	take(114, 99);
	is_text(newest("client_bytes_in"), "null", "a clock that was set back is one, too");
}

static void test_gaps(void)
{
	begin();
	history_ring_take_gap(&ring, 95);
	is_int(count(0), 0, "no gap before the first sample");
	take(100, 50);
	history_ring_take_gap(&ring, 105);
	is_text(newest("allocations"), "null", "a server that is away");
	take(110, 70);
	is_text(newest("client_bytes_in"), "null", "nothing is known of what was between");
	is_int(count(0), 3, "the gap has its place");
}

static const char *load(unsigned thread)
{
	static char text[64];
	json_t *threads = history_ring_threads(&ring);
	char *dumped = json_dumps(json_object_get(json_array_get(threads, thread), "load"),
	                          JSON_ENCODE_ANY);

	snprintf(text, sizeof text, "%s", dumped != NULL ? dumped : "nothing");
	free(dumped);
	json_decref(threads);
	return text;
}

static void test_threads(void)
{
	begin();
	is_text(load(0), "nothing", "no thread is known");
	take(100, 8);
	is_text(load(0), "null", "a load takes two answers");
	take(104, 12);
	is_text(load(0), "0.25", "a second of CPU in four");
	is_text(load(1), "0.75", "and three");
	history_ring_take_gap(&ring, 108);
	take(112, 16);
	is_text(load(1), "null", "behind a gap it is not known");
}

static void test_end_of_ring(void)
{
	json_t *all;

	begin();
	for (int i = 0; i < HISTORY_SAMPLES + 3; i++)
		take(100 + 5 * i, 50 + i);
	is_int(count(0), HISTORY_SAMPLES, "an hour is kept");
	all = history_ring_describe(&ring, 0);
	is_int(json_real_value(json_array_get(json_object_get(all, "times"), 0)), 115,
	       "the oldest samples went");
	json_decref(all);
}

/* With a metric that is not there its series would be a gap for ever. */
static void test_names(void)
{
	json_t *all, *series;
	const char *name;

	begin();
	take(100, 1);
	take(105, 2);
	all = history_ring_describe(&ring, 0);
	json_object_foreach(json_object_get(all, "series"), name, series)
	{
		ok(json_is_real(json_array_get(series, 1)), "%s is of a metric that there is",
		   name);
	}
	is_int(json_object_size(json_object_get(all, "series")), HISTORY_ROW_COUNT, "all series");
	json_decref(all);
	history_ring_deinit(&ring);
}

int main(void)
{
	test_rates();
	test_gaps();
	test_threads();
	test_end_of_ring();
	test_names();
	return tap_end();
}
