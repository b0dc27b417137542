/* PeerJS's messages, in and out. */
#include <stdio.h>
#include <string.h>

#include "signaling/ice_servers.h"
#include "signaling/json_text.h"
#include "signaling/peerjs.h"

enum { DESTINATION_MAX = 255 };

/* Types by which clients talk to each other. */
static const struct type {
	const char *name;
	enum message_kind kind;
} types[] = {
	{"OFFER", MESSAGE_OFFER},
	{"ANSWER", MESSAGE_ANSWER},
	{"CANDIDATE", MESSAGE_CANDIDATE},
	{"LEAVE", MESSAGE_BYE},
};

/* In. */

static const struct type *find_type(struct slice raw)
{
	char name[16];

	if (json_get_string(raw, name, sizeof name) != OK)
		return NULL;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

static struct slice member_of_kind(struct slice object, const char *name, enum json_kind kind)
{
	struct slice value = json_member(object, name);

	return json_kind(value) == kind ? value : (struct slice){0};
}

/* What other dialects need of a payload; it goes to clients of this one as it is. */
static void find_parts(struct message *message)
{
	struct slice sdp = json_member(message->payload, "sdp"),
		     candidate = json_member(message->payload, "candidate");

	message->sdp_type = member_of_kind(sdp, "type", JSON_KIND_STRING);
	message->sdp = member_of_kind(sdp, "sdp", JSON_KIND_STRING);
	message->candidate = member_of_kind(candidate, "candidate", JSON_KIND_STRING);
	message->sdp_mid = member_of_kind(candidate, "sdpMid", JSON_KIND_STRING);
	message->sdp_mline_index = member_of_kind(candidate, "sdpMLineIndex", JSON_KIND_NUMBER);
	message->username_fragment =
		member_of_kind(candidate, "usernameFragment", JSON_KIND_STRING);
}

static bool is_session_id(const char *text)
{
	return strlen(text) == SESSION_ID_SIZE - 1 &&
	       strspn(text, "0123456789ABCDEF") == SESSION_ID_SIZE - 1;
}

/* Whoever is called by a session's id is no client of PeerJS's: its answer will lack the connectionId. */
static void keep_link(struct session *session, const char *to, const struct message *message)
{
	struct slice connection =
		member_of_kind(message->payload, "connectionId", JSON_KIND_STRING);
	bool is_data = slice_is(json_member(message->payload, "type"), "\"data\"");

	if (message->kind == MESSAGE_OFFER && is_session_id(to) && !slice_is_empty(connection))
		peerjs_link_keep(session_own(session), to, connection, is_data);
}

static void send_on(struct session *session, const struct type *type, struct slice text)
{
	static const struct reference sent;
	struct message message = {.kind = type->kind,
	                          .origin = &dialect_peerjs,
	                          .payload = json_member(text, "payload")};
	char to[DESTINATION_MAX + 1];

	if (json_get_text(json_member(text, "dst"), to, sizeof to) != OK)
		return;
	if (to[0] == '\0') {
		/* It gives its id up. */
		if (type->kind == MESSAGE_BYE)
			session_leave(session, NULL);
		return;
	}
	find_parts(&message);
	keep_link(session, to, &message);
	if (type->kind != MESSAGE_BYE)
		message.waits_s = PEERJS_WAIT_S;
	session_send(session, to, &message, false, &sent);
}

/* The protocol ignores what it does not know. A HEARTBEAT has no answer; that an offer has expired (EXPIRE) is for the server to
 * say, and from a client it is ignored too. */
void peerjs_decode(struct session *session, struct slice text)
{
	const struct type *type;

	if (json_check(text) != OK || json_kind(text) != JSON_KIND_OBJECT)
		return;
	type = find_type(json_member(text, "type"));
	if (type != NULL)
		send_on(session, type, text);
}

/* Out. */

struct telling {
	struct peerjs *own;
	const struct event *event;
	struct text *text;
};

static const char *name_of(const struct participant *participant)
{
	return participant->alias[0] == '\0' ? participant->id : participant->alias;
}

static void put_sdp(struct telling *telling)
{
	const struct message *message = telling->event->message;
	const char *type = message->kind == MESSAGE_OFFER ? "\"offer\"" : "\"answer\"";

	json_name(telling->text, "sdp");
	json_open(telling->text, '{');
	json_member_raw(telling->text, "type",
	                slice_is_empty(message->sdp_type) ? slice_of(type) : message->sdp_type);
	json_member_raw(telling->text, "sdp", message->sdp);
	json_close(telling->text, '}');
}

static void put_candidate(struct telling *telling)
{
	const struct message *message = telling->event->message;

	json_name(telling->text, "candidate");
	json_open(telling->text, '{');
	json_member_raw(telling->text, "candidate", message->candidate);
	json_member_raw(telling->text, "sdpMid", message->sdp_mid);
	json_member_raw(telling->text, "sdpMLineIndex", message->sdp_mline_index);
	if (!slice_is_empty(message->username_fragment))
		json_member_raw(telling->text, "usernameFragment", message->username_fragment);
	json_close(telling->text, '}');
}

/* The call that this client has begun with the other; else the one that the other has, named by its id. */
static void put_connection(struct telling *telling)
{
	const char *id = telling->event->from->id;
	const struct peerjs_link *link = peerjs_link_find(telling->own, id);
	char name[SESSION_ID_SIZE + 3];

	json_member_string(telling->text, "type",
	                   link != NULL && link->is_data ? SLICE("data") : SLICE("media"));
	if (link != NULL) {
		json_member_raw(telling->text, "connectionId", slice_of(link->connection));
		return;
	}
	snprintf(name, sizeof name, "mc_%s", id);
	json_member_string(telling->text, "connectionId", slice_of(name));
}

/* Of another dialect's message. */
static void put_payload(struct telling *telling)
{
	if (telling->event->message->kind == MESSAGE_OFFER)
		peerjs_link_forget(telling->own, telling->event->from->id);
	json_name(telling->text, "payload");
	json_open(telling->text, '{');
	if (telling->event->message->kind == MESSAGE_CANDIDATE)
		put_candidate(telling);
	else
		put_sdp(telling);
	put_connection(telling);
	json_close(telling->text, '}');
}

static void put_envelope(struct text *text, const char *type, const char *src, const char *dst)
{
	json_open(text, '{');
	json_member_string(text, "type", slice_of(type));
	json_member_string(text, "src", slice_of(src));
	json_member_string(text, "dst", slice_of(dst));
}

static const char *type_name(enum message_kind kind)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (types[i].kind == kind)
			return types[i].name;
	return NULL;
}

/* What another dialect's client left out of a message cannot be written anew; this one's are none of the server's business. */
static bool is_whole(const struct message *message)
{
	if (message->origin == &dialect_peerjs || message->kind == MESSAGE_BYE)
		return true;
	return !slice_is_empty(message->kind == MESSAGE_CANDIDATE ? message->candidate
	                                                          : message->sdp);
}

/* Chats, conferences and what is for a whole room have no place in this protocol. */
static void tell_message(struct telling *telling, struct encoder *encoder)
{
	const struct message *message = telling->event->message;
	const char *type = type_name(message->kind);

	if (type == NULL || !telling->event->is_unicast || !is_whole(message))
		return;
	put_envelope(telling->text, type, name_of(telling->event->from), telling->own->id);
	if (message->origin != &dialect_peerjs && message->kind != MESSAGE_BYE)
		put_payload(telling);
	else if (message->origin == &dialect_peerjs && !slice_is_empty(message->payload))
		json_member_raw(telling->text, "payload", message->payload);
	json_close(telling->text, '}');
	encoder_end_message(encoder);
}

static void tell_expire(struct telling *telling, struct encoder *encoder)
{
	const struct event *event = telling->event;

	if (event->message != NULL && event->message->kind == MESSAGE_BYE)
		return;
	put_envelope(telling->text, "EXPIRE", event->name, telling->own->id);
	json_close(telling->text, '}');
	encoder_end_message(encoder);
}

static void tell_open(struct telling *telling, struct encoder *encoder)
{
	json_open(telling->text, '{');
	json_member_string(telling->text, "type", SLICE("OPEN"));
	json_close(telling->text, '}');
	encoder_end_message(encoder);
}

/* PeerJS's client takes its ICE servers from the page. It passes over a message of a type that it does not know, whose payload names no
 * connection; a page hears it by peer.socket, and has the client use what came with the next call. */
static void tell_credentials(struct telling *telling, struct encoder *encoder)
{
	const struct turn_credentials *turn = telling->event->credentials;

	if (turn == NULL)
		return;
	json_open(telling->text, '{');
	json_member_string(telling->text, "type", SLICE("ICE-SERVERS"));
	json_name(telling->text, "payload");
	json_open(telling->text, '{');
	ice_servers_put(telling->text, turn);
	ice_servers_put_zones(telling->text, turn);
	json_close(telling->text, '}');
	json_close(telling->text, '}');
	encoder_end_message(encoder);
}

/* Nobody is told who comes and goes: clients learn each other's ids elsewhere. */
void peerjs_encode(struct session *session, const struct event *event, struct encoder *encoder)
{
	struct telling telling = {session == NULL ? NULL : session_own(session), event,
	                          &encoder->text};
	bool is_opening = event->reference != NULL && event->reference->number == PEERJS_OPENING;

	if (event->kind == EVENT_MESSAGE)
		tell_message(&telling, encoder);
	else if (event->kind == EVENT_UNREACHABLE)
		tell_expire(&telling, encoder);
	else if (event->kind == EVENT_CREDENTIALS)
		tell_credentials(&telling, encoder);
	else if (event->kind == EVENT_WELCOME && is_opening)
		tell_open(&telling, encoder);
	else if (event->kind == EVENT_IDENTIFIED && is_opening)
		peerjs_join(session);
	else if (event->kind == EVENT_REFUSED && is_opening)
		peerjs_tell_refused(encoder, event->error);
	else if (event->kind == EVENT_REFUSED && event->reference == NULL)
		encoder->close_code =
			1013; /* its room went with another node: try again (RFC 6455 section 11.7) */
	else if (event->kind == EVENT_ROOM_CLOSED)
		encoder->close_code = 1000;
}
