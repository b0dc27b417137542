/* A client that is answered in order: what it sends is looked at piece by piece, none while another is
 * carried out or its answer is not read, and all that is kept for it is bounded.
 *
 *     input ──► look ─ ─ ─► write ... line_client_done ──► sent ──► look ...
 *
 * It ends when it has said all and been answered, when it is closed, idle or broken; and if a piece is
 * carried out then, not before that is done. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct bufferevent;
struct evbuffer;
struct event_base;
struct line_client;

struct line_client_ops {
	/* Takes a piece from the input, and sets is_waiting unless that is all; false: none is whole. */
	bool (*look)(struct line_client *client, struct evbuffer *input);
	/* Goes on with what is carried out, for all has been sent, or the client has gone; false: that waits
	 * for something else. NULL: it always does. */
	bool (*go_on)(struct line_client *client);
	void (*destroy)(struct line_client *client);
};

struct line_client { /* a member of the host's own struct, all zero before line_client_init */
	const struct line_client_ops *ops;
	struct bufferevent
		*stream; /* owned; NULL: it has gone, and something is still carried out */
	bool is_waiting; /* for line_client_done */
	bool is_closing; /* nothing more is looked at; what is written is sent */
	bool is_reading; /* line_client_read runs */
	bool has_ended;  /* it says no more, and may still read */
};

/* Takes fd over and reads from it, input_max bytes ahead. ERR_NO_MEMORY: fd stays the caller's. */
MUST_CHECK enum err line_client_init(struct line_client *client, const struct line_client_ops *ops,
                                     struct event_base *base, int fd, size_t input_max);
void line_client_deinit(struct line_client *client);

/* Gives the stream, and what has happened to it, to another struct that is all zero but for its ops: client is left as one
 * that has gone while something is carried out. */
void line_client_move(struct line_client *client, struct line_client *to);

/* Ends it when it neither says nor reads anything for so long, unless it waits. */
void line_client_set_idle(struct line_client *client, unsigned timeout_s);
/* Writes; to one that has gone nothing. One that cannot be told is closed. */
void line_client_write(struct line_client *client, const void *bytes, size_t len);
/* Whether all that was written has been sent. */
bool line_client_has_sent(const struct line_client *client);
/* Has go_on be called as soon as it has. */
void line_client_call_when_sent(struct line_client *client);
/* What was looked at has been carried out. The client may be destroyed then. */
void line_client_done(struct line_client *client);
