/* What the core tells sessions, and what it tells the world: views of rooms, participants and messages. Everything in
 * an event is lent, and lives until the function that was given it returns. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/timestamp.h"
#include "signaling/identity.h"
#include "signaling/signaling_error.h"

struct dialect;

/* A session's public name: 32 upper-case hexadecimal digits. It is no secret, it opens nothing, and nobody can
 * guess another's. */
enum { SESSION_ID_SIZE = 33 };
enum { ATTRIBUTES_MAX = 64 * 1024, ATTRIBUTE_NAME_MAX = 32, ATTESTATION_SIZE = 120 };

/* What the others of a room may know of one who is in it. */
struct participant {
	const char *id;   /* SESSION_ID_SIZE */
	const char *user; /* "": nobody in particular */
	const char *
		alias; /* a name that the client chose and that is its own in this room (PeerJS); "" */
	const struct dialect *dialect;
	/* A JSON object: what it says of itself. The names that several dialects know: "status" (any value), "ua", "version",
	 * "displayName" (strings), "platform", "deviceName", "networkType" (strings), "orientation" (number or string),
	 * "camera" (string), "audio", "video" (true or false: whether it sends any), "deviceId". */
	struct slice attributes;
	uint32_t revision; /* counts changes of attributes */
	unsigned permissions;
	uint64_t joined_ms; /* since 1970 */
	bool is_hidden;
	bool is_away; /* its connection is lost; it may come back yet */
	const char
		*attestation; /* proof of the id that this server can check for a few minutes; "" */
};

enum room_mode {
	ROOM_RELAY,
	ROOM_SFU
}; /* who gets the media: the others, or (not in this version) the server */

struct room_info {
	const char *tenant, *type, *name; /* these three name it */
	const char *owner;                /* the user who made it; "" */
	bool is_locked;                   /* nobody new comes in */
	bool has_pin;
	bool is_relay_only; /* candidates that are not relayed do not pass */
	enum room_mode mode;
	uint32_t capacity;   /* participants, hidden ones not counted */
	uint32_t count;      /* participants now: after what the event tells */
	uint32_t empty_s;    /* how long it stays when it is empty */
	uint64_t created_ms; /* since 1970 */
	uint64_t sequence;   /* events of this room so far */
};

enum message_kind {
	MESSAGE_OFFER,
	MESSAGE_ANSWER,
	MESSAGE_CANDIDATE,
	MESSAGE_END_OF_CANDIDATES,
	MESSAGE_BYE, /* a call ends or is refused */
	MESSAGE_CHAT,
	MESSAGE_CONFERENCE, /* who is in the call, as a client sees it */
	MESSAGE_TEXT,       /* an application's own */
	MESSAGE_KINDS       /* the count */
};

/* From one participant to another, or to all of the room. To a client of the sender's own dialect the payload goes as it
 * came, byte by byte; others are written anew from the parts. */
struct message {
	enum message_kind kind;
	const struct dialect *origin;
	struct slice payload; /* raw JSON in the form of origin */

	/* Raw JSON values that lie within payload; empty where there are none. */
	struct slice sdp_type, sdp; /* strings: "offer", "v=0..." */
	struct slice candidate, sdp_mid, sdp_mline_index, username_fragment;
	struct slice text;   /* of a chat; or the whole of a MESSAGE_TEXT */
	struct slice reason; /* of a bye */

	/* Of session_send: how long the room keeps it for an alias that nobody has yet. Then it is unreachable: one
	 * EVENT_UNREACHABLE for all that one sender had waiting for it. */
	unsigned waits_s;
};

/* TURN credentials as a client gets them. */
enum { TURN_URIS_MAX = 16, TURN_ZONES_MAX = 16 };
struct turn_zone {
	const char *id, *label; /* label "": none; "hidden": not to be shown */
	struct slice labels;    /* JSON object {"de": "…"}; empty: none */
	int priority;           /* the lowest number wins */
	const char *uris[TURN_URIS_MAX];
	size_t uri_count;
};
struct turn_credentials {
	const char *username, *password;
	uint32_t ttl_s; /* that are left */
	struct turn_zone
		zones[TURN_ZONES_MAX]; /* by priority; one without an id where there are no zones */
	size_t zone_count;
	const char *geo_uri; /* "": none */
	const char *stun_uris[TURN_URIS_MAX];
	size_t stun_uri_count;
};

enum event_kind {
	EVENT_OPENED,     /* to the session: it is there (credentials may come with it) */
	EVENT_IDENTIFIED, /* to the session: it has proved who it is */
	EVENT_WELCOME, /* to the session: it is in the room; participants are the others and itself, in order of joining */
	EVENT_LEAVING_DONE, /* to the session: it is in no room any more, as it asked */
	EVENT_DONE, /* to the session: what it asked for was done, and there is nothing more to say */
	EVENT_PARTICIPANTS, /* to the session: who is in its room */
	EVENT_FOUND, /* to the session: whom it looked up: participants has none, one or, of a user, several */
	EVENT_RESUMED, /* to the session: it has its old connection's place; what it missed follows */
	EVENT_CREDENTIALS, /* to the session: new TURN credentials */
	EVENT_REFUSED, /* to the session: error says why; message and reference are those of what it asked */
	EVENT_JOINED,  /* to the others of the room: from came */
	EVENT_LEFT,    /* to the others: from went; is_soft: to another room, or by its own wish */
	EVENT_MESSAGE, /* from sent message: to this session alone (is_unicast), or to all others */
	EVENT_ATTRIBUTE, /* to the others: from changed the attribute named name to value */
	EVENT_ROOM,      /* to the others: from changed the room's settings */
	EVENT_MUTE, /* to the session: a moderator (from) asks it to stop sending audio or video (name) */
	EVENT_FORCED_ATTRIBUTE, /* to all: a moderator changed from's attribute */
	EVENT_KICKED,      /* to the session: it was removed; its connection is closed after it */
	EVENT_ROOM_CLOSED, /* to all in it: the room was closed by an operator or its owner */
	EVENT_EXPIRED, /* to the session: its identity has expired; its connection is closed after it */
	EVENT_DRAINING, /* to the session: this server stops in deadline_ms; connect again */
	EVENT_UNREACHABLE, /* to the session: to whom it sent is not there (message says what it sent) */
	EVENT_KINDS        /* the count */
};

/* What the dialect gave with a request, and finds in its answer: an Iid, a number of its own. */
enum { REFERENCE_TEXT_MAX = 128 };
struct reference {
	uint32_t number;
	char text[REFERENCE_TEXT_MAX + 1];
};

struct event {
	enum event_kind kind;
	timestamp now;
	uint64_t wall_ms;             /* since 1970 */
	const struct room_info *room; /* NULL outside of rooms */
	const struct participant *
		from; /* who did it; of events to the session itself: the session. Of EVENT_MESSAGE without its attributes. NULL, of EVENT_ROOM and EVENT_ROOM_CLOSED: nobody in the room did it */
	const struct participant *participants;
	size_t participant_count;
	const struct message *message; /* NULL */
	const char *to;                /* id of the one it is for, where is_unicast; "" */
	bool is_unicast, is_soft;
	const char *name; /* of an attribute; of EVENT_FOUND what session_find_user was given */
	struct slice
		value; /* its raw value. Of EVENT_ROOM, and EVENT_DONE of a change: the new PIN, a raw string; empty: as it was */
	const struct turn_credentials *credentials; /* NULL */
	const struct reference *reference;          /* NULL: nobody asked */
	enum signaling_error error;
	const char *reason;       /* for a person; "" */
	uint64_t deadline_ms;     /* of EVENT_DRAINING: from now */
	const char *resume_token; /* of OPENED, IDENTIFIED, RESUMED; else NULL */
};
