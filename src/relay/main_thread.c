/* What the relay does when it is asked to: by signals, by requests, and by the end of a drain. */
#include "relay/main_thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "control/console.h"
#include "process/process.h"
#include "relay/console_child.h"
#include "relay/console_verbs.h"
#include "relay/log_requests.h"
#include "relay/notify.h"
#include "relay/reload.h"
#include "relay/requests.h"
#include "relay/revoker.h"
#include "relay/thread.h"

enum { PATIENCE_MS = 5000 }; /* more than any thread is ever busy between two looks at its mail */

static enum err open_control(struct main_thread *main_thread, const struct control_socket *opened);
static void fill_table(struct main_thread *main_thread);
static bool is_in_vain(void *context, char problem[CONTROL_PROBLEM_SIZE]);
static void await_threads(struct main_thread *main_thread);
static void on_drained(void *context);

static const struct main_loop_ops loop_ops;

enum err main_thread_create(struct relay *relay, const struct control_socket *opened,
                            const struct config_sources *sources, struct log_ring *log,
                            struct main_thread **main_thread)
{
	struct main_thread *created = calloc(1, sizeof *created);
	enum err err;

	if (created == NULL)
		return ERR_NO_MEMORY;
	created->relay = relay;
	circulars_init(&created->circulars, relay);
	created->started = timestamp_now();
	created->started_wall_ms = timestamp_wall_ms();
	err = main_loop_open(&created->loop, &loop_ops, created, &created->circulars);
	created->circulars.mailbox = created->loop.mailbox;
	fill_table(created);
	if (err == OK)
		err = drain_create(created->loop.base, &created->circulars, on_drained, created,
		                   &created->drain);
	if (err == OK)
		err = reload_create(created->loop.base, &created->circulars, sources,
		                    &created->reload);
	if (err == OK)
		err = sessions_create(created->loop.base, &created->circulars, &created->sessions);
	if (err == OK)
		err = log_tails_create(created->loop.base, log, &created->tails);
	if (err == OK)
		err = notify_create(created->loop.base, &created->circulars, created->drain,
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
	log_tails_destroy(main_thread->tails);
	sessions_destroy(main_thread->sessions);
	revoker_destroy(main_thread->revoker);
	notify_destroy(main_thread->notify);
	drain_destroy(main_thread->drain);
	reload_destroy(main_thread->reload);
	main_loop_close(&main_thread->loop);
	free(main_thread);
}

enum err main_thread_open_console(struct main_thread *main_thread, char problem[256])
{
	return console_open(main_thread, &main_thread->console, problem);
}

static void tell_child(bool is_applied, void *context)
{
	const struct main_thread *main_thread = context;

	console_child_tell(main_thread->child,
	                   is_applied ? CONSOLE_CHILD_CONFIGURATION : CONSOLE_CHILD_FILES);
}

enum err main_thread_adopt_child(struct main_thread *main_thread, struct console_child *child)
{
	main_thread->child = child;
	if (child != NULL)
		reload_set_follower(main_thread->reload, tell_child, main_thread);
	return console_child_watch(child, main_thread->loop.base);
}

/* Who has asked for something that is under way is answered before the end. */
void main_thread_run(struct main_thread *main_thread)
{
	notify_ready(main_thread->notify);
	main_loop_run(&main_thread->loop);
	sessions_close(main_thread->sessions);
	log_tails_close(main_thread->tails);
	await_threads(main_thread);
}

static void fill_table(struct main_thread *main_thread)
{
	main_thread->table = main_loop_requests(&main_thread->loop, requests, request_count);
	main_thread->table.is_in_vain = is_in_vain;
	main_thread->table.patience_ms = PATIENCE_MS;
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

/* ---- the end ---- */

void main_thread_stop(struct main_thread *main_thread, const char *by)
{
	log_always("stopping", "reason=\"%s\" allocations=%" PRIu64, by,
	           relay_allocations(main_thread->relay));
	notify_stopping(main_thread->notify);
	main_loop_stop(&main_thread->loop);
}

static void on_drained(void *context)
{
	main_thread_stop(context, "drained");
}

/* ---- signals ---- */

static void stop(void *context, const char *by)
{
	main_thread_stop(context, by);
}

static enum main_loop_drain state_of_drain(const void *context)
{
	const struct main_thread *main_thread = context;
	struct drain_state state = drain_state(main_thread->drain);

	return state.is_final ? MAIN_LOOP_ENDS : state.is_on ? MAIN_LOOP_DRAINS : MAIN_LOOP_SERVES;
}

static bool has_patience(const void *context)
{
	return ((const struct main_thread *)context)->relay->config->drain_timeout != 0;
}

/* One that is not final takes as long as it takes. */
static void begin_drain(void *context, const char *by, bool is_final)
{
	struct main_thread *main_thread = context;
	const struct config *config = main_thread->relay->config;
	const struct drain_wish wish = {
		.by = by,
		.timeout_s = is_final ? config->drain_timeout : 0,
		.min_allocations = config->drain_min_allocations,
		.is_final = is_final,
	};

	if (drain_begin(main_thread->drain, &wish, NULL, NULL) != OK)
		log_error("not draining", "reason=\"out of memory\"");
}

static void on_reloaded(const struct reload_outcome *outcome, void *context)
{
	struct main_thread *main_thread = context;

	(void)outcome; /* is in the log */
	notify_ready(main_thread->notify);
}

/* The log is opened anew whatever becomes of the rest. */
static void reload_all(void *context, const char *by)
{
	struct main_thread *main_thread = context;

	notify_reloading(main_thread->notify);
	process_reopen_log(main_thread->relay->config);
	reload_begin(main_thread->reload, by, on_reloaded, main_thread);
}

static void read_certificates(void *context, const char *by)
{
	struct main_thread *main_thread = context;

	reload_certificates(main_thread->reload, by);
}

static const struct main_loop_ops loop_ops = {
	.stop = stop,
	.drain = begin_drain,
	.reload = reload_all,
	.reload_certificates = read_certificates,
	.drain_state = state_of_drain,
	.has_patience = has_patience,
};
