/* Certificates and keys read anew, by the configuration that there is. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "relay/reload_job.h"
#include "relay/thread.h"

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
	           job_relay(job)->config->cert);
	job_finish(job);
}

/* Threads look at the contexts as soon as they are asked. */
static enum err change_contexts(struct job *job, char problem[256])
{
	struct relay *relay = job_relay(job);
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
	err = job_ask(job, take_contexts, all_have_contexts);
	if (err != OK)
		relay_exchange_contexts(relay, next);
	return err;
}

/* A pair that does not fit, because half of it is still to be written, is told once: the watch calls for
 * the next change. Handshakes go on with the pair that there is. */
void job_begin_certificates(struct job *job)
{
	char problem[256];

	if (job_relay(job)->config->cert == NULL)
		log_warning("no certificate to read", "by=\"%s\" advice=\"set cert and pkey\"",
		            job->by);
	else if (change_contexts(job, problem) == OK)
		return;
	else
		log_warning("certificates not taken",
		            "by=\"%s\" reason=\"%s\" effect=\"those of before are used on\"",
		            job->by, problem);
	job_finish(job);
}
