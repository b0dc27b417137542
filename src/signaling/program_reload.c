/* Only one is under way: from the moment when a new set of services is made until every worker goes by it. */
#include "signaling/program_reload.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "process/certificate_watch.h"
#include "process/process.h"
#include "process/reload_answer.h"
#include "process/reload_outcome.h"
#include "signaling/authority.h"
#include "signaling/program.h"
#include "signaling/program_host.h"
#include "signaling/program_outside.h"
#include "signaling/turn_source.h"

struct job {
	struct list node;
	enum reload_what what;
	const char *by;
	struct control_request *request;
	struct reload_outcome outcome;
};

struct program_reload {
	struct program *program;
	struct certificate_watch *watch; /* NULL: certificates are not watched */
	struct certificate_stamps stamps;
	struct list jobs;              /* the first is under way when task is */
	bool has_task;                 /* the workers are being told */
	struct outside_change outside; /* prepared for the set that is being made */
	struct worker_task task;       /* what they are told by */
	struct worker_policy policy;
	struct service_set *before; /* owned while has_task */
};

static void begin(struct program_reload *reload);
static void on_files_changed(void *context);

enum err program_reload_create(struct program *program, struct program_reload **result)
{
	struct program_reload *reload = calloc(1, sizeof *reload);

	if (reload == NULL)
		return ERR_NO_MEMORY;
	reload->program = program;
	list_init(&reload->jobs);
	certificate_stamps_take(program_config(program), &reload->stamps);
	if (certificate_watch_create(program->base, on_files_changed, reload, &reload->watch) == OK)
		certificate_watch_follow(reload->watch, program_config(program), &reload->stamps);
	else
		log_warning("certificates not watched",
		            "reason=\"%s\" advice=\"SIGUSR2 has them read anew\"", strerror(errno));
	*result = reload;
	return OK;
}

static void job_destroy(struct job *job)
{
	list_remove(&job->node);
	outcome_deinit(&job->outcome);
	free(job);
}

void program_reload_destroy(struct program_reload *reload)
{
	if (reload == NULL)
		return;
	LIST_FOR_EACH (node, &reload->jobs) {
		struct job *job = CONTAINER_OF(node, struct job, node);
		if (job->request != NULL)
			control_refuse(job->request, "the server ends");
		job_destroy(job);
	}
	certificate_watch_destroy(reload->watch);
	service_set_retire(reload->before, program_current(reload->program));
	free(reload);
}

static void on_files_changed(void *context)
{
	program_reload_begin(context, RELOAD_OF_CERTIFICATES, "certificate watch", NULL);
}

/* One that has not begun will do for another. */
static bool is_enqueued(const struct program_reload *reload, enum reload_what what)
{
	LIST_FOR_EACH (node, &reload->jobs) {
		const struct job *job = CONTAINER_OF(node, struct job, node);
		bool has_begun = reload->has_task && node == list_first(&reload->jobs);

		if (!has_begun && job->what == what && job->request == NULL)
			return true;
	}
	return false;
}

void program_reload_begin(struct program_reload *reload, enum reload_what what, const char *by,
                          struct control_request *request)
{
	struct job *job;

	if (request == NULL && is_enqueued(reload, what))
		return;
	job = calloc(1, sizeof *job);
	if (job == NULL) {
		log_error("not reloaded", "by=\"%s\" reason=\"out of memory\"", by);
		if (request != NULL)
			control_refuse(request, "%s", err_string(ERR_NO_MEMORY));
		return;
	}
	*job = (struct job){.what = what, .by = by, .request = request};
	list_append(&reload->jobs, &job->node);
	begin(reload);
}

/* ---- one job ---- */

static struct job *first(struct program_reload *reload)
{
	struct list *node = list_first(&reload->jobs);

	return node == NULL ? NULL : CONTAINER_OF(node, struct job, node);
}

static void tell(struct program_reload *reload, struct job *job)
{
	if (job->what == RELOAD_OF_ALL) {
		outcome_log(&job->outcome, job->by);
		service_manager_ready(&reload->program->manager);
	} else if (job->what == RELOAD_OF_CERTIFICATES && job->outcome.is_applied) {
		log_always("certificates read anew", "by=\"%s\" cert=%s", job->by,
		           program_config(reload->program)->cert);
	}
	if (job->request != NULL)
		control_answer(job->request, reload_describe(&job->outcome));
}

static void finish(struct program_reload *reload, struct job *job)
{
	tell(reload, job);
	job_destroy(job);
	begin(reload);
}

/* Whom another secret, lifetime or zone concerns; the others keep what they have. */
static bool gets_others(const void *context, const char *tenant, const char *client_address)
{
	const struct program_reload *reload = context;

	return turn_source_differs(reload->before->turn_source, reload->policy.services.turn_source,
	                           tenant, client_address);
}

static void on_worker(struct worker_task *task, struct worker *worker)
{
	const struct program_reload *reload = CONTAINER_OF(task, struct program_reload, task);

	worker_adopt(worker, &reload->policy);
	if (reload->policy.services.turn_source != reload->before->turn_source)
		hub_renew_credentials(worker_hub(worker), gets_others, reload, worker_now(worker));
}

static void on_workers_done(struct worker_task *task)
{
	struct program_reload *reload = CONTAINER_OF(task, struct program_reload, task);

	reload->has_task = false;
	reload->program->tasks--;
	service_set_retire(reload->before, program_current(reload->program));
	reload->before = NULL;
	finish(reload, first(reload));
}

/* The workers see the new set from here on; each has let go of the old one when it has come by. */
static void publish(struct program_reload *reload, struct service_set *set)
{
	struct program *program = reload->program;

	reload->before = program_current(program);
	atomic_store_explicit(&program->current, set, memory_order_release);
	reload->policy = program_host_policy(program);
	reload->task = (struct worker_task){.run = on_worker, .done = on_workers_done};
	if (reload->watch != NULL)
		certificate_watch_follow(reload->watch, set->config, &reload->stamps);
	if (workers_ask(program->workers, program->mailbox, &reload->task) != OK) {
		/* Nobody was told: what is new goes, and the log is the old one's again. */
		atomic_store_explicit(&program->current, reload->before, memory_order_release);
		reload->before = set;
		log_error("not reloaded", "by=\"%s\" reason=\"out of memory\"", first(reload)->by);
		if (reload->watch != NULL)
			certificate_watch_follow(reload->watch, program_config(program),
			                         &reload->stamps);
		return;
	}
	program->tasks++;
	reload->has_task = true;
	program->has_other_tenants = false;
	outside_apply(program, set->config, &reload->outside);
	authority_warn(set->authority, reload->before->authority);
}

/* A pair that cannot be read, be it because half of it is still to be written, leaves the one that there is. */
static SSL_CTX *make_tls(struct program_reload *reload, const struct job *job,
                         const struct config *config)
{
	SSL_CTX *tls = NULL, *before = program_current(reload->program)->tls;
	enum option_id about;
	char problem[256];

	certificate_stamps_take(config, &reload->stamps);
	if (before == NULL || service_tls_create(config, &tls, problem, &about) == OK)
		return tls;
	log_warning("certificates not taken",
	            "by=\"%s\" reason=\"%s\" effect=\"those of before are used on\"", job->by,
	            problem);
	return before;
}

static void refuse(struct job *job, const struct config *config, enum option_id about,
                   const char *problem)
{
	config_report_add(&job->outcome.report, CONFIG_ERROR, config_source_name(config, about),
	                  config->origin[about].line, "%s", problem);
}

static struct service_parts parts_of(const struct program *program, SSL_CTX *tls)
{
	return (struct service_parts){
		.tenancy = program->tenancy,
		.fetched = program->fetched,
		.tls = tls,
		.sinks = program->sinks,
		.before = program_current(program),
		.has_other_tenants = program->has_other_tenants,
	};
}

static void tls_free(const struct program_reload *reload, SSL_CTX *tls)
{
	if (tls != program_current(reload->program)->tls)
		SSL_CTX_free(tls);
}

/* Sinks and service first: of what can fail they are the last that costs something to undo. */
static enum err make_of(struct program_reload *reload, struct job *job, struct config *config,
                        struct service_set **set, char problem[256], enum option_id *about)
{
	struct service_parts parts = parts_of(reload->program, NULL);
	enum err err = outside_prepare(reload->program, config, &job->outcome, &reload->outside,
	                               problem, about);

	if (err != OK)
		return err;
	parts.sinks = outside_sinks(reload->program, &reload->outside);
	parts.tls = make_tls(reload, job, config);
	err = service_set_create(config, &parts, set, problem, about);
	if (err == OK)
		return OK;
	tls_free(reload, parts.tls);
	outside_cancel(&reload->outside);
	return err;
}

/* Another configuration: all is made anew. */
static struct service_set *make_all(struct program_reload *reload, struct job *job)
{
	const struct config *running = program_config(reload->program);
	struct service_set *set = NULL;
	struct config *config = NULL;
	enum option_id about = OPTION_ID_config_file;
	char problem[256] = "";
	enum err err = config_load(reload->program->sources, &job->outcome.report, &config);

	if (err == OK)
		err = outcome_compare(&job->outcome, running, config, outside_reason,
		                      reload->program);
	if (err == OK)
		err = outcome_check(&job->outcome, config);
	if (err == OK) {
		err = make_of(reload, job, config, &set, problem, &about);
		if (err != OK)
			refuse(job, config, about, problem);
	}
	if (err == OK)
		return set;
	config_destroy(config);
	return NULL;
}

/* What the store or a service said, or certificates: the rest is as it was. */
static struct service_set *make_part(struct program_reload *reload, const struct job *job)
{
	const struct service_set *before = program_current(reload->program);
	struct service_parts parts = parts_of(reload->program, before->tls);
	struct service_set *set = NULL;

	if (job->what == RELOAD_OF_CERTIFICATES) {
		parts.tls = make_tls(reload, job, before->config);
		parts.has_other_tenants = false;
		parts.has_same_credentials = true;
	}
	if (service_set_change(&parts, &set) == OK)
		return set;
	tls_free(reload, parts.tls);
	log_warning("store not read",
	            "reason=\"out of memory\" effect=\"what it had before holds\"");
	return NULL;
}

static void begin(struct program_reload *reload)
{
	struct job *job = first(reload);
	char problem[256];

	if (job == NULL || reload->has_task)
		return;
	struct service_set *set =
		job->what == RELOAD_OF_ALL ? make_all(reload, job) : make_part(reload, job);
	if (set != NULL && job->what == RELOAD_OF_ALL &&
	    process_open_log(set->config, problem) != OK)
		log_warning("log not reopened", "reason=\"%s\"", problem);
	job->outcome.is_applied = set != NULL;
	if (set != NULL)
		publish(reload, set);
	if (!reload->has_task) {
		outside_cancel(&reload->outside);
		service_set_retire(reload->before, program_current(reload->program));
		reload->before = NULL;
		job->outcome.is_applied = false;
		finish(reload, job);
	}
}
