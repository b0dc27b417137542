/* Another configuration: checked, prepared and applied. What it leads to is left to relay.c, its listeners to
 * listener_plan.c, what becomes of each option to process/reload_outcome.c. */
#include <stdio.h>

#include "base/log.h"
#include "process/process.h"
#include "relay/alternates.h"
#include "relay/reload_job.h"
#include "relay/thread.h"

static void plan_on_thread(struct circular *circular, struct relay_thread *thread);
static void all_have_planned(struct circular *circular);

/* ---- checked and prepared ---- */

/* Its keeper reads the configuration by itself, and was started with the server or not at all. */
static const char *find_reason_of_console(const struct job *job)
{
	if (job->reload->follow == NULL)
		return "no console was started with the server";
	if (job->kind == JOB_APPLY)
		return "or a reload: the console goes by the configuration file";
	return NULL;
}

/* The first certificate brings TLS and DTLS, which other threads may have to serve. */
static const char *find_reason(enum option_id id, const struct config *config, void *context)
{
	const struct job *job = context;

	if (id >= OPTION_ID_web_admin && id <= OPTION_ID_prometheus_key)
		return find_reason_of_console(job);
	if ((id == OPTION_ID_cert || id == OPTION_ID_pkey) &&
	    !engine_can_serve(job_relay(job), config))
		return "network-engine has no threads for TLS or DTLS without it";
	return NULL;
}

/* Sockets of allocations are bound there, and the set of ports is shared by all threads. */
static void warn_of_relay_ips(struct reload_outcome *outcome, const struct config *config)
{
	if (outcome_has(outcome, OPTION_ID_listening_ip) && config->relay_ip.count == 0)
		config_report_add(&outcome->report, CONFIG_WARNING,
		                  config_source_name(config, OPTION_ID_listening_ip),
		                  config->origin[OPTION_ID_listening_ip].line,
		                  "listening-ip: without relay-ip allocations are relayed from the "
		                  "addresses of the start until a restart");
}

/* The configuration as it was read, then with what cannot change as it is: both have to make sense. */
static enum err check(struct job *job)
{
	const struct config_sources *sources = job->reload->sources;
	struct config_report *report = &job->outcome.report;
	enum err err = job->kind == JOB_READ ? config_load(sources, report, &job->config)
	                                     : config_check(job->config, report);

	if (err == OK)
		err = outcome_compare(&job->outcome, job_relay(job)->config, job->config,
		                      find_reason, job);
	if (err != OK)
		return err;
	warn_of_relay_ips(&job->outcome, job->config);
	return outcome_check(&job->outcome, job->config);
}

/* Keys are computed here, so that no relay thread stands still for thousands of users. */
static enum err make_credentials(struct job *job)
{
	struct credentials_settings settings = relay_credentials_settings(job->next);
	enum err err = OK;

	for (unsigned i = 0; i < job_relay(job)->thread_count && err == OK; i++)
		err = fixed_credentials_create(&settings, &job->parts[i].fixed);
	return err;
}

/* What cannot be had without a restart is said. */
static void warn_of_shared_threads(struct job *job)
{
	unsigned threads = engine_ip_threads_now(job->next);

	if (threads > 0 && job->next->frontend_ip_count > threads)
		config_report_add(
			&job->outcome.report, CONFIG_WARNING,
			config_source_name(job->config, OPTION_ID_listening_ip),
			job->config->origin[OPTION_ID_listening_ip].line,
			"listening-ip: network-engine=%s has %u threads of listening IPs: until a "
			"restart they share %zu IPs",
			engine_name(job->next->engine), threads, job->next->frontend_ip_count);
}

void job_begin_change(struct job *job)
{
	char problem[256];
	enum option_id about;

	if (check(job) != OK) {
		job_finish(job);
		return;
	}
	certificate_stamps_take(job->config, &job->stamps);
	if (relay_prepare(job_relay(job), job->config, &job->next, problem, &about) != OK) {
		job_refuse_about(job, about, problem);
		return;
	}
	warn_of_shared_threads(job);
	if (listener_plan_check(job_relay(job), job->next, problem) != OK)
		job_refuse_about(job, OPTION_ID_listening_ip, problem);
	else if (job_make_parts(job) != OK || make_credentials(job) != OK ||
	         job_ask(job, plan_on_thread, all_have_planned) != OK)
		job_refuse(job, err_string(ERR_NO_MEMORY));
}

static void plan_on_thread(struct circular *circular, struct relay_thread *thread)
{
	struct thread_part *part = job_part(circular, thread);

	part->err = listener_plan_make(&part->plan, thread, job_of(circular)->next, part->problem);
}

/* ---- taken, or given up ---- */

static void give_up_on_thread(struct circular *circular, struct relay_thread *thread)
{
	listener_plan_give_up(&job_part(circular, thread)->plan, thread);
}

static void take_on_thread(struct circular *circular, struct relay_thread *thread)
{
	struct thread_part *part = job_part(circular, thread);
	const struct job *job = job_of(circular);

	relay_thread_configure(thread, &part->fixed);
	if (job->has_alternates)
		turn_server_set_alternates(thread->server, &job->alternates);
	listener_plan_take(&part->plan, thread);
	part->has_drained = listener_set_count(&thread->drained) > 0;
}

static void all_have_given_up(struct circular *circular)
{
	job_finish(job_of(circular));
}

static void all_have_taken(struct circular *circular)
{
	struct job *job = job_of(circular);
	struct reload *reload = job->reload;

	if (reload->watch != NULL)
		certificate_watch_follow(reload->watch, job_relay(job)->config, &job->stamps);
	reload_look_later(reload, job);
	job->outcome.is_applied = true;
	job_finish(job);
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
	job_relay(job)->alternates = job->alternates;
}

/* The job has then what was before, and frees it when no thread goes by it any more. */
static void exchange(struct job *job)
{
	struct reload *reload = job->reload;
	struct relay *relay = job_relay(job);
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
	for (unsigned i = 0; i < job_relay(job)->thread_count; i++)
		if (job->parts[i].err != OK)
			return job->parts[i].problem;
	return NULL;
}

static enum err list_senders(const struct job *job)
{
	enum err err = OK;

	for (unsigned i = 0; i < job_relay(job)->thread_count && err == OK; i++)
		err = relay_add_senders(job->next, &job->parts[i].plan.serving);
	return err;
}

/* The log is the last that may fail. */
static void all_have_planned(struct circular *circular)
{
	struct job *job = job_of(circular);
	const char *problem = find_problem(job);
	char log_problem[256];

	if (problem == NULL && list_senders(job) != OK)
		problem = err_string(ERR_NO_MEMORY);
	if (problem == NULL && process_open_log(job->config, log_problem) != OK)
		problem = log_problem;
	if (problem == NULL) {
		exchange(job);
		job_ask_again(job, take_on_thread, all_have_taken);
		return;
	}
	config_report_add(&job->outcome.report, CONFIG_ERROR, "configuration", 0, "%s", problem);
	job_ask_again(job, give_up_on_thread, all_have_given_up);
}
