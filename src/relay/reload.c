/* Jobs that change what the threads go by, one after the other. What a new configuration leads to is left
 * to relay.c, its listeners to listener_plan.c, what becomes of each option to reload_outcome.c.
 *
 *   READ, APPLY     check ─► prepare ═► each thread plans ─► exchange ═► each thread takes
 *                     └──────────┴────────────┴─► refused ═► each thread gives up its plan
 *   CERTIFICATES    load ─► exchange ═► each thread takes
 *   LOOK            ═► each thread says what drained listeners it needs ═► each closes the others
 *
 * where ═► is a circular. */
#include "relay/reload.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "relay/alternates.h"
#include "relay/certificate_watch.h"
#include "relay/listener_plan.h"
#include "relay/process.h"
#include "relay/reload_outcome.h"
#include "relay/thread.h"

enum { LOOK_EACH_S = 1 };

enum job_kind { JOB_READ, JOB_APPLY, JOB_CERTIFICATES, JOB_LOOK };

struct thread_part { /* a thread's own, while a circular is under way */
	enum err err;
	char problem[256];
	struct listener_plan plan;
	struct fixed_credentials *fixed; /* owned: to come, and then those of before */
	bool *is_needed;                 /* owned: of each drained UDP listener */
	bool has_drained;
};

struct job {
	struct list node; /* in reload.jobs */
	struct circular circular;
	struct reload *reload;
	enum job_kind kind;
	const char *by;
	reload_told_fn *told;
	void *context;

	struct config *config; /* owned until it is exchanged; then that of before */
	struct relay *next;    /* owned; the same */
	struct certificate_stamps stamps;
	bool has_alternates;
	struct turn_alternates alternates; /* to come */
	struct reload_outcome outcome;
	struct thread_part *parts; /* owned: one for each thread */
};

struct reload {
	struct event_base *base;
	struct circulars *circulars;
	const struct config_sources *sources;
	struct config *config; /* owned: the relay's; NULL: it still has that of the start */
	struct certificate_watch *watch; /* owned; NULL: there is none */
	struct event *look;              /* owned: set while listeners are drained */
	size_t drained_udp;              /* on each thread */
	struct list jobs;                /* the first is under way */
};

static void begin(struct job *job);
static void begin_change(struct job *job);
static void begin_certificates(struct job *job);
static void begin_look(struct job *job);
static void finish(struct job *job);
static void refuse(struct job *job, const char *problem);
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
	reload->look = event_new(base, -1, 0, on_look, reload);
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

static struct relay *relay_of(const struct job *job)
{
	return job->reload->circulars->relay;
}

/* NULL without memory: then told has been called. */
static struct job *enqueue(struct reload *reload, enum job_kind kind, const char *by,
                           reload_told_fn *told, void *context)
{
	struct job *job = calloc(1, sizeof *job);
	const struct reload_outcome nothing = {.is_applied = false};

	if (job == NULL) {
		log_error("not reloaded", "by=\"%s\" reason=\"out of memory\"", by);
		if (told != NULL)
			told(&nothing, context);
		return NULL;
	}
	*job = (struct job){.reload = reload, .kind = kind, .by = by, .told = told};
	job->context = context;
	list_append(&reload->jobs, &job->node);
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
		[JOB_READ] = begin_change,
		[JOB_APPLY] = begin_change,
		[JOB_CERTIFICATES] = begin_certificates,
		[JOB_LOOK] = begin_look,
	};
	unsigned count = relay_of(job)->thread_count;

	job->parts = calloc(count, sizeof *job->parts);
	if (job->parts == NULL)
		refuse(job, err_string(ERR_NO_MEMORY));
	else
		begins[job->kind](job);
}

static void job_destroy(struct job *job)
{
	for (unsigned i = 0; job->parts != NULL && i < relay_of(job)->thread_count; i++) {
		fixed_credentials_destroy(job->parts[i].fixed);
		free(job->parts[i].is_needed);
	}
	free(job->parts);
	circular_release(&job->circular);
	relay_discard(job->next);
	config_destroy(job->config);
	outcome_deinit(&job->outcome);
	free(job);
}

/* Whoever is told may ask for the next. */
static void finish(struct job *job)
{
	struct reload *reload = job->reload;

	if (job->kind == JOB_READ || job->kind == JOB_APPLY)
		outcome_log(&job->outcome, job->by);
	if (job->told != NULL)
		job->told(&job->outcome, job->context);
	list_remove(&job->node);
	job_destroy(job);
	begin_first(reload);
}

static void refuse(struct job *job, const char *problem)
{
	config_report_add(&job->outcome.report, CONFIG_ERROR, "configuration", 0, "%s", problem);
	finish(job);
}

/* The option whose value led to the problem was set there. */
static void refuse_about(struct job *job, enum option_id about, const char *problem)
{
	const struct config *config = job->config;

	config_report_add(&job->outcome.report, CONFIG_ERROR, config_source_name(config, about),
	                  config->origin[about].line, "%s", problem);
	finish(job);
}

/* Asks each thread, and goes on with done when the last has answered. Once a job has asked, asking again
 * cannot fail. */
static enum err ask(struct job *job,
                    void (*run)(struct circular *circular, struct relay_thread *thread),
                    void (*done)(struct circular *circular))
{
	bool is_again = job->circular.letters != NULL;

	job->circular.run = run;
	job->circular.done = done;
	job->circular.is_repeatable = true;
	if (!is_again)
		return circular_begin(job->reload->circulars, &job->circular);
	circular_repeat(&job->circular);
	return OK;
}

static struct job *job_of(struct circular *circular)
{
	return CONTAINER_OF(circular, struct job, circular);
}

static struct thread_part *part_of(struct circular *circular, const struct relay_thread *thread)
{
	return &job_of(circular)->parts[thread->index];
}

/* ---- a configuration: checked and prepared ---- */

/* The configuration as it was read, then with what cannot change as it is: both have to make sense. */
static enum err check(struct job *job)
{
	const struct config_sources *sources = job->reload->sources;
	struct config_report *report = &job->outcome.report;
	enum err err = job->kind == JOB_READ ? config_load(sources, report, &job->config)
	                                     : config_check(job->config, report);

	if (err == OK)
		err = outcome_compare(&job->outcome, relay_of(job), job->config);
	return err;
}

/* Keys are computed here, so that no relay thread stands still for thousands of users. */
static enum err make_credentials(struct job *job)
{
	struct credentials_settings settings = relay_credentials_settings(job->next);
	enum err err = OK;

	for (unsigned i = 0; i < relay_of(job)->thread_count && err == OK; i++)
		err = fixed_credentials_create(&settings, &job->parts[i].fixed);
	return err;
}

static void plan_on_thread(struct circular *circular, struct relay_thread *thread)
{
	struct thread_part *part = part_of(circular, thread);

	part->err = listener_plan_make(&part->plan, thread, job_of(circular)->next, part->problem);
}

static void all_have_planned(struct circular *circular);

static enum err check_listeners(const struct job *job, char problem[256])
{
	const struct relay *relay = relay_of(job);

	return relay_may_change_listeners(relay)
	               ? listener_plan_check(relay->threads[0], job->next, problem)
	               : OK;
}

static void begin_change(struct job *job)
{
	char problem[256];
	enum option_id about;

	if (check(job) != OK) {
		finish(job);
		return;
	}
	certificate_stamps_take(job->config, &job->stamps);
	if (relay_prepare(relay_of(job), job->config, &job->next, problem, &about) != OK)
		refuse_about(job, about, problem);
	else if (check_listeners(job, problem) != OK)
		refuse_about(job, OPTION_ID_listening_ip, problem);
	else if (make_credentials(job) != OK || ask(job, plan_on_thread, all_have_planned) != OK)
		refuse(job, err_string(ERR_NO_MEMORY));
}

/* ---- a configuration: taken, or given up ---- */

static void give_up_on_thread(struct circular *circular, struct relay_thread *thread)
{
	listener_plan_give_up(&part_of(circular, thread)->plan, thread);
}

static void take_on_thread(struct circular *circular, struct relay_thread *thread)
{
	struct thread_part *part = part_of(circular, thread);

	const struct job *job = job_of(circular);

	relay_thread_configure(thread, &part->fixed);
	if (job->has_alternates)
		turn_server_set_alternates(thread->server, &job->alternates);
	listener_plan_take(&part->plan, thread);
	part->has_drained = thread->drained.udp_count + thread->drained.tcp_count > 0;
}

static void all_have_given_up(struct circular *circular)
{
	finish(job_of(circular));
}

/* As long as some listener is drained. */
static void look_again(struct reload *reload, const struct job *job)
{
	static const struct timeval later = {LOOK_EACH_S, 0};
	const struct relay *relay = reload->circulars->relay;
	bool has_drained = false;

	/* It changes while a job is under way alone: no thread does now. */
	reload->drained_udp = relay->threads[0]->drained.udp_count;
	for (unsigned i = 0; i < relay->thread_count; i++)
		has_drained |= job->parts[i].has_drained;
	if (has_drained)
		event_add(reload->look, &later);
}

static void all_have_taken(struct circular *circular)
{
	struct job *job = job_of(circular);
	struct reload *reload = job->reload;

	if (reload->watch != NULL)
		certificate_watch_follow(reload->watch, relay_of(job)->config, &job->stamps);
	look_again(reload, job);
	job->outcome.is_applied = true;
	finish(job);
}

/* What turnadmin made of the lists stays as long as the options do. */
static void choose_alternates(struct job *job)
{
	static const enum option_id lists[] = {
		OPTION_ID_alternate_server,     OPTION_ID_udp_alternate_server,
		OPTION_ID_tcp_alternate_server, OPTION_ID_tls_alternate_server,
		OPTION_ID_udp_self_balance,     OPTION_ID_aux_server,
		OPTION_ID_listening_port,
	};

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		job->has_alternates |= outcome_has(&job->outcome, lists[i]);
	if (!job->has_alternates)
		return;
	alternates_read(job->config, &job->alternates);
	relay_of(job)->alternates = job->alternates;
}

/* The job has then what was before, and frees it when no thread goes by it any more. */
static void exchange(struct job *job)
{
	struct reload *reload = job->reload;
	struct relay *relay = relay_of(job);
	struct config *before = reload->config;
	struct quota_settings limits = relay_quota_settings(job->config);

	choose_alternates(job);
	relay_exchange(relay, job->next);
	reload->config = job->config;
	job->config = before;
	quota_set_limits(relay->quota, &limits);
}

static const char *find_problem(const struct job *job)
{
	for (unsigned i = 0; i < relay_of(job)->thread_count; i++)
		if (job->parts[i].err != OK)
			return job->parts[i].problem;
	return NULL;
}

/* The log is the last that may fail. */
static void all_have_planned(struct circular *circular)
{
	struct job *job = job_of(circular);
	const char *problem = find_problem(job);
	char log_problem[256];
	enum err err;

	if (problem == NULL && process_open_log(job->config, log_problem) != OK)
		problem = log_problem;
	if (problem != NULL) {
		config_report_add(&job->outcome.report, CONFIG_ERROR, "configuration", 0, "%s",
		                  problem);
		err = ask(job, give_up_on_thread, all_have_given_up);
	} else {
		exchange(job);
		err = ask(job, take_on_thread, all_have_taken);
	}
	assert(err == OK);
	(void)err;
}

/* ---- certificates ---- */

static void take_contexts(struct circular *circular, struct relay_thread *thread)
{
	(void)circular;
	thread->host.tls = thread->relay->tls;
	thread->host.dtls = thread->relay->dtls;
}

static void all_have_contexts(struct circular *circular)
{
	struct job *job = job_of(circular);

	log_always("certificates read anew", "by=\"%s\" cert=%s", job->by,
	           relay_of(job)->config->cert);
	finish(job);
}

/* Threads look at the contexts as soon as they are asked. */
static enum err change_contexts(struct job *job, char problem[256])
{
	struct relay *relay = relay_of(job);
	struct relay *next = calloc(1, sizeof *next);
	enum err err;

	snprintf(problem, 256, "%s", err_string(ERR_NO_MEMORY));
	job->next = next;
	if (next == NULL)
		return ERR_NO_MEMORY;
	next->config = relay->config;
	err = relay_make_contexts(next, problem);
	if (err != OK)
		return err;
	relay_exchange_contexts(relay, next);
	err = ask(job, take_contexts, all_have_contexts);
	if (err != OK)
		relay_exchange_contexts(relay, next);
	return err;
}

/* A pair that does not fit, because half of it is still to be written, is told once: the watch calls for
 * the next change. Handshakes go on with the pair that there is. */
static void begin_certificates(struct job *job)
{
	char problem[256];

	if (relay_of(job)->config->cert == NULL)
		log_warning("no certificate to read", "by=\"%s\" advice=\"set cert and pkey\"",
		            job->by);
	else if (change_contexts(job, problem) == OK)
		return;
	else
		log_warning("certificates not taken",
		            "by=\"%s\" reason=\"%s\" effect=\"those of before are used on\"",
		            job->by, problem);
	finish(job);
}

static void on_files_changed(void *context)
{
	reload_certificates(context, "files changed");
}

/* ---- drained listeners ---- */

static void look_on_thread(struct circular *circular, struct relay_thread *thread)
{
	struct thread_part *part = part_of(circular, thread);

	part->has_drained = drained_listeners_look(thread, part->is_needed);
}

static void close_on_thread(struct circular *circular, struct relay_thread *thread)
{
	struct thread_part *part = part_of(circular, thread);

	drained_listeners_close(thread, job_of(circular)->parts[0].is_needed);
	part->has_drained = thread->drained.udp_count + thread->drained.tcp_count > 0;
}

static void all_have_closed(struct circular *circular)
{
	struct job *job = job_of(circular);

	look_again(job->reload, job);
	finish(job);
}

/* One that any thread needs is needed. */
static void all_have_looked(struct circular *circular)
{
	struct job *job = job_of(circular);
	bool *is_needed = job->parts[0].is_needed;

	for (unsigned i = 1; i < relay_of(job)->thread_count; i++)
		for (size_t j = 0; j < job->reload->drained_udp; j++)
			is_needed[j] |= job->parts[i].is_needed[j];
	enum err err = ask(job, close_on_thread, all_have_closed);
	assert(err == OK);
	(void)err;
}

static void begin_look(struct job *job)
{
	enum err err = OK;

	for (unsigned i = 0; i < relay_of(job)->thread_count && err == OK; i++) {
		struct thread_part *part = &job->parts[i];
		part->is_needed = calloc(job->reload->drained_udp + 1, sizeof *part->is_needed);
		part->has_drained = true;
		err = part->is_needed != NULL ? OK : ERR_NO_MEMORY;
	}
	if (err == OK)
		err = ask(job, look_on_thread, all_have_looked);
	if (err == OK)
		return;
	look_again(job->reload, job);
	finish(job);
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;

	struct job *job = enqueue(context, JOB_LOOK, "", NULL, NULL);
	if (job != NULL)
		start(job);
}
