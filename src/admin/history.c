/* The ring of samples under a lock, filled by a thread that sleeps between two questions. */
#include "admin/history.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "admin/history_ring.h"
#include "base/timestamp.h"
#include "control/client.h"

enum { MS_PER_S = 1000 };

struct history {
	const char *socket; /* lent */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_ending;
	json_t *latest; /* owned; NULL: the relay is away */
	struct history_ring ring;
};

/* ---- taking ---- */

static void ask(struct history *history)
{
	char problem[256];
	json_t *answer = NULL;
	enum err err = ERR_UNAVAILABLE;

	if (history->socket[0] != '\0')
		err = control_ask_within(HISTORY_INTERVAL_S, history->socket, "metrics", NULL,
		                         &answer, problem);
	pthread_mutex_lock(&history->lock);
	json_decref(history->latest);
	history->latest = err == OK ? answer : NULL;
	if (err == OK)
		history_ring_take(&history->ring, answer);
	else
		history_ring_take_gap(&history->ring, (double)timestamp_wall_ms() / MS_PER_S);
	pthread_mutex_unlock(&history->lock);
}

/* False: it is the end. */
static bool sleep_until(struct history *history, const struct timespec *then)
{
	bool goes_on;

	pthread_mutex_lock(&history->lock);
	while (!history->is_ending &&
	       pthread_cond_timedwait(&history->wake, &history->lock, then) != ETIMEDOUT)
		;
	goes_on = !history->is_ending;
	pthread_mutex_unlock(&history->lock);
	return goes_on;
}

static void *run(void *context)
{
	struct history *history = context;
	struct timespec then;

	do {
		clock_gettime(CLOCK_MONOTONIC, &then);
		ask(history);
		then.tv_sec += HISTORY_INTERVAL_S;
	} while (sleep_until(history, &then));
	return NULL;
}

/* ---- life ---- */

enum err history_start(const char *relay_socket, struct history **history)
{
	struct history *started = calloc(1, sizeof *started);
	pthread_condattr_t monotonic;

	if (started == NULL)
		return ERR_NO_MEMORY;
	started->socket = relay_socket;
	pthread_mutex_init(&started->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&started->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&started->thread, NULL, run, started) == 0) {
		*history = started;
		return OK;
	}
	pthread_cond_destroy(&started->wake);
	pthread_mutex_destroy(&started->lock);
	free(started);
	return ERR_SYSTEM;
}

void history_stop(struct history *history)
{
	if (history == NULL)
		return;
	pthread_mutex_lock(&history->lock);
	history->is_ending = true;
	pthread_cond_signal(&history->wake);
	pthread_mutex_unlock(&history->lock);
	pthread_join(history->thread, NULL);
	json_decref(history->latest);
	history_ring_deinit(&history->ring);
	pthread_cond_destroy(&history->wake);
	pthread_mutex_destroy(&history->lock);
	free(history);
}

/* ---- telling ---- */

json_t *history_describe(struct history *history, double since)
{
	json_t *described;

	pthread_mutex_lock(&history->lock);
	described = history_ring_describe(&history->ring, since);
	pthread_mutex_unlock(&history->lock);
	return described;
}

json_t *history_threads(struct history *history)
{
	json_t *threads;

	pthread_mutex_lock(&history->lock);
	threads = history_ring_threads(&history->ring);
	pthread_mutex_unlock(&history->lock);
	return threads;
}

/* A copy, as counts of references are of one thread alone. */
json_t *history_latest(struct history *history)
{
	json_t *latest;

	pthread_mutex_lock(&history->lock);
	latest = json_deep_copy(history->latest);
	pthread_mutex_unlock(&history->lock);
	return latest;
}
