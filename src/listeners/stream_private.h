/* A stream connection, as the files that make one up see it: stream.c is its life (creation, time,
 * end), stream_input.c what it reads, stream_output.c what it sends. Everyone else has stream.h. */
#pragma once

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"
#include "base/list.h"
#include "base/timer_wheel.h"
#include "listeners/message_rest.h"
#include "listeners/stream.h"
#include "listeners/tls.h"

struct evbuffer;

enum {
	STREAM_READ_MAX = 65536, /* bytes from one connection before others have a turn */
	STREAM_MESSAGE_MAX = 4 + 65535 + 16 + 3, /* the longest of STUN and padded ChannelData */
	STREAM_ROOM_MAX = STREAM_MESSAGE_MAX + STREAM_READ_MAX + TLS_HELD_MAX,
};

enum stream_hold {
	HOLD_NONE,
	HOLD_ASKED, /* ConnectionBind waits for its answer: what is behind it stays in rest */
	HOLD_READ,  /* what is there in rest is messages, to be read next */
};

enum stream_kind { STREAM_NEW, STREAM_PLAIN, STREAM_TLS };

struct stream {
	struct path path;
	struct streams *streams;
	struct five_tuple tuple;
	int fd; /* owned; -1: ended */

	/* its life; reading clears the deadlines that were met and says when a message came */
	struct list node; /* in streams.open or .ended */
	struct timer timer;
	timestamp handshake_deadline; /* first octet, TLS handshake; 0: done */
	timestamp message_deadline;   /* the rest of a message, or the client's end; 0: none */
	timestamp active_at;          /* the last message */
	bool is_closing;              /* the host wants no more; what was sent still leaves */

	/* what it reads */
	struct event readable;
	uint8_t kind;
	bool is_known;          /* the host has seen this path */
	struct tls_engine *tls; /* owned; NULL unless TLS; sending writes by it */
	struct message_rest rest;

	/* what it sends; for TLS reading makes the buffers, with the engine */
	struct event writable;
	struct list dirty_node; /* in streams.dirty */
	bool is_shut;           /* it is closing, and what was sent has left */
	/* Owned; plaintext that waits for the engine; NULL unless TLS. */
	struct evbuffer *gathered;
	struct evbuffer *out; /* owned; waits for the socket; NULL before the first */

	/* RFC 6062: on its way to be a client data connection */
	uint8_t hold;             /* enum stream_hold */
	struct stream_move *move; /* owned; NULL unless it leaves for another thread */
	struct stream_raw *raw;   /* owned; NULL unless it is joined with a peer's socket */
};

/* Its life. */

/* Sets the timer to what comes first. */
void stream_arm(struct stream *stream, timestamp now);
/* Closes the socket at once. The structure stays until the batch has ended. */
void stream_end(struct stream *stream);
/* Has the batch_ended event run behind all events that are active now. */
void streams_batch_end_later(struct streams *streams);

/* Frees it and all it has but its descriptor. */
void stream_destroy(struct stream *stream);

static inline bool stream_is_ended(const struct stream *stream)
{
	return stream->fd < 0;
}
static inline void stream_count(const struct stream *stream, enum counter counter)
{
	counter_add(stream->streams->host->counters, counter, 1);
}

/* What it reads. */

/* The readable event; context is the stream. */
void stream_on_readable(evutil_socket_t fd, short what, void *context);

/* What it sends. */

/* The path's send. */
void stream_send(struct path *path, const struct packet *packet, const struct transport_addr *dst);
/* Has the stream written out at the end of the batch. */
void stream_make_dirty(struct stream *stream);
/* The writable event; context is the stream. */
void stream_on_writable(evutil_socket_t fd, short what, void *context);
/* Encrypts and writes what waits, as far as the socket takes it. Ends the stream when it is beyond
 * use. */
void stream_write_out(struct stream *stream);
/* Makes one attempt at what the engine may have to say last, an alert. */
void stream_write_alert(struct stream *stream);
/* Says whether more ciphertext waits than messages within their bound make: a client can have the
 * engine answer (a key update, RFC 8446 section 4.6.3) and read none of it. The stream is TLS. */
bool stream_has_flooded_itself(const struct stream *stream);
/* Gathers bytes that are no message. */
MUST_CHECK enum err stream_put(struct stream *stream, const uint8_t *bytes, size_t len);
bool stream_has_output(const struct stream *stream);

/* Between messages and raw bytes: stream_move.c. */

bool stream_is_bind(const struct packet *packet);
/* Reads no further; keeps what has been read. False when out of memory. */
MUST_CHECK bool stream_hold(struct stream *stream, const uint8_t *bytes, size_t len);
/* Goes on with messages when ConnectionBind was refused. */
void stream_see_answer(struct stream *stream, const struct packet *packet);
void stream_depart(struct stream *stream);
void streams_adopt(struct streams *streams, struct stream *stream);

/* Raw bytes: stream_raw.c. Both do nothing when the stream is not joined: what belongs to its end, and
 * what to its burial. */
void stream_raw_stop(struct stream *stream);
void stream_raw_bury(struct stream *stream);
