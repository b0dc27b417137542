/* What lies between messages and raw bytes: a stream that sent ConnectionBind is read no further until
 * that is answered (RFC 6062 section 4.3), as nobody knows before what its next bytes are; and it may
 * have to move to the thread that has the connection it asks for. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/timestamp.h"
#include "listeners/stream_private.h"
#include "listeners/stream_raw.h"

/* Message types of the method ConnectionBind, 0x00B. */
enum { BIND_REQUEST = 0x000B, BIND_ERROR = 0x011B };

struct stream_move { /* a stream between two homes */
	int fd;      /* owned */
	stream_left_fn *left;
	void *context;
};

static bool prepend(struct message_rest *rest, const uint8_t *message, size_t len);
static void read_held_later(struct stream *stream);

bool stream_is_bind(const struct packet *packet)
{
	return packet->len >= 2 && get_u16(packet->data) == BIND_REQUEST;
}

bool stream_hold(struct stream *stream, const uint8_t *bytes, size_t len)
{
	stream->hold = HOLD_ASKED;
	if (rounds_watch_anew(stream) != OK)
		return false;
	if (len == 0) {
		message_rest_drop(&stream->rest);
		return true;
	}
	return message_rest_keep(&stream->rest, bytes, len, len);
}

void stream_see_answer(struct stream *stream, const struct packet *packet)
{
	if (packet->len < 2 || get_u16(packet->data) != BIND_ERROR)
		return;
	read_held_later(stream);
	if (rounds_watch_anew(stream) != OK)
		stream_end(stream, "out of memory");
}

static void read_held_later(struct stream *stream)
{
	stream->hold = HOLD_READ;
	list_append(&stream_rounds(stream)->held, &stream->held_node);
	rounds_end_batch_later(stream_rounds(stream));
}

void streams_read_held(struct rounds *rounds)
{
	struct list *node;

	while ((node = list_first(&rounds->held)) != NULL) {
		list_remove(node);
		stream_read(CONTAINER_OF(node, struct stream, held_node));
	}
}

enum err stream_release(struct path *path, const uint8_t *message, size_t len, stream_left_fn *left,
                        void *context)
{
	struct stream *stream = (struct stream *)path;
	struct streams *streams = stream->streams;
	struct stream_move *move;

	if (stream_is_ended(stream) || stream->is_closing || stream->raw != NULL)
		return ERR_CLOSED;
	move = malloc(sizeof *move);
	if (move == NULL || !prepend(&stream->rest, message, len)) {
		free(move);
		return ERR_NO_MEMORY;
	}
	*move = (struct stream_move){.fd = stream->fd, .left = left, .context = context};
	rounds_unwatch(stream);
	stream->move = move;
	stream->fd = -1;
	timer_cancel(streams->host->timers, &stream->timer);
	counter_sub(streams->host->counters, COUNT_connections_now, 1);
	list_remove(&stream->dirty_node);
	list_remove(&stream->held_node);
	list_remove(&stream->node);
	list_append(&stream_rounds(stream)->ended, &stream->node);
	rounds_end_batch_later(stream_rounds(stream));
	return OK;
}

static bool prepend(struct message_rest *rest, const uint8_t *message, size_t len)
{
	size_t total = len + rest->len;
	uint8_t *both = malloc(total);

	if (both == NULL)
		return false;
	memcpy(both, message, len);
	if (rest->len > 0)
		memcpy(both + len, rest->bytes, rest->len);
	message_rest_drop(rest);
	*rest = (struct message_rest){.bytes = both, .len = total, .room = total, .needed = total};
	return true;
}

void stream_depart(struct stream *stream)
{
	stream->move->left(stream->move->context, stream);
}

void streams_adopt(struct streams *streams, struct stream *stream)
{
	const struct listener_host *host = streams->host;
	bool has_room = counter_read(host->counters, COUNT_connections_now) < host->connections_max;

	stream->streams = streams;
	stream->fd = stream->move->fd;
	stream->hold = HOLD_NONE;
	stream->awaits_writable = false;
	if (!has_room ||
	    (stream->tls != NULL && tls_engine_move(stream->tls, streams->bio_method) != OK) ||
	    rounds_watch(stream) != OK) {
		counter_add(host->counters, COUNT_connections_refused, 1);
		stream_discard(stream);
		return;
	}
	free(stream->move);
	stream->move = NULL;
	stream->is_known = false;
	list_append(&streams->open, &stream->node);
	counter_add(host->counters, COUNT_connections_now, 1);
	stream_arm(stream, timestamp_now());
	if (stream_has_output(stream))
		stream_make_dirty(stream);
	read_held_later(stream);
}

void stream_discard(struct stream *stream)
{
	close(stream->move->fd);
	free(stream->move);
	stream_destroy(stream);
}
