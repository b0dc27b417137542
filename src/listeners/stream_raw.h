/* Client data connections (RFC 6062 section 5.4): a stream that carries messages no longer. Its bytes
 * and those of another socket are passed on to each other as they are; splice() moves them when the
 * stream is plain TCP, the engine en- and decrypts them when it is TLS.
 *
 *   client ──► [tls engine] ──► pipe, or what the peer does not take yet ──► peer
 *   client ◄── [tls engine] ◄── pipe                                     ◄── peer
 *
 * Nothing is read that cannot be passed on, so that who sends is slowed down to who reads. An end is
 * passed on too, each way by itself; both ends end it, and so does a reset, or one end and then
 * idle_timeout_s in which nothing happens. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "listeners/listener.h"

struct stream;

enum raw_direction { RAW_TO_PEER, RAW_TO_CLIENT, RAW_DIRECTION_COUNT };

/* Whose the other socket is. */
struct raw_owner {
	/* How many bytes may be passed on now; 0: it is asked again a little later. */
	size_t (*allowance)(void *context, enum raw_direction direction);
	/* So many bytes are passed on. */
	void (*passed)(void *context, enum raw_direction direction, size_t n);
	/* It has ended by itself, and the stream with it: the socket is the owner's again. Never within
	 * stream_raw_join. */
	void (*ended)(void *context);
	void *context;
};

/* Joins the stream that path is with the connected, non-blocking socket peer, which is lent until the
 * end. What came behind the last message, and what was sent before, goes first. ERR_CLOSED: the stream
 * has ended meanwhile. */
MUST_CHECK enum err stream_raw_join(struct path *path, int peer, const struct raw_owner *owner);
/* Ends a joined stream; the owner does not hear of it. */
void stream_raw_part(struct path *path);

/* Gives a stream away: to another thread, which becomes its next home. It happens when the event that
 * is being handled has ended: then the stream belongs to left(). message is put before what has
 * arrived and not been read, as if it had just come. On failure left() is not called. */
typedef void stream_left_fn(void *context, struct stream *stream);
MUST_CHECK enum err stream_release(struct path *path, const uint8_t *message, size_t len,
                                   stream_left_fn *left, void *context);
/* Takes one in, or ends it when there is no room. */
void tcp_listener_adopt_stream(struct tcp_listener *listener, struct stream *stream);
/* Ends one that has no home. */
void stream_discard(struct stream *stream);
