/* The metrics that the server tells others of: their names, types and labels, out of metrics.def,
 * counters.def and histograms.def. Their values are in relay/metrics.h. */
#pragma once

#include "base/counters.h"

enum metric_type {
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_HISTOGRAM,
	METRIC_INFO,
	METRIC_UNKNOWN, /* one by coturn's name, which may lack _total */
};

enum metric_source {
	METRIC_OF_SERVER,    /* .row: a METRIC_SERVER */
	METRIC_OF_GROUP,     /* .prefix: of the counters' names */
	METRIC_OF_COUNTER,   /* .counter */
	METRIC_OF_HISTOGRAM, /* .row: an enum timing */
	METRIC_OF_COTURN,    /* .counter, and .other unless it is COUNTER_COUNT */
	METRIC_OF_DROPS,     /* all counters whose names begin with .prefix */
	METRIC_OF_LANES,     /* .counter, a sample for each transport as coturn calls them */
};

enum { METRIC_NAME_SIZE = 80, METRIC_LABELS_SIZE = 40, METRIC_VALUES = 2 };

struct metric {
	char name[METRIC_NAME_SIZE]; /* without _total, _info and their like */
	enum metric_type type;
	const char *unit;                /* "seconds", "bytes"; "": none */
	char labels[METRIC_LABELS_SIZE]; /* their names, separated by a space; "": none */
	const char *help;

	enum metric_source source;
	unsigned row;
	const char *prefix;
	enum counter counter, other;
};

/* Gives the metric of an index from 0 on; false behind the last. */
bool metric_get(unsigned index, struct metric *metric);
const char *metric_type_name(enum metric_type type); /* "counter" */

/* Whether the last of its labels is "transport". */
bool metric_is_by_transport(const struct metric *metric);
/* Whether a counter belongs to a METRIC_OF_GROUP or METRIC_OF_DROPS. */
bool metric_has_counter(const struct metric *metric, enum counter counter);
/* Gives the values of a group's labels for one of its counters; an unused one is "". */
void metric_group_values(const struct metric *metric, enum counter counter,
                         char values[METRIC_VALUES][METRIC_NAME_SIZE]);

/* The rows of METRIC_SERVER. */
enum metric_server {
#define METRIC_SERVER(name, type, unit, labels, help) METRIC_SERVER_##name,
#include "base/metrics.def"
#undef METRIC_SERVER
	METRIC_SERVER_COUNT /* the number of them */
};

/* What labels say of a client transport: "udp". */
const char *metric_transport(unsigned lane); /* "none" for COUNTER_LANE_NONE */
/* The same in coturn's words: "TLS/TCP". */
const char *metric_coturn_transport(enum transport transport);

/* A histogram as others are told of it. */
struct metric_histogram {
	const char *name, *unit, *help;
	unsigned least, most; /* powers of two of its first and last bound */
};
const struct metric_histogram *metric_histogram(enum timing timing);
/* What a value is to be multiplied with to be of its unit. */
double metric_histogram_scale(const struct metric_histogram *histogram);
