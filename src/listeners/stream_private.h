/* A stream connection, as the files that make one up see it: stream.c is its life (creation, time,
 * end), rounds.c when it is read and written, stream_input.c what it reads, stream_output.c what it
 * sends. Everyone else has stream.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"
#include "base/list.h"
#include "base/timer_wheel.h"
#include "listeners/message_rest.h"
#include "listeners/rounds.h"
#include "listeners/stream.h"
#include "listeners/tls.h"

struct evbuffer;

enum {
	STREAM_READ_MAX = 65536, /* bytes from one connection before others have a turn */
	STREAM_MESSAGE_MAX = 4 + 65535 + 16 + 3, /* the longest of STUN and padded ChannelData */
	STREAM_ROOM_MAX = STREAM_MESSAGE_MAX + STREAM_READ_MAX + TLS_HELD_MAX,
	STREAM_GATHER_MAX = TLS_PLAINTEXT_MAX, /* so much waits for no round */
};

enum stream_hold {
	HOLD_NONE,
	HOLD_ASKED, /* ConnectionBind waits for its answer: what is behind it stays in rest */
	HOLD_READ,  /* what is there in rest is messages, to be read next */
};

enum stream_kind { STREAM_PROXIED, STREAM_NEW, STREAM_PLAIN, STREAM_TLS };

struct stream {
	struct path path;
	struct streams *streams;
	struct five_tuple tuple;
	int fd; /* owned; -1: ended */

	/* its life; reading clears the deadlines that were met and says when a message came */
	struct list node; /* in streams.open or rounds.ended */
	struct timer timer;
	timestamp handshake_deadline; /* first octet, TLS handshake; 0: done */
	timestamp message_deadline;   /* the rest of a message, or the client's end; 0: none */
	timestamp active_at;          /* the last message */
	bool is_closing;              /* the host wants no more; what was sent still leaves */

	/* what it reads */
	uint8_t kind;
	bool is_known;          /* the host has seen this path */
	struct tls_engine *tls; /* owned; NULL unless TLS; sending writes by it */
	struct message_rest rest;

	/* what it sends; for TLS reading makes the buffers, with the engine */
	struct list dirty_node; /* in rounds.dirty */
	bool awaits_writable;   /* the socket took no more */
	bool is_shut;           /* it is closing, and what was sent has left */
	/* Owned; plaintext that waits for the engine; NULL unless TLS. */
	struct evbuffer *gathered;
	struct evbuffer *out; /* owned; waits for the socket; NULL before the first */

	/* RFC 6062: on its way to be a client data connection */
	uint8_t hold;             /* enum stream_hold */
	struct list held_node;    /* in rounds.held */
	struct stream_move *move; /* owned; NULL unless it leaves for another thread */
	struct stream_raw *raw;   /* owned; NULL unless it is joined with a peer's socket */
};

/* Its life. */

/* Sets the timer to what comes first. */
void stream_arm(struct stream *stream, timestamp now);
/* Closes the socket at once. The structure stays until the batch has ended. */
void stream_end(struct stream *stream);
/* Tells the host of the streams that have ended, and frees them. */
void streams_bury(struct rounds *rounds);

/* Frees it and all it has but its descriptor. */
void stream_destroy(struct stream *stream);

static inline bool stream_is_ended(const struct stream *stream)
{
	return stream->fd < 0;
}
static inline void stream_count(const struct stream *stream, enum counter counter)
{
	counter_add_for(stream->streams->host->counters, stream->tuple.transport, counter, 1);
}

static inline struct rounds *stream_rounds(const struct stream *stream)
{
	return stream->streams->host->rounds;
}

/* When it is read and written. */

/* Begins to watch a new stream's socket; closing it ends that. */
MUST_CHECK enum err rounds_watch(struct stream *stream);
/* Says anew what it waits for: nothing to read while its ConnectionBind waits for an answer. */
MUST_CHECK enum err rounds_watch_anew(struct stream *stream);
/* Ends watching a socket that stays open. */
void rounds_unwatch(struct stream *stream);
/* Has the stream written out when its socket takes more, or no longer. */
MUST_CHECK enum err rounds_await_writable(struct stream *stream, bool awaits);
/* Has what was gathered written, and the ended buried, behind all events that are active now. */
void rounds_end_batch_later(struct rounds *rounds);

/* What it reads. */

/* Reads once, and hands over the messages. */
void stream_read(struct stream *stream);

/* What it sends. */

/* The path's send. */
void stream_send(struct path *path, const struct packet *packet, const struct transport_addr *dst);
/* Has the stream written out at the end of the batch. */
void stream_make_dirty(struct stream *stream);
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
/* Reads on what was held, outside of any call of the host's. */
void streams_read_held(struct rounds *rounds);
/* Goes on with messages when ConnectionBind was refused. */
void stream_see_answer(struct stream *stream, const struct packet *packet);
void stream_depart(struct stream *stream);
void streams_adopt(struct streams *streams, struct stream *stream);

/* Raw bytes: stream_raw.c. Both do nothing when the stream is not joined: what belongs to its end, and
 * what to its burial. */
void stream_raw_stop(struct stream *stream);
MUST_CHECK enum err stream_raw_await_writable(struct stream *stream);
void stream_raw_bury(struct stream *stream);
