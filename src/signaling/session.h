/* A session: what the server knows of one client. It begins with a WebSocket, may outlive it for a while, and goes on with
 * another. This is what a dialect asks of the core. Nothing here answers at once: answers are events, handed to the dialect's
 * encode with the reference of the request. Of a refused request that is EVENT_REFUSED, of one that has no other answer EVENT_DONE. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "signaling/event.h"
#include "signaling/identity.h"

struct session;
struct dialect;
struct hub;
struct hub_settings;

const char *session_id(const struct session *session);
const struct identity *session_identity(const struct session *session);
const struct dialect *session_dialect(const struct session *session);
/* For hub_derive_key and hub_images alone. */
const struct hub *session_hub(const struct session *session);
/* The room it is in, as it last heard of it; NULL: none. */
const struct room_info *session_room(const struct session *session);
/* The client's address, as the trusted proxies say it: "192.0.2.1". */
const char *session_address(const struct session *session);
uint64_t session_wall_ms(const struct session *session); /* now, in ms since 1970 */
/* What its hub was made with. */
const struct hub_settings *session_settings(const struct session *session);
/* The dialect's own memory in the session: session_size bytes of it, zeroed at first. It moves with the session: plain bytes. */
void *session_own(struct session *session);
/* Makes a token that this server takes for a proof of this session's id in session_look_up, for a few minutes. */
const char *session_attestation(struct session *session);

/* Proves who it is. EVENT_IDENTIFIED. What the client sends meanwhile is decoded after it. */
void session_identify(struct session *session, const struct claim *claim,
                      const struct reference *reference);

struct join {
	struct slice type; /* "": "room" */
	struct slice name; /* decoded; compared as it is */
	bool has_pin;
	struct slice pin;        /* decoded */
	struct slice attributes; /* a JSON object, or empty */
	const char *alias;       /* "" or NULL: none */
	/* Who shows the one that the owner of the alias showed takes its place: the other is out of the room, and its connection
	 * is closed. "" or NULL: nobody does. */
	const char *alias_secret;
	bool is_hidden; /* takes MAY_HIDE */
	uint32_t
		capacity_max; /* no more participants than this, whatever the room allows; 0: no bound of the dialect's */
};
/* Joins a room, and makes it where it is not there (MAY_CREATE): with a PIN, if there is one. A room that it is in
 * already is left softly first, also when the new one then refuses it. EVENT_WELCOME. */
void session_join(struct session *session, const struct join *join,
                  const struct reference *reference);
/* Leaves; the others are told softly. EVENT_LEAVING_DONE. */
void session_leave(struct session *session, const struct reference *reference);

/* Sends to one participant, found by id or alias; EVENT_UNREACHABLE with the reference when it is not there, else EVENT_DONE. is_outside:
 * also to a session that is not in the room (Spreed's contacts), of the same tenant. */
void session_send(struct session *session, const char *to, const struct message *message,
                  bool is_outside, const struct reference *reference);
/* Sends to all others of the room. EVENT_DONE. */
void session_broadcast(struct session *session, const struct message *message,
                       const struct reference *reference);
/* Changes an attribute, which is a raw value; the others get EVENT_ATTRIBUTE. Outside of rooms it is kept for the next. EVENT_DONE. */
void session_set_attribute(struct session *session, const char *name, struct slice value,
                           const struct reference *reference);
/* EVENT_PARTICIPANTS. */
void session_ask_participants(struct session *session, const struct reference *reference);
/* Finds a session by an attestation of its own, or by its id. EVENT_FOUND. Both are told when the other goes: EVENT_LEFT. */
void session_look_up(struct session *session, const char *attestation_or_id,
                     const struct reference *reference);

/* Finds the sessions of a user of its tenant that are connected: those of this node or, where there are none, of another. EVENT_FOUND, as above,
 * with the name, which is the dialect's own. */
void session_find_user(struct session *session, const char *user, const char *name,
                       const struct reference *reference);

struct room_change {   /* what is not set stays */
	bool sets_pin; /* pin "": none */
	struct slice pin;
	bool sets_lock, is_locked;
	bool sets_capacity;
	uint32_t capacity;
	bool sets_relay_only, is_relay_only;
};
/* Changes its room (MAY_CHANGE_ROOM, or being its owner). EVENT_DONE with the room; the others get EVENT_ROOM. */
void session_change_room(struct session *session, const struct room_change *change,
                         const struct reference *reference);

enum moderation { MODERATE_KICK, MODERATE_MUTE, MODERATE_CLOSE };
/* Moderates its room (MAY_MODERATE, MAY_CLOSE_ROOM, or being its owner). what: "audio" or "video" of a mute. EVENT_DONE. */
void session_moderate(struct session *session, enum moderation moderation, const char *id,
                      const char *what, const char *reason, const struct reference *reference);

/* Asks for TURN credentials now: EVENT_CREDENTIALS. Without asking they come with WELCOME, and again at 80 % of their lifetime. */
void session_ask_credentials(struct session *session, const struct reference *reference);
/* Has its own dialect encode EVENT_OPENED once more: Spreed's Self. */
void session_ask_self(struct session *session, const struct reference *reference);

/* Takes the place of the session that the token (EVENT_OPENED's resume_token) or, where is_by_id, the id names: its id, identity, room and what
 * it missed become this connection's, and the old connection is closed. EVENT_RESUMED, or EVENT_REFUSED with NO_SESSION and the session stays
 * what it is. By id it works for a connection that was lost, from the same address, and within the time to come back. */
void session_resume(struct session *session, const char *token, bool is_by_id,
                    const struct reference *reference);

/* Sends one message to this client alone, now: what needs no core (an echo, an error of the dialect's own). */
void session_reply(struct session *session, struct slice text);
/* Refuses what the client asked, by way of encode. */
void session_refuse(struct session *session, enum signaling_error error, const char *reason,
                    const struct reference *reference);
/* Ends the connection and the session: RFC 6455 section 7.4 code. */
void session_close(struct session *session, unsigned code, const char *reason);
/* Hands a fact to the sinks: "rpc.freeze" and a JSON object. */
void session_emit(struct session *session, const char *what, struct slice value);
