/* The text, a metric after the other:
 *
 *     # HELP name ...
 *     # TYPE name counter
 *     # UNIT name seconds
 *     name_total{label="value"} 12
 *     ...
 *     # EOF
 */
#include "control/openmetrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void write_fn(FILE *to, const char *name, const json_t *sample);
static write_fn write_value, write_total, write_info, write_histogram;

static const struct {
	const char *type;
	write_fn *write;
} types[] = {
	{"counter", write_total}, {"gauge", write_value},         {"info", write_info},
	{"unknown", write_value}, {"histogram", write_histogram},
};

static void write_metric(FILE *to, const json_t *metric);
static void write_escaped(FILE *to, const char *text);
static void write_sample(FILE *to, const char *name, const char *end, const json_t *labels,
                         const json_t *value);
static void write_labels(FILE *to, const json_t *labels, const char *most);
static void write_number(FILE *to, const json_t *number);
static void format_real(double value, char text[32]);

char *openmetrics_text(const json_t *answer)
{
	char *text = NULL;
	size_t len, i;
	json_t *metric;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return NULL;
	json_array_foreach(json_object_get(answer, "metrics"), i, metric) write_metric(to, metric);
	fputs("# EOF\n", to);
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static void write_metric(FILE *to, const json_t *metric)
{
	const char *name = text_of(metric, "name"), *type = text_of(metric, "type");
	write_fn *write = write_value;
	json_t *sample;
	size_t i;

	for (i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(types[i].type, type) == 0)
			write = types[i].write;
	fprintf(to, "# HELP %s ", name);
	write_escaped(to, text_of(metric, "help"));
	fprintf(to, "\n# TYPE %s %s\n", name, type);
	if (text_of(metric, "unit")[0] != 0)
		fprintf(to, "# UNIT %s %s\n", name, text_of(metric, "unit"));
	json_array_foreach(json_object_get(metric, "samples"), i, sample) write(to, name, sample);
}

static void write_value(FILE *to, const char *name, const json_t *sample)
{
	write_sample(to, name, "", json_object_get(sample, "labels"),
	             json_object_get(sample, "value"));
}

static void write_total(FILE *to, const char *name, const json_t *sample)
{
	write_sample(to, name, "_total", json_object_get(sample, "labels"),
	             json_object_get(sample, "value"));
}

static void write_info(FILE *to, const char *name, const json_t *sample)
{
	write_sample(to, name, "_info", json_object_get(sample, "labels"),
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
		write_escaped(to, json_string_value(value) != NULL ? json_string_value(value) : "");
		fputc('"', to);
		separator = ",";
	}
	if (most != NULL)
		fprintf(to, "%sle=\"%s\"", separator, most);
	if (most != NULL || separator[0] == ',')
		fputc('}', to);
}

static void write_escaped(FILE *to, const char *text)
{
	for (; *text != 0; text++)
		if (*text == '\n')
			fputs("\\n", to);
		else if (*text == '"' || *text == '\\')
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
