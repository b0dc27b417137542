#include "signaling/program_metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "signaling/program.h"
#include "signaling/room_keeper.h"
#include "signaling/sink.h"

enum { NAME_SIZE = 64, METRIC_SIZE = 96 };

/* One list out of two tables: the hubs' counters, then the connections'. */
enum { ALL_COUNTERS = (int)HUB_COUNTERS + (int)NET_COUNTERS };

/* Both count messages, each in its own way. */
static const char *name_of(unsigned i, char name[NAME_SIZE])
{
	if (i < HUB_COUNTERS)
		snprintf(name, NAME_SIZE, "%s", hub_counter_name((enum hub_counter)i));
	else
		snprintf(name, NAME_SIZE, "net_%s",
		         net_counter_name((enum net_counter)(i - HUB_COUNTERS)));
	return name;
}

static const char *help_of(unsigned i)
{
	return i < HUB_COUNTERS ? hub_counter_help((enum hub_counter)i)
	                        : net_counter_help((enum net_counter)(i - HUB_COUNTERS));
}

static uint64_t value_of(const struct program *program, unsigned thread, unsigned i)
{
	if (i < HUB_COUNTERS)
		return hub_counter_read(workers_hub_counters(program->workers, thread),
		                        (enum hub_counter)i);
	return net_counter_read(workers_net_counters(program->workers, thread),
	                        (enum net_counter)(i - HUB_COUNTERS));
}

static uint64_t sum_of(const struct program *program, unsigned i)
{
	uint64_t sum = 0;

	for (unsigned thread = 0; thread < workers_count(program->workers); thread++)
		sum += value_of(program, thread, i);
	return sum;
}

static json_t *describe_thread(const struct program *program, unsigned thread)
{
	json_t *object = json_object();
	char name[NAME_SIZE];

	for (unsigned i = 0; i < ALL_COUNTERS; i++)
		json_object_set_new(object, name_of(i, name),
		                    json_integer((json_int_t)value_of(program, thread, i)));
	return object;
}

/* ---- events to other programs: those of all sinks, then of each ---- */

static const struct {
	const char *name, *help;
	size_t offset;
} event_counts[] = {
	{"taken", "events that happened", offsetof(struct sinks_counts, taken)},
	{"refused", "events that event-spool had no room for",
         offsetof(struct sinks_counts, refused)},
	{"kept", "events that were written to event-spool", offsetof(struct sinks_counts, kept)},
	{"bytes_now", "bytes in event-spool, and on the way there",
         offsetof(struct sinks_counts, bytes_now)},
};
enum { EVENT_COUNTS = sizeof event_counts / sizeof event_counts[0] };

static uint64_t event_count(const struct sinks_counts *counts, unsigned i)
{
	uint64_t value;

	memcpy(&value, (const char *)counts + event_counts[i].offset, sizeof value);
	return value;
}

static void add_event_counters(const struct program *program, json_t *sums)
{
	struct sinks_counts counts;
	char name[NAME_SIZE];

	sinks_count(program->sinks, &counts);
	for (unsigned i = 0; i < EVENT_COUNTS; i++) {
		snprintf(name, sizeof name, "events_%s", event_counts[i].name);
		json_object_set_new(sums, name, json_integer((json_int_t)event_count(&counts, i)));
	}
	for (size_t sink = 0; sink < counts.sink_count; sink++)
		for (unsigned i = 0; i < SINK_COUNTS; i++) {
			snprintf(name, sizeof name, "events_%s_%s%s", counts.sinks[sink].name,
			         sink_count_name(i), i == SINK_WAITING ? "_now" : "");
			json_object_set_new(sums, name,
			                    json_integer((json_int_t)counts.sinks[sink].value[i]));
		}
}

json_t *program_counters_describe(const struct program *program, bool by_thread)
{
	json_t *sums = json_object(), *threads = json_array(), *result;
	char name[NAME_SIZE];

	for (unsigned i = 0; i < ALL_COUNTERS; i++)
		json_object_set_new(sums, name_of(i, name),
		                    json_integer((json_int_t)sum_of(program, i)));
	add_event_counters(program, sums);
	result = json_pack("{s:o}", "counters", sums);
	for (unsigned i = 0; by_thread && i < workers_count(program->workers); i++)
		json_array_append_new(threads, describe_thread(program, i));
	if (by_thread)
		json_object_set(result, "threads", threads);
	json_decref(threads);
	return result;
}

/* ---- metrics ---- */

static void add_sample(json_t *samples, json_t *labels, json_t *value)
{
	json_array_append_new(samples,
	                      json_pack("{s:o, s:o}", "labels",
	                                labels != NULL ? labels : json_object(), "value", value));
}

static json_t *describe_metric(const char *name, const char *help, const char *type,
                               const char *unit, json_t *samples)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", name, "help", help, "type", type,
	                 "unit", unit, "samples", samples);
}

/* What goes up and down is a gauge, and says so by the end of its name here and by its type there. */
static const char *metric_name(unsigned i, char name[METRIC_SIZE])
{
	char room[NAME_SIZE];
	const char *counter = name_of(i, room), *end = strstr(counter, "_now");
	bool is_level = end != NULL && end[4] == 0;
	int len = is_level ? (int)(end - counter) : (int)strlen(counter);

	snprintf(name, METRIC_SIZE, "turnstone_signaling_%.*s", len, counter);
	return is_level ? "gauge" : "counter";
}

static json_t *describe_counter(const struct program *program, unsigned i, bool by_thread)
{
	char name[METRIC_SIZE];
	const char *type = metric_name(i, name);
	json_t *samples = json_array();

	if (!by_thread)
		add_sample(samples, NULL, json_integer((json_int_t)sum_of(program, i)));
	for (unsigned thread = 0; by_thread && thread < workers_count(program->workers); thread++)
		add_sample(samples, json_pack("{s:o}", "thread", json_sprintf("worker-%u", thread)),
		           json_integer((json_int_t)value_of(program, thread, i)));
	return describe_metric(name, help_of(i), type, "", samples);
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void add_own(json_t *list, const char *name, const char *type, const char *unit,
                    const char *help, json_t *labels, json_t *value)
{
	json_t *samples = json_array();

	add_sample(samples, labels, value);
	json_array_append_new(list, describe_metric(name, help, type, unit, samples));
}

static void add_cluster(const struct program *program, json_t *list)
{
	static const char *const names[NODE_STATES] = {"ready", "draining", "lost"};
	json_t *samples = json_array();

	add_own(list, "turnstone_signaling_cluster_connected", "gauge", "",
	        "1 while the cluster's Redis answers, else 0", NULL,
	        json_integer(program_has_redis(program)));
	for (unsigned i = 0; i < NODE_STATES; i++)
		add_sample(samples, json_pack("{s:s}", "state", names[i]),
		           json_integer((json_int_t)program_count_nodes(program, i)));
	json_array_append_new(list, describe_metric("turnstone_signaling_cluster_nodes",
	                                            "nodes of the cluster, this one among them",
	                                            "gauge", "", samples));
}

static void add_server(const struct program *program, json_t *list)
{
	add_own(list, "turnstone_signaling_build", "info", "", "version",
	        json_pack("{s:s}", "version", PACKAGE_VERSION), json_integer(1));
	add_own(list, "turnstone_signaling_uptime_seconds", "gauge", "seconds",
	        "time since the start", NULL,
	        json_real((double)(timestamp_now() - program->started) / 1000));
	add_own(list, "turnstone_signaling_draining", "gauge", "",
	        "1 while nobody new may join, else 0", NULL, json_integer(program->drain.is_on));
	add_own(list, "turnstone_signaling_ready", "gauge", "",
	        "1 while new clients are welcome, as /readyz says, else 0", NULL,
	        json_integer(!program->drain.is_on && program_problem(program) == NULL));
	if (program->cluster != NULL)
		add_cluster(program, list);
	if (program->rooms != NULL)
		add_own(list, "turnstone_signaling_rooms_not_kept", "counter", "",
		        "changes of rooms that the store did not take", NULL,
		        json_integer((json_int_t)room_keeper_lost(program->rooms)));
	add_own(list, "process_start_time_seconds", "gauge", "seconds",
	        "start, in seconds since 1970", NULL,
	        json_real((double)program->started_wall_ms / 1000));
	add_own(list, "process_cpu_seconds", "counter", "seconds", "CPU time of the whole process",
	        NULL, json_real(cpu_seconds()));
}

static void add_sinks(const struct sinks_counts *counts, json_t *list)
{
	for (unsigned i = 0; i < SINK_COUNTS; i++) {
		json_t *samples = json_array();
		char name[METRIC_SIZE];

		for (size_t sink = 0; sink < counts->sink_count; sink++)
			add_sample(samples, json_pack("{s:s}", "sink", counts->sinks[sink].name),
			           json_integer((json_int_t)counts->sinks[sink].value[i]));
		snprintf(name, sizeof name, "turnstone_signaling_events_%s", sink_count_name(i));
		json_array_append_new(list, describe_metric(name, sink_count_help(i),
		                                            i == SINK_WAITING ? "gauge" : "counter",
		                                            "", samples));
	}
}

static void add_events(const struct program *program, json_t *list)
{
	struct sinks_counts counts;

	if (program->sinks == NULL)
		return;
	sinks_count(program->sinks, &counts);
	for (unsigned i = 0; i < EVENT_COUNTS; i++) {
		bool is_level = strcmp(event_counts[i].name, "bytes_now") == 0;
		char name[METRIC_SIZE];

		snprintf(name, sizeof name, "turnstone_signaling_events_%s",
		         is_level ? "bytes" : event_counts[i].name);
		add_own(list, name, is_level ? "gauge" : "counter", is_level ? "bytes" : "",
		        event_counts[i].help, NULL,
		        json_integer((json_int_t)event_count(&counts, i)));
	}
	add_sinks(&counts, list);
}

json_t *program_metrics_describe(const struct program *program, bool by_thread)
{
	json_t *list = json_array();

	add_server(program, list);
	for (unsigned i = 0; i < ALL_COUNTERS; i++)
		json_array_append_new(list, describe_counter(program, i, by_thread));
	add_events(program, list);
	return json_pack("{s:f, s:o}", "time", (double)timestamp_wall_ms() / 1000, "metrics", list);
}
