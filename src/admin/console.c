/* The store of turnconsole, which its threads take turns at. */
#include "admin/console.h"

#include <stdio.h>

#include "base/log.h"

static void open_store(struct console *console)
{
	const struct store_location at = {
		.file = console->config->redis_userdb == NULL ? console->config->userdb : NULL,
		.redis = console->config->redis_userdb,
		.is_patient = true,
	};
	char problem[256] = "";

	if (at.file == NULL && at.redis == NULL)
		return;
	if (store_open_at(&at, true, &console->store, problem) != OK) {
		console->store = NULL;
		log_error("store is away", "reason=\"%s\"", problem);
	}
}

struct store *console_take_store(struct console *console)
{
	pthread_mutex_lock(&console->store_lock);
	if (console->store != NULL && store_has_moved(console->store)) {
		store_close(console->store);
		console->store = NULL;
	}
	if (console->store == NULL)
		open_store(console);
	if (console->store == NULL)
		pthread_mutex_unlock(&console->store_lock);
	return console->store;
}

void console_release_store(struct console *console)
{
	pthread_mutex_unlock(&console->store_lock);
}
