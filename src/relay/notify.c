/* A datagram of lines for each thing that is told: the protocol of sd_notify(3) is stable, and no more than
 * this; libsystemd would be a library for one function. */
#include "relay/notify.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "relay/relay.h"
#include "relay/thread.h"
#include "relay/watchdog.h"
#include "store/store.h"

enum { STATUS_SIZE = 160, STATUS_EACH_S = 1, SEND_PATIENCE_S = 1 };

struct notify {
	struct circulars *circulars;
	const struct drain *drain;
	int fd;                                   /* -1: nobody wants to know */
	struct event *status_timer, *alive_timer; /* owned; NULL: not needed */
	char status[STATUS_SIZE];                 /* as it was told last */

	struct watchdog watchdog;
	struct circular question; /* to the relay threads */
	struct store_ping ping;   /* to the store's */
	bool has_question, has_ping, has_complained;
};

static void open_socket(struct notify *notify, const char *name);
static enum err open_timers(struct notify *notify, struct event_base *base);
static void on_status(evutil_socket_t fd, short what, void *context);
static void on_alive(evutil_socket_t fd, short what, void *context);
static void ask(struct notify *notify);

enum err notify_create(struct event_base *base, struct circulars *circulars,
                       const struct drain *drain, struct notify **result)
{
	struct notify *notify = calloc(1, sizeof *notify);
	const char *name = getenv("NOTIFY_SOCKET");

	if (notify == NULL)
		return ERR_NO_MEMORY;
	notify->circulars = circulars;
	notify->drain = drain;
	notify->fd = -1;
	if (name != NULL)
		open_socket(notify, name);
	if (notify->fd >= 0 && open_timers(notify, base) != OK) {
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
	if (notify->fd >= 0)
		close(notify->fd);
	free(notify);
}

/* ---- the socket ---- */

/* A path, or with @ in front a name of the abstract namespace, which has a zero there. */
static void open_socket(struct notify *notify, const char *name)
{
	static const struct timeval patience = {SEND_PATIENCE_S, 0};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);

	if ((name[0] != '/' && name[0] != '@') || len >= sizeof addr.sun_path) {
		log_warning("service manager not told",
		            "socket=%s reason=\"neither a path nor @name\"", name);
		return;
	}
	memcpy(addr.sun_path, name, len);
	if (name[0] == '@')
		addr.sun_path[0] = '\0';
	notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify->fd >= 0 && connect(notify->fd, (struct sockaddr *)&addr, size) == 0) {
		(void)setsockopt(notify->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
		return;
	}
	log_warning("service manager not told", "socket=%s reason=\"%s\"", name, strerror(errno));
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
}

/* A service manager that has gone wants to know nothing. */
static void tell(const struct notify *notify, const char *lines)
{
	if (notify->fd >= 0)
		(void)!send(notify->fd, lines, strlen(lines), MSG_NOSIGNAL);
}

void notify_ready(struct notify *notify)
{
	char lines[64];

	snprintf(lines, sizeof lines, "READY=1\nMAINPID=%ld", (long)getpid());
	tell(notify, lines);
	on_status(-1, 0, notify);
	if (notify->alive_timer != NULL && !notify->watchdog.has_asked)
		ask(notify);
}

void notify_reloading(struct notify *notify)
{
	struct timespec now;
	char lines[96];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
	         (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
	tell(notify, lines);
}

void notify_stopping(struct notify *notify)
{
	tell(notify, "STOPPING=1\nSTATUS=stopping");
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

static void format_status(const struct notify *notify, char status[STATUS_SIZE])
{
	struct drain_state state = drain_state(notify->drain);
	uint64_t allocations = relay_allocations(notify->circulars->relay);
	char left[32];

	if (!state.is_on) {
		snprintf(status, STATUS_SIZE, "STATUS=serving %" PRIu64 " allocations",
		         allocations);
		return;
	}
	format_left(&state, left);
	snprintf(status, STATUS_SIZE, "STATUS=draining by %s: %" PRIu64 " allocations left%s",
	         state.wish.by, allocations, left);
}

static void on_status(evutil_socket_t fd, short what, void *context)
{
	struct notify *notify = context;
	char status[STATUS_SIZE];

	(void)fd;
	(void)what;
	format_status(notify, status);
	if (strcmp(status, notify->status) == 0)
		return;
	memcpy(notify->status, status, sizeof status);
	tell(notify, status);
}

/* ---- the watchdog ---- */

/* Half of what the service manager waits for; 0: it does not. */
static uint64_t alive_interval_us(void)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (us == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	return strtoull(us, NULL, 10) / 2;
}

static enum err add_timer(struct notify *notify, struct event_base *base, uint64_t each_us,
                          event_callback_fn on_time, struct event **timer)
{
	struct timeval each = {(time_t)(each_us / 1000000), (suseconds_t)(each_us % 1000000)};

	*timer = event_new(base, -1, EV_PERSIST, on_time, notify);
	return *timer != NULL && event_add(*timer, &each) == 0 ? OK : ERR_NO_MEMORY;
}

static enum err open_timers(struct notify *notify, struct event_base *base)
{
	uint64_t alive_us = alive_interval_us();
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
		tell(notify, "WATCHDOG=1");
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
