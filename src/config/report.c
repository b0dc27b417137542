/* Collects problems, within a bound. */
#include "config/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What a file holds may be anything; a terminal gets to see it. */
static char *printable(const char *text)
{
	char *copy = malloc(4 * strlen(text) + 1), *end = copy;

	if (copy == NULL)
		return NULL;
	for (const unsigned char *p = (const unsigned char *)text; *p != 0; p++)
		if (*p < 0x20 || *p == 0x7F)
			end += snprintf(end, 5, "\\x%02X", *p);
		else
			*end++ = (char)*p;
	*end = 0;
	return copy;
}

static bool has_been_told(const struct config_report *report, const char *source,
                          const char *message)
{
	for (size_t i = 0; i < report->count; i++)
		if (strcmp(report->problem[i].message, message) == 0 &&
		    strcmp(report->problem[i].source, source) == 0)
			return true;
	return false;
}

static bool make_room(struct config_report *report)
{
	struct config_problem *more;

	if (report->count == CONFIG_PROBLEMS_MAX)
		return false;
	more = realloc(report->problem, (report->count + 1) * sizeof *more);
	if (more == NULL)
		return false;
	report->problem = more;
	return true;
}

/* Takes the problem over, or returns false. */
static bool keep(struct config_report *report, const struct config_problem *problem)
{
	if (problem->message == NULL || problem->source == NULL || !make_room(report))
		return false;
	report->problem[report->count++] = *problem;
	return true;
}

static bool is_repetition(const struct config_report *report, const struct config_problem *problem)
{
	return problem->severity == CONFIG_WARNING && problem->message != NULL &&
	       problem->source != NULL && has_been_told(report, problem->source, problem->message);
}

void config_report_add(struct config_report *report, enum config_severity severity,
                       const char *source, unsigned line, const char *message, ...)
{
	char text[CONFIG_MESSAGE_SIZE];
	va_list args;

	va_start(args, message);
	vsnprintf(text, sizeof text, message, args);
	va_end(args);

	const struct config_problem problem = {severity, line, printable(source), printable(text)};
	bool is_told = is_repetition(report, &problem);

	if (!is_told)
		*(severity == CONFIG_ERROR ? &report->errors : &report->warnings) += 1;
	if (is_told || !keep(report, &problem)) {
		free(problem.source);
		free(problem.message);
	}
}

void config_report_print(const struct config_report *report, FILE *file)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct config_problem *problem = &report->problem[i];

		fputs(problem->source, file);
		if (problem->line != 0)
			fprintf(file, ":%u", problem->line);
		fprintf(file, ": %s: %s\n", problem->severity == CONFIG_ERROR ? "error" : "warning",
		        problem->message);
	}
	if (report->errors + report->warnings > report->count)
		fprintf(file, "%zu more problems are not shown\n",
		        report->errors + report->warnings - report->count);
}

void config_report_deinit(struct config_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		free(report->problem[i].source);
		free(report->problem[i].message);
	}
	free(report->problem);
	*report = (struct config_report){0};
}
