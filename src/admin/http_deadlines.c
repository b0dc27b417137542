/* Connections are few, so one thread walks all of them once in a while. */
#include "admin/http_deadlines.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/list.h"
#include "base/timestamp.h"

enum { LOOK_S = 1, MS_PER_S = 1000 };

struct http_deadline {
	struct list node;
	int fd; /* lent */
	timestamp due;
};

struct http_deadlines {
	pthread_t thread;
	pthread_mutex_t lock; /* over all that follows */
	pthread_cond_t wake;
	struct list all;
	bool is_ending;
};

/* Only its own thread closes a connection, so that the descriptor is nobody else's here. */
static void end_late(struct http_deadlines *deadlines)
{
	timestamp now = timestamp_now();

	LIST_FOR_EACH (node, &deadlines->all) {
		struct http_deadline *deadline = CONTAINER_OF(node, struct http_deadline, node);
		if (deadline->due > now)
			continue;
		shutdown(deadline->fd, SHUT_RDWR);
		deadline->due = TIMESTAMP_NEVER;
	}
}

/* Without connections there is nothing to look at. */
static void rest(struct http_deadlines *deadlines)
{
	struct timespec then;

	clock_gettime(CLOCK_MONOTONIC, &then);
	then.tv_sec += LOOK_S;
	if (list_is_empty(&deadlines->all))
		pthread_cond_wait(&deadlines->wake, &deadlines->lock);
	else
		pthread_cond_timedwait(&deadlines->wake, &deadlines->lock, &then);
}

static void *run(void *context)
{
	struct http_deadlines *deadlines = context;

	pthread_mutex_lock(&deadlines->lock);
	while (!deadlines->is_ending) {
		end_late(deadlines);
		rest(deadlines);
	}
	pthread_mutex_unlock(&deadlines->lock);
	return NULL;
}

struct http_deadlines *http_deadlines_create(void)
{
	struct http_deadlines *deadlines = calloc(1, sizeof *deadlines);
	pthread_condattr_t monotonic;

	if (deadlines == NULL)
		return NULL;
	list_init(&deadlines->all);
	pthread_mutex_init(&deadlines->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&deadlines->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&deadlines->thread, NULL, run, deadlines) == 0)
		return deadlines;
	pthread_cond_destroy(&deadlines->wake);
	pthread_mutex_destroy(&deadlines->lock);
	free(deadlines);
	return NULL;
}

void http_deadlines_destroy(struct http_deadlines *deadlines)
{
	if (deadlines == NULL)
		return;
	pthread_mutex_lock(&deadlines->lock);
	deadlines->is_ending = true;
	pthread_cond_signal(&deadlines->wake);
	pthread_mutex_unlock(&deadlines->lock);
	pthread_join(deadlines->thread, NULL);
	pthread_cond_destroy(&deadlines->wake);
	pthread_mutex_destroy(&deadlines->lock);
	free(deadlines);
}

struct http_deadline *http_deadline_add(struct http_deadlines *deadlines, int fd)
{
	struct http_deadline *deadline = calloc(1, sizeof *deadline);

	if (deadline == NULL)
		return NULL;
	deadline->fd = fd;
	deadline->due = TIMESTAMP_NEVER;
	pthread_mutex_lock(&deadlines->lock);
	list_append(&deadlines->all, &deadline->node);
	pthread_cond_signal(&deadlines->wake);
	pthread_mutex_unlock(&deadlines->lock);
	return deadline;
}

void http_deadline_remove(struct http_deadlines *deadlines, struct http_deadline *deadline)
{
	if (deadline == NULL)
		return;
	pthread_mutex_lock(&deadlines->lock);
	list_remove(&deadline->node);
	pthread_mutex_unlock(&deadlines->lock);
	free(deadline);
}

void http_deadline_set(struct http_deadlines *deadlines, struct http_deadline *deadline,
                       unsigned seconds)
{
	if (deadline == NULL)
		return;
	pthread_mutex_lock(&deadlines->lock);
	deadline->due =
		seconds == 0 ? TIMESTAMP_NEVER : timestamp_now() + (timestamp)seconds * MS_PER_S;
	pthread_mutex_unlock(&deadlines->lock);
}
