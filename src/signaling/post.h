/* What hubs write to each other. A post is one piece of memory: what it points at lies within it, so that it crosses threads
 * by mail, and becomes JSON to cross nodes. All kinds have the same members; most are empty in most. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mailbox.h"
#include "base/slice.h"
#include "signaling/event.h"
#include "signaling/hub.h"
#include "signaling/text.h"

enum post_kind {
	/* To the hub that owns the room. subject is the session that asks. */
	POST_JOIN,         /* attributes are subject's */
	POST_LEAVE,        /* is_soft */
	POST_SEND,         /* message to `to`: an id or an alias */
	POST_BROADCAST,    /* message */
	POST_ATTRIBUTE,    /* name, value */
	POST_PARTICIPANTS, /* who is there? */
	POST_FACT,         /* name, value: for the sinks */
	POST_CHANGE,       /* what the members sets_... say */
	POST_MODERATE,     /* verb: enum moderation; to, name (what), reason */
	POST_SEAT, /* subject is at `from` now, or away, or has another user or permissions */
	/* To a hub that has participants of the room, or to that of one session. */
	POST_EVENT, /* event: to `to`, or to all but `except` that are at this hub */
	/* To the hub of a session. */
	POST_CLOSE, /* `to` is out of the room: another has its alias. Its connection is closed with reason */
	POST_SEND_OUTSIDE, /* message to `to`, whatever room it is in */
	POST_LOOK_UP,      /* `to`; subject asks */
	POST_FIND_USER,    /* to any hub: who is here of the tenant's user `name`? subject asks */
	POST_USER_FOUND,   /* participants: its answer, by cookie */
	POST_RESUME, /* `to` is the session; subject, at sender, wants its place; address where is_by_id */
	POST_SNAPSHOT, /* `to` asked: here is subject, whole; or error says why not */
	POST_MOVED,    /* to the hub of its id: subject lives at `from` now, or, is_soft, nowhere */
	POST_SEATED,   /* to the old hub of `to`: the room's owner knows where it is now */
	/* From outside of rooms. */
	POST_REQUEST, /* verb: enum room_request_kind; cookie comes back with the answer */
	POST_ANSWER,  /* error, value: JSON; or text, of a part of an array */
	POST_KINDS    /* the count */
};

struct post {
	struct mail mail;             /* the host's, or the hub's queue; not kept by text */
	struct hub_place destination; /* not kept by text either */
	enum post_kind kind;
	struct hub_place from;
	uint64_t cookie;

	struct room_info room;             /* tenant "": of no room */
	uint64_t generation;               /* of the room */
	uint32_t join_seat, welcomed_seat; /* of POST_SNAPSHOT */
	uint32_t seat; /* counts the joins of a session: an answer to one before is void */

	struct participant subject; /* id "": none */
	const struct participant *participants;
	size_t participant_count;
	bool has_message;
	struct message message;
	const char *to, *except;

	enum event_kind event;
	bool is_unicast, is_soft, is_outside;
	bool ends_seat; /* the session is not in this room any more */
	const char *name;
	struct slice value; /* raw JSON */
	bool has_reference;
	uint32_t reference_number;
	const char *reference_text;
	enum signaling_error error;
	const char *reason;
	uint64_t deadline_ms;

	/* POST_JOIN, POST_CHANGE, POST_REQUEST */
	bool has_pin, is_return; /* it was in this room before its owner was lost */
	const char *pin, *alias_secret;
	uint32_t capacity_max, empty_room_s, rooms_max, room_capacity;
	bool sets_pin, sets_lock, sets_capacity, sets_relay_only, is_locked, is_relay_only;
	uint32_t capacity;
	uint32_t verb, expires_s;
	bool is_owner_only, is_by_operator;

	/* POST_SNAPSHOT: a session. Its user, permissions and attributes are subject's; participants are those who watch it. */
	const char *tenant, *identity_room, *address;
	struct hub_place sender; /* where subject is, however often the post was passed on */
	uint64_t identity_expires_ms;
	bool is_authenticated, is_by_id, is_in_room;
	uint32_t tenure;            /* how many hubs had it before */
	struct slice own;           /* bytes */
	struct hub_place owner;     /* of its room */
	const struct slice *queued; /* messages that it has not got yet */
	size_t queued_count;
};

/* Makes a post of a draft, whose pointers may go anywhere; NULL: no memory. */
struct post *post_create(const struct post *draft);
void post_destroy(struct post *post); /* NULL is fine */

/* Whether who it tells of (tenant, subject.user) and this identity are of one tenant, and one user where both are somebody. */
bool post_is_of(const struct post *post, const struct identity *identity);
/* Whether this identity may become who it tells of: not where it has proved to be somebody else. */
bool post_may_be_of(const struct post *post, const struct identity *identity);
/* Whether everybody in it has a dialect: what comes from another node may say anything. */
bool post_is_whole(const struct post *post);

/* Writes it as one JSON object, and reads it back. ERR_INVALID: it is none, or of a dialect that is not among these. */
void post_write(const struct post *post, struct text *text);
MUST_CHECK enum err post_read(struct slice text, const struct dialect *const *dialects,
                              size_t dialect_count, struct post **post);

/* For post.c and post_text.c: what a post is made of. */
enum post_field_type {
	FIELD_TEXT,  /* const char *; NULL is "" */
	FIELD_RAW,   /* slice: JSON */
	FIELD_BYTES, /* slice: anything; base64 in the text */
	FIELD_PART,  /* slice: JSON, within message.payload */
	FIELD_BOOL,
	FIELD_U16,
	FIELD_U32,
	FIELD_U64,
	FIELD_ENUM, /* below limit */
	FIELD_DIALECT,
};
struct post_field {
	const char *name;
	enum post_field_type type;
	size_t offset;
	uint32_t limit;
};
struct post_fields {
	const struct post_field *at;
	size_t count;
};
bool post_part_is_within(struct slice part, struct slice whole);
extern const struct post_fields post_fields, participant_fields;
