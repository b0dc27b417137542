/* The text, a metric after the other:
 *
 *     # HELP name ...                          # HELP name_total ...
 *     # TYPE name counter                      # TYPE name_total counter
 *     # UNIT name seconds
 *     name_total{label="value"} 12             name_total{label="value"} 12
 *     ...                                      ...
 *     # EOF
 */
#include "control/openmetrics.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
	FILE *file;
	bool is_plain; /* Prometheus' own, as on the right */
};

typedef void write_fn(FILE *to, const char *name, const json_t *sample);
static write_fn write_value, write_histogram;

/* The first is what a type that is none of them is taken for. */
static const struct type {
	const char *name, *plain_name;
	const char *end; /* of the names of its samples */
	write_fn *write;
} types[] = {
	{"unknown", "untyped", "", write_value},
	{"counter", "counter", "_total", write_value},
	{"gauge", "gauge", "", write_value},
	{"info", "gauge", "_info", write_value},
	{"histogram", "histogram", "", write_histogram},
};

enum { SAMPLE_NAME_SIZE = 128 };

static char *make_text(const json_t *answer, bool is_plain);
static void write_metric(const struct text *text, const json_t *metric);
static void write_head(const struct text *text, const char *name, const struct type *type,
                       const json_t *metric);
static void write_escaped(FILE *to, const char *text, const char *which);
static void write_sample(FILE *to, const char *name, const char *end, const json_t *labels,
                         const json_t *value);
static void write_labels(FILE *to, const json_t *labels, const char *most);
static void write_number(FILE *to, const json_t *number);
static void format_real(double value, char text[32]);

char *openmetrics_text(const json_t *answer)
{
	return make_text(answer, false);
}

char *openmetrics_plain_text(const json_t *answer)
{
	return make_text(answer, true);
}

static char *make_text(const json_t *answer, bool is_plain)
{
	char *made = NULL;
	size_t len, i;
	json_t *metric;
	struct text text = {open_memstream(&made, &len), is_plain};

	if (text.file == NULL)
		return NULL;
	json_array_foreach(json_object_get(answer, "metrics"), i, metric)
		write_metric(&text, metric);
	if (!is_plain)
		fputs("# EOF\n", text.file);
	if (fclose(text.file) == 0)
		return made;
	free(made);
	return NULL;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static const struct type *find_type(const char *name)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return &types[0];
}

static void write_metric(const struct text *text, const json_t *metric)
{
	const struct type *type = find_type(text_of(metric, "type"));
	char name[SAMPLE_NAME_SIZE];
	json_t *sample;
	size_t i;

	snprintf(name, sizeof name, "%s%s", text_of(metric, "name"), type->end);
	write_head(text, text->is_plain ? name : text_of(metric, "name"), type, metric);
	json_array_foreach(json_object_get(metric, "samples"), i, sample)
		type->write(text->file, name, sample);
}

/* In the plain text a quote is not escaped here, which is an error there, and there is no unit. */
static void write_head(const struct text *text, const char *name, const struct type *type,
                       const json_t *metric)
{
	const char *unit = text_of(metric, "unit");

	fprintf(text->file, "# HELP %s ", name);
	write_escaped(text->file, text_of(metric, "help"), text->is_plain ? "\\" : "\\\"");
	fprintf(text->file, "\n# TYPE %s %s\n", name,
	        text->is_plain ? type->plain_name : type->name);
	if (unit[0] != 0 && !text->is_plain)
		fprintf(text->file, "# UNIT %s %s\n", name, unit);
}

static void write_value(FILE *to, const char *name, const json_t *sample)
{
	write_sample(to, name, "", json_object_get(sample, "labels"),
	             json_object_get(sample, "value"));
}

static void write_bucket(FILE *to, const char *name, const json_t *labels, const char *most,
                         const json_t *count)
{
	fprintf(to, "%s_bucket", name);
	write_labels(to, labels, most);
	fputc(' ', to);
	write_number(to, count);
	fputc('\n', to);
}

/* Buckets are counted up, and the last one has all. */
static void write_histogram(FILE *to, const char *name, const json_t *sample)
{
	const json_t *labels = json_object_get(sample, "labels");
	const json_t *count = json_object_get(sample, "count");
	json_t *bucket;
	char most[32];
	size_t i;

	json_array_foreach(json_object_get(sample, "buckets"), i, bucket)
	{
		format_real(json_number_value(json_array_get(bucket, 0)), most);
		write_bucket(to, name, labels, most, json_array_get(bucket, 1));
	}
	write_bucket(to, name, labels, "+Inf", count);
	write_sample(to, name, "_count", labels, count);
	write_sample(to, name, "_sum", labels, json_object_get(sample, "sum"));
}

static void write_sample(FILE *to, const char *name, const char *end, const json_t *labels,
                         const json_t *value)
{
	fprintf(to, "%s%s", name, end);
	write_labels(to, labels, NULL);
	fputc(' ', to);
	write_number(to, value);
	fputc('\n', to);
}

/* most is the value of le, the label of a bucket; NULL: it is none. */
static void write_labels(FILE *to, const json_t *labels, const char *most)
{
	const char *name, *separator = "{";
	json_t *value;

	json_object_foreach((json_t *)labels, name, value)
	{
		fprintf(to, "%s%s=\"", separator, name);
		write_escaped(to, json_string_value(value) != NULL ? json_string_value(value) : "",
		              "\\\"");
		fputc('"', to);
		separator = ",";
	}
	if (most != NULL)
		fprintf(to, "%sle=\"%s\"", separator, most);
	if (most != NULL || separator[0] == ',')
		fputc('}', to);
}

/* which: the characters that get a backslash, beside line ends. */
static void write_escaped(FILE *to, const char *text, const char *which)
{
	for (; *text != 0; text++)
		if (*text == '\n')
			fputs("\\n", to);
		else if (strchr(which, *text) != NULL)
			fprintf(to, "\\%c", *text);
		else
			fputc(*text, to);
}

static void write_number(FILE *to, const json_t *number)
{
	char text[32];

	if (json_is_integer(number)) {
		fprintf(to, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
		return;
	}
	format_real(json_number_value(number), text);
	fputs(text, to);
}

/* With as few digits as tell it from every other, and so that it looks like no integer: 1.0. */
static void format_real(double value, char text[32])
{
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, 30, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	if (strpbrk(text, ".en") == NULL)
		memcpy(text + strlen(text), ".0", sizeof ".0");
}
