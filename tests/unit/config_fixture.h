/* A configuration and what was said of it, for the tests of src/config. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "tap.h"

struct fixture {
	struct config *config;
	struct config_report report;
	enum err err;
};

__attribute__((unused)) static void fixture_begin(struct fixture *fixture)
{
	*fixture = (struct fixture){0};
	if (config_create(CONFIG_TURNSERVER, &fixture->config) != OK)
		abort();
}

/* Begins with a file of this text, which is called test.conf. */
__attribute__((unused)) static void fixture_read(struct fixture *fixture, const char *text)
{
	size_t len = strlen(text);
	char *exact = malloc(len ? len : 1); /* so that a sanitizer sees one byte too many */

	fixture_begin(fixture);
	memcpy(exact, text, len);
	fixture->err =
		config_read_bytes(fixture->config, "test.conf", exact, len, &fixture->report);
	free(exact);
}

__attribute__((unused)) static void fixture_end(struct fixture *fixture)
{
	config_destroy(fixture->config);
	config_report_deinit(&fixture->report);
}

__attribute__((unused)) static bool mentions(const struct fixture *fixture, const char *words)
{
	for (size_t i = 0; i < fixture->report.count; i++)
		if (strstr(fixture->report.problem[i].message, words) != NULL)
			return true;
	return false;
}

/* Expects a problem of this severity and line whose message contains words. */
__attribute__((unused)) static void has_problem(const struct fixture *fixture,
                                                enum config_severity severity, unsigned line,
                                                const char *words)
{
	bool found = false;

	for (size_t i = 0; i < fixture->report.count; i++)
		found = found || (fixture->report.problem[i].severity == severity &&
		                  fixture->report.problem[i].line == line &&
		                  strstr(fixture->report.problem[i].message, words) != NULL);
	ok(found, "%s in line %u: %s", severity == CONFIG_ERROR ? "error" : "warning", line, words);
	for (size_t i = 0; !found && i < fixture->report.count; i++)
		printf("# line %u: %s\n", fixture->report.problem[i].line,
		       fixture->report.problem[i].message);
}
