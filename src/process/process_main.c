/* What main() of every server does. */
#include "process/process_main.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "process/certificate_check.h"

extern char **environ;

int process_fail(const struct config *config, enum option_id about, const char *problem)
{
	config_print_problem(config, about, problem, stderr);
	if (about != OPTION_ID_log_file && (config->log_file != NULL || config->syslog))
		log_error("not started", "reason=\"%s\"", problem);
	return EXIT_FAILURE;
}

/* What was asked for in place of serving. */
static int print(const struct process_program *program, const struct config *config,
                 const struct config_report *report)
{
	if (config->help) {
		puts(program->help);
		config_print_help(program->number, stdout);
	} else if (config->version) {
		puts(PACKAGE_VERSION);
	} else {
		printf("no errors, %zu warning%s\n", report->warnings,
		       report->warnings == 1 ? "" : "s");
	}
	return EXIT_SUCCESS;
}

static int run(const struct process_program *program, struct config *config,
               const struct config_report *report, const struct config_sources *sources)
{
	int status;

	if (!config->help && !config->version && !config->check)
		return program->serve(config, sources);
	status = print(program, config, report);
	config_destroy(config);
	return status;
}

int process_main(const struct process_program *program, int argc, char **argv)
{
	const struct config_sources sources = {
		.program = program->number,
		.argv_of = program->argv_of,
		.argc = argc,
		.argv = argv,
		.environment = environ,
		.look_into_files = certificate_check,
	};
	struct config_report report = {0};
	struct config *config = NULL;
	enum err err = config_load(&sources, &report, &config);
	int status = EXIT_FAILURE;

	/* What its parent's command line is warned of its parent has told. */
	if (err != OK || program->argv_of == program->number)
		config_report_print(&report, stderr);
	if (err == OK)
		status = run(program, config, &report, &sources);
	config_report_deinit(&report);
	return status;
}
