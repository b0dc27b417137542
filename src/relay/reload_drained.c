/* Looks whether drained listeners are needed by any thread, every second while there are such. What a thread
 * does with its own is left to drained_listeners.c. */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "relay/reload_job.h"
#include "relay/thread.h"

enum { LOOK_EACH_S = 1 };

static void look_on_thread(struct circular *circular, struct relay_thread *thread);
static void all_have_looked(struct circular *circular);
static void close_on_thread(struct circular *circular, struct relay_thread *thread);
static void all_have_closed(struct circular *circular);

void reload_look_later(struct reload *reload, const struct job *job)
{
	static const struct timeval later = {LOOK_EACH_S, 0};
	bool has_drained = false;

	for (unsigned i = 0; i < job_relay(job)->thread_count; i++)
		has_drained |= job->parts[i].has_drained;
	if (has_drained)
		event_add(reload->look, &later);
	else
		event_del(reload->look);
}

/* Each thread writes into a list of its own. */
static enum err make_lists(struct job *job)
{
	size_t count;
	struct drained_addr *list = drained_listeners_list(job_relay(job), &count);
	enum err err = list != NULL ? job_make_parts(job) : ERR_NO_MEMORY;

	for (unsigned i = 0; i < job_relay(job)->thread_count && err == OK; i++) {
		struct drained_addr **drained = &job->parts[i].drained;
		*drained = calloc(count + 1, sizeof **drained);
		if (*drained == NULL)
			err = ERR_NO_MEMORY;
		else
			memcpy(*drained, list, count * sizeof **drained);
	}
	free(list);
	job->drained_count = count;
	return err;
}

/* Without memory it is the next look's. */
void job_begin_look(struct job *job)
{
	if (make_lists(job) != OK || job_ask(job, look_on_thread, all_have_looked) != OK)
		job_finish(job);
}

static void look_on_thread(struct circular *circular, struct relay_thread *thread)
{
	drained_listeners_look(thread, job_part(circular, thread)->drained,
	                       job_of(circular)->drained_count);
}

/* One that any thread needs is needed. */
static void all_have_looked(struct circular *circular)
{
	struct job *job = job_of(circular);
	struct drained_addr *verdict = job->parts[0].drained;

	for (unsigned i = 1; i < job_relay(job)->thread_count; i++)
		for (size_t j = 0; j < job->drained_count; j++)
			verdict[j].is_needed |= job->parts[i].drained[j].is_needed;
	job_ask_again(job, close_on_thread, all_have_closed);
}

static void close_on_thread(struct circular *circular, struct relay_thread *thread)
{
	const struct job *job = job_of(circular);

	drained_listeners_close(thread, job->parts[0].drained, job->drained_count);
	job_part(circular, thread)->has_drained = listener_set_count(&thread->drained) > 0;
}

static void all_have_closed(struct circular *circular)
{
	struct job *job = job_of(circular);

	reload_look_later(job->reload, job);
	job_finish(job);
}
