/* The rounds of a relay thread's streams. What a stream does in its turn is left to stream_input.c and
 * stream_output.c. */
#include "listeners/rounds.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "listeners/stream_private.h"

enum {
	EVENTS = 256,
	PAUSE_NS = 1000000, /* between the rounds of a busy thread */
};

static enum err open_events(struct rounds *rounds, struct event_base *base);
static void on_ready(evutil_socket_t fd, short what, void *context);
static void on_due(evutil_socket_t fd, short what, void *context);
static void on_batch_ended(evutil_socket_t fd, short what, void *context);
static void event_destroy(struct event *event);

enum err rounds_create(struct event_base *base, struct io *io, bool is_patient,
                       struct rounds **result)
{
	struct rounds *rounds = calloc(1, sizeof *rounds);
	int saved;

	if (rounds == NULL)
		return ERR_NO_MEMORY;
	rounds->io = io;
	rounds->is_patient = is_patient;
	rounds->timer = -1;
	list_init(&rounds->dirty);
	list_init(&rounds->held);
	list_init(&rounds->ended);
	rounds->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (rounds->epoll >= 0)
		rounds->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (rounds->timer >= 0 && open_events(rounds, base) == OK) {
		*result = rounds;
		return OK;
	}
	saved = errno;
	rounds_destroy(rounds);
	errno = saved;
	return ERR_SYSTEM;
}

void rounds_destroy(struct rounds *rounds)
{
	if (rounds == NULL)
		return;
	event_destroy(rounds->batch_ended);
	event_destroy(rounds->due);
	event_destroy(rounds->ready);
	if (rounds->timer >= 0)
		close(rounds->timer);
	if (rounds->epoll >= 0)
		close(rounds->epoll);
	free(rounds);
}

static enum err open_events(struct rounds *rounds, struct event_base *base)
{
	errno = ENOMEM;
	rounds->ready = event_new(base, rounds->epoll, EV_READ | EV_PERSIST, on_ready, rounds);
	rounds->due = event_new(base, rounds->timer, EV_READ | EV_PERSIST, on_due, rounds);
	rounds->batch_ended = event_new(base, -1, 0, on_batch_ended, rounds);
	if (rounds->ready == NULL || rounds->due == NULL || rounds->batch_ended == NULL ||
	    event_add(rounds->ready, NULL) != 0 || event_add(rounds->due, NULL) != 0)
		return ERR_SYSTEM;
	return OK;
}

static void event_destroy(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

/* ---- what a stream waits for ---- */

static enum err watch(struct stream *stream, int operation)
{
	struct epoll_event interest = {
		.events = (stream->hold == HOLD_ASKED ? 0 : EPOLLIN) |
	                  (stream->awaits_writable ? EPOLLOUT : 0),
		.data.ptr = stream,
	};

	return epoll_ctl(stream_rounds(stream)->epoll, operation, stream->fd, &interest) == 0
	               ? OK
	               : ERR_SYSTEM;
}

enum err rounds_watch(struct stream *stream)
{
	return watch(stream, EPOLL_CTL_ADD);
}

enum err rounds_watch_anew(struct stream *stream)
{
	return watch(stream, EPOLL_CTL_MOD);
}

void rounds_unwatch(struct stream *stream)
{
	(void)epoll_ctl(stream_rounds(stream)->epoll, EPOLL_CTL_DEL, stream->fd, NULL);
}

enum err rounds_await_writable(struct stream *stream, bool awaits)
{
	if (stream->awaits_writable == awaits)
		return OK;
	stream->awaits_writable = awaits;
	return stream->raw != NULL ? stream_raw_await_writable(stream)
	                           : watch(stream, EPOLL_CTL_MOD);
}

/* ---- a round ---- */

static void read_and_write(struct rounds *rounds)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(rounds->epoll, events, EVENTS, 0);

	rounds->is_more_waiting = n == EVENTS;
	for (int i = 0; i < n; i++) {
		struct stream *stream = events[i].data.ptr;

		if (events[i].events & EPOLLOUT)
			stream_write_out(stream);
		if (events[i].events & ~(uint32_t)EPOLLOUT && !stream_is_ended(stream))
			stream_read(stream);
	}
}

static void write_gathered(struct rounds *rounds)
{
	struct list *node;

	while ((node = list_first(&rounds->dirty)) != NULL) {
		struct stream *stream = CONTAINER_OF(node, struct stream, dirty_node);

		list_remove(node);
		if (!stream->awaits_writable)
			stream_write_out(stream);
	}
}

/* Puts off what can wait until the timer expires. */
static void pause_when_busy(struct rounds *rounds)
{
	static const struct itimerspec pause = {.it_value.tv_nsec = PAUSE_NS};

	if (!rounds->is_patient || rounds->is_awaited || rounds->is_more_waiting ||
	    thread_load_level(&rounds->load) == 0 || !io_hold(rounds->io))
		return;
	(void)timerfd_settime(rounds->timer, 0, &pause, NULL); /* the time is valid */
	rounds->is_awaited = true;
	event_del(rounds->ready);
}

static void run(struct rounds *rounds)
{
	read_and_write(rounds);
	write_gathered(rounds);
	io_flush(rounds->io);
	streams_bury(rounds);
	pause_when_busy(rounds);
	rounds->is_more_waiting = false; /* if it is, the loop knows */
}

static void on_ready(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	run(context);
}

static void on_due(evutil_socket_t fd, short what, void *context)
{
	struct rounds *rounds = context;
	uint64_t expirations;

	(void)what;
	if (read(fd, &expirations, sizeof expirations) != sizeof expirations)
		return;
	rounds->is_awaited = false;
	if (++rounds->pauses >= thread_load_level(&rounds->load)) {
		rounds->pauses = 0;
		read_and_write(rounds);
	}
	io_unhold(rounds->io); /* what peers sent leaves with what was gathered before */
	rounds_flush(rounds);
	io_flush(rounds->io);
	streams_bury(rounds);
	if (!rounds->is_awaited)
		(void)event_add(rounds->ready, NULL); /* had its place in the loop before */
	rounds->is_more_waiting = false;
}

void rounds_flush(struct rounds *rounds)
{
	if (rounds->is_awaited)
		return;
	write_gathered(rounds);
	pause_when_busy(rounds);
}

/* ---- out of a round ---- */

void rounds_end_batch_later(struct rounds *rounds)
{
	event_active(rounds->batch_ended, 0, 0);
}

static void on_batch_ended(evutil_socket_t fd, short what, void *context)
{
	struct rounds *rounds = context;

	(void)fd, (void)what;
	streams_read_held(rounds);
	rounds_flush(rounds);
	io_flush(rounds->io);
	streams_bury(rounds);
}
