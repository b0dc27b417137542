/* A dialect: how one protocol says what the core knows. It is a table of functions without state of its own; what it keeps of a client
 * lies in session_own(). It touches no room, store or socket. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "signaling/event.h"
#include "signaling/session.h"
#include "signaling/text.h"

struct http_exchange;

struct dialect_limits {     /* each the default of an option where there is one */
	size_t message_max; /* bytes of one message in */
	unsigned message_rate,
		message_burst; /* in, for each session; what is over waits or is refused (is_delayed) */
	bool is_delayed;       /* a client over its rate is read later, instead of refused */
	unsigned queue_messages;  /* out; and the bytes are an option of the core */
	unsigned ping_s, pong_s;  /* a ping every, and an answer within */
	unsigned first_message_s; /* until the first message, or a room; 0: no bound */
	unsigned away_s;          /* how long a lost session may come back */
	unsigned empty_room_s;    /* how long a room that it made stays empty */
};

/* What encode writes: any number of messages, one text frame each. A line feed that belongs to none is behind each. */
enum { ENCODER_MESSAGES_MAX = 64 };
struct encoder {
	struct text text;
	size_t ends[ENCODER_MESSAGES_MAX]; /* where each message ends */
	size_t count;        /* one message more than there is room for makes text failed */
	unsigned close_code; /* set by the dialect: close after these messages; 0: stay open */
	const char *close_reason;
};
void encoder_init(struct encoder *encoder, size_t bytes_max); /* 0: no bound */
void encoder_deinit(struct encoder *encoder);
void encoder_clear(struct encoder *encoder);
void encoder_end_message(struct encoder *encoder);
struct slice encoder_message(const struct encoder *encoder, size_t index);

struct dialect {
	const char *name;         /* "channelling": in logs, metrics, and among participants */
	const char *const *paths; /* of its WebSocket; NULL ends them */
	struct dialect_limits limits;
	size_t session_size; /* of session_own() */
	/* EVENT_OPENED waits for TURN credentials, and comes with them where there are some. */
	bool opens_with_credentials;
	/* Its clients are told nothing of who is in their room, who comes and who goes: they know each other's names. A room that one
	 * of them makes takes as many as there may be sessions, unless its tenant says a number. */
	bool is_unaware;
	/* token=, key= and their like in the query of its WebSocket are its own, and no proof of who asks. */
	bool has_own_query;
	/* Which events depend on whom they are for: a set of 1 << enum event_kind. All others are encoded once for all sessions
	 * of the dialect, and session is NULL then. Events "to the session" are always for it alone. */
	uint64_t personal_events;

	/* Looks at an upgrade request: may refuse it with an HTTP status, choose a subprotocol among those offered, and give what
	 * the session needs to know of the query. NULL: all are taken. */
	bool (*match)(struct http_exchange *exchange);
	/* The WebSocket is open. request is lent for this call. */
	void (*on_open)(struct session *session, const struct http_exchange *exchange);
	/* One text message (binary ones are refused before): text was not checked for JSON. */
	void (*decode)(struct session *session, struct slice text);
	/* Writes what the event is in this protocol: nothing, one or several messages. session is NULL for what is shared. */
	void (*encode)(struct session *session, const struct event *event, struct encoder *encoder);
	/* REST: rows of paths, or NULL. */
	const struct http_route *routes;
	size_t route_count;
	/* Answers with a page for a person where neither a route nor a file has the path; false: there is none. NULL: nowhere. */
	bool (*page)(struct http_exchange *exchange);
};

extern const struct dialect dialect_channelling, dialect_rpc, dialect_v1, dialect_peerjs;
/* v1 with one name for each of the events that its documents and its source name differently; dialect_v1 sends both. */
extern const struct dialect dialect_v1_documented, dialect_v1_source;
