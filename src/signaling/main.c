/* turnsignal: the signaling daemon. Reads the configuration, starts the workers, and undoes it all at the end; in between
 * the loop of program.c runs here. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "process/certificate_check.h"
#include "process/process.h"
#include "signaling/program.h"

extern char **environ;

/* Whatever goes wrong ends the start with one line that says where the option was set; a daemon has
 * nothing but its log to say it to. */
static int fail(const struct config *config, enum option_id about, const char *problem)
{
	config_print_problem(config, about, problem, stderr);
	if (about != OPTION_ID_log_file && (config->log_file != NULL || config->syslog))
		log_error("not started", "reason=\"%s\"", problem);
	return EXIT_FAILURE;
}

/* Takes the configuration over. */
static int serve(struct config *config, const struct config_sources *sources)
{
	struct program *program = NULL;
	char problem[256] = "";
	enum option_id about = OPTION_ID_log_file;
	enum err err;

	program_block_signals();
	process_raise_limits();
	err = process_open_log(config, problem);
	if (err == OK && config->daemon) {
		about = OPTION_ID_daemon;
		err = process_daemonise(problem);
	}
	if (err == OK)
		err = program_create(config, sources, &program, problem, &about);
	if (err != OK) {
		int status = fail(config, about, problem);
		config_destroy(config);
		return status;
	}
	program_run(program);
	program_destroy(program);
	log_always("stopped", NULL);
	log_close();
	return EXIT_SUCCESS;
}

static void print_help(void)
{
	puts("turnsignal brings the clients of calls together: rooms over WebSocket, TURN "
	     "credentials, "
	     "REST.\n"
	     "\n"
	     "usage: turnsignal [-c FILE] [options]\n"
	     "\n"
	     "An option NAME may also stand in the configuration file (NAME=VALUE) or in the "
	     "environment\n"
	     "(TURNSTONE_NAME); turnserver reads the same file. turnsignal(1) has more about "
	     "each.\n");
	config_print_help(CONFIG_TURNSIGNAL, stdout);
}

/* Takes the configuration over. */
static int run(struct config *config, const struct config_report *report,
               const struct config_sources *sources)
{
	if (!config->help && !config->version && !config->check)
		return serve(config, sources);
	if (config->help)
		print_help();
	else if (config->version)
		puts(PACKAGE_VERSION);
	else
		printf("no errors, %zu warning%s\n", report->warnings,
		       report->warnings == 1 ? "" : "s");
	config_destroy(config);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const struct config_sources sources = {
		.program = CONFIG_TURNSIGNAL,
		.argc = argc,
		.argv = argv,
		.environment = environ,
		.look_into_files = certificate_check,
	};
	struct config_report report = {0};
	struct config *config = NULL;
	enum err err = config_load(&sources, &report, &config);
	int status = EXIT_FAILURE;

	config_report_print(&report, stderr);
	if (err == OK)
		status = run(config, &report, &sources);
	config_report_deinit(&report);
	return status;
}
