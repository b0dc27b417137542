/* Jobs that change what the threads go by, one after the other. What each of them does is left to
 * reload_change.c, reload_certificates.c and reload_drained.c. */
#include "relay/reload.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "relay/reload_job.h"

static void begin(struct job *job);
static void on_files_changed(void *context);
static void on_look(evutil_socket_t fd, short what, void *context);

enum err reload_create(struct event_base *base, struct circulars *circulars,
                       const struct config_sources *sources, struct reload **result)
{
	struct reload *reload = calloc(1, sizeof *reload);
	struct certificate_stamps stamps;

	if (reload == NULL)
		return ERR_NO_MEMORY;
	reload->base = base;
	reload->circulars = circulars;
	reload->sources = sources;
	list_init(&reload->jobs);
	reload->look = event_new(base, -1, EV_PERSIST, on_look, reload);
	if (reload->look == NULL) {
		free(reload);
		return ERR_NO_MEMORY;
	}
	certificate_stamps_take(circulars->relay->config, &stamps);
	if (certificate_watch_create(base, on_files_changed, reload, &reload->watch) == OK)
		certificate_watch_follow(reload->watch, circulars->relay->config, &stamps);
	else
		log_warning("certificates not watched",
		            "reason=\"%s\" advice=\"SIGUSR2 has them read anew\"", strerror(errno));
	*result = reload;
	return OK;
}

void reload_destroy(struct reload *reload)
{
	if (reload == NULL)
		return;
	assert(list_is_empty(&reload->jobs));
	certificate_watch_destroy(reload->watch);
	event_free(reload->look);
	config_destroy(reload->config);
	free(reload);
}

/* ---- jobs ---- */

struct relay *job_relay(const struct job *job)
{
	return job->reload->circulars->relay;
}

/* Behind those that there are. NULL without memory. */
static struct job *job_create(struct reload *reload, enum job_kind kind, const char *by)
{
	struct job *job = calloc(1, sizeof *job);

	if (job == NULL)
		return NULL;
	*job = (struct job){.reload = reload, .kind = kind, .by = by};
	list_append(&reload->jobs, &job->node);
	return job;
}

/* NULL without memory: then told has been called. */
static struct job *enqueue(struct reload *reload, enum job_kind kind, const char *by,
                           reload_told_fn *told, void *context)
{
	struct job *job = job_create(reload, kind, by);
	const struct reload_outcome nothing = {.is_applied = false};

	if (job == NULL) {
		log_error("not reloaded", "by=\"%s\" reason=\"out of memory\"", by);
		if (told != NULL)
			told(&nothing, context);
		return NULL;
	}
	job->told = told;
	job->context = context;
	return job;
}

static void begin_first(struct reload *reload)
{
	struct list *first = list_first(&reload->jobs);

	if (first != NULL)
		begin(CONTAINER_OF(first, struct job, node));
}

static void start(struct job *job)
{
	if (list_first(&job->reload->jobs) == &job->node)
		begin(job);
}

/* One that has not begun will do what another would, for the same. */
static bool is_enqueued(const struct reload *reload, enum job_kind kind, reload_told_fn *told,
                        const void *context)
{
	LIST_FOR_EACH (node, &reload->jobs) {
		const struct job *job = CONTAINER_OF(node, struct job, node);
		if (node != list_first(&reload->jobs) && job->kind == kind && job->told == told &&
		    job->context == context)
			return true;
	}
	return false;
}

void reload_begin(struct reload *reload, const char *by, reload_told_fn *told, void *context)
{
	struct job *job;

	if (is_enqueued(reload, JOB_READ, told, context))
		return;
	job = enqueue(reload, JOB_READ, by, told, context);
	if (job != NULL)
		start(job);
}

void reload_apply(struct reload *reload, struct config *config, const char *by,
                  reload_told_fn *told, void *context)
{
	struct job *job = enqueue(reload, JOB_APPLY, by, told, context);

	if (job == NULL) {
		config_destroy(config);
		return;
	}
	job->config = config;
	start(job);
}

void reload_certificates(struct reload *reload, const char *by)
{
	struct job *job;

	if (is_enqueued(reload, JOB_CERTIFICATES, NULL, NULL))
		return;
	job = enqueue(reload, JOB_CERTIFICATES, by, NULL, NULL);
	if (job != NULL)
		start(job);
}

static void begin(struct job *job)
{
	static void (*const begins[])(struct job * job) = {
		[JOB_READ] = job_begin_change,
		[JOB_APPLY] = job_begin_change,
		[JOB_CERTIFICATES] = job_begin_certificates,
		[JOB_LOOK] = job_begin_look,
	};

	begins[job->kind](job);
}

enum err job_make_parts(struct job *job)
{
	job->parts = calloc(job_relay(job)->thread_count, sizeof *job->parts);
	return job->parts != NULL ? OK : ERR_NO_MEMORY;
}

static void job_destroy(struct job *job)
{
	for (unsigned i = 0; job->parts != NULL && i < job_relay(job)->thread_count; i++) {
		fixed_credentials_destroy(job->parts[i].fixed);
		free(job->parts[i].drained);
	}
	free(job->parts);
	circular_release(&job->circular);
	relay_discard(job->next);
	config_destroy(job->config);
	outcome_deinit(&job->outcome);
	free(job);
}

void reload_set_follower(struct reload *reload, reload_follow_fn *follow, void *context)
{
	reload->follow = follow;
	reload->follower = context;
}

/* What was set by the control socket is no file's, and the follower's no business. */
static void tell_follower(const struct job *job)
{
	const struct reload *reload = job->reload;

	if (reload->follow != NULL && (job->kind == JOB_READ || job->kind == JOB_CERTIFICATES))
		reload->follow(job->kind == JOB_READ && job->outcome.is_applied, reload->follower);
}

/* Whoever is told may ask for the next. */
void job_finish(struct job *job)
{
	struct reload *reload = job->reload;

	if (job->kind == JOB_READ || job->kind == JOB_APPLY)
		outcome_log(&job->outcome, job->by);
	tell_follower(job);
	if (job->told != NULL)
		job->told(&job->outcome, job->context);
	list_remove(&job->node);
	job_destroy(job);
	begin_first(reload);
}

void job_refuse(struct job *job, const char *problem)
{
	config_report_add(&job->outcome.report, CONFIG_ERROR, "configuration", 0, "%s", problem);
	job_finish(job);
}

/* The option whose value led to the problem was set there. */
void job_refuse_about(struct job *job, enum option_id about, const char *problem)
{
	const struct config *config = job->config;

	config_report_add(&job->outcome.report, CONFIG_ERROR, config_source_name(config, about),
	                  config->origin[about].line, "%s", problem);
	job_finish(job);
}

static void prepare_circular(struct job *job,
                             void (*run)(struct circular *circular, struct relay_thread *thread),
                             void (*done)(struct circular *circular))
{
	job->circular.run = run;
	job->circular.done = done;
	job->circular.is_repeatable = true;
}

enum err job_ask(struct job *job,
                 void (*run)(struct circular *circular, struct relay_thread *thread),
                 void (*done)(struct circular *circular))
{
	prepare_circular(job, run, done);
	return circular_begin(job->reload->circulars, &job->circular);
}

void job_ask_again(struct job *job,
                   void (*run)(struct circular *circular, struct relay_thread *thread),
                   void (*done)(struct circular *circular))
{
	prepare_circular(job, run, done);
	circular_repeat(&job->circular);
}

struct job *job_of(struct circular *circular)
{
	return CONTAINER_OF(circular, struct job, circular);
}

struct thread_part *job_part(struct circular *circular, const struct relay_thread *thread)
{
	return &job_of(circular)->parts[thread->index];
}

/* ---- what begins by itself ---- */

static void on_files_changed(void *context)
{
	reload_certificates(context, "files changed");
}

/* Nothing is to be said when there is no memory: the timer calls again. */
static void on_look(evutil_socket_t fd, short what, void *context)
{
	struct reload *reload = context;
	struct job *job;

	(void)fd;
	(void)what;
	LIST_FOR_EACH (node, &reload->jobs)
		if (CONTAINER_OF(node, struct job, node)->kind == JOB_LOOK)
			return;
	job = job_create(reload, JOB_LOOK, "");
	if (job != NULL)
		start(job);
}
