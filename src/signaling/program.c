/* What turnsignal does when it is asked to: by signals, by mail, and by the end of a drain. */
#include "signaling/program.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "process/process.h"
#include "signaling/program_reload.h"

static const struct main_loop_ops loop_ops;

enum err program_create(struct config *config, const struct config_sources *sources,
                        struct program **result, char problem[256], enum option_id *about)
{
	struct program *program = calloc(1, sizeof *program);
	enum err err = ERR_NO_MEMORY;

	snprintf(problem, 256, "%s", err_string(ERR_NO_MEMORY));
	*about = OPTION_ID_signaling_threads;
	if (program == NULL)
		return ERR_NO_MEMORY;
	program->sources = sources;
	program->control_socket.fd = -1;
	program->started = timestamp_now();
	program->started_wall_ms = timestamp_wall_ms();
	err = main_loop_open(&program->loop, &loop_ops, program, program);
	program->base = program->loop.base;
	program->mailbox = program->loop.mailbox;
	if (err == OK)
		err = program_open(program, config, problem, about);
	if (err != OK) {
		main_loop_close(&program->loop);
		free(program);
		return err;
	}
	*result = program;
	return OK;
}

void program_destroy(struct program *program)
{
	program_close(program);
	main_loop_close(&program->loop);
	free(program);
}

void program_run(struct program *program)
{
	program_alive_ready(program);
	main_loop_run(&program->loop);
}

void program_stop(struct program *program, const char *by)
{
	log_always("stopping", "reason=\"%s\" sessions=%llu", by,
	           (unsigned long long)program_count(program, HUB_COUNT_sessions_now));
	service_manager_stopping(&program->manager);
	main_loop_stop(&program->loop);
}

void program_finish(struct program *program, int patience_ms)
{
	struct pollfd mail = {.fd = mailbox_fd(program->mailbox), .events = POLLIN};

	while (program->tasks > 0 && poll(&mail, 1, patience_ms) > 0)
		mailbox_deliver(program->mailbox, program);
}

/* ---- signals ---- */

static void stop(void *context, const char *by)
{
	program_stop(context, by);
}

static enum main_loop_drain drain_state(const void *context)
{
	const struct program_drain *drain = &((const struct program *)context)->drain;

	return drain->is_final ? MAIN_LOOP_ENDS
	       : drain->is_on  ? MAIN_LOOP_DRAINS
	                       : MAIN_LOOP_SERVES;
}

static bool has_patience(const void *context)
{
	return program_config(context)->signaling_drain_timeout != 0;
}

static void begin_drain(void *context, const char *by, bool is_final)
{
	program_drain_begin(context, by, program_config(context)->signaling_drain_timeout,
	                    is_final);
}

/* The log is opened anew whatever becomes of the rest. */
static void reload_all(void *context, const char *by)
{
	struct program *program = context;

	service_manager_reloading(&program->manager);
	process_reopen_log(program_config(program));
	program_reload_begin(program->reload, RELOAD_OF_ALL, by, NULL);
}

static void read_certificates(void *context, const char *by)
{
	program_reload_begin(((struct program *)context)->reload, RELOAD_OF_CERTIFICATES, by, NULL);
}

static const struct main_loop_ops loop_ops = {
	.stop = stop,
	.drain = begin_drain,
	.reload = reload_all,
	.reload_certificates = read_certificates,
	.drain_state = drain_state,
	.has_patience = has_patience,
};
