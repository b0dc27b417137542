/* One job of a reload, and what jobs share. Private to the reload_*.c, all on the main thread but what a
 * circular runs.
 *
 *   READ, APPLY     check ─► prepare ═► each thread plans ─► exchange ═► each thread takes
 *   (_change.c)       └──────────┴────────────┴─► refused ═► each thread gives up its plan
 *   CERTIFICATES    load ─► exchange ═► each thread takes
 *   LOOK            ═► each thread says what drained listeners it needs ═► each closes the others
 *   (_drained.c)
 *
 * where ═► is a circular. */
#pragma once

#include "base/list.h"
#include "process/certificate_watch.h"
#include "relay/circular.h"
#include "relay/drained_listeners.h"
#include "relay/listener_plan.h"
#include "relay/reload.h"

enum job_kind { JOB_READ, JOB_APPLY, JOB_CERTIFICATES, JOB_LOOK };

struct thread_part { /* a thread's own, while a circular is under way */
	enum err err;
	char problem[256];
	struct listener_plan plan;
	struct fixed_credentials *fixed; /* owned: to come, and then those of before */
	struct drained_addr *drained;    /* owned: as many on each thread, in the same order */
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
	size_t drained_count;      /* in each part */
};

struct reload {
	struct event_base *base;
	struct circulars *circulars;
	const struct config_sources *sources;
	struct config *config; /* owned: the relay's; NULL: it still has that of the start */
	struct certificate_watch *watch; /* owned; NULL: there is none */
	struct event *look;              /* owned: set while listeners are drained */
	struct list jobs;                /* the first is under way */
	reload_follow_fn *follow;        /* NULL: nobody does */
	void *follower;
};

struct relay *job_relay(const struct job *job);
struct job *job_of(struct circular *circular);
/* Its own of the job that the circular is of. */
struct thread_part *job_part(struct circular *circular, const struct relay_thread *thread);

/* Asks each thread, and goes on with done when the last has answered. ERR_NO_MEMORY: nobody was asked. */
MUST_CHECK enum err job_ask(struct job *job,
                            void (*run)(struct circular *circular, struct relay_thread *thread),
                            void (*done)(struct circular *circular));
/* The same for a job that has asked before and was answered: it cannot fail. */
void job_ask_again(struct job *job,
                   void (*run)(struct circular *circular, struct relay_thread *thread),
                   void (*done)(struct circular *circular));
/* Tells whoever wants to know, frees the job, and begins the next. */
void job_finish(struct job *job);
/* The same with an error, about the option whose value led to it where there is one. */
void job_refuse(struct job *job, const char *problem);
void job_refuse_about(struct job *job, enum option_id about, const char *problem);

/* Makes its parts, zeroed. ERR_NO_MEMORY. */
MUST_CHECK enum err job_make_parts(struct job *job);

/* How each kind begins. */
void job_begin_change(struct job *job);
void job_begin_certificates(struct job *job);
void job_begin_look(struct job *job);
/* Has what is drained looked at again later, as long as some thread has such: has_drained of each part is
 * set. */
void reload_look_later(struct reload *reload, const struct job *job);
