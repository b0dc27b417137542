/* The sending side of a stream: messages are gathered during a batch within a bound, and written
 * together at its end; with TLS a record at most at a time. What the socket does not take waits until
 * it is writable. When a stream ends is left to stream.c.
 *
 *   socket ◄─ out ◄─ [tls engine ◄─ gathered] ◄─ path.send */
#include "listeners/stream_private.h"

#include <errno.h>
#include <event2/buffer.h>
#include <sys/socket.h>

#include "listeners/demux.h"
#include "listeners/tls.h"
#include "stun/channel_data.h"

enum {
	/* Room for control beyond that for data: a client that reads slowly still gets its answers. */
	CONTROL_ROOM = 65536,
	WRITE_PIECES = 64,
};

static size_t waiting(const struct stream *stream);
static enum err append(struct stream *stream, const struct packet *packet);
static bool encrypt(struct stream *stream);
static enum err drain(struct stream *stream);
static enum err shut(struct stream *stream);

void stream_send(struct path *path, const struct packet *packet, const struct transport_addr *dst)
{
	struct stream *stream = (struct stream *)path;
	size_t limit = stream->streams->host->stream_queue_size;

	(void)dst; /* a stream has one other end */
	if (stream_is_ended(stream) || stream->is_closing || packet->len == 0)
		return;
	if (stream->hold == HOLD_ASKED)
		stream_see_answer(stream, packet);
	if (demux_datagram(packet->data[0]) == DEMUX_STUN)
		limit += CONTROL_ROOM;
	if (waiting(stream) + packet->len > limit) {
		stream_count(stream, COUNT_drop_queue_full);
		return;
	}
	if (append(stream, packet) != OK) {
		stream_count(stream, COUNT_drop_no_memory);
		return;
	}
	stream_make_dirty(stream);
	if (stream_rounds(stream)->is_awaited && waiting(stream) >= STREAM_GATHER_MAX &&
	    !stream->awaits_writable)
		stream_write_out(stream);
}

void stream_make_dirty(struct stream *stream)
{
	if (list_is_linked(&stream->dirty_node))
		return;
	list_append(&stream_rounds(stream)->dirty, &stream->dirty_node);
	if (!stream_rounds(stream)->is_awaited)
		rounds_end_batch_later(stream_rounds(stream));
}

bool stream_has_flooded_itself(const struct stream *stream)
{
	return evbuffer_get_length(stream->out) >
	       stream->streams->host->stream_queue_size + 2 * CONTROL_ROOM;
}

static size_t waiting(const struct stream *stream)
{
	return (stream->gathered != NULL ? evbuffer_get_length(stream->gathered) : 0) +
	       (stream->out != NULL ? evbuffer_get_length(stream->out) : 0);
}

/* Where stream_send appends to: for TLS what the engine takes as one record at the flush. */
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

enum err stream_put(struct stream *stream, const uint8_t *bytes, size_t len)
{
	struct evbuffer *buffer = send_buffer(stream);

	return buffer != NULL && evbuffer_add(buffer, bytes, len) == 0 ? OK : ERR_NO_MEMORY;
}

bool stream_has_output(const struct stream *stream)
{
	return waiting(stream) > 0;
}

/* ---- to the socket ---- */

void stream_write_out(struct stream *stream)
{
	enum err err;

	if (stream_is_ended(stream))
		return;
	list_remove(&stream->dirty_node);
	do
		err = encrypt(stream) ? drain(stream) : ERR_CLOSED;
	while (err == OK && waiting(stream) > 0);
	if (err == OK && stream->is_closing)
		err = shut(stream);
	if (err == ERR_CLOSED)
		stream_end(stream, "connection broke: it takes no more");
}

void stream_write_alert(struct stream *stream)
{
	if (!stream_is_ended(stream))
		(void)drain(stream);
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
		return rounds_await_writable(stream, true) == OK ? ERR_AGAIN : ERR_CLOSED;
	}
	return rounds_await_writable(stream, false);
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
