/* Passing bytes on between a client data connection and a peer's socket. Each direction is a flow of
 * its own, which waits either for its source to have bytes or for its sink to take some, never for
 * both: what was read and not taken has a bound, a pipe or one read's worth of plaintext. */
#include "listeners/stream_raw.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "listeners/pipe_pool.h"
#include "listeners/stream_private.h"

enum {
	ROUNDS = 16, /* reads of a flow before others have a turn */
	PAUSE_MS = 20,
	MS_PER_S = 1000,
};

struct flow {
	struct stream_raw *raw;
	struct pipe pipe; /* while in_pipe is not 0 */
	size_t in_pipe;
	/* Owned; to the peer: plaintext that it did not take yet; NULL most of the time. */
	struct evbuffer *unsent;
	bool is_reading;      /* the source's event is set */
	bool is_source_ended; /* it has no more bytes */
	bool is_done;         /* and the sink was told so */
};

struct stream_raw {
	struct stream *stream; /* owner of this */
	struct raw_owner owner;
	int peer; /* lent */
	/* The client's socket is none that rounds watch any longer. */
	struct event client_readable, client_writable, peer_readable, peer_writable;
	struct timer pause;
	struct timer watch;
	bool is_busy; /* something has happened since the watch looked */
	struct flow flows[RAW_DIRECTION_COUNT];
};

static bool attach(struct stream_raw *raw);
static bool take_held(struct stream_raw *raw);
static void start(struct stream_raw *raw);
static void watch(struct stream_raw *raw);
static void run(struct flow *flow);
static enum err push(struct flow *flow);
static enum err push_unsent(struct flow *flow);
static enum err push_pipe(struct flow *flow);
static enum err pull(struct flow *flow);
static enum err pull_spliced(struct flow *flow, size_t limit);
static enum err pull_copied(struct flow *flow, size_t limit);
static enum err pull_decrypted(struct flow *flow, size_t limit);
static enum err pull_to_encrypt(struct flow *flow, size_t limit);
static void finish(struct flow *flow);
static void reset(struct stream_raw *raw);

static enum raw_direction direction_of(const struct flow *flow)
{
	return flow == &flow->raw->flows[RAW_TO_PEER] ? RAW_TO_PEER : RAW_TO_CLIENT;
}

static bool is_to_peer(const struct flow *flow)
{
	return direction_of(flow) == RAW_TO_PEER;
}

static int source_of(const struct flow *flow)
{
	return is_to_peer(flow) ? flow->raw->stream->fd : flow->raw->peer;
}

static int sink_of(const struct flow *flow)
{
	return is_to_peer(flow) ? flow->raw->peer : flow->raw->stream->fd;
}

static bool has_ended(const struct stream_raw *raw)
{
	return stream_is_ended(raw->stream);
}

/* ---- its life ---- */

enum err stream_raw_join(struct path *path, int peer, const struct raw_owner *owner)
{
	struct stream *stream = (struct stream *)path;
	struct stream_raw *raw;

	if (stream_is_ended(stream) || stream->is_closing)
		return ERR_CLOSED;
	stream_write_out(stream); /* the answer to ConnectionBind */
	if (stream_is_ended(stream))
		return ERR_CLOSED;
	raw = calloc(1, sizeof *raw);
	if (raw == NULL)
		return ERR_NO_MEMORY;
	raw->stream = stream;
	raw->owner = *owner;
	raw->peer = peer;
	for (int i = 0; i < RAW_DIRECTION_COUNT; i++)
		raw->flows[i].raw = raw;
	if (!attach(raw) || !take_held(raw)) {
		event_del(&raw->client_writable);
		free(raw);
		return ERR_NO_MEMORY;
	}
	rounds_unwatch(stream);
	list_remove(&stream->held_node);
	stream->raw = raw;
	stream->hold = HOLD_NONE;
	start(raw);
	return OK;
}

/* What the client sent behind ConnectionBind is the first that the peer gets. */
static bool take_held(struct stream_raw *raw)
{
	struct message_rest *held = &raw->stream->rest;
	struct flow *flow = &raw->flows[RAW_TO_PEER];

	if (held->len == 0)
		return true;
	flow->unsent = evbuffer_new();
	if (flow->unsent == NULL)
		return false;
	if (evbuffer_add(flow->unsent, held->bytes, held->len) != 0) {
		evbuffer_free(flow->unsent);
		flow->unsent = NULL;
		return false;
	}
	raw->owner.passed(raw->owner.context, RAW_TO_PEER, held->len);
	message_rest_drop(held);
	return true;
}

static void on_client_readable(evutil_socket_t fd, short what, void *context)
{
	struct stream_raw *raw = context;

	(void)fd, (void)what;
	run(&raw->flows[RAW_TO_PEER]);
}

static void on_client_writable(evutil_socket_t fd, short what, void *context)
{
	struct stream_raw *raw = context;

	(void)fd;
	if (what & EV_WRITE)
		raw->stream->awaits_writable = false;
	run(&raw->flows[RAW_TO_CLIENT]);
}

static void on_peer_readable(evutil_socket_t fd, short what, void *context)
{
	on_client_writable(fd, what, context);
}

static void on_peer_writable(evutil_socket_t fd, short what, void *context)
{
	on_client_readable(fd, what, context);
}

/* The stream's timer has no more to say. */
static bool attach(struct stream_raw *raw)
{
	struct stream *stream = raw->stream;
	struct event_base *base = stream->streams->host->base;
	int on = 1;

	timer_cancel(stream->streams->host->timers, &stream->timer);
	stream->message_deadline = 0;
	/* Whoever vanishes without a word is missed in the end. */
	(void)setsockopt(stream->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	/* None of these allocates, and each descriptor is valid. */
	return event_assign(&raw->client_readable, base, stream->fd, EV_READ | EV_PERSIST,
	                    on_client_readable, raw) == 0 &&
	       event_assign(&raw->client_writable, base, stream->fd, EV_WRITE, on_client_writable,
	                    raw) == 0 &&
	       event_assign(&raw->peer_readable, base, raw->peer, EV_READ | EV_PERSIST,
	                    on_peer_readable, raw) == 0 &&
	       event_assign(&raw->peer_writable, base, raw->peer, EV_WRITE, on_peer_writable,
	                    raw) == 0 &&
	       (!stream->awaits_writable || event_add(&raw->client_writable, NULL) == 0);
}

enum err stream_raw_await_writable(struct stream *stream)
{
	if (!stream->awaits_writable)
		return OK; /* the event comes once */
	return event_add(&stream->raw->client_writable, NULL) == 0 ? OK : ERR_NO_MEMORY;
}

/* Bytes are read by events, never within the call of the host that joins. */
static void start(struct stream_raw *raw)
{
	struct tls_engine *tls = raw->stream->tls;

	/* An engine may have had the client's goodbye with the bytes before. */
	raw->flows[RAW_TO_PEER].is_source_ended = tls != NULL && tls_engine_has_ended(tls);
	event_active(&raw->client_readable, EV_READ, 0);
	event_active(&raw->peer_readable, EV_READ, 0);
	watch(raw);
}

void stream_raw_part(struct path *path)
{
	struct stream *stream = (struct stream *)path;

	if (stream->raw == NULL)
		return;
	stream->raw->owner.ended = NULL;
	stream_end(stream, "its allocation or its peer's connection ended");
}

void stream_raw_stop(struct stream *stream)
{
	struct stream_raw *raw = stream->raw;

	if (raw == NULL)
		return;
	event_del(&raw->client_readable);
	event_del(&raw->client_writable);
	event_del(&raw->peer_readable);
	event_del(&raw->peer_writable);
	timer_cancel(stream->streams->host->timers, &raw->pause);
	timer_cancel(stream->streams->host->timers, &raw->watch);
	/* Told at once: who has seen the end may ask for the same peer again. */
	if (raw->owner.ended != NULL)
		raw->owner.ended(raw->owner.context);
	raw->owner.ended = NULL;
}

void stream_raw_bury(struct stream *stream)
{
	struct stream_raw *raw = stream->raw;

	if (raw == NULL)
		return;
	for (int i = 0; i < RAW_DIRECTION_COUNT; i++) {
		struct flow *flow = &raw->flows[i];
		if (flow->in_pipe > 0)
			pipe_pool_give(stream->streams->host->pipes, &flow->pipe, false);
		if (flow->unsent != NULL)
			evbuffer_free(flow->unsent);
	}
	stream->raw = NULL;
	free(raw);
}

/* ---- a flow ---- */

static void await_source(struct flow *flow)
{
	struct stream_raw *raw = flow->raw;

	if (flow->is_reading)
		return;
	flow->is_reading = event_add(is_to_peer(flow) ? &raw->client_readable : &raw->peer_readable,
	                             NULL) == 0;
	if (!flow->is_reading)
		reset(raw);
}

static void stop_reading(struct flow *flow)
{
	struct stream_raw *raw = flow->raw;

	if (flow->is_reading)
		event_del(is_to_peer(flow) ? &raw->client_readable : &raw->peer_readable);
	flow->is_reading = false;
}

static void await_sink(struct flow *flow)
{
	struct stream_raw *raw = flow->raw;

	stop_reading(flow);
	if (event_add(is_to_peer(flow) ? &raw->peer_writable : &raw->client_writable, NULL) != 0)
		reset(raw);
}

/* OK: bytes have moved, and none is left here. ERR_AGAIN: the source has none. ERR_FULL: the sink takes
 * no more. ERR_UNAVAILABLE: none may move now. ERR_CLOSED: a reset. */
static enum err move_some(struct flow *flow)
{
	enum err err = pull(flow);

	return err == OK ? push(flow) : err;
}

static void run(struct flow *flow)
{
	struct stream_raw *raw = flow->raw;

	if (flow->is_done)
		return;
	raw->is_busy = true;
	enum err err = push(flow);
	for (int round = 0; round < ROUNDS && err == OK && !flow->is_source_ended; round++)
		err = move_some(flow);
	if (has_ended(raw))
		return;
	if (err == ERR_CLOSED)
		reset(raw);
	else if (err == OK && flow->is_source_ended)
		finish(flow);
	else if (err == ERR_FULL)
		await_sink(flow);
	else if (err != ERR_UNAVAILABLE)
		await_source(flow);
}

static enum err push(struct flow *flow)
{
	enum err err = push_unsent(flow);

	return err == OK ? push_pipe(flow) : err;
}

/* What errno means to the flow; full is what EAGAIN does. */
static enum err failure(enum err full)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? full : ERR_CLOSED;
}

static enum err push_to_client(struct stream *stream)
{
	if (!stream_has_output(stream))
		return OK;
	stream_write_out(stream);
	if (stream_is_ended(stream))
		return ERR_CLOSED;
	return stream_has_output(stream) ? ERR_FULL : OK;
}

static enum err push_unsent(struct flow *flow)
{
	size_t len;

	if (!is_to_peer(flow))
		return push_to_client(flow->raw->stream);
	while (flow->unsent != NULL && (len = evbuffer_get_contiguous_space(flow->unsent)) > 0) {
		ssize_t n = send(sink_of(flow), evbuffer_pullup(flow->unsent, (ev_ssize_t)len), len,
		                 MSG_NOSIGNAL);
		if (n < 0)
			return failure(ERR_FULL);
		evbuffer_drain(flow->unsent, (size_t)n);
	}
	/* An idle connection keeps no buffer. */
	if (flow->unsent != NULL)
		evbuffer_free(flow->unsent);
	flow->unsent = NULL;
	return OK;
}

static enum err push_pipe(struct flow *flow)
{
	while (flow->in_pipe > 0) {
		ssize_t n = splice(flow->pipe.out, NULL, sink_of(flow), NULL, flow->in_pipe,
		                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n <= 0)
			return n == 0 ? ERR_CLOSED : failure(ERR_FULL);
		flow->in_pipe -= (size_t)n;
		if (flow->in_pipe == 0)
			pipe_pool_give(flow->raw->stream->streams->host->pipes, &flow->pipe, true);
	}
	return OK;
}

static void on_pause_over(struct timer *timer, timestamp now)
{
	struct stream_raw *raw = CONTAINER_OF(timer, struct stream_raw, pause);

	(void)now;
	event_active(&raw->client_readable, EV_READ, 0);
	event_active(&raw->peer_readable, EV_READ, 0);
}

static enum err pause_flow(struct flow *flow)
{
	struct timer_wheel *timers = flow->raw->stream->streams->host->timers;

	stop_reading(flow);
	if (!timer_is_set(&flow->raw->pause))
		timer_set(timers, &flow->raw->pause, timestamp_now() + PAUSE_MS, on_pause_over);
	return ERR_UNAVAILABLE;
}

static enum err pull(struct flow *flow)
{
	const struct raw_owner *owner = &flow->raw->owner;
	struct stream *stream = flow->raw->stream;
	size_t limit = owner->allowance(owner->context, direction_of(flow));

	if (limit == 0)
		return pause_flow(flow);
	if (limit > STREAM_READ_MAX)
		limit = STREAM_READ_MAX;
	if (stream->tls != NULL)
		return is_to_peer(flow) ? pull_decrypted(flow, limit)
		                        : pull_to_encrypt(flow, limit);
	return pipe_pool_take(stream->streams->host->pipes, &flow->pipe) ? pull_spliced(flow, limit)
	                                                                 : pull_copied(flow, limit);
}

/* What a read of the source brought: bytes, its end, none now, or a reset. */
static enum err received(struct flow *flow, ssize_t n)
{
	const struct raw_owner *owner = &flow->raw->owner;

	if (n < 0)
		return failure(ERR_AGAIN);
	if (n == 0)
		flow->is_source_ended = true;
	else
		owner->passed(owner->context, direction_of(flow), (size_t)n);
	return OK;
}

static enum err pull_spliced(struct flow *flow, size_t limit)
{
	ssize_t n = splice(source_of(flow), NULL, flow->pipe.in, NULL, limit,
	                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	int saved = errno;

	if (n > 0)
		flow->in_pipe = (size_t)n;
	else
		pipe_pool_give(flow->raw->stream->streams->host->pipes, &flow->pipe, true);
	errno = saved;
	return received(flow, n);
}

/* Without a pipe: the source keeps its bytes until the sink has taken them, so that nothing has to be
 * kept here. */
static enum err pull_copied(struct flow *flow, size_t limit)
{
	uint8_t *scratch = flow->raw->stream->streams->scratch;
	ssize_t n = recv(source_of(flow), scratch, limit, MSG_PEEK), sent;

	if (n <= 0)
		return received(flow, n);
	sent = send(sink_of(flow), scratch, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0)
		return failure(ERR_FULL);
	return received(flow, recv(source_of(flow), scratch, (size_t)sent, MSG_TRUNC));
}

/* TLS 1.3 lets a client change its keys, and the engine answers: what waits for a client that does not
 * read has its bound. */
static enum err send_engine_output(struct stream *stream)
{
	if (!stream_has_output(stream))
		return OK;
	stream_write_out(stream);
	return stream_is_ended(stream) || stream_has_flooded_itself(stream) ? ERR_CLOSED : OK;
}

/* Sends what it can and keeps the rest, of which there is a read's worth at most. */
static enum err pass_plaintext(struct flow *flow, const uint8_t *bytes, size_t len)
{
	ssize_t n = send(sink_of(flow), bytes, len, MSG_NOSIGNAL);

	if (n < 0 && failure(ERR_FULL) != ERR_FULL)
		return ERR_CLOSED;
	n = n < 0 ? 0 : n;
	if ((size_t)n == len)
		return OK;
	flow->unsent = evbuffer_new();
	return flow->unsent != NULL && evbuffer_add(flow->unsent, bytes + n, len - (size_t)n) == 0
	               ? OK
	               : ERR_CLOSED;
}

static enum err pull_decrypted(struct flow *flow, size_t limit)
{
	struct stream *stream = flow->raw->stream;
	uint8_t *plaintext = arena_room(&stream->streams->arena, STREAM_ROOM_MAX);
	char reason[TLS_REASON_SIZE];
	size_t len = 0, n;
	ssize_t fed = recv(stream->fd, stream->streams->scratch, limit, 0);
	enum err err;

	/* Counted as it comes: a record that has not ended is none of the plaintext yet, and who may pass
	 * on little at a time would never be stopped. */
	err = received(flow, fed);
	if (err != OK)
		return err;
	tls_engine_feed(stream->tls, stream->streams->scratch, (size_t)fed);
	while ((err = tls_engine_read(stream->tls, plaintext + len, STREAM_ROOM_MAX - len, &n,
	                              reason)) == OK)
		len += n;
	flow->is_source_ended |= err == ERR_CLOSED;
	if (err == ERR_INVALID || send_engine_output(stream) != OK)
		return ERR_CLOSED;
	return len > 0 ? pass_plaintext(flow, plaintext, len) : OK;
}

static enum err pull_to_encrypt(struct flow *flow, size_t limit)
{
	struct stream *stream = flow->raw->stream;
	uint8_t *scratch = stream->streams->scratch;
	ssize_t n = recv(flow->raw->peer, scratch, limit, 0);

	if (n > 0 && stream_put(stream, scratch, (size_t)n) != OK)
		return ERR_CLOSED;
	return received(flow, n);
}

/* ---- the end ---- */

/* All bytes have left: the sink is told that no more come. */
static void finish(struct flow *flow)
{
	struct stream_raw *raw = flow->raw;

	stop_reading(flow);
	if (is_to_peer(flow)) {
		(void)shutdown(raw->peer, SHUT_WR);
		flow->is_done = true;
	} else {
		raw->stream->is_closing = true;
		stream_write_out(raw->stream);
		if (has_ended(raw))
			return;
		flow->is_done = !stream_has_output(raw->stream);
		if (!flow->is_done)
			await_sink(flow);
	}
	if (raw->flows[RAW_TO_PEER].is_done && raw->flows[RAW_TO_CLIENT].is_done)
		stream_end(raw->stream, "both sides are done");
}

static bool is_broken(const struct stream_raw *raw)
{
	struct pollfd sockets[] = {{.fd = raw->stream->fd}, {.fd = raw->peer}};

	return poll(sockets, 2, 0) > 0 && ((sockets[0].revents | sockets[1].revents) & POLLERR);
}

/* What no event tells. A flow that waits for its sink does not look at its source, which may have been
 * reset. And who closed its connection sends nothing but the end that it would send to go on reading:
 * RFC 6062 section 5.5 has both connections closed, so that it is believed for as long as something
 * passes the other way. */
static void on_watch(struct timer *timer, timestamp now)
{
	struct stream_raw *raw = CONTAINER_OF(timer, struct stream_raw, watch);
	bool is_half_closed = raw->flows[RAW_TO_PEER].is_source_ended ||
	                      raw->flows[RAW_TO_CLIENT].is_source_ended;

	(void)now;
	if (!raw->is_busy && (is_half_closed || is_broken(raw)))
		reset(raw);
	else
		watch(raw);
}

static void watch(struct stream_raw *raw)
{
	const struct listener_host *host = raw->stream->streams->host;

	raw->is_busy = false;
	timer_set(host->timers, &raw->watch,
	          timestamp_now() + (timestamp)host->idle_timeout_s * MS_PER_S, on_watch);
}

/* One side broke off: the other must not take it for an end. */
static void reset(struct stream_raw *raw)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	if (has_ended(raw))
		return;
	(void)setsockopt(raw->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	(void)setsockopt(raw->stream->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	stream_end(raw->stream, "connection broke: reset by one of its ends");
}
