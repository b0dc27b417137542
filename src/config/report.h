/* What is wrong with a configuration: each problem with its place, what it is, how to mend it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

enum config_severity { CONFIG_WARNING, CONFIG_ERROR };

struct config_problem {
	enum config_severity severity;
	unsigned line; /* of a file; 0 when the source has no lines */
	char *source;  /* a file's name, "environment", "command line" or "configuration". owned */
	char *message; /* one line. owned */
};

enum { CONFIG_PROBLEMS_MAX = 200, CONFIG_MESSAGE_SIZE = 512 };

struct config_report { /* begins as {0} */
	struct config_problem *problem;
	size_t count;
	size_t errors, warnings; /* counted on when problem is full */
};

/* Adds a problem. One that has been told of the same source is not told again. Control characters
 * in the message are written as \xNN. What finds no memory is counted alone. */
void config_report_add(struct config_report *report, enum config_severity severity,
                       const char *source, unsigned line, const char *message, ...)
	PRINTF_LIKE(5, 6);
/* Writes one line for each problem, such as "turnserver.conf:12: error: ...". */
void config_report_print(const struct config_report *report, FILE *file);
/* Frees what the report holds and makes it empty. */
void config_report_deinit(struct config_report *report);
