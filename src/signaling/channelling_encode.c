/* The channelling dialect's messages, as clients get them. A unicast has From, To and A; a broadcast From and A; an answer From, which is the
 * caller, and the Iid. What is asked of the core in here follows from an event that no client sent: the conference of a room that the
 * server keeps, and Self anew for who has proved who it is. */
#include <stdio.h>
#include <string.h>

#include "signaling/channelling.h"
#include "signaling/channelling_rules.h"

struct output {
	struct session *session; /* NULL: for all of a room */
	const struct event *event;
	struct encoder *encoder;
	struct text *text;
};

static void write_opened(struct output *output);
static void write_identified(struct output *output);
static void write_welcome(struct output *output);
static void write_done(struct output *output);
static void write_participants(struct output *output);
static void write_found(struct output *output);
static void write_credentials(struct output *output);
static void write_refused(struct output *output);
static void write_joined(struct output *output);
static void write_left(struct output *output);
static void write_message(struct output *output);
static void write_attribute(struct output *output);
static void write_room(struct output *output);
static void write_end(struct output *output);
static void write_room_closed(struct output *output);

/* The protocol has no word for what is not here. */
static void (*const writers[EVENT_KINDS])(struct output *output) = {
	[EVENT_OPENED] = write_opened,
	[EVENT_RESUMED] = write_opened,
	[EVENT_IDENTIFIED] = write_identified,
	[EVENT_WELCOME] = write_welcome,
	[EVENT_DONE] = write_done,
	[EVENT_PARTICIPANTS] = write_participants,
	[EVENT_FOUND] = write_found,
	[EVENT_CREDENTIALS] = write_credentials,
	[EVENT_REFUSED] = write_refused,
	[EVENT_JOINED] = write_joined,
	[EVENT_LEFT] = write_left,
	[EVENT_MESSAGE] = write_message,
	[EVENT_ATTRIBUTE] = write_attribute,
	[EVENT_ROOM] = write_room,
	[EVENT_KICKED] = write_end,
	[EVENT_EXPIRED] = write_end,
	[EVENT_ROOM_CLOSED] = write_room_closed,
};

void channelling_encode(struct session *session, const struct event *event, struct encoder *encoder)
{
	struct output output = {session, event, encoder, &encoder->text};

	if (writers[event->kind] != NULL)
		writers[event->kind](&output);
}

/* Envelopes. */

static void open_message(struct output *output)
{
	envelope_open(output->text);
}

static void close_message(struct output *output, const struct envelope *envelope)
{
	envelope_close(output->text, envelope);
	encoder_end_message(output->encoder);
}

static struct slice iid_of(const struct reference *reference)
{
	const char *text = reference == NULL ? "" : reference->text;
	const char *space = strchr(text, ' ');

	if (reference != NULL && reference->number == REQUEST_SESSIONS)
		return slice_of(space == NULL ? "" : space + 1);
	return slice_of(text);
}

static void close_answer(struct output *output)
{
	const struct envelope envelope = {
		.from = output->session == NULL ? "" : session_id(output->session),
		.iid = iid_of(output->event->reference)};

	close_message(output, &envelope);
}

/* Of what an operator did there is no sender. */
static void close_told(struct output *output)
{
	const struct event *event = output->event;
	struct envelope envelope = {.to = event->is_unicast ? event->to : ""};

	if (event->from != NULL) {
		envelope.from = event->from->id;
		envelope.attestation = event->from->attestation;
	}
	close_message(output, &envelope);
}

static void put_type(struct output *output, const char *type)
{
	json_member_string(output->text, "Type", slice_of(type));
}

static bool is_asked(const struct output *output, enum channelling_request request)
{
	const struct reference *reference = output->event->reference;

	return reference != NULL && reference->number == request;
}

/* To the session itself. */

static void put_names(struct output *output)
{
	const struct hub *hub = session_hub(output->session);
	const struct event *event = output->event;
	char sid[SID_SIZE], suserid[SUSERID_SIZE] = "";

	channelling_sid(hub, session_id(output->session), sid);
	if (event->from->user[0] != '\0')
		channelling_suserid(hub, event->from->user, suserid);
	json_member_string(output->text, "Id", slice_of(session_id(output->session)));
	json_member_string(output->text, "Sid", slice_of(sid));
	json_member_string(output->text, "Userid", slice_of(event->from->user));
	json_member_string(output->text, "Suserid", slice_of(suserid));
	json_member_string(output->text, "Token", slice_of(event->resume_token));
}

static void put_stun(struct text *text, const struct turn_credentials *credentials)
{
	json_name(text, "Stun");
	json_open(text, '[');
	for (size_t i = 0; credentials != NULL && i < credentials->stun_uri_count; i++)
		json_put_string(text, slice_of(credentials->stun_uris[i]));
	json_close(text, ']');
}

static void write_opened(struct output *output)
{
	open_message(output);
	put_type(output, "Self");
	put_names(output);
	json_member_string(output->text, "Version", SLICE(PACKAGE_VERSION));
	json_member_raw(output->text, "ApiVersion", SLICE(CHANNELLING_API_VERSION));
	put_turn(output->text, output->event->credentials);
	put_stun(output->text, output->event->credentials);
	close_answer(output);
}

/* The room hears of its user's name as of any other change of what it says of itself. The value is copied, since the session's
 * own is replaced by it. */
static void tell_room(struct output *output)
{
	struct slice status = json_member(output->event->from->attributes, "status");
	struct text copy;

	text_init(&copy, 0);
	text_put(&copy, slice_is_empty(status) ? SLICE("{}") : status);
	if (!copy.has_failed)
		session_set_attribute(output->session, "status", text_slice(&copy), NULL);
	text_deinit(&copy);
}

/* A whole Self answers, with credentials that are the user's. */
static void write_identified(struct output *output)
{
	session_ask_self(output->session, output->event->reference);
	if (session_room(output->session) != NULL)
		tell_room(output);
}

static void put_room(struct output *output, const char *type, struct slice pin)
{
	const struct channelling_rules *rules = session_settings(output->session)->channelling;
	const char *name = rules_shown_name(rules, output->event->room->name);

	json_member_string(output->text, "Type", slice_of(type));
	json_member_string(output->text, "Name", slice_of(name));
	json_name(output->text, "Credentials");
	if (slice_is_empty(pin)) {
		json_put_raw(output->text, SLICE("null"));
		return;
	}
	json_open(output->text, '{');
	json_member_raw(output->text, "PIN", pin);
	json_close(output->text, '}');
}

/* Conferences that the server keeps: whenever someone has come, all are told who is in the room, by way of a message that is
 * theirs and has no sender. */

static bool is_kept(const struct event *event)
{
	return strcmp(event->room->type, CHANNELLING_CONFERENCE_TYPE) == 0 &&
	       event->participant_count > 1;
}

static void put_conference_id(struct text *text, const char *name, const struct room_info *room)
{
	char id[ROOM_TYPE_MAX + 1 + ROOM_NAME_MAX + 1];

	snprintf(id, sizeof id, "%s:%s", room->type, room->name);
	json_member_string(text, name, slice_of(id));
}

static void put_conference(struct text *text, const struct event *event)
{
	json_open(text, '{');
	put_conference_id(text, "Id", event->room);
	json_member_string(text, "Type", SLICE("Conference"));
	json_name(text, "Conference");
	json_open(text, '[');
	for (size_t i = 0; i < event->participant_count; i++)
		json_put_string(text, slice_of(event->participants[i].id));
	json_close(text, ']');
	json_close(text, '}');
}

static void write_kept_conference(struct output *output, struct slice payload)
{
	json_open(output->text, '{');
	json_member_raw(output->text, "Data", payload);
	put_conference_id(output->text, "To", output->event->room);
	json_close(output->text, '}');
	encoder_end_message(output->encoder);
}

static void tell_conference(struct output *output)
{
	const struct event *event = output->event;
	struct text payload;

	if (!is_kept(event))
		return;
	text_init(&payload, 0);
	put_conference(&payload, event);
	if (!payload.has_failed) {
		const struct message message = {.kind = MESSAGE_CONFERENCE,
		                                .origin = &dialect_channelling,
		                                .payload = text_slice(&payload)};
		write_kept_conference(output, message.payload);
		session_broadcast(output->session, &message, NULL);
	}
	text_deinit(&payload);
}

static void write_welcome(struct output *output)
{
	const struct event *event = output->event;

	open_message(output);
	put_type(output, "Welcome");
	json_name(output->text, "Room");
	json_open(output->text, '{');
	put_room(output, channelling_room_type(event->room), (struct slice){0});
	json_close(output->text, '}');
	put_sessions(output->text, "Users", event->participants, event->participant_count);
	close_answer(output);
	tell_conference(output);
}

static void write_people(struct output *output)
{
	open_message(output);
	put_type(output, "Users");
	put_sessions(output->text, "Users", output->event->participants,
	             output->event->participant_count);
	close_answer(output);
}

static void write_participants(struct output *output)
{
	if (is_asked(output, REQUEST_CONFERENCE))
		tell_conference(output);
	else
		write_people(output);
}

/* Of what is answered when it is done there is the change of the room alone. */
static void write_done(struct output *output)
{
	static const struct reference conference = {.number = REQUEST_CONFERENCE};

	if (!is_asked(output, REQUEST_ROOM) || output->event->room == NULL)
		return;
	open_message(output);
	put_room(output, "Room", output->event->value);
	close_answer(output);
	if (strcmp(output->event->room->type, CHANNELLING_CONFERENCE_TYPE) == 0)
		session_ask_participants(output->session, &conference);
}

static void write_error(struct output *output, const char *code, const char *reason)
{
	open_message(output);
	put_type(output, "Error");
	json_member_string(output->text, "Code", slice_of(code));
	json_member_string(output->text, "Message", slice_of(reason));
	close_answer(output);
}

static void write_refusal(struct output *output, enum signaling_error error)
{
	const struct signaling_error_words *words = signaling_error_words(error);
	const char *reason = output->event->reason;

	write_error(output, words->channelling, reason[0] == '\0' ? words->text : reason);
}

/* Of what is not answered a refusal is not told either. Of a token that opens nothing comes a new session's Self. */
static void write_refused(struct output *output)
{
	const struct reference *reference = output->event->reference;

	if (reference != NULL && reference->number != REQUEST_NONE &&
	    reference->number != REQUEST_RESUME && reference->number != REQUEST_CONFERENCE)
		write_refusal(output, output->event->error);
}

static void write_end(struct output *output)
{
	write_refusal(output,
	              output->event->kind == EVENT_KICKED ? SIGNALING_KICKED : SIGNALING_EXPIRED);
}

static void write_room_closed(struct output *output)
{
	write_error(output, signaling_error_words(SIGNALING_NOT_IN_ROOM)->channelling,
	            "The room was closed.");
}

static struct slice token_of(const struct reference *reference)
{
	const char *space = reference == NULL ? NULL : strchr(reference->text, ' ');

	return (struct slice){space == NULL ? "" : reference->text,
	                      space == NULL ? 0 : (size_t)(space - reference->text)};
}

/* A contact who is not here has a session that nobody reaches: its user is known, whether it is there or not. */
static void put_nobody(struct output *output)
{
	char user[CONTACT_USER_SIZE] = "", id[SESSION_ID_SIZE];
	const struct participant nobody = {.id = id, .user = user, .dialect = &dialect_channelling};

	(void)contact_other(output->session, output->event->name, user);
	channelling_nobody(session_hub(output->session), user, id);
	put_sessions(output->text, "Users", &nobody, 1);
}

static void write_sessions(struct output *output, const char *type, struct slice token)
{
	const struct event *event = output->event;

	open_message(output);
	put_type(output, "Sessions");
	json_name(output->text, "Sessions");
	json_open(output->text, '{');
	put_type(output, type);
	json_member_string(output->text, "Token", token);
	json_close(output->text, '}');
	if (event->participant_count > 0)
		put_sessions(output->text, "Users", event->participants, event->participant_count);
	else
		put_nobody(output);
	close_answer(output);
}

static void write_found(struct output *output)
{
	if (is_asked(output, REQUEST_CONTACT))
		write_sessions(output, "contact", slice_of(output->event->name));
	else if (output->event->participant_count == 0)
		write_refusal(output, SIGNALING_NO_SESSION);
	else
		write_sessions(output, "session", token_of(output->event->reference));
}

static void write_credentials(struct output *output)
{
	if (output->event->credentials == NULL)
		return;
	open_message(output);
	put_type(output, "TurnUpdate");
	put_turn(output->text, output->event->credentials);
	close_answer(output);
}

/* What others do. */

static void write_session(struct output *output, const char *type)
{
	open_message(output);
	put_session(output->text, type, output->event->from);
	close_told(output);
}

static void write_joined(struct output *output)
{
	write_session(output, "Joined");
}

/* Softly: to another room, or by its own wish. */
static void write_left(struct output *output)
{
	const struct event *event = output->event;

	open_message(output);
	put_type(output, "Left");
	json_member_string(output->text, "Id", slice_of(event->from->id));
	json_member_string(output->text, "Status", event->is_soft ? SLICE("soft") : SLICE("hard"));
	close_told(output);
}

/* Our own clients say all of themselves in Status; of others the name alone is what people of this protocol see. */
static void write_attribute(struct output *output)
{
	const struct event *event = output->event;
	bool is_own = event->from->dialect == &dialect_channelling;

	if (strcmp(event->name, "status") == 0 ||
	    (!is_own && strcmp(event->name, "displayName") == 0))
		write_session(output, "Status");
}

static void write_room(struct output *output)
{
	open_message(output);
	put_room(output, "Room", output->event->value);
	close_told(output);
}

/* Messages. */

/* Some protocols say by the message alone which of the two it is. */
static void put_session_description(struct output *output)
{
	const struct message *message = output->event->message;

	json_open(output->text, '{');
	if (json_kind(message->sdp_type) == JSON_KIND_STRING)
		json_member_raw(output->text, "type", message->sdp_type);
	else
		json_member_string(output->text, "type",
		                   message->kind == MESSAGE_OFFER ? SLICE("offer")
		                                                  : SLICE("answer"));
	json_member_raw(output->text, "sdp", message->sdp);
	json_close(output->text, '}');
}

static void put_if_any(struct text *text, const char *name, struct slice value)
{
	if (!slice_is_empty(value))
		json_member_raw(text, name, value);
}

static void put_candidate(struct output *output)
{
	const struct message *message = output->event->message;

	json_open(output->text, '{');
	json_member_string(output->text, "type", SLICE("candidate"));
	json_member_raw(output->text, "candidate", message->candidate);
	put_if_any(output->text, "sdpMid", message->sdp_mid);
	put_if_any(output->text, "sdpMLineIndex", message->sdp_mline_index);
	put_if_any(output->text, "usernameFragment", message->username_fragment);
	json_close(output->text, '}');
}

static void put_bye(struct output *output)
{
	json_open(output->text, '{');
	if (json_kind(output->event->message->reason) == JSON_KIND_STRING)
		json_member_raw(output->text, "Reason", output->event->message->reason);
	json_close(output->text, '}');
}

/* What is no text is told as the text that it is written as. */
static void put_chat(struct output *output)
{
	struct slice said = output->event->message->text;
	char now[RFC3339_SIZE];

	put_rfc3339(output->event->wall_ms, now);
	json_open(output->text, '{');
	if (json_kind(said) == JSON_KIND_STRING)
		json_member_raw(output->text, "Message", said);
	else
		json_member_string(output->text, "Message", said);
	json_member_string(output->text, "Time", slice_of(now));
	json_close(output->text, '}');
}

/* What a message is called here, and how it is written when it comes from a client of another protocol. */
static const struct {
	const char *type;
	void (*put)(struct output *output);
} messages[MESSAGE_KINDS] = {
	[MESSAGE_OFFER] = {"Offer", put_session_description},
	[MESSAGE_ANSWER] = {"Answer", put_session_description},
	[MESSAGE_CANDIDATE] = {"Candidate", put_candidate},
	[MESSAGE_BYE] = {"Bye", put_bye},
	[MESSAGE_CHAT] = {"Chat", put_chat},
	[MESSAGE_TEXT] = {"Chat", put_chat},
};

/* Whether there is what its document is made of. */
static bool has_parts(const struct message *message)
{
	switch (message->kind) {
	case MESSAGE_OFFER:
	case MESSAGE_ANSWER:
		return json_kind(message->sdp) == JSON_KIND_STRING;
	case MESSAGE_CANDIDATE:
		return json_kind(message->candidate) == JSON_KIND_STRING;
	case MESSAGE_CHAT:
	case MESSAGE_TEXT:
		return !slice_is_empty(message->text);
	default:
		return true;
	}
}

static void write_document(struct output *output, const char *type)
{
	const struct event *event = output->event;

	open_message(output);
	json_member_string(output->text, "To", slice_of(event->is_unicast ? event->to : ""));
	put_type(output, type);
	if (event->message->origin == &dialect_channelling) {
		json_member_raw(output->text, type, event->message->payload);
	} else {
		json_name(output->text, type);
		messages[event->message->kind].put(output);
	}
	close_told(output);
}

/* One that is told by a client names its sender; one that the server keeps names nobody. */
static void write_conference(struct output *output)
{
	const struct event *event = output->event;
	const struct envelope envelope = {
		.from = event->from->id, .to = event->to, .attestation = event->from->attestation};

	if (event->message->origin != &dialect_channelling)
		return;
	if (!event->is_unicast) {
		write_kept_conference(output, event->message->payload);
		return;
	}
	json_open(output->text, '{');
	json_member_raw(output->text, "Data", event->message->payload);
	envelope_finish(output->text, &envelope);
	encoder_end_message(output->encoder);
}

static bool is_contact_request(const struct output *output)
{
	const struct message *message = output->event->message;

	return message->kind == MESSAGE_CHAT && message->origin == &dialect_channelling &&
	       output->session != NULL && chat_has_contact_request(message->payload);
}

/* What it says of the two is for the one who hears it to check. */
static void write_contact_request(struct output *output)
{
	const struct event *event = output->event;
	struct message message = *event->message;
	struct event checked = *event;
	struct output other = *output;
	struct text chat;

	text_init(&chat, 0);
	if (contact_may_hear(output->session, event->from->user, message.payload, &chat)) {
		message.payload = text_slice(&chat);
		checked.message = &message;
		other.event = &checked;
		write_document(&other, "Chat");
	}
	text_deinit(&chat);
}

static void write_message(struct output *output)
{
	const struct message *message = output->event->message;
	bool is_own = message->origin == &dialect_channelling;

	if (message->kind == MESSAGE_CONFERENCE)
		write_conference(output);
	else if (is_contact_request(output))
		write_contact_request(output);
	else if (messages[message->kind].type != NULL && (is_own || has_parts(message)))
		write_document(output, messages[message->kind].type);
}
