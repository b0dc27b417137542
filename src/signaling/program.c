/* A libevent loop with few events: a descriptor of signals, one of mail, the control socket, and some timers. */
#include "signaling/program.h"

#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "process/process.h"
#include "signaling/program_reload.h"

static enum err open_loop(struct program *program);
static void close_loop(struct program *program);
static void on_mail(evutil_socket_t fd, short what, void *context);
static void on_signal(evutil_socket_t fd, short what, void *context);

typedef void signal_fn(struct program *program);
static signal_fn on_interrupt, on_terminate, on_hangup, on_user_1, on_user_2;

static const struct {
	int number;
	signal_fn *handle;
} signals[] = {
	{SIGINT, on_interrupt}, {SIGTERM, on_terminate}, {SIGHUP, on_hangup},
	{SIGUSR1, on_user_1},   {SIGUSR2, on_user_2},
};
enum { SIGNAL_COUNT = sizeof signals / sizeof signals[0] };

static void fill_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		sigaddset(set, signals[i].number);
}

void program_block_signals(void)
{
	sigset_t set;

	fill_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a log that may not grow is told so by write */
}

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
	program->signal_fd = -1;
	program->control_socket.fd = -1;
	program->started = timestamp_now();
	program->started_wall_ms = timestamp_wall_ms();
	err = open_loop(program);
	if (err == OK)
		err = program_open(program, config, problem, about);
	if (err != OK) {
		close_loop(program);
		free(program);
		return err;
	}
	*result = program;
	return OK;
}

void program_destroy(struct program *program)
{
	program_close(program);
	close_loop(program);
	free(program);
}

void program_run(struct program *program)
{
	program_alive_ready(program);
	event_base_dispatch(program->base);
}

void program_stop(struct program *program, const char *by)
{
	log_always("stopping", "reason=\"%s\" sessions=%llu", by,
	           (unsigned long long)program_count(program, HUB_COUNT_sessions_now));
	service_manager_stopping(&program->manager);
	event_base_loopbreak(program->base);
}

/* ---- the loop ---- */

static enum err open_loop(struct program *program)
{
	sigset_t set;
	enum err err;

	program->base = event_base_new();
	if (program->base == NULL)
		return ERR_NO_MEMORY;
	err = mailbox_create(&program->mailbox);
	if (err != OK)
		return err;
	fill_set(&set);
	program->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (program->signal_fd < 0)
		return ERR_SYSTEM;
	program->mail_event = event_new(program->base, mailbox_fd(program->mailbox),
	                                EV_READ | EV_PERSIST, on_mail, program);
	program->signal_event = event_new(program->base, program->signal_fd, EV_READ | EV_PERSIST,
	                                  on_signal, program);
	if (program->mail_event == NULL || program->signal_event == NULL ||
	    event_add(program->mail_event, NULL) != 0 ||
	    event_add(program->signal_event, NULL) != 0)
		return ERR_NO_MEMORY;
	return OK;
}

static void close_loop(struct program *program)
{
	if (program->signal_event != NULL)
		event_free(program->signal_event);
	if (program->mail_event != NULL)
		event_free(program->mail_event);
	if (program->signal_fd >= 0)
		close(program->signal_fd);
	mailbox_destroy(program->mailbox);
	if (program->base != NULL)
		event_base_free(program->base);
}

static void on_mail(evutil_socket_t fd, short what, void *context)
{
	struct program *program = context;

	(void)fd;
	(void)what;
	mailbox_deliver(program->mailbox, program);
}

void program_finish(struct program *program, int patience_ms)
{
	struct pollfd mail = {.fd = mailbox_fd(program->mailbox), .events = POLLIN};

	while (program->tasks > 0 && poll(&mail, 1, patience_ms) > 0)
		mailbox_deliver(program->mailbox, program);
}

/* ---- signals ---- */

static void on_signal(evutil_socket_t fd, short what, void *context)
{
	struct signalfd_siginfo info;

	(void)what;
	while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
		for (size_t i = 0; i < SIGNAL_COUNT; i++)
			if (signals[i].number == (int)info.ssi_signo)
				signals[i].handle(context);
}

static void on_interrupt(struct program *program)
{
	program_stop(program, "SIGINT");
}

/* The second one means it. */
static void on_terminate(struct program *program)
{
	uint32_t timeout_s = program_config(program)->signaling_drain_timeout;

	if (timeout_s == 0 || program->drain.is_final)
		program_stop(program, "SIGTERM");
	else
		program_drain_begin(program, "SIGTERM", timeout_s, true);
}

/* A log file that logrotate moved away is opened anew, whatever becomes of the rest. */
static void on_hangup(struct program *program)
{
	char problem[256];

	service_manager_reloading(&program->manager);
	if (process_open_log(program_config(program), problem) != OK)
		log_warning("log not reopened", "reason=\"%s\"", problem);
	program_reload_begin(program->reload, RELOAD_OF_ALL, "SIGHUP", NULL);
}

static void on_user_1(struct program *program)
{
	if (!program->drain.is_on)
		program_drain_begin(program, "SIGUSR1",
		                    program_config(program)->signaling_drain_timeout, false);
}

static void on_user_2(struct program *program)
{
	program_reload_begin(program->reload, RELOAD_OF_CERTIFICATES, "SIGUSR2", NULL);
}
