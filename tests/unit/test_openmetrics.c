/* The text of metrics, sample for sample, and the tables that they come from. */
#include "control/openmetrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/metric.h"
#include "tap.h"

static void test_text(const char *what, const char *json, const char *wanted)
{
	json_t *answer = json_loads(json, 0, NULL);
	char *text = openmetrics_text(answer);

	is_text(text, wanted, "%s", what);
	free(text);
	json_decref(answer);
}

static void test_texts(void)
{
	test_text("nothing", "{}", "# EOF\n");
	test_text("a counter with labels and a unit",
	          "{\"metrics\": [{\"name\": \"a_bytes\", \"help\": \"b\", \"type\": \"counter\","
	          "\"unit\": \"bytes\", \"samples\": [{\"labels\": {\"c\": \"d\", \"e\": \"f\"},"
	          "\"value\": 9007199254740993}]}]}",
	          "# HELP a_bytes b\n# TYPE a_bytes counter\n# UNIT a_bytes bytes\n"
	          "a_bytes_total{c=\"d\",e=\"f\"} 9007199254740993\n# EOF\n");
	test_text(
		"what has to be escaped, a gauge that is no integer",
		"{\"metrics\": [{\"name\": \"a\", \"help\": \"\\\"b\\n\\\\\", \"type\": \"gauge\","
		"\"unit\": \"\", \"samples\": [{\"labels\": {\"c\": \"\\\"\\n\\\\\"}, \"value\": "
		"0.5},"
		"{\"labels\": {}, \"value\": 2.0}]}]}",
		"# HELP a \\\"b\\n\\\\\n# TYPE a gauge\na{c=\"\\\"\\n\\\\\"} 0.5\na 2.0\n# EOF\n");
	test_text("an info and one of coturn's",
	          "{\"metrics\": [{\"name\": \"a\", \"help\": \"b\", \"type\": \"info\", \"unit\": "
	          "\"\","
	          "\"samples\": [{\"labels\": {\"c\": \"d\"}, \"value\": 1}]},"
	          "{\"name\": \"e\", \"help\": \"\", \"type\": \"unknown\", \"unit\": \"\","
	          "\"samples\": [{\"labels\": {}, \"value\": 3}]}]}",
	          "# HELP a b\n# TYPE a info\na_info{c=\"d\"} 1\n"
	          "# HELP e \n# TYPE e unknown\ne 3\n# EOF\n");
	test_text("a histogram",
	          "{\"metrics\": [{\"name\": \"a\", \"help\": \"\", \"type\": \"histogram\","
	          "\"unit\": \"\", \"samples\": [{\"labels\": {\"t\": \"0\"}, \"count\": 3, "
	          "\"sum\": 1e-6,"
	          "\"buckets\": [[1.0, 0], [0.000128, 2]]}]}]}",
	          "# HELP a \n# TYPE a histogram\na_bucket{t=\"0\",le=\"1.0\"} 0\n"
	          "a_bucket{t=\"0\",le=\"0.000128\"} 2\na_bucket{t=\"0\",le=\"+Inf\"} 3\n"
	          "a_count{t=\"0\"} 3\na_sum{t=\"0\"} 1e-06\n# EOF\n");
}

static void test_plain(void)
{
	json_t *answer = json_loads("{\"metrics\": [{\"name\": \"a_seconds\", \"help\": "
	                            "\"\\\"b\\\\\", \"type\": \"counter\","
	                            "\"unit\": \"seconds\", \"samples\": [{\"labels\": {\"c\": "
	                            "\"\\\"d\"}, \"value\": 1}]},"
	                            "{\"name\": \"e\", \"help\": \"\", \"type\": \"info\", "
	                            "\"unit\": \"\", \"samples\": "
	                            "[{\"labels\": {}, \"value\": 1}]},"
	                            "{\"name\": \"f\", \"help\": \"\", \"type\": \"unknown\", "
	                            "\"unit\": \"\", \"samples\": "
	                            "[{\"labels\": {}, \"value\": 2}]}]}",
	                            0, NULL);
	char *text = openmetrics_plain_text(answer);

	is_text(text,
	        "# HELP a_seconds_total \"b\\\\\n# TYPE a_seconds_total counter\n"
	        "a_seconds_total{c=\"\\\"d\"} 1\n"
	        "# HELP e_info \n# TYPE e_info gauge\ne_info 1\n"
	        "# HELP f \n# TYPE f untyped\nf 2\n",
	        "the plain text");
	free(text);
	json_decref(answer);
}

/* Each counter is told of once, but by coturn's names. */
static void test_tables(void)
{
	unsigned told[COUNTER_COUNT] = {0}, wrong = 0, units = 0, samples = 0;
	struct metric metric;

	for (unsigned i = 0; metric_get(i, &metric); i++) {
		bool is_own = metric.source == METRIC_OF_GROUP;
		for (enum counter counter = 0; is_own && counter < COUNTER_COUNT; counter++)
			told[counter] += metric_has_counter(&metric, counter);
		if (metric.source == METRIC_OF_COUNTER)
			told[metric.counter]++;
		units += metric.unit[0] != 0 &&
		         strstr(metric.name, metric.unit) !=
		                 metric.name + strlen(metric.name) - strlen(metric.unit);
		samples++;
	}
	for (enum counter counter = 0; counter < COUNTER_COUNT; counter++)
		wrong += told[counter] != 1;
	is_int(wrong, 0, "each counter is in one metric");
	is_int(units, 0, "names end in their units");
	ok(samples > TIMING_COUNT + METRIC_SERVER_COUNT, "%u metrics", samples);
}

static void test_group_values(void)
{
	char values[METRIC_VALUES][METRIC_NAME_SIZE];
	struct metric metric;

	for (unsigned i = 0; metric_get(i, &metric); i++) {
		if (strcmp(metric.name, "turnstone_store_answers") == 0) {
			metric_group_values(&metric, COUNT_store_query_oauth_key_missing, values);
			is_text(values[0], "oauth_key", "the first label");
			is_text(values[1], "missing", "the second");
		}
		if (strcmp(metric.name, "turnstone_drops") == 0) {
			metric_group_values(&metric, COUNT_drop_no_permission, values);
			is_text(values[0], "no_permission", "one label of two words");
			is_text(values[1], "", "and no other");
			is_text(metric.labels, "reason transport", "beside the transport");
		}
	}
}

static void test_lanes(void)
{
	static struct counters counters;

	counter_add_for(&counters, TRANSPORT_TLS, COUNT_client_packets_in, 3);
	counter_add_for(&counters, TRANSPORT_UDP, COUNT_client_packets_in, 2);
	counter_add_for(&counters, TRANSPORT_TLS, COUNT_permissions_now, 4);
	is_int(counter_read_lane(&counters, TRANSPORT_TLS, COUNT_client_packets_in), 3, "a lane");
	is_int(counter_read(&counters, COUNT_client_packets_in), 5, "the sum of lanes");
	is_int(counter_read_lane(&counters, COUNTER_LANE_NONE, COUNT_permissions_now), 4,
	       "what is not counted by transport has one lane");
	counter_sub(&counters, COUNT_permissions_now, 1);
	is_int(counter_read(&counters, COUNT_permissions_now), 3, "and comes down in it");
}

int main(void)
{
	test_texts();
	test_plain();
	test_tables();
	test_group_values();
	test_lanes();
	return tap_end();
}
