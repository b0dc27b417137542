/* The life of stream connections: made when they have been accepted, timed, ended and buried. What
 * they read is left to stream_input.c, what they send to stream_output.c.
 *
 *   socket ─► [tls engine] ─► arena: rest of last time | new bytes ─► framing ─► host->input
 *   socket ◄─ out ◄─ [tls engine ◄─ gathered] ◄─ path.send
 *
 * A stream never goes away while the host is called: what ends it marks it, and the event that runs
 * when all that was readable has been read (batch_ended) buries it. */
#include "listeners/stream.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "listeners/engine_bio.h"
#include "listeners/stream_private.h"
#include "listeners/tls.h"

enum { ARENA_SIZE = 4 * STREAM_ROOM_MAX };

static void on_batch_ended(evutil_socket_t fd, short what, void *context);
static void path_close(struct path *path);
static void on_timer(struct timer *timer, timestamp now);
static void bury(struct streams *streams);

static const struct path_ops stream_path = {.send = stream_send, .close = path_close};

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
	streams->failures.per_second = 1;
	list_init(&streams->open);
	list_init(&streams->dirty);
	list_init(&streams->ended);
	streams->scratch = malloc(STREAM_READ_MAX);
	if (streams->scratch == NULL)
		return ERR_NO_MEMORY;
	if (arena_init(&streams->arena, host->io, ARENA_SIZE) != OK)
		goto fail_arena;
	if (engine_bio_method_create(&streams->bio_method) != OK)
		goto fail_method;
	streams->batch_ended = event_new(host->base, -1, 0, on_batch_ended, streams);
	if (streams->batch_ended == NULL)
		goto fail_event;
	return OK;

fail_event:
	BIO_meth_free(streams->bio_method);
fail_method:
	arena_deinit(&streams->arena);
fail_arena:
	free(streams->scratch);
	return ERR_NO_MEMORY;
}

void streams_deinit(struct streams *streams)
{
	LIST_FOR_EACH (node, &streams->open)
		stream_end(CONTAINER_OF(node, struct stream, node));
	bury(streams);
	event_free(streams->batch_ended);
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
	stream->fd = fd;
	stream->tuple = (struct five_tuple){
		.client = *client, .server = streams->server, .transport = TRANSPORT_TCP};
	stream->active_at = now;
	stream->handshake_deadline = now + seconds(host->handshake_timeout_s);
	if (event_assign(&stream->readable, host->base, fd, EV_READ | EV_PERSIST,
	                 stream_on_readable, stream) != 0 ||
	    event_assign(&stream->writable, host->base, fd, EV_WRITE, stream_on_writable, stream) !=
	            0 ||
	    event_add(&stream->readable, NULL) != 0) {
		free(stream);
		return ERR_NO_MEMORY;
	}
	list_append(&streams->open, &stream->node);
	stream_arm(stream, now);
	counter_add(host->counters, COUNT_connections_now, 1);
	counter_add(host->counters, COUNT_connections_accepted, 1);
	return OK;
}

void streams_flush(struct streams *streams)
{
	struct list *node;

	while ((node = list_first(&streams->dirty)) != NULL) {
		list_remove(node);
		stream_write_out(CONTAINER_OF(node, struct stream, dirty_node));
	}
}

/* ---- the batch ---- */

void streams_batch_end_later(struct streams *streams)
{
	event_active(streams->batch_ended, 0, 0);
}

static void on_batch_ended(evutil_socket_t fd, short what, void *context)
{
	struct streams *streams = context;

	(void)fd, (void)what;
	streams_flush(streams);
	io_flush(streams->host->io);
	bury(streams);
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

static void on_timer(struct timer *timer, timestamp now)
{
	struct stream *stream = CONTAINER_OF(timer, struct stream, timer);
	const struct listener_host *host = stream->streams->host;
	bool is_late =
		is_past(stream->handshake_deadline, now) || is_past(stream->message_deadline, now);

	if (!is_late && idle_deadline(stream) <= now) {
		is_late = stream->is_closing || !host->has_session(host->context, &stream->tuple);
		stream->active_at = now;
	}
	if (!is_late) {
		stream_arm(stream, now);
		return;
	}
	if (!stream->is_closing)
		stream_count(stream, COUNT_connections_timed_out);
	stream_end(stream);
}

/* ---- the end ---- */

static void path_close(struct path *path)
{
	struct stream *stream = (struct stream *)path;

	if (stream_is_ended(stream) || stream->is_closing)
		return;
	stream->is_closing = true;
	stream->message_deadline =
		timestamp_now() + seconds(stream->streams->host->message_timeout_s);
	stream_arm(stream, timestamp_now());
	stream_make_dirty(stream);
}

void stream_end(struct stream *stream)
{
	struct streams *streams = stream->streams;
	char client[ADDR_TEXT_SIZE];

	if (stream_is_ended(stream))
		return;
	if (stream->kind == STREAM_TLS && stream->handshake_deadline != 0)
		stream_count(stream, COUNT_tls_failures);
	counter_sub(streams->host->counters, COUNT_connections_now, 1);
	log_debug("connection closed", "client=%s transport=%s",
	          addr_format(&stream->tuple.client, client),
	          transport_name(stream->tuple.transport));
	stream_raw_stop(stream);
	event_del(&stream->readable);
	event_del(&stream->writable);
	timer_cancel(streams->host->timers, &stream->timer);
	close(stream->fd);
	stream->fd = -1;
	list_remove(&stream->dirty_node);
	list_remove(&stream->node);
	list_append(&streams->ended, &stream->node);
	streams_batch_end_later(streams);
}

static void bury(struct streams *streams)
{
	const struct listener_host *host = streams->host;
	struct list *node;

	while ((node = list_first(&streams->ended)) != NULL) {
		struct stream *stream = CONTAINER_OF(node, struct stream, node);

		list_remove(node);
		if (stream->move != NULL) {
			stream_depart(stream);
			continue;
		}
		if (stream->is_known)
			host->closed(host->context, &stream->path, &stream->tuple);
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
