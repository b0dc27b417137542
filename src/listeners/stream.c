/* The life of stream connections: made when they have been accepted, timed, ended and buried. What
 * they read is left to stream_input.c, what they send to stream_output.c.
 *
 *   socket ─► [tls engine] ─► arena: rest of last time | new bytes ─► framing ─► host->input
 *   socket ◄─ out ◄─ [tls engine ◄─ gathered] ◄─ path.send
 *
 * A stream never goes away while the host is called: what ends it marks it, and it is buried when the
 * round is over (rounds.c). */
#include "listeners/stream.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "listeners/engine_bio.h"
#include "listeners/stream_private.h"
#include "listeners/tls.h"

enum { ARENA_SIZE = 4 * STREAM_ROOM_MAX };

static void path_close(struct path *path);
static const SSL *path_ssl(const struct path *path);
static void on_timer(struct timer *timer, timestamp now);

static const struct path_ops stream_path = {
	.send = stream_send, .close = path_close, .ssl = path_ssl};

static timestamp seconds(unsigned n)
{
	return (timestamp)n * 1000;
}

enum err streams_init(struct streams *streams, const struct listener_host *host,
                      const struct transport_addr *server, bool serve_tcp)
{
	streams->host = host;
	streams->server = *server;
	streams->serve_tcp = serve_tcp;
	list_init(&streams->open);
	streams->scratch = malloc(STREAM_READ_MAX);
	if (streams->scratch == NULL)
		return ERR_NO_MEMORY;
	if (arena_init(&streams->arena, host->io, ARENA_SIZE) != OK)
		goto fail_arena;
	if (engine_bio_method_create(&streams->bio_method) != OK)
		goto fail_method;
	return OK;

fail_method:
	arena_deinit(&streams->arena);
fail_arena:
	free(streams->scratch);
	return ERR_NO_MEMORY;
}

void streams_deinit(struct streams *streams)
{
	LIST_FOR_EACH (node, &streams->open)
		stream_end(CONTAINER_OF(node, struct stream, node), "the server has stopped");
	streams_bury(streams->host->rounds);
	io_flush(streams->host->io);
	BIO_meth_free(streams->bio_method);
	arena_deinit(&streams->arena);
	free(streams->scratch);
}

enum err stream_create(struct streams *streams, int fd, const struct transport_addr *client)
{
	const struct listener_host *host = streams->host;
	struct stream *stream = calloc(1, sizeof *stream);
	timestamp now = timestamp_now();

	if (stream == NULL)
		return ERR_NO_MEMORY;
	stream->path.ops = &stream_path;
	stream->streams = streams;
	stream->kind = streams->expects_proxies ? STREAM_PROXIED : STREAM_NEW;
	stream->fd = fd;
	stream->tuple = (struct five_tuple){
		.client = *client, .server = streams->server, .transport = TRANSPORT_TCP};
	stream->active_at = now;
	stream->handshake_deadline = now + seconds(host->handshake_timeout_s);
	if (rounds_watch(stream) != OK) {
		free(stream);
		return ERR_NO_MEMORY;
	}
	list_append(&streams->open, &stream->node);
	stream_arm(stream, now);
	counter_add(host->counters, COUNT_connections_now, 1);
	counter_add(host->counters, COUNT_connections_accepted, 1);
	return OK;
}

/* ---- time ---- */

static bool is_in_message(const struct stream *stream)
{
	return stream->hold == HOLD_NONE &&
	       (stream->rest.len > 0 ||
	        (stream->tls != NULL && tls_engine_is_in_record(stream->tls)));
}

/* A message that has begun is given its time from its first byte; those that follow do not renew
 * it. */
static void watch_message(struct stream *stream, timestamp now)
{
	if (!is_in_message(stream))
		stream->message_deadline = 0;
	else if (stream->message_deadline == 0)
		stream->message_deadline = now + seconds(stream->streams->host->message_timeout_s);
}

static timestamp idle_deadline(const struct stream *stream)
{
	return stream->active_at + seconds(stream->streams->host->idle_timeout_s);
}

static bool is_past(timestamp deadline, timestamp now)
{
	return deadline != 0 && deadline <= now;
}

/* Sets the timer to what comes first. It is not moved to a later time: when it expires too early it
 * is set anew, which costs less than moving it for each message. */
void stream_arm(struct stream *stream, timestamp now)
{
	timestamp next = idle_deadline(stream);

	if (stream->raw != NULL)
		return; /* it lives as long as its allocation */
	if (!stream->is_closing)
		watch_message(stream, now);
	if (stream->message_deadline != 0 && stream->message_deadline < next)
		next = stream->message_deadline;
	if (stream->handshake_deadline != 0 && stream->handshake_deadline < next)
		next = stream->handshake_deadline;
	if (!timer_is_set(&stream->timer) || next < stream->timer.deadline)
		timer_set(stream->streams->host->timers, &stream->timer, next, on_timer);
}

static const char *what_is_late(const struct stream *stream, timestamp now)
{
	if (is_past(stream->handshake_deadline, now))
		return "no request in time: handshake-timeout";
	return is_past(stream->message_deadline, now) ? "half a message: message-timeout" : NULL;
}

static void on_timer(struct timer *timer, timestamp now)
{
	struct stream *stream = CONTAINER_OF(timer, struct stream, timer);
	const struct listener_host *host = stream->streams->host;
	const char *late = what_is_late(stream, now);

	if (late == NULL && idle_deadline(stream) <= now) {
		if (stream->is_closing || !host->has_session(host->context, &stream->tuple))
			late = "idle without an allocation: idle-timeout";
		stream->active_at = now;
	}
	if (late == NULL) {
		stream_arm(stream, now);
		return;
	}
	if (!stream->is_closing)
		stream_count(stream, COUNT_connections_timed_out);
	stream_end(stream, late);
}

/* ---- the end ---- */

static void path_close(struct path *path)
{
	struct stream *stream = (struct stream *)path;

	if (stream_is_ended(stream) || stream->is_closing)
		return;
	stream->is_closing = true;
	path->reason = "closed by this server";
	stream->message_deadline =
		timestamp_now() + seconds(stream->streams->host->message_timeout_s);
	stream_arm(stream, timestamp_now());
	stream_make_dirty(stream);
}

static const SSL *path_ssl(const struct path *path)
{
	const struct stream *stream = (const struct stream *)path;

	return stream->tls != NULL ? tls_engine_ssl(stream->tls) : NULL;
}

const char *stream_reason(int error)
{
	switch (error) {
	case ECONNRESET:
		return "connection broke: reset by its client";
	case EPIPE:
		return "connection broke: its client reads no more";
	case ETIMEDOUT:
		return "connection broke: its client no longer answers";
	case EHOSTUNREACH:
	case ENETUNREACH:
		return "connection broke: its client cannot be reached";
	default:
		return "connection broke";
	}
}

static void log_closed(const struct stream *stream)
{
	char client[ADDR_TEXT_SIZE];

	log_debug("connection closed", "client=%s transport=%s reason=\"%s\"",
	          addr_format(&stream->tuple.client, client),
	          transport_name(stream->tuple.transport), stream->path.reason);
}

void stream_end(struct stream *stream, const char *reason)
{
	struct streams *streams = stream->streams;

	if (stream_is_ended(stream))
		return;
	if (stream->path.reason == NULL)
		stream->path.reason = reason;
	if (stream->kind == STREAM_TLS && stream->handshake_deadline != 0)
		stream_count(stream, COUNT_tls_failures);
	counter_sub(streams->host->counters, COUNT_connections_now, 1);
	log_closed(stream);
	stream_raw_stop(stream);
	timer_cancel(streams->host->timers, &stream->timer);
	close(stream->fd);
	stream->fd = -1;
	list_remove(&stream->dirty_node);
	list_remove(&stream->held_node);
	list_remove(&stream->node);
	list_append(&stream_rounds(stream)->ended, &stream->node);
	rounds_end_batch_later(stream_rounds(stream));
}

void streams_bury(struct rounds *rounds)
{
	struct list *node;

	while ((node = list_first(&rounds->ended)) != NULL) {
		struct stream *stream = CONTAINER_OF(node, struct stream, node);
		const struct listener_host *host = stream->streams->host;

		list_remove(node);
		if (stream->is_known)
			host->closed(host->context, &stream->path, &stream->tuple);
		if (stream->move != NULL) {
			stream_depart(stream);
			continue;
		}
		stream_raw_bury(stream);
		stream_destroy(stream);
	}
}

void stream_destroy(struct stream *stream)
{
	message_rest_drop(&stream->rest);
	tls_engine_destroy(stream->tls);
	if (stream->gathered != NULL)
		evbuffer_free(stream->gathered);
	if (stream->out != NULL)
		evbuffer_free(stream->out);
	free(stream);
}
