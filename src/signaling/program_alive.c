/* What the service manager is told, and whether all workers answer. */
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "signaling/program.h"

enum { STATUS_EACH_US = 1000000 };

static void on_status(evutil_socket_t fd, short what, void *context);
static void on_alive(evutil_socket_t fd, short what, void *context);

static enum err add_timer(struct program *program, uint64_t each_us, event_callback_fn on_time,
                          struct event **timer)
{
	struct timeval each = {(time_t)(each_us / 1000000), (suseconds_t)(each_us % 1000000)};

	*timer = event_new(program->base, -1, EV_PERSIST, on_time, program);
	return *timer != NULL && event_add(*timer, &each) == 0 ? OK : ERR_NO_MEMORY;
}

enum err program_alive_open(struct program *program)
{
	uint64_t alive_us = service_manager_alive_interval_us();
	enum err err = OK;

	service_manager_open(&program->manager);
	if (service_manager_listens(&program->manager))
		err = add_timer(program, STATUS_EACH_US, on_status, &program->status_timer);
	if (err == OK && service_manager_listens(&program->manager) && alive_us > 0)
		err = add_timer(program, alive_us, on_alive, &program->alive_timer);
	return err;
}

void program_alive_close(struct program *program)
{
	if (program->status_timer != NULL)
		event_free(program->status_timer);
	if (program->alive_timer != NULL)
		event_free(program->alive_timer);
	service_manager_close(&program->manager);
}

static void format_status(const struct program *program, char status[SERVICE_STATUS_SIZE])
{
	uint64_t sessions = program_count(program, HUB_COUNT_sessions_now);
	timestamp now = timestamp_now();
	const struct program_drain *drain = &program->drain;
	const char *problem = program_problem(program);

	if (!drain->is_on)
		snprintf(status, SERVICE_STATUS_SIZE, "serving %" PRIu64 " sessions%s%s", sessions,
		         problem == NULL ? "" : ", not ready: ", problem == NULL ? "" : problem);
	else
		snprintf(status, SERVICE_STATUS_SIZE,
		         "draining by %s: %" PRIu64 " sessions left, %" PRIu64 " s", drain->by,
		         sessions, drain->deadline > now ? (drain->deadline - now) / 1000 : 0);
}

static void on_status(evutil_socket_t fd, short what, void *context)
{
	struct program *program = context;
	char status[SERVICE_STATUS_SIZE];

	(void)fd;
	(void)what;
	format_status(program, status);
	service_manager_status(&program->manager, status);
}

/* ---- the watchdog ---- */

/* That it runs is the answer. */
static void on_worker(struct worker_task *task, struct worker *worker)
{
	(void)task;
	(void)worker;
}

static void on_answered(struct worker_task *task)
{
	struct program *program = CONTAINER_OF(task, struct program, question);

	program->tasks--;
	watchdog_answered(&program->watchdog);
}

static void ask(struct program *program)
{
	program->question = (struct worker_task){.run = on_worker, .done = on_answered};
	if (workers_ask(program->workers, program->mailbox, &program->question) != OK) {
		program->watchdog = (struct watchdog){.waiting = 0};
		return;
	}
	program->tasks++;
	watchdog_asked(&program->watchdog, 1);
}

static void on_alive(evutil_socket_t fd, short what, void *context)
{
	struct program *program = context;
	enum watchdog_verdict verdict = watchdog_tick(&program->watchdog);

	(void)fd;
	(void)what;
	if (verdict == WATCHDOG_PET_AND_ASK)
		service_manager_alive(&program->manager);
	if (verdict != WATCHDOG_WAIT)
		ask(program);
	else if (!program->has_complained)
		log_error("threads do not answer", "waiting_for=\"worker\" advice=\"the service "
		                                   "manager will end the server\"");
	program->has_complained = verdict == WATCHDOG_WAIT;
}

void program_alive_ready(struct program *program)
{
	service_manager_ready(&program->manager);
	if (service_manager_listens(&program->manager))
		on_status(-1, 0, program);
	if (program->alive_timer != NULL && !program->watchdog.has_asked)
		ask(program);
}
