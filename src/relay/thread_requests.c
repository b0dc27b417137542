/* The kernel counts what each thread used of its CPU, so that nothing is asked of the thread. */
#include "relay/thread_requests.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include <jansson.h>

#include "relay/main_thread.h"
#include "relay/thread.h"

enum { MS_PER_S = 1000, NS_PER_MS = 1000000 };

static json_int_t cpu_ms(pthread_t pthread)
{
	struct timespec time;
	clockid_t clock;

	if (pthread_getcpuclockid(pthread, &clock) != 0 || clock_gettime(clock, &time) != 0)
		return 0;
	return (json_int_t)time.tv_sec * MS_PER_S + time.tv_nsec / NS_PER_MS;
}

static json_t *describe(const struct relay_thread *thread)
{
	char name[24];

	if (thread->role.is_door)
		snprintf(name, sizeof name, "listener-%u", thread->role.ip_index);
	else
		snprintf(name, sizeof name, "relay-%u", thread->index);
	return json_pack("{s:s, s:I}", "name", name, "cpu_ms", cpu_ms(thread->pthread));
}

/* at_ms is of a clock that only runs forward: two answers say how long was between them. */
void thread_list(struct control_request *request, void *context)
{
	const struct relay *relay = ((struct main_thread *)context)->relay;
	json_t *list = json_array();

	for (unsigned i = 0; i < relay->thread_count; i++)
		json_array_append_new(list, describe(relay->threads[i]));
	control_answer(request, json_pack("{s:I, s:o}", "at_ms", (json_int_t)timestamp_now(),
	                                  "threads", list));
}
