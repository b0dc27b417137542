/* A drain is watched by a timer: the threads count allocations anyway, and need not say more. */
#include "relay/drain.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "relay/relay.h"
#include "relay/thread.h"

enum { LOOK_EACH_MS = 50, SAY_EACH_MS = 10000, MS_PER_S = 1000 };

struct drain {
	struct circulars *circulars;
	struct event *timer; /* owned; set while it is on */
	void (*ended)(void *context);
	void *context;

	struct drain_state state;
	unsigned untold; /* announcements that some thread may not have heard */
	uint64_t began_with,
		said_tenths; /* allocations, and of ten parts of them those last told */
	timestamp said_at;
};

struct announcement { /* to every relay thread */
	struct circular circular;
	struct drain *drain;
	bool is_draining;
	void (*told)(void *context);
	void *context;
};

static enum err announce(struct drain *drain, bool is_draining, void (*told)(void *context),
                         void *context);
static void on_look(evutil_socket_t fd, short what, void *context);
static const char *reason_to_end(struct drain *drain, uint64_t left, timestamp now);
static void say_progress(struct drain *drain, uint64_t left, timestamp now);

enum err drain_create(struct event_base *base, struct circulars *circulars,
                      void (*ended)(void *context), void *context, struct drain **drain)
{
	struct drain *created = calloc(1, sizeof *created);

	if (created == NULL)
		return ERR_NO_MEMORY;
	created->circulars = circulars;
	created->ended = ended;
	created->context = context;
	created->timer = event_new(base, -1, EV_PERSIST, on_look, created);
	if (created->timer == NULL) {
		free(created);
		return ERR_NO_MEMORY;
	}
	*drain = created;
	return OK;
}

void drain_destroy(struct drain *drain)
{
	if (drain == NULL)
		return;
	event_free(drain->timer);
	free(drain);
}

static uint64_t allocations(const struct drain *drain)
{
	return relay_allocations(drain->circulars->relay);
}

/* "any", or a number. */
static const char *seconds_left(const struct drain *drain, timestamp now, char text[32])
{
	timestamp deadline = drain->state.deadline;

	if (deadline == TIMESTAMP_NEVER)
		return "any";
	snprintf(text, 32, "%" PRIu64,
	         deadline > now ? (deadline - now + MS_PER_S - 1) / MS_PER_S : 0);
	return text;
}

/* Whoever sent SIGTERM counts on the end: after it a deadline may come nearer, and not go away. */
static void set_state(struct drain *drain, const struct drain_wish *wish, timestamp now)
{
	struct drain_state *state = &drain->state;
	timestamp deadline = wish->timeout_s == 0 ? TIMESTAMP_NEVER
	                                          : now + (timestamp)wish->timeout_s * MS_PER_S;

	if (!state->is_on) {
		state->began = now;
		state->deadline = TIMESTAMP_NEVER;
		drain->began_with = allocations(drain);
	}
	state->is_final |= wish->is_final;
	if (!state->is_final || deadline < state->deadline)
		state->deadline = deadline;
	state->is_on = true;
	state->wish = *wish;
	drain->said_tenths = 10;
	drain->said_at = now;
}

enum err drain_begin(struct drain *drain, const struct drain_wish *wish,
                     void (*told)(void *context), void *context)
{
	static const struct timeval each = {0, LOOK_EACH_MS * 1000};
	timestamp now = timestamp_now();
	enum err err = announce(drain, true, told, context);
	char text[32];

	if (err != OK)
		return err;
	set_state(drain, wish, now);
	event_add(drain->timer, &each);
	log_always("draining",
	           "by=\"%s\" allocations=%" PRIu64 " min_allocations=%u seconds_left=%s", wish->by,
	           allocations(drain), (unsigned)wish->min_allocations,
	           seconds_left(drain, now, text));
	return OK;
}

enum err drain_stop(struct drain *drain, void (*told)(void *context), void *context)
{
	enum err err = announce(drain, false, told, context);

	if (err != OK)
		return err;
	event_del(drain->timer);
	drain->state.is_on = false;
	log_always("draining no more", "allocations=%" PRIu64, allocations(drain));
	return OK;
}

struct drain_state drain_state(const struct drain *drain)
{
	return drain->state;
}

/* ---- telling the threads ---- */

static void on_thread(struct circular *circular, struct relay_thread *thread)
{
	struct announcement *announcement = CONTAINER_OF(circular, struct announcement, circular);

	turn_server_set_draining(thread->server, announcement->is_draining);
}

static void on_told(struct circular *circular)
{
	struct announcement *announcement = CONTAINER_OF(circular, struct announcement, circular);

	announcement->drain->untold--;
	if (announcement->told != NULL)
		announcement->told(announcement->context);
	free(announcement);
}

static enum err announce(struct drain *drain, bool is_draining, void (*told)(void *context),
                         void *context)
{
	struct announcement *announcement = calloc(1, sizeof *announcement);
	enum err err;

	if (announcement == NULL)
		return ERR_NO_MEMORY;
	*announcement = (struct announcement){
		.circular = {.run = on_thread, .done = on_told},
		.drain = drain,
		.is_draining = is_draining,
		.told = told,
		.context = context,
	};
	err = circular_begin(drain->circulars, &announcement->circular);
	if (err != OK)
		free(announcement);
	else
		drain->untold++;
	return err;
}

/* ---- watching ---- */

static void on_look(evutil_socket_t fd, short what, void *context)
{
	struct drain *drain = context;
	timestamp now = timestamp_now();
	uint64_t left = allocations(drain);
	const char *reason = reason_to_end(drain, left, now);

	(void)fd;
	(void)what;
	if (reason == NULL) {
		say_progress(drain, left, now);
		return;
	}
	log_always("drained", "allocations=%" PRIu64 " reason=\"%s\" seconds=%" PRIu64, left,
	           reason, (now - drain->state.began) / MS_PER_S);
	event_del(drain->timer);
	drain->ended(drain->context);
}

/* Few are few when no thread makes more of them. */
static const char *reason_to_end(struct drain *drain, uint64_t left, timestamp now)
{
	if (drain->untold == 0 && left <= drain->state.wish.min_allocations)
		return left == 0 ? "no allocation left" : "few enough allocations left";
	return now >= drain->state.deadline ? "time is up" : NULL;
}

/* At each tenth of what there was, and each ten seconds. */
static void say_progress(struct drain *drain, uint64_t left, timestamp now)
{
	uint64_t total = drain->began_with > left ? drain->began_with : left;
	uint64_t tenths = total > 0 ? (left * 10 + total - 1) / total : 10;
	char text[32];

	if (tenths >= drain->said_tenths && now - drain->said_at < SAY_EACH_MS)
		return;
	drain->said_tenths = tenths;
	drain->said_at = now;
	log_always("still draining", "allocations=%" PRIu64 " seconds_left=%s", left,
	           seconds_left(drain, now, text));
}
