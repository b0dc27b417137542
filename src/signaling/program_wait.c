/* Where Redis is away at the start nobody is let in before the cluster has its key, and what is in the store was read once. And
 * whether new clients had better go elsewhere: what /readyz says. */
#include <event2/event.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "signaling/cluster.h"
#include "signaling/program.h"
#include "signaling/program_rooms.h"

enum { LOOK_MS = 100 };

struct admission {
	struct worker_task task;
	struct program *program;
};

static void on_look(evutil_socket_t fd, short what, void *context);

enum err program_wait_open(struct program *program)
{
	static const struct timeval look = {0, LOOK_MS * 1000};
	struct program_wait *wait = &program->wait;

	wait->timer = event_new(program->base, -1, EV_PERSIST, on_look, program);
	return wait->timer != NULL && event_add(wait->timer, &look) == 0 ? OK : ERR_NO_MEMORY;
}

void program_wait_close(struct program *program)
{
	if (program->wait.timer != NULL)
		event_free(program->wait.timer);
	program->wait.timer = NULL;
}

bool program_is_waiting(const struct program *program)
{
	return atomic_load_explicit(&program->wait.is_on, memory_order_relaxed);
}

const char *program_problem(const struct program *program)
{
	const char *problem = cluster_problem(program->cluster);

	if (problem == NULL && program_is_waiting(program))
		problem = "the store has not been read yet";
	return problem;
}

/* ---- letting them in ---- */

static void on_worker(struct worker_task *task, struct worker *worker)
{
	(void)task;
	hub_admit(worker_hub(worker));
}

static void on_admitted(struct worker_task *task)
{
	struct admission *admission = CONTAINER_OF(task, struct admission, task);

	admission->program->tasks--;
	free(admission);
}

static enum err admit(struct program *program)
{
	struct admission *admission = calloc(1, sizeof *admission);

	if (admission == NULL)
		return ERR_NO_MEMORY;
	*admission = (struct admission){{.run = on_worker, .done = on_admitted}, program};
	if (workers_ask(program->workers, program->mailbox, &admission->task) != OK) {
		free(admission);
		return ERR_NO_MEMORY;
	}
	program->tasks++;
	return OK;
}

static bool has_what_it_waits_for(const struct program *program)
{
	return (program->cluster == NULL || cluster_is_joined(program->cluster)) &&
	       (program->store == NULL || program_current(program)->has_store);
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
	struct program *program = context;
	char problem[256];

	(void)fd;
	(void)what;
	if (!has_what_it_waits_for(program) || admit(program) != OK)
		return;
	program_wait_close(program);
	atomic_store_explicit(&program->wait.is_on, false, memory_order_relaxed);
	cluster_set_ready(program->cluster, !program->drain.is_on);
	log_always("clients let in", "seconds=%llu",
	           (unsigned long long)(timestamp_now() - program->started) / 1000);
	if (program_bring_rooms_back(program, problem) != OK)
		log_warning("rooms not brought back", "reason=\"%s\"", problem);
}
