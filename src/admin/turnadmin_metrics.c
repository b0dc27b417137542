/* metrics: what the running server measures, as a table with rates, as JSON, or as OpenMetrics text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"
#include "control/client.h"
#include "control/openmetrics.h"

enum { NAME_WIDTH = 72, LINE_SIZE = 512 };

typedef enum turnadmin_exit print_fn(const struct turnadmin_request *request, const json_t *now,
                                     const json_t *before);
static print_fn print_table, print_openmetrics, print_prometheus, print_json;

static const struct {
	const char *name;
	print_fn *print;
} formats[] = {
	{"table", print_table},
	{"openmetrics", print_openmetrics},
	{"prometheus", print_prometheus},
	{"json", print_json},
};

static print_fn *find_format(const struct turnadmin_request *request);
static enum turnadmin_exit watch(const struct turnadmin_request *request, print_fn *print);
static void print_metric(const struct turnadmin_request *request, const json_t *metric,
                         const json_t *before, double seconds);

enum turnadmin_exit turnadmin_metrics(const struct turnadmin_request *request)
{
	print_fn *print = find_format(request);

	if (print == NULL) {
		turnadmin_say("--format %s: give table, openmetrics, prometheus or json",
		              request->format);
		return TURNADMIN_USAGE;
	}
	return watch(request, print);
}

static print_fn *find_format(const struct turnadmin_request *request)
{
	const char *wanted = request->format != NULL ? request->format : "table";

	if (request->as_json)
		return print_json;
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
		if (strcmp(formats[i].name, wanted) == 0)
			return formats[i].print;
	return NULL;
}

static json_t *ask(const struct turnadmin_request *request)
{
	json_t *arguments = json_pack("{s:b}", "by_thread", (int)request->by_thread), *result;
	char problem[256];

	if (control_ask(request->control_socket, "metrics", arguments, &result, problem) == OK)
		return result;
	turnadmin_say("%s", problem);
	return NULL;
}

static void wait_s(long seconds)
{
	struct timespec left = {seconds, 0};

	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

/* Once, or again and again: until there have been as many as were asked for, the server has gone, or
 * nobody reads any more. */
static enum turnadmin_exit watch(const struct turnadmin_request *request, print_fn *print)
{
	enum turnadmin_exit status = TURNADMIN_DONE;
	json_t *before = NULL;
	long most = request->count > 0 ? request->count : request->watch_s > 0 ? 0 : 1;

	for (long i = 0; status == TURNADMIN_DONE && (most == 0 || i < most); i++) {
		if (i > 0)
			wait_s(request->watch_s > 0 ? request->watch_s : 1);
		json_t *now = ask(request);
		status = now != NULL ? print(request, now, before) : TURNADMIN_PROBLEM;
		if (fflush(stdout) != 0)
			status = TURNADMIN_PROBLEM;
		json_decref(before);
		before = now;
	}
	json_decref(before);
	return status;
}

static enum turnadmin_exit print_json(const struct turnadmin_request *request, const json_t *now,
                                      const json_t *before)
{
	(void)request;
	(void)before;
	json_dumpf(now, stdout, JSON_INDENT(2));
	putchar('\n');
	return TURNADMIN_DONE;
}

static enum turnadmin_exit print_text(char *text)
{
	if (text == NULL) {
		turnadmin_say("%s", err_string(ERR_NO_MEMORY));
		return TURNADMIN_PROBLEM;
	}
	fputs(text, stdout);
	free(text);
	return TURNADMIN_DONE;
}

static enum turnadmin_exit print_openmetrics(const struct turnadmin_request *request,
                                             const json_t *now, const json_t *before)
{
	(void)request;
	(void)before;
	return print_text(openmetrics_text(now));
}

static enum turnadmin_exit print_prometheus(const struct turnadmin_request *request,
                                            const json_t *now, const json_t *before)
{
	(void)request;
	(void)before;
	return print_text(openmetrics_plain_text(now));
}

/* ---- for people ---- */

static const char *text(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value != NULL ? value : "";
}

static double time_of(const json_t *answer)
{
	return json_number_value(json_object_get(answer, "time"));
}

static enum turnadmin_exit print_table(const struct turnadmin_request *request, const json_t *now,
                                       const json_t *before)
{
	double seconds = before != NULL ? time_of(now) - time_of(before) : 0;
	json_t *metric;
	size_t i;

	if (before != NULL)
		printf("\n%-*s %16s %14s\n", NAME_WIDTH, "", "now", "a second");
	json_array_foreach(json_object_get(now, "metrics"), i, metric)
		print_metric(request, metric, json_object_get(before, "metrics"), seconds);
	return TURNADMIN_DONE;
}

static const json_t *find_metric(const json_t *metrics, const char *name)
{
	json_t *metric;
	size_t i;

	json_array_foreach(metrics, i,
	                   metric) if (strcmp(text(metric, "name"), name) == 0) return metric;
	return NULL;
}

static const json_t *find_sample(const json_t *metric, const json_t *labels)
{
	json_t *sample;
	size_t i;

	json_array_foreach(
		json_object_get(metric, "samples"), i,
		sample) if (json_equal(json_object_get(sample, "labels"), labels)) return sample;
	return NULL;
}

/* Writes "name" or "name{label=value,other=value}". */
static void format_name(char line[LINE_SIZE], const char *name, const json_t *labels)
{
	int used = snprintf(line, LINE_SIZE, "%.100s", name);
	const char *label, *separator = "{";
	json_t *value;

	json_object_foreach((json_t *)labels, label, value)
	{
		if (used >= LINE_SIZE)
			return;
		used += snprintf(line + used, (size_t)(LINE_SIZE - used), "%s%.40s=%.80s",
		                 separator, label, json_string_value(value));
		separator = ",";
	}
	if (separator[0] == ',' && used < LINE_SIZE - 1)
		snprintf(line + used, (size_t)(LINE_SIZE - used), "}");
}

/* In a column of its own, so that lines can be sorted and compared by programs. */
static void print_name(const char *name)
{
	turnadmin_output_text(name);
	printf("%*s ", strlen(name) < NAME_WIDTH ? (int)(NAME_WIDTH - strlen(name)) : 0, "");
}

static void print_number(const json_t *number)
{
	if (json_is_integer(number))
		printf("%16" JSON_INTEGER_FORMAT, json_integer_value(number));
	else
		printf("%16.3f", json_real_value(number));
}

static bool grows(const json_t *metric)
{
	return strcmp(text(metric, "type"), "counter") == 0;
}

static bool is_coturn(const json_t *metric)
{
	return strncmp(text(metric, "name"), "turn_", 5) == 0 ||
	       strncmp(text(metric, "name"), "stun_", 5) == 0;
}

/* "median 0.000128, 99 of 100 in 0.001024" */
static void print_histogram(const json_t *sample, const char *unit)
{
	const json_t *quantiles = json_object_get(sample, "quantiles");
	static const struct {
		const char *name, *words;
	} shown[] = {{"0.5", "half in"}, {"0.9", "90 % in"}, {"0.99", "99 % in"}};

	print_number(json_object_get(sample, "count"));
	for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
		printf("%s %s %.6g", i > 0 ? "," : "", shown[i].words,
		       json_number_value(json_object_get(quantiles, shown[i].name)));
	printf(" %s", unit);
}

static void print_sample(const json_t *metric, const json_t *sample, const json_t *before,
                         double seconds)
{
	const json_t *value = json_object_get(sample, "value");
	double grown;

	if (json_object_get(sample, "buckets") != NULL) {
		print_histogram(sample, text(metric, "unit"));
		return;
	}
	print_number(value);
	if (before == NULL || !grows(metric) || seconds <= 0)
		return;
	grown = json_number_value(value) - json_number_value(json_object_get(before, "value"));
	if (grown >= 0) /* else the server began anew */
		printf(" %14.3f", grown / seconds);
}

static bool is_zero(const json_t *sample)
{
	const json_t *value = json_object_get(sample, "value");

	return json_number_value(value != NULL ? value : json_object_get(sample, "count")) == 0;
}

/* What is 0 is left out, and what is there for coturn's dashboards, unless all is asked for. */
static void print_metric(const struct turnadmin_request *request, const json_t *metric,
                         const json_t *before, double seconds)
{
	const json_t *earlier = find_metric(before, text(metric, "name"));
	char name[LINE_SIZE];
	json_t *sample;
	size_t i;

	json_array_foreach(json_object_get(metric, "samples"), i, sample)
	{
		const json_t *labels = json_object_get(sample, "labels");
		if (!request->wants_all && (is_zero(sample) || is_coturn(metric)))
			continue;
		format_name(name, text(metric, "name"), labels);
		print_name(name);
		print_sample(metric, sample, find_sample(earlier, labels), seconds);
		putchar('\n');
	}
}
