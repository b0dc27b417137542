/* The end of a server, or its rest: everyone is told and connects elsewhere. */
#include <event2/event.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "signaling/cluster.h"
#include "signaling/program.h"

enum { LOOK_MS = 200, LAST_WORDS_MS = 1000 /* for closes to be sent, after the deadline */ };

struct drain_task {
	struct worker_task task;
	struct program *program;
	timestamp deadline;
};

static void on_look(evutil_socket_t fd, short what, void *context);

enum err program_drain_open(struct program *program)
{
	program->drain_timer = event_new(program->base, -1, EV_PERSIST, on_look, program);
	return program->drain_timer == NULL ? ERR_NO_MEMORY : OK;
}

void program_drain_close(struct program *program)
{
	if (program->drain_timer != NULL)
		event_free(program->drain_timer);
}

uint64_t program_count(const struct program *program, enum hub_counter counter)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < workers_count(program->workers); i++)
		sum += hub_counter_read(workers_hub_counters(program->workers, i), counter);
	return sum;
}

static void on_worker(struct worker_task *task, struct worker *worker)
{
	const struct drain_task *drain = CONTAINER_OF(task, struct drain_task, task);

	hub_drain(worker_hub(worker), drain->deadline, worker_now(worker));
}

static void on_told(struct worker_task *task)
{
	struct drain_task *drain = CONTAINER_OF(task, struct drain_task, task);

	drain->program->tasks--;
	free(drain);
}

static enum err tell_workers(struct program *program)
{
	struct drain_task *drain = calloc(1, sizeof *drain);

	if (drain == NULL)
		return ERR_NO_MEMORY;
	*drain = (struct drain_task){
		.task = {.run = on_worker, .done = on_told},
		.program = program,
		.deadline = program->drain.deadline,
	};
	if (workers_ask(program->workers, program->mailbox, &drain->task) != OK) {
		free(drain);
		return ERR_NO_MEMORY;
	}
	program->tasks++;
	return OK;
}

void program_drain_begin(struct program *program, const char *by, uint32_t timeout_s, bool is_final)
{
	static const struct timeval look = {0, LOOK_MS * 1000};
	const struct program_drain before = program->drain;
	timestamp now = timestamp_now();

	program->drain = (struct program_drain){
		.is_on = true,
		.is_final = is_final || before.is_final,
		.by = by,
		.began = before.is_on ? before.began : now,
		.deadline = now + (timestamp)timeout_s * 1000,
	};
	if (tell_workers(program) != OK) {
		program->drain = before;
		log_error("not draining", "reason=\"out of memory\"");
		return;
	}
	log_always("draining", "by=\"%s\" sessions=%llu seconds_left=%u", by,
	           (unsigned long long)program_count(program, HUB_COUNT_sessions_now), timeout_s);
	cluster_set_ready(program->cluster, false);
	event_add(program->drain_timer, &look);
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
	struct program *program = context;
	uint64_t left = program_count(program, HUB_COUNT_sessions_now);
	bool is_late = timestamp_now() >= program->drain.deadline + LAST_WORDS_MS;

	(void)fd;
	(void)what;
	if (program->tasks > 0 || (left > 0 && !is_late))
		return;
	event_del(program->drain_timer);
	log_always("drained", "sessions=%llu reason=\"%s\" seconds=%llu", (unsigned long long)left,
	           left == 0 ? "all have gone" : "time is up",
	           (unsigned long long)(timestamp_now() - program->drain.began) / 1000);
	program_stop(program, "drained");
}
