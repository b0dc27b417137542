/* Within the channelling dialect (Spreed WebRTC's API): what its files share.
 *
 *   client: {"Type":"Offer","Offer":{"To":id,"Type":"Offer","Offer":{...}},"Iid":"x"}
 *   server: {"Data":{"To":id,"Type":"Offer","Offer":{...}},"From":id,"To":id,"Iid":"x","A":attestation} */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "signaling/dialect.h"
#include "signaling/event.h"
#include "signaling/http_exchange.h"
#include "signaling/hub.h"
#include "signaling/json_text.h"
#include "signaling/session.h"

struct config;

#define CHANNELLING_API_VERSION     "1.4"
#define CHANNELLING_CONFERENCE_TYPE "Conference" /* rooms whose conference the server keeps */

/* What a reference's number says was asked; its text is the raw Iid. */
enum channelling_request {
	REQUEST_NONE, /* nothing is answered */
	REQUEST_SELF,
	REQUEST_HELLO,
	REQUEST_USERS,
	REQUEST_AUTHENTICATION,
	REQUEST_SESSIONS, /* text: the token, a space, the Iid */
	REQUEST_CONTACT,  /* its token is the event's name */
	REQUEST_ROOM,
	REQUEST_CONFERENCE, /* our own: who is in the room, so that all are told */
	REQUEST_RESUME,     /* the connection's t=: a token that opens nothing is no error */
	REQUEST_OTHER,
};

enum { CHANNELLING_USERS_MAX = 5000, CHANNELLING_CONFERENCE_MAX = 100 };

struct channelling_session {   /* session_own() */
	uint64_t display_name; /* hash of the last one; 0: none */
};

/* channelling_decode.c, channelling_encode.c, channelling_rest.c */
void channelling_decode(struct session *session, struct slice text);
void channelling_encode(struct session *session, const struct event *event,
                        struct encoder *encoder);
enum { CHANNELLING_ROUTES = 10 };
extern const struct http_route channelling_routes[CHANNELLING_ROUTES];

/* channelling_web.c: what the web client begins with. */
void channelling_get_config(struct http_exchange *exchange);
bool channelling_page(struct http_exchange *exchange);
bool channelling_has_users(const struct config *config); /* NULL: it has none */

/* channelling_text.c: parts of documents. */

/* One whole message for the session: who sent it, and who else has it, the caller says. */
struct envelope {
	const char *from, *to, *attestation; /* NULL or "": left out */
	struct slice iid;                    /* raw; empty: left out */
};
/* Opens {"Data":{ and closes it. */
void envelope_open(struct text *text);
void envelope_close(struct text *text, const struct envelope *envelope);
/* Writes what is behind Data, where that was written whole. */
void envelope_finish(struct text *text, const struct envelope *envelope);
/* A member whose name is raw too. */
void put_raw_member(struct text *text, struct slice name, struct slice value);
/* The members of a Turn document; credentials NULL: there are none yet, ask again soon. */
void put_turn(struct text *text, const struct turn_credentials *credentials);
/* A Session document: type is Online, Joined, Status. */
void put_session(struct text *text, const char *type, const struct participant *participant);
void put_sessions(struct text *text, const char *name, const struct participant *participants,
                  size_t count);
/* "Room", where other dialects have no name for it. */
const char *channelling_room_type(const struct room_info *room);
/* "2006-01-02T15:04:05Z" (RFC 3339) */
enum { RFC3339_SIZE = 32 };
void put_rfc3339(uint64_t wall_ms, char to[RFC3339_SIZE]);
/* Upper-case letters of the scripts that have such, Latin, Greek and Cyrillic, become lower-case ones, in place: a room is found
 * whatever the case of what people type. */
void text_lower_case(struct text *text);

/* channelling_contacts.c */
enum {
	CONTACT_USER_MAX = 127, /* who has a longer name has no contacts */
	CONTACT_USER_SIZE = CONTACT_USER_MAX + 1,
	CONTACT_TOKEN_SIZE = 368,
};
struct contact {
	char a[CONTACT_USER_SIZE], b[CONTACT_USER_SIZE]; /* who was asked, and who asked */
};
/* Gives who else is named by a contact's token that the session shows; false: it does not hold, or is not its user's. */
bool contact_other(const struct session *session, const char *token, char user[CONTACT_USER_SIZE]);
bool chat_has_contact_request(struct slice chat);
/* Writes the chat with its request as the session's user may send it; false: not at all. */
bool contact_may_send(const struct session *session, struct slice chat, struct text *to);
/* The same, as the session may hear it of the user who sent it. */
bool contact_may_hear(const struct session *session, const char *sender, struct slice chat,
                      struct text *to);

/* channelling_seal.c: names and proofs that are made of others, so that nobody has to keep them. */
enum {
	SID_SIZE = 33,
	SUSERID_SIZE = 45,
	IMAGE_ID_SIZE = 21,
	COMBO_MAX = CLAIM_NAME_MAX,
	COMBO_PROOF_MAX = 100,
	NONCE_SIZE = 720,
	NONCE_LIVES_MS = 60 * 1000,
};
/* The session's secret name, that its client alone is told. */
void channelling_sid(const struct hub *hub, const char *id, char sid[SID_SIZE]);
bool channelling_sid_is(const struct hub *hub, const char *id, const char *sid);
/* A name of the user that others cannot make. */
void channelling_suserid(const struct hub *hub, const char *user, char suserid[SUSERID_SIZE]);
void channelling_image_id(const struct hub *hub, const char *id, char image[IMAGE_ID_SIZE]);

/* What a user's proof is carried in, from the REST call that checked it to the session that shows it. */
struct channelling_proof {
	char combo[COMBO_MAX + 1]; /* "<expiry>:<user>" */
	char mac[COMBO_PROOF_MAX + 1];
};
/* ERR_FULL: it does not fit. */
MUST_CHECK enum err channelling_make_nonce(const struct hub *hub, const char *id, uint64_t wall_ms,
                                           const struct channelling_proof *proof,
                                           char nonce[NONCE_SIZE]);
/* ERR_DENIED: it was not made here, for this session, and within a minute. */
MUST_CHECK enum err channelling_open_nonce(const struct hub *hub, const char *id, uint64_t wall_ms,
                                           const char *nonce, struct channelling_proof *proof);
/* An id that no session has, always the same for a user. */
void channelling_nobody(const struct hub *hub, const char *user, char id[SESSION_ID_SIZE]);
/* RFC 4648 section 5, without padding: it stands in URLs as it is. Of what is none: ERR_INVALID, ERR_FULL. */
void channelling_put_bytes(const uint8_t *bytes, size_t len, char *text);
MUST_CHECK enum err channelling_get_bytes(const char *text, uint8_t *bytes, size_t size,
                                          size_t *len);
/* The user of "<expiry>:<user>"; "" where it is none. */
const char *combo_user(const char *combo);
