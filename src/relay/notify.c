/* When the service manager is told, and what of; how is process/service_manager.c's. */
#include "relay/notify.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "process/service_manager.h"
#include "process/watchdog.h"
#include "relay/relay.h"
#include "relay/thread.h"
#include "store/store.h"

enum { STATUS_EACH_S = 1 };

struct notify {
	struct circulars *circulars;
	const struct drain *drain;
	struct service_manager manager;
	struct event *status_timer, *alive_timer; /* owned; NULL: not needed */

	struct watchdog watchdog;
	struct circular question; /* to the relay threads */
	struct store_ping ping;   /* to the store's */
	bool has_question, has_ping, has_complained;
};

static enum err open_timers(struct notify *notify, struct event_base *base);
static void on_status(evutil_socket_t fd, short what, void *context);
static void on_alive(evutil_socket_t fd, short what, void *context);
static void ask(struct notify *notify);

enum err notify_create(struct event_base *base, struct circulars *circulars,
                       const struct drain *drain, struct notify **result)
{
	struct notify *notify = calloc(1, sizeof *notify);

	if (notify == NULL)
		return ERR_NO_MEMORY;
	notify->circulars = circulars;
	notify->drain = drain;
	service_manager_open(&notify->manager);
	if (service_manager_listens(&notify->manager) && open_timers(notify, base) != OK) {
		notify_destroy(notify);
		return ERR_NO_MEMORY;
	}
	*result = notify;
	return OK;
}

void notify_destroy(struct notify *notify)
{
	if (notify == NULL)
		return;
	if (notify->has_ping)
		mailbox_deliver(notify->circulars->mailbox, notify->circulars);
	if (notify->status_timer != NULL)
		event_free(notify->status_timer);
	if (notify->alive_timer != NULL)
		event_free(notify->alive_timer);
	service_manager_close(&notify->manager);
	free(notify);
}

/* ---- what is told ---- */

void notify_ready(struct notify *notify)
{
	service_manager_ready(&notify->manager);
	on_status(-1, 0, notify);
	if (notify->alive_timer != NULL && !notify->watchdog.has_asked)
		ask(notify);
}

void notify_reloading(struct notify *notify)
{
	service_manager_reloading(&notify->manager);
}

void notify_stopping(struct notify *notify)
{
	service_manager_stopping(&notify->manager);
	if (notify->status_timer != NULL)
		event_del(notify->status_timer);
}

/* ---- the status ---- */

static void format_left(const struct drain_state *state, char text[32])
{
	timestamp now = timestamp_now();

	text[0] = '\0';
	if (state->deadline != TIMESTAMP_NEVER)
		snprintf(text, 32, ", %" PRIu64 " s",
		         state->deadline > now ? (state->deadline - now) / 1000 : 0);
}

static void format_status(const struct notify *notify, char status[SERVICE_STATUS_SIZE])
{
	struct drain_state state = drain_state(notify->drain);
	uint64_t allocations = relay_allocations(notify->circulars->relay);
	char left[32];

	if (!state.is_on) {
		snprintf(status, SERVICE_STATUS_SIZE, "serving %" PRIu64 " allocations",
		         allocations);
		return;
	}
	format_left(&state, left);
	snprintf(status, SERVICE_STATUS_SIZE, "draining by %s: %" PRIu64 " allocations left%s",
	         state.wish.by, allocations, left);
}

static void on_status(evutil_socket_t fd, short what, void *context)
{
	struct notify *notify = context;
	char status[SERVICE_STATUS_SIZE];

	(void)fd;
	(void)what;
	format_status(notify, status);
	service_manager_status(&notify->manager, status);
}

/* ---- the watchdog ---- */

static enum err add_timer(struct notify *notify, struct event_base *base, uint64_t each_us,
                          event_callback_fn on_time, struct event **timer)
{
	struct timeval each = {(time_t)(each_us / 1000000), (suseconds_t)(each_us % 1000000)};

	*timer = event_new(base, -1, EV_PERSIST, on_time, notify);
	return *timer != NULL && event_add(*timer, &each) == 0 ? OK : ERR_NO_MEMORY;
}

static enum err open_timers(struct notify *notify, struct event_base *base)
{
	uint64_t alive_us = service_manager_alive_interval_us();
	enum err err = add_timer(notify, base, STATUS_EACH_S * UINT64_C(1000000), on_status,
	                         &notify->status_timer);

	return err == OK && alive_us > 0
	               ? add_timer(notify, base, alive_us, on_alive, &notify->alive_timer)
	               : err;
}

static const char *waiting_for(const struct notify *notify, char name[RELAY_THREAD_NAME_SIZE])
{
	const struct relay_thread *silent =
		notify->has_question ? circulars_find_silent(notify->circulars, timestamp_now())
				     : NULL;

	return silent != NULL ? relay_thread_name(silent, name) : "store thread";
}

static void complain(struct notify *notify)
{
	char name[RELAY_THREAD_NAME_SIZE];

	if (!notify->has_complained)
		log_error("threads do not answer",
		          "waiting_for=\"%s\" advice=\"the service manager will end the server\"",
		          waiting_for(notify, name));
	notify->has_complained = true;
}

static void on_alive(evutil_socket_t fd, short what, void *context)
{
	struct notify *notify = context;

	(void)fd;
	(void)what;
	switch (watchdog_tick(&notify->watchdog)) {
	case WATCHDOG_PET_AND_ASK:
		service_manager_alive(&notify->manager);
		notify->has_complained = false;
		ask(notify);
		break;
	case WATCHDOG_ASK:
		ask(notify);
		break;
	case WATCHDOG_WAIT:
		complain(notify);
		break;
	}
}

/* That it runs is the answer. */
static void on_thread(struct circular *circular, struct relay_thread *thread)
{
	(void)circular;
	(void)thread;
}

static void on_threads_answered(struct circular *circular)
{
	struct notify *notify = CONTAINER_OF(circular, struct notify, question);

	notify->has_question = false;
	watchdog_answered(&notify->watchdog);
}

static void on_store_answered(struct mail *mail, void *receiver)
{
	struct notify *notify = CONTAINER_OF(mail, struct notify, ping.mail);

	(void)receiver;
	notify->has_ping = false;
	watchdog_answered(&notify->watchdog);
}

/* All relay threads together are one answer, the store's thread is another. */
static void ask(struct notify *notify)
{
	struct store_thread *store = notify->circulars->relay->store;

	notify->question = (struct circular){.run = on_thread, .done = on_threads_answered};
	if (circular_begin(notify->circulars, &notify->question) != OK) {
		notify->watchdog = (struct watchdog){.waiting = 0};
		return;
	}
	notify->has_question = true;
	watchdog_asked(&notify->watchdog, store != NULL ? 2 : 1);
	if (store == NULL)
		return;
	notify->has_ping = true;
	notify->ping.reply_to = notify->circulars->mailbox;
	notify->ping.answered = on_store_answered;
	store_thread_ping(store, &notify->ping);
}
