/* turnsignal: the signaling daemon. Reads the configuration, starts the workers, and undoes it all at the end; in between
 * the loop of program.c runs here. */
#include <stdlib.h>

#include "base/log.h"
#include "process/main_loop.h"
#include "process/process.h"
#include "process/process_main.h"
#include "signaling/program.h"

/* Takes the configuration over. */
static int serve(struct config *config, const struct config_sources *sources)
{
	struct program *program = NULL;
	char problem[256] = "";
	enum option_id about = OPTION_ID_log_file;
	enum err err;

	main_loop_block_signals();
	process_raise_limits();
	err = process_open_log(config, problem);
	if (err == OK && config->daemon) {
		about = OPTION_ID_daemon;
		err = process_daemonise(problem);
	}
	if (err == OK)
		err = program_create(config, sources, &program, problem, &about);
	if (err != OK) {
		int status = process_fail(config, about, problem);
		config_destroy(config);
		return status;
	}
	program_run(program);
	program_destroy(program);
	log_always("stopped", NULL);
	log_close();
	return EXIT_SUCCESS;
}

static const struct process_program turnsignal = {
	.number = CONFIG_TURNSIGNAL,
	.help = "turnsignal brings the clients of calls together: rooms over WebSocket, TURN "
		"credentials, "
		"REST.\n"
		"\n"
		"usage: turnsignal [-c FILE] [options]\n"
		"\n"
		"An option NAME may also stand in the configuration file (NAME=VALUE) or in the "
		"environment\n"
		"(TURNSTONE_NAME); turnserver reads the same file. turnsignal(1) has more about "
		"each.\n",
	.serve = serve,
};

int main(int argc, char **argv)
{
	return process_main(&turnsignal, argc, argv);
}
