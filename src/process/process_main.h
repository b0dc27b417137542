/* What main() of every server does: it reads the configuration, and prints what it was asked for or serves. */
#pragma once

#include "config/config.h"

struct process_program {
	enum config_program number;
	enum config_program argv_of; /* whose command line it was given: itself, or its parent's */
	const char *help;            /* before the list of options; with a line's end */
	/* Serves to the end. Takes the configuration over; the exit code. */
	int (*serve)(struct config *config, const struct config_sources *sources);
};

/* The exit code of main(). */
int process_main(const struct process_program *program, int argc, char **argv);

/* Whatever goes wrong ends the start with one line that says where the option was set; a daemon has
 * nothing but its log to say it to. The exit code. */
int process_fail(const struct config *config, enum option_id about, const char *problem);
