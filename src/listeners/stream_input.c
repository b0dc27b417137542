/* The reading side of a stream: bytes of the socket, decrypted when the first octet says TLS, become
 * whole messages for the host. framing.c finds them, message_rest.c keeps the beginning of one whose
 * end has not arrived, tls.c decrypts. How long a client may take is left to stream.c.
 *
 *   socket ─► [scratch ─► tls engine] ─► rest of last time | arena ─► framing ─► host->input */
#include "listeners/stream_private.h"

#include <errno.h>
#include <event2/buffer.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "listeners/demux.h"
#include "listeners/framing.h"
#include "listeners/http.h"
#include "listeners/proxy_protocol.h"
#include "listeners/tls.h"

static void read_proxy_header(struct stream *stream);
static void read_first(struct stream *stream);
static void take_first(struct stream *stream, const uint8_t *bytes, size_t len);
static void read_plain(struct stream *stream);
static void read_tls(struct stream *stream);
static void read_held(struct stream *stream);
static void discard(struct stream *stream);
static enum err sort(struct stream *stream, uint8_t first_octet);
static void tls_input(struct stream *stream, const uint8_t *bytes, size_t len);
static bool room_prepare(struct stream *stream, struct iovec iov[2], uint8_t **room);
static void room_take(struct stream *stream, const struct iovec iov[2], uint8_t *room, size_t len);
static void take_messages(struct stream *stream, uint8_t *bytes, size_t len);
static bool take_http(struct stream *stream, const uint8_t *bytes, size_t len);
static void hold(struct stream *stream, const uint8_t *bytes, size_t len, size_t n);
static void deliver(struct stream *stream, size_t n);

void stream_read(struct stream *stream)
{
	if (stream->raw != NULL)
		return; /* joined by what another stream of the round led to */
	if (stream->hold == HOLD_ASKED)
		stream_end(stream); /* not asked for bytes, so it is a reset */
	else if (stream->is_closing)
		discard(stream);
	else if (stream->kind == STREAM_PROXIED)
		read_proxy_header(stream);
	else if (stream->hold == HOLD_READ)
		read_held(stream);
	else if (stream->kind == STREAM_NEW)
		read_first(stream);
	else if (stream->kind == STREAM_PLAIN)
		read_plain(stream);
	else
		read_tls(stream);
	if (!stream_is_ended(stream))
		stream_arm(stream, timestamp_now());
}

/* Returns what recv or readv brought; 0 when there is nothing more to do now. */
static size_t received(struct stream *stream, ssize_t n)
{
	if (n >= STREAM_READ_MAX)
		stream_rounds(stream)->is_more_waiting = true;
	if (n > 0)
		return (size_t)n;
	if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		stream_end(stream);
	return 0;
}

static size_t scratch_read(struct stream *stream)
{
	return received(stream, recv(stream->fd, stream->streams->scratch, STREAM_READ_MAX, 0));
}

/* The client may still send; it is read so that closing does not reset what was sent to it. */
static void discard(struct stream *stream)
{
	(void)scratch_read(stream);
}

static void proxy_header_done(struct stream *stream, const struct proxy_header *header)
{
	char client[ADDR_TEXT_SIZE], proxy[ADDR_TEXT_SIZE];

	stream->kind = STREAM_NEW;
	if (!header->has_client)
		return; /* the proxy asks for itself */
	log_debug("connection through a proxy", "client=%s proxy=%s",
	          addr_format(&header->client, client), addr_format(&stream->tuple.client, proxy));
	stream->tuple.client = header->client;
}

/* The header comes whole in one read, unless a proxy is slow. Its time is that of the handshake. */
static void read_proxy_header(struct stream *stream)
{
	struct message_rest *rest = &stream->rest;
	uint8_t *bytes = stream->streams->scratch;
	struct proxy_header header;
	size_t len = rest->len, n;
	enum err err;

	if (len > 0)
		memcpy(bytes, rest->bytes, len);
	n = received(stream, recv(stream->fd, bytes + len, STREAM_READ_MAX - len, 0));
	if (n == 0)
		return;
	len += n;
	err = proxy_header_of_stream(bytes, len, &header);
	if (err == OK) {
		message_rest_drop(rest);
		proxy_header_done(stream, &header);
		if (len > header.len)
			take_first(stream, bytes + header.len, len - header.len);
	} else if (err == ERR_INVALID) {
		stream_count(stream, COUNT_proxy_header_errors);
		stream_end(stream);
	} else if (!message_rest_keep(rest, bytes, len, PROXY_HEADER_LEN_MAX)) {
		stream_count(stream, COUNT_drop_no_memory);
		stream_end(stream);
	}
}

static void read_first(struct stream *stream)
{
	size_t n = scratch_read(stream);

	if (n > 0)
		take_first(stream, stream->streams->scratch, n);
}

static void take_first(struct stream *stream, const uint8_t *bytes, size_t len)
{
	uint8_t *room;

	if (sort(stream, bytes[0]) != OK) {
		stream_end(stream);
		return;
	}
	if (stream->kind == STREAM_TLS) {
		tls_input(stream, bytes, len);
		return;
	}
	room = arena_room(&stream->streams->arena, len);
	memcpy(room, bytes, len);
	take_messages(stream, room, len);
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
		stream_count(stream, COUNT_drop_no_memory);
		return ERR_NO_MEMORY;
	}
	return OK;
}

/* A stream begins with TLS or a STUN request: nothing is known of its client yet that ChannelData
 * could be about, and 'G' of an HTTP request would pass for a channel number. */
static enum err sort(struct stream *stream, uint8_t first_octet)
{
	const struct listener_host *host = stream->streams->host;
	bool may_be_http =
		http_is_answered(&host->http) && http_request_find(&first_octet, 1) == ERR_AGAIN;

	if (first_octet == DEMUX_TLS_HANDSHAKE && host->tls != NULL)
		return tls_begin(stream);
	if ((demux_datagram(first_octet) == DEMUX_STUN || may_be_http) &&
	    stream->streams->serve_tcp) {
		stream->kind = STREAM_PLAIN;
		return OK;
	}
	stream_count(stream, COUNT_framing_errors);
	return ERR_INVALID;
}

static void read_plain(struct stream *stream)
{
	struct iovec iov[2];
	uint8_t *room;
	size_t n;

	if (!room_prepare(stream, iov, &room))
		return;
	iov[1].iov_len = STREAM_READ_MAX;
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

/* A stream that comes from another thread, or whose ConnectionBind was refused. */
static void read_held(struct stream *stream)
{
	size_t len = stream->rest.len;
	uint8_t *room = arena_room(&stream->streams->arena, len);

	if (len > 0)
		memcpy(room, stream->rest.bytes, len);
	message_rest_drop(&stream->rest);
	stream->hold = HOLD_NONE;
	take_messages(stream, room, len);
}

/* ---- TLS ---- */

static void tls_failed(struct stream *stream, const char *reason)
{
	struct streams *streams = stream->streams;
	char client[ADDR_TEXT_SIZE];
	unsigned held_back;

	if (log_limit_passes(&streams->failures, timestamp_now(), &held_back))
		log_info("TLS connection failed", "client=%s reason=\"%s\" held_back=%u",
		         addr_format(&stream->tuple.client, client), reason, held_back);
	stream_write_alert(stream);
}

static void tls_handshake_done(struct stream *stream)
{
	stream->handshake_deadline = 0;
	stream->active_at = timestamp_now();
	stream_count(stream, COUNT_tls_handshakes);
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
	if (!stream_is_ended(stream) && evbuffer_get_length(stream->out) > 0)
		stream_make_dirty(stream);
	if (stream->hold != HOLD_NONE || stream->raw != NULL)
		return; /* its end, if that came too, is seen behind the bytes that are held */
	if (err == ERR_AGAIN && !stream_has_flooded_itself(stream))
		return;
	if (err == ERR_AGAIN)
		stream_count(stream, COUNT_drop_queue_full);
	if (err == ERR_INVALID)
		tls_failed(stream, reason);
	stream_end(stream);
}

/* ---- messages ---- */

/* Gives where to read to: what is missing of the rest of last time, and room behind a place that
 * the rest can be copied to, so that both become one. */
static bool room_prepare(struct stream *stream, struct iovec iov[2], uint8_t **room)
{
	struct message_rest *rest = &stream->rest;

	if (rest->len == rest->room &&
	    !message_rest_keep(rest, rest->bytes, rest->len, rest->needed)) {
		stream_count(stream, COUNT_drop_no_memory);
		stream_end(stream);
		return false;
	}
	*room = arena_room(&stream->streams->arena, STREAM_ROOM_MAX);
	iov[0] = (struct iovec){NULL, 0};
	if (rest->bytes != NULL)
		iov[0] = (struct iovec){rest->bytes + rest->len, rest->room - rest->len};
	iov[1] = (struct iovec){*room + rest->room, STREAM_ROOM_MAX - rest->room};
	return true;
}

static void room_take(struct stream *stream, const struct iovec iov[2], uint8_t *room, size_t len)
{
	struct message_rest *rest = &stream->rest;
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

	if (!stream->is_known && take_http(stream, bytes, len))
		return;
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
		if (stream_is_bind(&streams->packets[n - 1])) {
			hold(stream, bytes + at, len - at, n);
			return;
		}
		if (n == STREAM_BATCH || at == len) {
			deliver(stream, n);
			n = 0;
		}
	}
	deliver(stream, n);
	if (stream_is_ended(stream) || stream->is_closing) {
		message_rest_drop(&stream->rest);
		return;
	}
	if (at > 0)
		stream->message_deadline = 0;
	if (at == len) {
		message_rest_drop(&stream->rest);
		return;
	}
	if (err == ERR_INVALID)
		stream_count(stream, COUNT_framing_errors);
	else if (message_rest_keep(&stream->rest, bytes + at, len - at, used))
		return;
	else
		stream_count(stream, COUNT_drop_no_memory);
	stream_end(stream);
}

/* Returns true when the stream began as HTTP does, and with it what came of that. */
static bool take_http(struct stream *stream, const uint8_t *bytes, size_t len)
{
	const struct http_settings *settings = &stream->streams->host->http;
	char answer[HTTP_ANSWER_SIZE];
	enum err err = ERR_INVALID;
	size_t n = 0;

	if (!http_is_answered(settings) || demux_datagram(bytes[0]) == DEMUX_STUN)
		return false;
	err = http_request_find(bytes, len);
	if (err == ERR_AGAIN && message_rest_keep(&stream->rest, bytes, len, len + 1))
		return true; /* whatever comes next may be its end */
	if (err == OK)
		n = http_answer(settings, stream->kind == STREAM_TLS, bytes, len, answer);
	message_rest_drop(&stream->rest);
	if (n == 0 || stream_put(stream, (const uint8_t *)answer, n) != OK) {
		stream_count(stream, COUNT_framing_errors);
		stream_end(stream);
		return true;
	}
	stream_count(stream, COUNT_http_answers);
	stream->path.ops->close(&stream->path);
	return true;
}

/* What is behind a ConnectionBind may be no message: RFC 6062 section 4.3. */
static void hold(struct stream *stream, const uint8_t *bytes, size_t len, size_t n)
{
	if (stream_hold(stream, bytes, len)) {
		deliver(stream, n);
		return;
	}
	stream_count(stream, COUNT_drop_no_memory);
	stream_end(stream);
}

static void deliver(struct stream *stream, size_t n)
{
	struct streams *streams = stream->streams;

	if (n == 0 || stream_is_ended(stream))
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
