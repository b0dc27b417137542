/* turnconsole: the console over HTTPS, its JSON interface, and metrics. On its own it serves; as turnserver's child it has a keeper that
 * starts it again when it crashes. */
#include <stdlib.h>
#include <string.h>

#include "admin/console_serve.h"
#include "admin/keeper.h"
#include "process/process_main.h"

static int serve(struct config *config, const struct config_sources *sources)
{
	int status = config->supervised ? keeper_run(config, sources) : console_serve(config, -1);

	config_destroy(config);
	return status;
}

int main(int argc, char **argv)
{
	/* Behind --supervised the words are those that turnserver was given. */
	bool is_child = argc > 1 && strcmp(argv[1], "--supervised") == 0;
	const struct process_program turnconsole = {
		.number = CONFIG_TURNCONSOLE,
		.argv_of = is_child ? CONFIG_TURNSERVER : CONFIG_TURNCONSOLE,
		.help = "turnconsole shows and steers turnserver and turnsignal in a browser, and "
			"gives metrics to "
			"Prometheus.\n"
			"\n"
			"usage: turnconsole [-c FILE] [options]\n"
			"\n"
			"turnserver starts it by itself when web-admin or prometheus is on. An "
			"option NAME may "
			"also stand in the\n"
			"configuration file (NAME=VALUE) or in the environment (TURNSTONE_NAME); "
			"turnserver reads "
			"the same file.\n"
			"turnconsole(1) has more about each.\n",
		.serve = serve,
	};

	return process_main(&turnconsole, argc, argv);
}
