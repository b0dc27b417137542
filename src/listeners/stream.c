/* Stream connections: bytes in, messages out to the host, messages back gathered and written at the
 * end of the batch. The first octet decides between TLS and plain. framing.c finds the messages,
 * tls.c is the TLS engine.
 *
 *   socket ─► [tls engine] ─► arena: rest of last time | new bytes ─► framing ─► host->input
 *   socket ◄─ out ◄─ [tls engine ◄─ gathered] ◄─ path.send
 *
 * A stream never goes away while the host is called: what ends it marks it, and the event that runs
 * when all that was readable has been read (batch_ended) buries it. */
#include "listeners/stream.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "listeners/demux.h"
#include "listeners/engine_bio.h"
#include "listeners/framing.h"
#include "listeners/tls.h"
#include "stun/channel_data.h"

enum {
	READ_MAX = 65536,                 /* bytes from one connection before others have a turn */
	MESSAGE_MAX = 4 + 65535 + 16 + 3, /* the longest of STUN and padded ChannelData */
	ROOM_MAX = MESSAGE_MAX + READ_MAX + TLS_HELD_MAX,
	ARENA_SIZE = 4 * ROOM_MAX,
	REST_ROOM_MIN = 64,
	/* Room for control beyond that for data: a client that reads slowly still gets its answers. */
	CONTROL_ROOM = 65536,
	WRITE_PIECES = 64,
};

enum stream_kind { STREAM_NEW, STREAM_PLAIN, STREAM_TLS };

struct rest {           /* the beginning of a message whose end has not arrived */
	uint8_t *bytes; /* owned; NULL most of the time */
	size_t len, room;
	size_t needed; /* length of the message, or of so much of it as tells its length */
};

struct stream {
	struct path path;
	struct streams *streams;
	struct list node;       /* in streams.open or .ended */
	struct list dirty_node; /* in streams.dirty */
	struct event readable, writable;
	struct timer timer;
	timestamp handshake_deadline; /* first octet, TLS handshake; 0: done */
	timestamp message_deadline;   /* the rest of a message, or the client's end; 0: none */
	timestamp active_at;          /* the last message */
	struct five_tuple tuple;
	int fd; /* owned; -1: ended */
	uint8_t kind;
	bool is_known;   /* the host has seen this path */
	bool is_closing; /* the host wants no more; what was sent still leaves */
	bool is_shut;    /* and it has left */
	struct rest rest;
	struct tls_engine *tls; /* owned; NULL unless TLS */
	struct evbuffer
		*gathered; /* owned; plaintext that waits for the engine; NULL before the first */
	struct evbuffer *out; /* owned; waits for the socket; NULL before the first */
};

/* in */
static void on_readable(evutil_socket_t fd, short what, void *context);
static void read_first(struct stream *stream);
static void read_plain(struct stream *stream);
static void read_tls(struct stream *stream);
static void discard(struct stream *stream);
static enum err sort(struct stream *stream, uint8_t first_octet);
static void tls_input(struct stream *stream, const uint8_t *bytes, size_t len);
static size_t scratch_read(struct stream *stream);
static bool room_prepare(struct stream *stream, struct iovec iov[2], uint8_t **room);
static void room_take(struct stream *stream, const struct iovec iov[2], uint8_t *room, size_t len);
static void take_messages(struct stream *stream, uint8_t *bytes, size_t len);
static void deliver(struct stream *stream, size_t n);
static bool rest_keep(struct rest *rest, const uint8_t *bytes, size_t len, size_t needed);
static void rest_drop(struct rest *rest);
/* out */
static void path_send(struct path *path, const struct packet *packet,
                      const struct transport_addr *dst);
static void path_close(struct path *path);
static void make_dirty(struct stream *stream);
static void on_writable(evutil_socket_t fd, short what, void *context);
static void on_batch_ended(evutil_socket_t fd, short what, void *context);
static enum err drain(struct stream *stream);
static void write_out(struct stream *stream);
/* time and end */
static void arm(struct stream *stream, timestamp now);
static void on_timer(struct timer *timer, timestamp now);
static void end(struct stream *stream);
static void bury(struct streams *streams);
static void stream_destroy(struct stream *stream);

static const struct path_ops stream_path = {.send = path_send, .close = path_close};

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
	streams->scratch = malloc(READ_MAX);
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
		end(CONTAINER_OF(node, struct stream, node));
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
	if (event_assign(&stream->readable, host->base, fd, EV_READ | EV_PERSIST, on_readable,
	                 stream) != 0 ||
	    event_assign(&stream->writable, host->base, fd, EV_WRITE, on_writable, stream) != 0 ||
	    event_add(&stream->readable, NULL) != 0) {
		free(stream);
		return ERR_NO_MEMORY;
	}
	list_append(&streams->open, &stream->node);
	arm(stream, now);
	counter_add(host->counters, COUNT_connections_now, 1);
	counter_add(host->counters, COUNT_connections_accepted, 1);
	return OK;
}

void streams_flush(struct streams *streams)
{
	struct list *node;

	while ((node = list_first(&streams->dirty)) != NULL) {
		list_remove(node);
		write_out(CONTAINER_OF(node, struct stream, dirty_node));
	}
}

static void count(const struct stream *stream, enum counter counter)
{
	counter_add(stream->streams->host->counters, counter, 1);
}

static bool is_ended(const struct stream *stream)
{
	return stream->fd < 0;
}

/* Has the batch_ended event run behind all events that are active now. */
static void batch_end_later(struct streams *streams)
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

/* ---- in ---- */

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct stream *stream = context;

	(void)fd, (void)what;
	if (stream->is_closing)
		discard(stream);
	else if (stream->kind == STREAM_NEW)
		read_first(stream);
	else if (stream->kind == STREAM_PLAIN)
		read_plain(stream);
	else
		read_tls(stream);
	if (!is_ended(stream))
		arm(stream, timestamp_now());
	batch_end_later(stream->streams);
}

/* Returns what recv or readv brought; 0 when there is nothing more to do now. */
static size_t received(struct stream *stream, ssize_t n)
{
	if (n > 0)
		return (size_t)n;
	if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		end(stream);
	return 0;
}

static size_t scratch_read(struct stream *stream)
{
	return received(stream, recv(stream->fd, stream->streams->scratch, READ_MAX, 0));
}

/* The client may still send; it is read so that closing does not reset what was sent to it. */
static void discard(struct stream *stream)
{
	(void)scratch_read(stream);
}

static void read_first(struct stream *stream)
{
	uint8_t *scratch = stream->streams->scratch, *room;
	size_t n = scratch_read(stream);

	if (n == 0)
		return;
	if (sort(stream, scratch[0]) != OK) {
		end(stream);
		return;
	}
	if (stream->kind == STREAM_TLS) {
		tls_input(stream, scratch, n);
		return;
	}
	room = arena_room(&stream->streams->arena, n);
	memcpy(room, scratch, n);
	take_messages(stream, room, n);
}

static enum err tls_begin(struct stream *stream)
{
	struct streams *streams = stream->streams;

	stream->kind = STREAM_TLS;
	stream->tuple.transport = TRANSPORT_TLS;
	stream->out = evbuffer_new();
	stream->gathered = evbuffer_new();
	if (stream->out == NULL || stream->gathered == NULL ||
	    tls_engine_create(streams->host->tls, streams->bio_method, stream->out, &stream->tls) !=
	            OK) {
		count(stream, COUNT_drop_no_memory);
		return ERR_NO_MEMORY;
	}
	return OK;
}

/* A stream begins with TLS or a STUN request: nothing is known of its client yet that ChannelData
 * could be about, and 'G' of an HTTP request would pass for a channel number. */
static enum err sort(struct stream *stream, uint8_t first_octet)
{
	if (first_octet == DEMUX_TLS_HANDSHAKE && stream->streams->host->tls != NULL)
		return tls_begin(stream);
	if (demux_datagram(first_octet) == DEMUX_STUN && stream->streams->serve_tcp) {
		stream->kind = STREAM_PLAIN;
		return OK;
	}
	count(stream, COUNT_framing_errors);
	return ERR_INVALID;
}

static void read_plain(struct stream *stream)
{
	struct iovec iov[2];
	uint8_t *room;
	size_t n;

	if (!room_prepare(stream, iov, &room))
		return;
	iov[1].iov_len = READ_MAX;
	n = received(stream, readv(stream->fd, iov, 2));
	if (n > 0)
		room_take(stream, iov, room, n);
}

static void read_tls(struct stream *stream)
{
	size_t n = scratch_read(stream);

	if (n > 0)
		tls_input(stream, stream->streams->scratch, n);
}

/* ---- in: TLS ---- */

static void tls_failed(struct stream *stream, const char *reason)
{
	struct streams *streams = stream->streams;
	char client[ADDR_TEXT_SIZE];
	unsigned held_back;

	if (log_limit_passes(&streams->failures, timestamp_now(), &held_back))
		log_info("TLS connection failed", "client=%s reason=\"%s\" held_back=%u",
		         addr_format(&stream->tuple.client, client), reason, held_back);
	/* The engine may have an alert to send: one attempt. */
	if (!is_ended(stream))
		(void)drain(stream);
}

static void tls_handshake_done(struct stream *stream)
{
	stream->handshake_deadline = 0;
	stream->active_at = timestamp_now();
	count(stream, COUNT_tls_handshakes);
}

/* Decrypts all there is into the rest of a message and the room behind it. */
static enum err tls_decrypt(struct stream *stream, const struct iovec iov[2], size_t *len,
                            char reason[TLS_REASON_SIZE])
{
	*len = 0;
	for (int i = 0; i < 2; i++)
		for (size_t filled = 0, n; filled < iov[i].iov_len; filled += n, *len += n) {
			enum err err =
				tls_engine_read(stream->tls, (uint8_t *)iov[i].iov_base + filled,
			                        iov[i].iov_len - filled, &n, reason);

			if (err != OK)
				return err;
		}
	return ERR_INVALID; /* not reached: plaintext is shorter than its ciphertext */
}

/* A client can have the engine answer (a key update, RFC 8446 section 4.6.3) and read none of it. */
static bool has_flooded_itself(const struct stream *stream)
{
	return evbuffer_get_length(stream->out) >
	       stream->streams->host->stream_queue_size + 2 * CONTROL_ROOM;
}

static void tls_input(struct stream *stream, const uint8_t *bytes, size_t len)
{
	struct iovec iov[2];
	uint8_t *room;
	size_t plain_len;
	char reason[TLS_REASON_SIZE] = "more plaintext than ciphertext";
	enum err err;

	tls_engine_feed(stream->tls, bytes, len);
	if (!room_prepare(stream, iov, &room))
		return;
	err = tls_decrypt(stream, iov, &plain_len, reason);
	if (stream->handshake_deadline != 0 && tls_engine_is_open(stream->tls))
		tls_handshake_done(stream);
	if (plain_len > 0)
		room_take(stream, iov, room, plain_len);
	if (evbuffer_get_length(stream->out) > 0)
		make_dirty(stream);
	if (err == ERR_AGAIN && !has_flooded_itself(stream))
		return;
	if (err == ERR_AGAIN)
		count(stream, COUNT_drop_queue_full);
	if (err == ERR_INVALID)
		tls_failed(stream, reason);
	end(stream);
}

/* ---- in: messages ---- */

/* Gives where to read to: what is missing of the rest of last time, and room behind a place that
 * the rest can be copied to, so that both become one. */
static bool room_prepare(struct stream *stream, struct iovec iov[2], uint8_t **room)
{
	struct rest *rest = &stream->rest;

	if (rest->len == rest->room && !rest_keep(rest, rest->bytes, rest->len, rest->needed)) {
		count(stream, COUNT_drop_no_memory);
		end(stream);
		return false;
	}
	*room = arena_room(&stream->streams->arena, ROOM_MAX);
	iov[0] = (struct iovec){NULL, 0};
	if (rest->bytes != NULL)
		iov[0] = (struct iovec){rest->bytes + rest->len, rest->room - rest->len};
	iov[1] = (struct iovec){*room + rest->room, ROOM_MAX - rest->room};
	return true;
}

static void room_take(struct stream *stream, const struct iovec iov[2], uint8_t *room, size_t len)
{
	struct rest *rest = &stream->rest;
	size_t total = rest->len + len;

	if (len <= iov[0].iov_len && total < rest->needed) {
		rest->len = total;
		return;
	}
	/* The message is complete, or the rest was full: rest.room bytes lie there. */
	if (rest->room > 0)
		memcpy(room, rest->bytes, rest->room);
	take_messages(stream, room, total);
}

/* Hands over the whole messages among bytes of the arena, and keeps what follows them. */
static void take_messages(struct stream *stream, uint8_t *bytes, size_t len)
{
	struct streams *streams = stream->streams;
	size_t at = 0, n = 0, message_len, used = 0;
	enum err err = ERR_AGAIN;

	arena_keep(&streams->arena, len);
	while (at < len && !stream->is_closing) {
		err = framing_next(bytes + at, len - at, &message_len, &used);
		if (err != OK)
			break;
		streams->packets[n++] = (struct packet){
			.data = bytes + at,
			.len = message_len,
			.frame = bytes + at,
			.size = used,
			.src = stream->tuple.client,
			.dst = stream->tuple.server,
		};
		at += used;
		if (n == STREAM_BATCH || at == len) {
			deliver(stream, n);
			n = 0;
		}
	}
	deliver(stream, n);
	if (is_ended(stream) || stream->is_closing) {
		rest_drop(&stream->rest);
		return;
	}
	if (at > 0)
		stream->message_deadline = 0;
	if (at == len) {
		rest_drop(&stream->rest);
		return;
	}
	if (err == ERR_INVALID)
		count(stream, COUNT_framing_errors);
	else if (rest_keep(&stream->rest, bytes + at, len - at, used))
		return;
	else
		count(stream, COUNT_drop_no_memory);
	end(stream);
}

static void deliver(struct stream *stream, size_t n)
{
	struct streams *streams = stream->streams;

	if (n == 0 || is_ended(stream))
		return;
	for (size_t i = 0; i < n; i++)
		streams->tuples[i] = stream->tuple;
	stream->is_known = true;
	stream->active_at = timestamp_now();
	if (stream->kind == STREAM_PLAIN)
		stream->handshake_deadline = 0;
	streams->host->input(streams->host->context, &stream->path, streams->tuples,
	                     streams->packets, n);
}

/* Keeps bytes, which may be the rest's own, and makes room for more: twice as many, no more than the
 * message has. So a length that is only promised costs no memory, and none is copied often. */
static bool rest_keep(struct rest *rest, const uint8_t *bytes, size_t len, size_t needed)
{
	size_t room = 2 * len > REST_ROOM_MIN ? 2 * len : REST_ROOM_MIN;
	bool is_own = bytes == rest->bytes;
	uint8_t *grown;

	if (room > needed)
		room = needed;
	if (room > rest->room) {
		grown = realloc(rest->bytes, room);
		if (grown == NULL)
			return false;
		rest->bytes = grown;
	}
	rest->room = room;
	if (!is_own)
		memcpy(rest->bytes, bytes, len);
	rest->len = len;
	rest->needed = needed;
	return true;
}

static void rest_drop(struct rest *rest)
{
	free(rest->bytes);
	*rest = (struct rest){0};
}

/* ---- out ---- */

static size_t waiting(const struct stream *stream)
{
	return (stream->gathered != NULL ? evbuffer_get_length(stream->gathered) : 0) +
	       (stream->out != NULL ? evbuffer_get_length(stream->out) : 0);
}

/* Where path_send appends to: for TLS what the engine takes as one record at the flush. */
static struct evbuffer *send_buffer(struct stream *stream)
{
	if (stream->kind == STREAM_TLS)
		return stream->gathered;
	if (stream->out == NULL)
		stream->out = evbuffer_new();
	return stream->out;
}

/* Appends a message with its padding whole, or not at all. */
static enum err append(struct stream *stream, const struct packet *packet)
{
	static const uint8_t zeros[3];
	struct evbuffer *buffer = send_buffer(stream);
	size_t padding = channel_data_padding(packet->len);

	if (buffer == NULL || evbuffer_expand(buffer, packet->len + padding) != 0)
		return ERR_NO_MEMORY;
	(void)evbuffer_add(buffer, packet->data, packet->len);
	(void)evbuffer_add(buffer, zeros, padding);
	return OK;
}

static void path_send(struct path *path, const struct packet *packet,
                      const struct transport_addr *dst)
{
	struct stream *stream = (struct stream *)path;
	size_t limit = stream->streams->host->stream_queue_size;

	(void)dst; /* a stream has one other end */
	if (is_ended(stream) || stream->is_closing || packet->len == 0)
		return;
	if (demux_datagram(packet->data[0]) == DEMUX_STUN)
		limit += CONTROL_ROOM;
	if (waiting(stream) + packet->len > limit) {
		count(stream, COUNT_drop_queue_full);
		return;
	}
	if (append(stream, packet) != OK) {
		count(stream, COUNT_drop_no_memory);
		return;
	}
	make_dirty(stream);
}

static void path_close(struct path *path)
{
	struct stream *stream = (struct stream *)path;

	if (is_ended(stream) || stream->is_closing)
		return;
	stream->is_closing = true;
	stream->message_deadline =
		timestamp_now() + seconds(stream->streams->host->message_timeout_s);
	arm(stream, timestamp_now());
	make_dirty(stream);
}

static void make_dirty(struct stream *stream)
{
	if (list_is_linked(&stream->dirty_node))
		return;
	list_append(&stream->streams->dirty, &stream->dirty_node);
	batch_end_later(stream->streams);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	write_out(context);
}

/* Encrypts what was gathered, a record at most: more follows when this one has left. False when the
 * engine is beyond use. */
static bool encrypt(struct stream *stream)
{
	size_t len = stream->gathered != NULL ? evbuffer_get_length(stream->gathered) : 0;
	uint8_t *bytes;

	if (len == 0)
		return true;
	if (len > TLS_PLAINTEXT_MAX)
		len = TLS_PLAINTEXT_MAX;
	bytes = evbuffer_pullup(stream->gathered, (ev_ssize_t)len);
	if (bytes == NULL || tls_engine_write(stream->tls, bytes, len) != OK)
		return false;
	evbuffer_drain(stream->gathered, len);
	return true;
}

/* Writes until all has left (OK) or the socket takes no more (ERR_AGAIN, and the event is awaited). */
static enum err drain(struct stream *stream)
{
	struct evbuffer_iovec pieces[WRITE_PIECES];
	int count_of_pieces;
	ssize_t n;

	while (stream->out != NULL && evbuffer_get_length(stream->out) > 0) {
		count_of_pieces = evbuffer_peek(stream->out, -1, NULL, pieces, WRITE_PIECES);
		struct msghdr message = {
			.msg_iov = pieces,
			.msg_iovlen = (size_t)(count_of_pieces < WRITE_PIECES ? count_of_pieces
		                                                              : WRITE_PIECES),
		};
		n = sendmsg(stream->fd, &message, MSG_NOSIGNAL);
		if (n >= 0) {
			evbuffer_drain(stream->out, (size_t)n);
			continue;
		}
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			return ERR_CLOSED;
		return event_add(&stream->writable, NULL) == 0 ? ERR_AGAIN : ERR_CLOSED;
	}
	return OK;
}

/* All has left: says so, and leaves it to the client to close. */
static enum err shut(struct stream *stream)
{
	enum err err = OK;

	if (stream->tls != NULL && !stream->is_shut) {
		tls_engine_close(stream->tls);
		stream->is_shut = true;
		err = drain(stream);
	}
	if (err == OK)
		(void)shutdown(stream->fd, SHUT_WR);
	return err;
}

static void write_out(struct stream *stream)
{
	enum err err;

	if (is_ended(stream))
		return;
	do
		err = encrypt(stream) ? drain(stream) : ERR_CLOSED;
	while (err == OK && waiting(stream) > 0);
	if (err == OK && stream->is_closing)
		err = shut(stream);
	if (err == ERR_CLOSED)
		end(stream);
}

/* ---- time ---- */

static bool is_in_message(const struct stream *stream)
{
	return stream->rest.len > 0 ||
	       (stream->tls != NULL && tls_engine_is_in_record(stream->tls));
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
static void arm(struct stream *stream, timestamp now)
{
	timestamp next = idle_deadline(stream);

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
		arm(stream, now);
		return;
	}
	if (!stream->is_closing)
		count(stream, COUNT_connections_timed_out);
	end(stream);
}

/* ---- the end ---- */

static void end(struct stream *stream)
{
	struct streams *streams = stream->streams;
	char client[ADDR_TEXT_SIZE];

	if (is_ended(stream))
		return;
	if (stream->kind == STREAM_TLS && stream->handshake_deadline != 0)
		count(stream, COUNT_tls_failures);
	counter_sub(streams->host->counters, COUNT_connections_now, 1);
	log_debug("connection closed", "client=%s transport=%s",
	          addr_format(&stream->tuple.client, client),
	          transport_name(stream->tuple.transport));
	event_del(&stream->readable);
	event_del(&stream->writable);
	timer_cancel(streams->host->timers, &stream->timer);
	close(stream->fd);
	stream->fd = -1;
	list_remove(&stream->dirty_node);
	list_remove(&stream->node);
	list_append(&streams->ended, &stream->node);
	batch_end_later(streams);
}

static void bury(struct streams *streams)
{
	const struct listener_host *host = streams->host;
	struct list *node;

	while ((node = list_first(&streams->ended)) != NULL) {
		struct stream *stream = CONTAINER_OF(node, struct stream, node);

		list_remove(node);
		if (stream->is_known)
			host->closed(host->context, &stream->path, &stream->tuple);
		stream_destroy(stream);
	}
}

static void stream_destroy(struct stream *stream)
{
	rest_drop(&stream->rest);
	tls_engine_destroy(stream->tls);
	if (stream->gathered != NULL)
		evbuffer_free(stream->gathered);
	if (stream->out != NULL)
		evbuffer_free(stream->out);
	free(stream);
}
