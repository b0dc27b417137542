/* A libevent loop with few events: a descriptor of signals, one of mail, the control socket, and the
 * timer of a drain. */
#include "relay/main_thread.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "control/console.h"
#include "process/process.h"
#include "relay/console_verbs.h"
#include "relay/notify.h"
#include "relay/reload.h"
#include "relay/requests.h"
#include "relay/revoker.h"
#include "relay/thread.h"

enum {
	CLIENTS_MAX = 32,
	IDLE_TIMEOUT_S = 60,
	PATIENCE_MS = 5000, /* more than any thread is ever busy between two looks at its mail */
};

static enum err open_loop(struct main_thread *main_thread);
static enum err open_control(struct main_thread *main_thread, const struct control_socket *opened);
static void fill_table(struct main_thread *main_thread);
static bool is_in_vain(void *context, char problem[CONTROL_PROBLEM_SIZE]);
static void await_threads(struct main_thread *main_thread);
static void on_mail(evutil_socket_t fd, short what, void *context);
static void on_signal(evutil_socket_t fd, short what, void *context);
static void on_drained(void *context);

typedef void signal_fn(struct main_thread *main_thread);
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

void main_thread_block_signals(void)
{
	sigset_t set;

	fill_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a log that may not grow is told so by write */
}

enum err main_thread_create(struct relay *relay, const struct control_socket *opened,
                            const struct config_sources *sources, struct main_thread **main_thread)
{
	struct main_thread *created = calloc(1, sizeof *created);
	enum err err;

	if (created == NULL)
		return ERR_NO_MEMORY;
	created->relay = relay;
	circulars_init(&created->circulars, relay);
	created->signal_fd = -1;
	created->started = timestamp_now();
	created->started_wall_ms = timestamp_wall_ms();
	err = open_loop(created);
	fill_table(created);
	if (err == OK)
		err = drain_create(created->base, &created->circulars, on_drained, created,
		                   &created->drain);
	if (err == OK)
		err = reload_create(created->base, &created->circulars, sources, &created->reload);
	if (err == OK)
		err = sessions_create(created->base, &created->circulars, &created->sessions);
	if (err == OK)
		err = notify_create(created->base, &created->circulars, created->drain,
		                    &created->notify);
	if (err == OK && opened->fd >= 0)
		err = open_control(created, opened);
	if (err == OK) /* the last: the store goes on telling it */
		err = revoker_create(&created->circulars, created->sessions, relay->store,
		                     &created->revoker);
	if (err != OK) {
		main_thread_destroy(created);
		return err;
	}
	*main_thread = created;
	return OK;
}

void main_thread_destroy(struct main_thread *main_thread)
{
	if (main_thread == NULL)
		return;
	/* What the store had to tell to the end. */
	if (main_thread->circulars.mailbox != NULL)
		mailbox_deliver(main_thread->circulars.mailbox, &main_thread->circulars);
	console_destroy(main_thread->console);
	control_server_destroy(main_thread->control);
	sessions_destroy(main_thread->sessions);
	revoker_destroy(main_thread->revoker);
	notify_destroy(main_thread->notify);
	drain_destroy(main_thread->drain);
	reload_destroy(main_thread->reload);
	if (main_thread->signal_event != NULL)
		event_free(main_thread->signal_event);
	if (main_thread->mail_event != NULL)
		event_free(main_thread->mail_event);
	if (main_thread->signal_fd >= 0)
		close(main_thread->signal_fd);
	mailbox_destroy(main_thread->circulars.mailbox);
	if (main_thread->base != NULL)
		event_base_free(main_thread->base);
	free(main_thread);
}

enum err main_thread_open_console(struct main_thread *main_thread, char problem[256])
{
	return console_open(main_thread, &main_thread->console, problem);
}

/* Who has asked for something that is under way is answered before the end. */
void main_thread_run(struct main_thread *main_thread)
{
	notify_ready(main_thread->notify);
	event_base_dispatch(main_thread->base);
	sessions_close(main_thread->sessions);
	await_threads(main_thread);
}

static enum err open_loop(struct main_thread *main_thread)
{
	sigset_t set;
	enum err err;

	main_thread->base = event_base_new();
	if (main_thread->base == NULL)
		return ERR_NO_MEMORY;
	err = mailbox_create(&main_thread->circulars.mailbox);
	if (err != OK)
		return err;
	fill_set(&set);
	main_thread->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (main_thread->signal_fd < 0)
		return ERR_SYSTEM;
	main_thread->mail_event =
		event_new(main_thread->base, mailbox_fd(main_thread->circulars.mailbox),
	                  EV_READ | EV_PERSIST, on_mail, main_thread);
	main_thread->signal_event = event_new(main_thread->base, main_thread->signal_fd,
	                                      EV_READ | EV_PERSIST, on_signal, main_thread);
	if (main_thread->mail_event == NULL || main_thread->signal_event == NULL ||
	    event_add(main_thread->mail_event, NULL) != 0 ||
	    event_add(main_thread->signal_event, NULL) != 0)
		return ERR_NO_MEMORY;
	return OK;
}

static void fill_table(struct main_thread *main_thread)
{
	main_thread->table = (struct control_settings){
		.base = main_thread->base,
		.rows = requests,
		.row_count = request_count,
		.context = main_thread,
		.clients_max = CLIENTS_MAX,
		.idle_timeout_s = IDLE_TIMEOUT_S,
		.is_in_vain = is_in_vain,
		.patience_ms = PATIENCE_MS,
	};
}

static enum err open_control(struct main_thread *main_thread, const struct control_socket *opened)
{
	return control_server_create(&main_thread->table, opened, &main_thread->control);
}

/* ---- threads that do not answer ---- */

/* Nobody by then: NULL. */
static const char *find_silent(const struct main_thread *main_thread, timestamp then,
                               char name[RELAY_THREAD_NAME_SIZE])
{
	const struct relay_thread *silent = circulars_find_silent(&main_thread->circulars, then);

	return silent != NULL ? relay_thread_name(silent, name) : NULL;
}

static void tell_silent(const char *name, const char *advice)
{
	log_error("threads do not answer", "waiting_for=\"%s\" advice=\"%s\"", name, advice);
}

/* The letters are under way, and cannot be taken back. */
static bool is_in_vain(void *context, char problem[CONTROL_PROBLEM_SIZE])
{
	char room[RELAY_THREAD_NAME_SIZE];
	const char *name = find_silent(context, timestamp_now() - PATIENCE_MS, room);

	if (name == NULL)
		return false;
	tell_silent(name, "restart the server unless it goes on");
	snprintf(problem, CONTROL_PROBLEM_SIZE,
	         "the thread %s does not answer: what was asked for is done once it does", name);
	return true;
}

bool main_thread_refuses(const struct main_thread *main_thread, struct control_request *request)
{
	char room[RELAY_THREAD_NAME_SIZE];
	const char *name = find_silent(main_thread, timestamp_now() - PATIENCE_MS, room);

	if (name != NULL)
		control_refuse(request, "the thread %s does not answer: nothing was done", name);
	return name != NULL;
}

static void do_nothing(struct circular *circular, struct relay_thread *thread)
{
	(void)circular;
	(void)thread;
}

static void be_done(struct circular *circular)
{
	(void)circular;
}

/* Each is to answer once more: one that does not would keep the server from ending, without a word. */
static void await_threads(struct main_thread *main_thread)
{
	struct circulars *circulars = &main_thread->circulars;
	struct circular last = {.run = do_nothing, .done = be_done};
	char room[RELAY_THREAD_NAME_SIZE];
	const char *name;

	(void)!circular_begin(circulars, &last); /* without memory nobody would be named */
	if (circulars_finish(circulars, PATIENCE_MS))
		return;
	name = find_silent(main_thread, timestamp_now(), room);
	tell_silent(name != NULL ? name : "", "nothing but SIGKILL ends the server");
	(void)circulars_finish(circulars, -1);
}

/* ---- mail ---- */

static void on_mail(evutil_socket_t fd, short what, void *context)
{
	struct main_thread *main_thread = context;

	(void)fd;
	(void)what;
	mailbox_deliver(main_thread->circulars.mailbox, &main_thread->circulars);
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

static void end(struct main_thread *main_thread, const char *reason)
{
	log_always("stopping", "reason=\"%s\" allocations=%" PRIu64, reason,
	           relay_allocations(main_thread->relay));
	notify_stopping(main_thread->notify);
	event_base_loopbreak(main_thread->base);
}

void main_thread_stop(struct main_thread *main_thread, const char *by)
{
	end(main_thread, by);
}

static void on_drained(void *context)
{
	end(context, "drained");
}

static void on_interrupt(struct main_thread *main_thread)
{
	end(main_thread, "SIGINT");
}

static void begin_drain(struct main_thread *main_thread, const struct drain_wish *wish)
{
	if (drain_begin(main_thread->drain, wish, NULL, NULL) != OK)
		log_error("not draining", "reason=\"out of memory\"");
}

/* The second one means it. */
static void on_terminate(struct main_thread *main_thread)
{
	const struct config *config = main_thread->relay->config;
	struct drain_state state = drain_state(main_thread->drain);
	const struct drain_wish wish = {
		.by = "SIGTERM",
		.timeout_s = config->drain_timeout,
		.min_allocations = config->drain_min_allocations,
		.is_final = true,
	};

	if (config->drain_timeout == 0 || state.is_final)
		end(main_thread, "SIGTERM");
	else
		begin_drain(main_thread, &wish);
}

static void on_reloaded(const struct reload_outcome *outcome, void *context)
{
	struct main_thread *main_thread = context;

	(void)outcome; /* is in the log */
	notify_ready(main_thread->notify);
}

/* A log file that logrotate moved away is opened anew, whatever becomes of the rest. */
static void on_hangup(struct main_thread *main_thread)
{
	char problem[256];

	notify_reloading(main_thread->notify);
	if (process_open_log(main_thread->relay->config, problem) != OK)
		log_warning("log not reopened", "reason=\"%s\"", problem);
	reload_begin(main_thread->reload, "SIGHUP", on_reloaded, main_thread);
}

/* As coturn does. A drain under way goes on as it was wished. */
static void on_user_1(struct main_thread *main_thread)
{
	const struct drain_wish wish = {
		.by = "SIGUSR1",
		.min_allocations = main_thread->relay->config->drain_min_allocations,
	};

	if (!drain_state(main_thread->drain).is_on)
		begin_drain(main_thread, &wish);
}

/* As coturn does. */
static void on_user_2(struct main_thread *main_thread)
{
	reload_certificates(main_thread->reload, "SIGUSR2");
}
