/* The tables of metrics, one behind the other. */
#include "base/metric.h"

#include <stdio.h>
#include <string.h>

#define MICROSECONDS 1e-6

static const struct {
	const char *name;
	enum metric_type type;
	const char *unit, *labels, *help;
} server_rows[] = {
#define METRIC_SERVER(name, type, unit, labels, help) {#name, METRIC_##type, unit, labels, help},
#include "base/metrics.def"
#undef METRIC_SERVER
};

static const struct {
	const char *name, *labels, *prefix, *help;
} group_rows[] = {
#define METRIC_GROUP(name, labels, prefix, help) {#name, labels, prefix, help},
#include "base/metrics.def"
#undef METRIC_GROUP
};

static const struct {
	const char *name;
	enum counter one, other;
	const char *help;
} coturn_rows[] = {
#define METRIC_COTURN(name, one, other, help) {#name, COUNT_##one, other, help},
#include "base/metrics.def"
#undef METRIC_COTURN
};

static const struct metric_histogram histograms[TIMING_COUNT] = {
#define HISTOGRAM(name, unit, least, most, help) {#name, unit, help, least, most},
#include "base/histograms.def"
#undef HISTOGRAM
};

enum {
	SERVER_ROWS = sizeof server_rows / sizeof server_rows[0],
	GROUP_ROWS = sizeof group_rows / sizeof group_rows[0],
	COTURN_ROWS = sizeof coturn_rows / sizeof coturn_rows[0],
};

typedef void get_fn(unsigned index, struct metric *metric);
static get_fn get_server, get_group, get_counter, get_histogram, get_coturn, get_other_coturn;
static unsigned count_single(void);
static bool is_level(const char *name);

bool metric_get(unsigned index, struct metric *metric)
{
	const struct {
		unsigned count;
		get_fn *get;
	} tables[] = {
		{SERVER_ROWS, get_server},     {GROUP_ROWS, get_group},
		{count_single(), get_counter}, {TIMING_COUNT, get_histogram},
		{COTURN_ROWS, get_coturn},     {2, get_other_coturn},
	};

	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		if (index < tables[i].count) {
			*metric = (struct metric){.unit = "", .other = COUNTER_COUNT};
			tables[i].get(index, metric);
			return true;
		}
		index -= tables[i].count;
	}
	return false;
}

static void set_name(struct metric *metric, const char *prefix, const char *name, const char *end)
{
	snprintf(metric->name, sizeof metric->name, "%s%.50s%s", prefix, name, end);
}

static void get_server(unsigned index, struct metric *metric)
{
	set_name(metric, "", server_rows[index].name, "");
	snprintf(metric->labels, sizeof metric->labels, "%s", server_rows[index].labels);
	metric->type = server_rows[index].type;
	metric->unit = server_rows[index].unit;
	metric->help = server_rows[index].help;
	metric->source = METRIC_OF_SERVER;
	metric->row = index;
}

static bool group_has(unsigned group, enum counter counter)
{
	const char *prefix = group_rows[group].prefix;

	return strncmp(counter_name(counter), prefix, strlen(prefix)) == 0;
}

static bool group_is_by_transport(unsigned group)
{
	for (enum counter counter = 0; counter < COUNTER_COUNT; counter++)
		if (group_has(group, counter) && counter_is_by_transport(counter))
			return true;
	return false;
}

static void get_group(unsigned index, struct metric *metric)
{
	set_name(metric, "", group_rows[index].name, "");
	snprintf(metric->labels, sizeof metric->labels, "%s%s", group_rows[index].labels,
	         group_is_by_transport(index) ? " transport" : "");
	metric->type = METRIC_COUNTER;
	metric->help = group_rows[index].help;
	metric->source = METRIC_OF_GROUP;
	metric->prefix = group_rows[index].prefix;
}

/* ---- counters that are in no group ---- */

static bool is_single(enum counter counter)
{
	for (unsigned group = 0; group < GROUP_ROWS; group++)
		if (group_has(group, counter))
			return false;
	return true;
}

static unsigned count_single(void)
{
	unsigned count = 0;

	for (enum counter counter = 0; counter < COUNTER_COUNT; counter++)
		count += is_single(counter);
	return count;
}

static bool is_level(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, "_now") == 0;
}

static void get_counter(unsigned index, struct metric *metric)
{
	enum counter counter = 0;

	while (!is_single(counter) || index-- > 0)
		counter++;
	const char *name = counter_name(counter);
	set_name(metric, "turnstone_", name, "");
	metric->type = is_level(name) ? METRIC_GAUGE : METRIC_COUNTER;
	if (is_level(name))
		metric->name[strlen(metric->name) - strlen("_now")] = 0;
	snprintf(metric->labels, sizeof metric->labels, "%s",
	         counter_is_by_transport(counter) ? "transport" : "");
	metric->help = counter_help(counter);
	metric->source = METRIC_OF_COUNTER;
	metric->counter = counter;
}

/* ---- histograms ---- */

const struct metric_histogram *metric_histogram(enum timing timing)
{
	return &histograms[timing];
}

double metric_histogram_scale(const struct metric_histogram *histogram)
{
	return strcmp(histogram->unit, "seconds") == 0 ? MICROSECONDS : 1;
}

static void get_histogram(unsigned index, struct metric *metric)
{
	char end[16];

	snprintf(end, sizeof end, "_%.12s", histograms[index].unit);
	set_name(metric, "turnstone_", histograms[index].name, end);
	metric->type = METRIC_HISTOGRAM;
	metric->unit = histograms[index].unit;
	metric->help = histograms[index].help;
	metric->source = METRIC_OF_HISTOGRAM;
	metric->row = index;
}

/* ---- by coturn's names ---- */

static void get_coturn(unsigned index, struct metric *metric)
{
	set_name(metric, "", coturn_rows[index].name, "");
	metric->type = METRIC_UNKNOWN;
	metric->help = coturn_rows[index].help;
	metric->source = METRIC_OF_COTURN;
	metric->counter = coturn_rows[index].one;
	metric->other = coturn_rows[index].other;
}

/* Those that are more than a sum of two. */
static void get_other_coturn(unsigned index, struct metric *metric)
{
	bool is_drops = index == 0;

	set_name(metric, "", is_drops ? "turn_packet_dropped" : "turn_total_allocations", "");
	metric->type = is_drops ? METRIC_UNKNOWN : METRIC_GAUGE;
	metric->help = is_drops ? "packets dropped" : "allocations, by the client's transport";
	metric->source = is_drops ? METRIC_OF_DROPS : METRIC_OF_LANES;
	metric->prefix = "drop_";
	metric->counter = COUNT_allocations_now;
	snprintf(metric->labels, sizeof metric->labels, "%s", is_drops ? "" : "type");
}

const char *metric_coturn_transport(enum transport transport)
{
	static const char *const names[TRANSPORT_COUNT] = {
		[TRANSPORT_UDP] = "UDP",
		[TRANSPORT_TCP] = "TCP",
		[TRANSPORT_TLS] = "TLS/TCP",
		[TRANSPORT_DTLS] = "DTLS",
	};

	return names[transport];
}

/* ---- words ---- */

const char *metric_transport(unsigned lane)
{
	static const char *const names[COUNTER_LANES] = {
		[TRANSPORT_UDP] = "udp",   [TRANSPORT_TCP] = "tcp",      [TRANSPORT_TLS] = "tls",
		[TRANSPORT_DTLS] = "dtls", [COUNTER_LANE_NONE] = "none",
	};

	return names[lane];
}

const char *metric_type_name(enum metric_type type)
{
	static const char *const names[] = {
		[METRIC_COUNTER] = "counter",     [METRIC_GAUGE] = "gauge",
		[METRIC_HISTOGRAM] = "histogram", [METRIC_INFO] = "info",
		[METRIC_UNKNOWN] = "unknown",
	};

	return names[type];
}

bool metric_has_counter(const struct metric *metric, enum counter counter)
{
	return strncmp(counter_name(counter), metric->prefix, strlen(metric->prefix)) == 0;
}

bool metric_is_by_transport(const struct metric *metric)
{
	const char *last = strrchr(metric->labels, ' ');

	return strcmp(last != NULL ? last + 1 : metric->labels, "transport") == 0;
}

/* Two values of the counter's own, where the second label is not the lane's. */
void metric_group_values(const struct metric *metric, enum counter counter,
                         char values[METRIC_VALUES][METRIC_NAME_SIZE])
{
	const char *rest = counter_name(counter) + strlen(metric->prefix);
	const char *last = strrchr(rest, '_');
	bool has_two = strchr(metric->labels, ' ') != NULL && last != NULL &&
	               !metric_is_by_transport(metric);
	int len = has_two ? (int)(last - rest) : (int)strlen(rest);

	snprintf(values[0], METRIC_NAME_SIZE, "%.*s", len, rest);
	snprintf(values[1], METRIC_NAME_SIZE, "%s", has_two ? last + 1 : "");
}
