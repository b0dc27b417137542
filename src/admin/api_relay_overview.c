/* How the relay is: the overview, made of the newest metrics of the history and of "status"; the last hour; its threads. */
#include <string.h>

#include "admin/api.h"
#include "admin/console.h"

enum { SERIES_S = 2 * HISTORY_INTERVAL_S };

static json_t *describe(struct api_call *call, const json_t *status, const json_t *latest);

/* The first seconds after the start have no metrics yet. */
static json_t *find_latest(struct api_call *call)
{
	json_t *latest = history_latest(call->console->history);

	if (latest == NULL)
		api_refuse(call, 503, "not-running", "turnserver has not told its metrics yet");
	return latest;
}

void api_overview(struct api_call *call)
{
	json_t *status = api_ask(call, API_RELAY, "status", NULL), *latest;

	if (status == NULL)
		return;
	latest = find_latest(call);
	if (latest != NULL)
		api_answer(call, describe(call, status, latest));
	json_decref(latest);
	json_decref(status);
}

void api_history(struct api_call *call)
{
	json_int_t since = 0;

	if (api_query_number(call, "since", 0, INT64_C(1) << 53, &since))
		api_answer(call, history_describe(call->console->history, (double)since));
}

/* ---- metrics ---- */

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

static json_int_t value_of(const json_t *sample)
{
	return (json_int_t)json_number_value(json_object_get(sample, "value"));
}

static json_int_t sum_of(const json_t *metrics, const char *name)
{
	const json_t *sample;
	json_int_t sum = 0;
	size_t i;

	json_array_foreach(samples_of(metrics, name), i, sample) sum += value_of(sample);
	return sum;
}

/* What cannot be found out has no sample: null. */
static json_t *number_or_null(const json_t *metrics, const char *name)
{
	return json_array_size(samples_of(metrics, name)) > 0 ? json_integer(sum_of(metrics, name))
	                                                      : json_null();
}

static const char *label_of(const json_t *sample, const char *label)
{
	return json_string_value(json_object_get(json_object_get(sample, "labels"), label));
}

/* {VALUE OF LABEL: sum, ...} */
static json_t *sums_by(const json_t *metrics, const char *name, const char *label)
{
	json_t *sums = json_object();
	const json_t *sample;
	size_t i;

	json_array_foreach(samples_of(metrics, name), i, sample)
	{
		const char *key = label_of(sample, label);
		if (key != NULL)
			json_object_set_new(
				sums, key,
				json_integer(json_integer_value(json_object_get(sums, key)) +
			                     value_of(sample)));
	}
	return sums;
}

/* ---- parts of the overview ---- */

static json_t *describe_allocations(const json_t *metrics, const json_t *status)
{
	return json_pack("{s:O, s:o, s:I, s:I, s:I}", "now", json_object_get(status, "allocations"),
	                 "by_transport", sums_by(metrics, "turnstone_allocations", "transport"),
	                 "made", sum_of(metrics, "turnstone_allocations_created"), "expired",
	                 sum_of(metrics, "turnstone_allocations_expired"), "deleted",
	                 sum_of(metrics, "turnstone_allocations_deleted"));
}

/* The newest rate of the history; null: it is not known yet. */
static json_t *newest(const json_t *series, const char *name)
{
	const json_t *list = json_object_get(series, name);
	size_t count = json_array_size(list);

	return count > 0 ? json_incref(json_array_get(list, count - 1)) : json_null();
}

static json_t *describe_traffic(struct api_call *call, const json_t *latest)
{
	static const struct {
		const char *name, *bytes, *packets, *bytes_s, *packets_s;
	} rows[] = {
		{"client_in", "turn_traffic_rcvb", "turn_traffic_rcvp", "client_bytes_in",
	         "client_packets_in"},
		{"client_out", "turn_traffic_sentb", "turn_traffic_sentp", "client_bytes_out",
	         "client_packets_out"},
		{"peer_in", "turn_traffic_peer_rcvb", "turn_traffic_peer_rcvp", "peer_bytes_in",
	         "peer_packets_in"},
		{"peer_out", "turn_traffic_peer_sentb", "turn_traffic_peer_sentp", "peer_bytes_out",
	         "peer_packets_out"},
	};
	double time = json_number_value(json_object_get(latest, "time"));
	json_t *hour = history_describe(call->console->history, time - SERIES_S);
	const json_t *series = json_object_get(hour, "series");
	const json_t *metrics = json_object_get(latest, "metrics");
	json_t *traffic = json_object();

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		json_object_set_new(traffic, rows[i].name,
		                    json_pack("{s:I, s:I, s:o, s:o}", "bytes",
		                              sum_of(metrics, rows[i].bytes), "packets",
		                              sum_of(metrics, rows[i].packets), "bytes_s",
		                              newest(series, rows[i].bytes_s), "packets_s",
		                              newest(series, rows[i].packets_s)));
	json_decref(hour);
	return traffic;
}

static size_t place_of(const json_t *list, json_int_t packets)
{
	size_t place = 0;

	while (place < json_array_size(list) &&
	       json_integer_value(json_object_get(json_array_get(list, place), "packets")) >=
	               packets)
		place++;
	return place;
}

/* Those that there were, most first. */
static json_t *describe_drops(const json_t *metrics)
{
	json_t *sums = sums_by(metrics, "turnstone_drops", "reason"), *list = json_array(), *sum;
	const char *reason;

	json_object_foreach(sums, reason, sum)
	{
		json_int_t packets = json_integer_value(sum);
		if (packets > 0)
			json_array_insert_new(
				list, place_of(list, packets),
				json_pack("{s:s, s:I}", "reason", reason, "packets", packets));
	}
	json_decref(sums);
	return list;
}

static json_t *quantile(const json_t *sample, const char *share)
{
	const json_t *value = json_object_get(json_object_get(sample, "quantiles"), share);
	bool is_known = json_integer_value(json_object_get(sample, "count")) > 0;

	return is_known && json_is_number(value) ? json_real(json_number_value(value))
	                                         : json_null();
}

static json_t *describe_setup(const json_t *metrics)
{
	const json_t *sample =
		json_array_get(samples_of(metrics, "turnstone_allocation_setup_seconds"), 0);

	return json_pack("{s:I, s:o, s:o, s:o, s:o}", "count",
	                 json_integer_value(json_object_get(sample, "count")), "p50",
	                 quantile(sample, "0.5"), "p90", quantile(sample, "0.9"), "p99",
	                 quantile(sample, "0.99"), "p999", quantile(sample, "0.999"));
}

static json_t *describe_certificates(const json_t *metrics)
{
	json_t *list = json_array();
	const json_t *sample;
	size_t i;

	json_array_foreach(samples_of(metrics, "turnstone_certificate_expiry_seconds"), i, sample)
	{
		const char *transport = label_of(sample, "transport");
		json_array_append_new(list, json_pack("{s:s, s:I}", "transport",
		                                      transport != NULL ? transport : "", "expires",
		                                      value_of(sample)));
	}
	return list;
}

static json_t *describe(struct api_call *call, const json_t *status, const json_t *latest)
{
	static const char *const of_status[] = {"version", "engine", "uptime", "pid", "draining"};
	const json_t *metrics = json_object_get(latest, "metrics");
	json_t *object = json_pack(
		"{s:O, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "time",
		json_object_get(latest, "time"), "allocations",
		describe_allocations(metrics, status), "sessions",
		sum_of(metrics, "turnstone_sessions"), "permissions",
		sum_of(metrics, "turnstone_permissions"), "channels",
		sum_of(metrics, "turnstone_channels"), "traffic", describe_traffic(call, latest),
		"drops", describe_drops(metrics), "setup_latency", describe_setup(metrics),
		"threads", history_threads(call->console->history), "certificates",
		describe_certificates(metrics), "memory",
		number_or_null(metrics, "process_resident_memory_bytes"), "open_files",
		number_or_null(metrics, "process_open_fds"), "max_files",
		number_or_null(metrics, "process_max_fds"));

	for (size_t i = 0; object != NULL && i < sizeof of_status / sizeof of_status[0]; i++)
		json_object_set(object, of_status[i], json_object_get(status, of_status[i]));
	return object;
}

/* ---- threads ---- */

/* What each relay thread has counted stands in the order of the threads of "threads". */
static json_t *describe_thread(const json_t *thread, const json_t *counters, const json_t *loads)
{
	const char *name = json_string_value(json_object_get(thread, "name"));
	const json_t *load = NULL, *other;
	size_t i;

	json_array_foreach(loads, i, other)
	{
		const char *own = json_string_value(json_object_get(other, "name"));
		if (name != NULL && own != NULL && strcmp(own, name) == 0)
			load = json_object_get(other, "load");
	}
	return json_pack("{s:s, s:f, s:o, s:O?, s:O?, s:O?, s:O?}", "name",
	                 name != NULL ? name : "", "cpu_seconds",
	                 (double)json_integer_value(json_object_get(thread, "cpu_ms")) / 1000,
	                 "load", load != NULL ? json_copy((json_t *)load) : json_null(),
	                 "allocations", json_object_get(counters, "allocations_now"), "sessions",
	                 json_object_get(counters, "sessions_now"), "packets_in",
	                 json_object_get(counters, "client_packets_in"), "packets_out",
	                 json_object_get(counters, "client_packets_out"));
}

void api_threads(struct api_call *call)
{
	json_t *threads = api_ask(call, API_RELAY, "threads", NULL), *counters, *loads, *thread;
	json_t *list = json_array();
	size_t i;

	counters = threads == NULL ? NULL
	                           : api_ask(call, API_RELAY, "counters",
	                                     json_pack("{s:b}", "by_thread", 1));
	if (counters != NULL) {
		loads = history_threads(call->console->history);
		json_array_foreach(json_object_get(threads, "threads"), i, thread)
			json_array_append_new(
				list,
				describe_thread(
					thread,
					json_array_get(json_object_get(counters, "threads"), i),
					loads));
		json_decref(loads);
		api_answer(call, json_pack("{s:O, s:n}", "threads", list, "next"));
	}
	json_decref(counters);
	json_decref(threads);
	json_decref(list);
}
