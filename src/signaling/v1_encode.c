/* The v1/webrtc dialect: what clients are told. */
#include "signaling/v1.h"

#include <string.h>

#include "signaling/ice_servers.h"
#include "signaling/json_text.h"

/* The documents say peer-joined and peer-left, the source says participant-joined and participant-left. */
enum names { NAMES_DOCUMENTED = 1, NAMES_SOURCE = 2 };

struct writer {
	struct session *session;
	const struct event *event;
	struct encoder *encoder;
	struct text *text; /* encoder's */
	unsigned names;
};

static void write_welcome(struct writer *writer);
static void write_joined(struct writer *writer);
static void write_left(struct writer *writer);
static void write_credentials(struct writer *writer);
static void write_message(struct writer *writer);
static void write_state(struct writer *writer);
static void write_kicked(struct writer *writer);
static void write_expired(struct writer *writer);
static void write_closed(struct writer *writer);
static void write_draining(struct writer *writer);
static void write_refused(struct writer *writer);
static void write_goodbye(struct writer *writer);

/* Of what is not here the protocol says nothing. */
static void (*const writers[EVENT_KINDS])(struct writer *writer) = {
	[EVENT_WELCOME] = write_welcome,         [EVENT_LEAVING_DONE] = write_goodbye,
	[EVENT_CREDENTIALS] = write_credentials, [EVENT_REFUSED] = write_refused,
	[EVENT_JOINED] = write_joined,           [EVENT_LEFT] = write_left,
	[EVENT_MESSAGE] = write_message,         [EVENT_ATTRIBUTE] = write_state,
	[EVENT_FORCED_ATTRIBUTE] = write_state,  [EVENT_KICKED] = write_kicked,
	[EVENT_ROOM_CLOSED] = write_closed,      [EVENT_EXPIRED] = write_expired,
	[EVENT_DRAINING] = write_draining,       [EVENT_UNREACHABLE] = write_refused,
};

static void encode(struct session *session, const struct event *event, struct encoder *encoder,
                   unsigned names)
{
	struct writer writer = {session, event, encoder, &encoder->text, names};

	if (writers[event->kind] != NULL)
		writers[event->kind](&writer);
}

void v1_encode(struct session *session, const struct event *event, struct encoder *encoder)
{
	encode(session, event, encoder, NAMES_DOCUMENTED | NAMES_SOURCE);
}

void v1_encode_documented(struct session *session, const struct event *event,
                          struct encoder *encoder)
{
	encode(session, event, encoder, NAMES_DOCUMENTED);
}

void v1_encode_source(struct session *session, const struct event *event, struct encoder *encoder)
{
	encode(session, event, encoder, NAMES_SOURCE);
}

static void begin(struct writer *writer, const char *type)
{
	json_open(writer->text, '{');
	json_member_string(writer->text, "type", slice_of(type));
	json_name(writer->text, "data");
	json_open(writer->text, '{');
}

static void end(struct writer *writer)
{
	json_close(writer->text, '}');
	json_close(writer->text, '}');
	encoder_end_message(writer->encoder);
}

static void close_after(struct writer *writer, unsigned code, const char *reason)
{
	writer->encoder->close_code = code;
	writer->encoder->close_reason = reason;
}

/* Participants. */

static void put_names(struct text *text, const struct participant *participant)
{
	json_member_string(text, "peerId", slice_of(participant->id));
	json_member_string(text, "userId", slice_of(participant->user));
}

static void put_participant(struct text *text, const struct participant *participant)
{
	static const char *const names[] = {"deviceId", "displayName", "audio", "video"};

	json_open(text, '{');
	put_names(text, participant);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct slice value = json_member(participant->attributes, names[i]);
		if (value.len > 0)
			json_member_raw(text, names[i], value);
	}
	json_close(text, '}');
}

static void write_welcome(struct writer *writer)
{
	const struct event *event = writer->event;

	begin(writer, "welcome");
	json_member_string(writer->text, "peerId", slice_of(event->from->id));
	json_member_string(writer->text, "roomId", slice_of(event->room->name));
	json_name(writer->text, "participants");
	json_open(writer->text, '[');
	for (size_t i = 0; i < event->participant_count; i++)
		put_participant(writer->text, &event->participants[i]);
	json_close(writer->text, ']');
	end(writer);
}

static void write_joined_as(struct writer *writer, const char *type)
{
	begin(writer, type);
	json_name(writer->text, "participant");
	put_participant(writer->text, writer->event->from);
	put_names(writer->text, writer->event->from);
	end(writer);
}

static void write_joined(struct writer *writer)
{
	if (writer->names & NAMES_SOURCE)
		write_joined_as(writer, "participant-joined");
	if (writer->names & NAMES_DOCUMENTED)
		write_joined_as(writer, "peer-joined");
}

static void write_left_as(struct writer *writer, const char *type)
{
	begin(writer, type);
	put_names(writer->text, writer->event->from);
	end(writer);
}

static void write_left(struct writer *writer)
{
	if (writer->names & NAMES_SOURCE)
		write_left_as(writer, "participant-left");
	if (writer->names & NAMES_DOCUMENTED)
		write_left_as(writer, "peer-left");
}

/* Only what it sends is a part of this protocol. */
static void write_state(struct writer *writer)
{
	const struct event *event = writer->event;
	enum json_kind kind = json_kind(event->value);

	if (!slice_is(slice_of(event->name), "audio") && !slice_is(slice_of(event->name), "video"))
		return;
	if (kind != JSON_KIND_TRUE && kind != JSON_KIND_FALSE)
		return;
	begin(writer, "participant-state");
	put_names(writer->text, event->from);
	json_member_string(writer->text, "kind", slice_of(event->name));
	json_member_raw(writer->text, "enabled", event->value);
	if (event->kind == EVENT_FORCED_ATTRIBUTE)
		json_member_bool(writer->text, "forced", true);
	end(writer);
}

/* Credentials: documents and source have different names for the same, and clients of both are there. */

static void put_uris(struct text *text, const char *name, const struct turn_credentials *turn)
{
	json_name(text, name);
	json_open(text, '[');
	for (size_t i = 0; i < turn->zone_count; i++)
		for (size_t j = 0; j < turn->zones[i].uri_count; j++)
			json_put_string(text, slice_of(turn->zones[i].uris[j]));
	json_close(text, ']');
}

static void write_credentials(struct writer *writer)
{
	const struct turn_credentials *turn = writer->event->credentials;
	struct v1 *own = session_own(writer->session);

	if (turn == NULL)
		return;
	begin(writer, own->has_credentials ? "refresh-credentials" : "turn-credentials");
	own->has_credentials = true;
	json_member_string(writer->text, "username", slice_of(turn->username));
	json_member_string(writer->text, "password", slice_of(turn->password));
	json_member_string(writer->text, "credential", slice_of(turn->password));
	json_member_integer(writer->text, "ttl", turn->ttl_s);
	put_uris(writer->text, "uris", turn);
	put_uris(writer->text, "urls", turn);
	/* Not in the protocol: clients that know of zones choose one of them. */
	ice_servers_put_zones(writer->text, turn);
	end(writer);
}

/* Messages. */

/* Members of a client's own frame go on as they are, but for those that say who sent it, and to whom. */
static void put_payload(struct text *text, struct slice payload)
{
	struct slice name, value;
	size_t position = 0;

	while (json_next_member(payload, &position, &name, &value)) {
		if (slice_is(name, "\"from\"") || slice_is(name, "\"to\"") ||
		    slice_is(name, "\"userId\"") || memchr(name.at, '\\', name.len) != NULL)
			continue;
		json_put_raw(text, name);
		text_put_char(text, ':');
		json_put_raw(text, value);
	}
}

static void put_part(struct text *text, const char *name, struct slice value)
{
	if (value.len > 0)
		json_member_raw(text, name, value);
}

/* What another dialect's client sent. */
static void put_parts(struct text *text, const struct message *message)
{
	put_part(text, "sdp", message->sdp);
	if (message->kind == MESSAGE_END_OF_CANDIDATES)
		json_member_string(text, "candidate", SLICE(""));
	else
		put_part(text, "candidate", message->candidate);
	put_part(text, "sdpMid", message->sdp_mid);
	put_part(text, "sdpMLineIndex", message->sdp_mline_index);
	put_part(text, "usernameFragment", message->username_fragment);
}

static bool is_of_v1(const struct message *message)
{
	return message->origin != NULL && message->origin->decode == v1_decode;
}

/* Other protocols let pass what this one has no use for. */
static bool has_parts(const struct message *message)
{
	switch (message->kind) {
	case MESSAGE_OFFER:
	case MESSAGE_ANSWER:
		return json_kind(message->sdp) == JSON_KIND_STRING;
	case MESSAGE_CANDIDATE:
		return json_kind(message->candidate) == JSON_KIND_STRING;
	default:
		return true;
	}
}

static void write_message(struct writer *writer)
{
	static const char *const types[MESSAGE_KINDS] = {
		[MESSAGE_OFFER] = "offer",
		[MESSAGE_ANSWER] = "answer",
		[MESSAGE_CANDIDATE] = "ice-candidate",
		[MESSAGE_END_OF_CANDIDATES] = "ice-candidate",
	};
	const struct message *message = writer->event->message;

	if (types[message->kind] == NULL || !has_parts(message))
		return;
	begin(writer, types[message->kind]);
	if (is_of_v1(message))
		put_payload(writer->text, message->payload);
	else
		put_parts(writer->text, message);
	json_member_string(writer->text, "from", slice_of(writer->event->from->id));
	json_member_string(writer->text, "userId", slice_of(writer->event->from->user));
	end(writer);
}

/* Ends. */

static void write_end(struct writer *writer, const char *code, const char *reason)
{
	begin(writer, "kicked");
	json_member_string(writer->text, "code", slice_of(code));
	json_member_string(writer->text, "reason", slice_of(reason));
	end(writer);
}

static const char *reason_or(const struct event *event, const char *otherwise)
{
	return event->reason != NULL && event->reason[0] != '\0' ? event->reason : otherwise;
}

static void write_kicked(struct writer *writer)
{
	write_end(writer, "removed", reason_or(writer->event, "removed by a moderator"));
}

static void write_closed(struct writer *writer)
{
	write_end(writer, "removed", reason_or(writer->event, "the room was closed"));
	close_after(writer, 1000, "the room was closed");
}

static void write_expired(struct writer *writer)
{
	write_end(writer, "admission_expired",
	          reason_or(writer->event, signaling_error_words(SIGNALING_EXPIRED)->text));
}

static void write_goodbye(struct writer *writer)
{
	close_after(writer, 1000, "left");
}

static void write_draining(struct writer *writer)
{
	begin(writer, "server-draining");
	json_member_string(writer->text, "reason",
	                   slice_of(reason_or(writer->event, "server shutting down")));
	json_member_integer(writer->text, "timeoutMs", (int64_t)writer->event->deadline_ms);
	end(writer);
}

/* Errors: most have one code (signaling_errors.def); these depend on what was asked. */

static const struct codes {
	const char *bad, *failed, *away;
} codes_of[V1_REQUESTS] = {
	[V1_JOIN] = {.bad = "invalid_join"},
	[V1_OFFER] = {"invalid_offer", "offer_failed", "sfu_unreachable"},
	[V1_ANSWER] = {"invalid_answer", "invalid_answer", "sfu_unreachable"},
	[V1_CANDIDATE] = {"invalid_candidate", "invalid_candidate", "sfu_unreachable"},
	[V1_STATE] = {.bad = "invalid_state"},
};

static const char *code_for(enum v1_request request, enum signaling_error error)
{
	const struct codes *codes = &codes_of[request];
	const char *code = NULL;

	switch (error) {
	case SIGNALING_BAD_REQUEST:
	case SIGNALING_MISSING_MEMBER:
	case SIGNALING_TOO_LARGE:
		code = codes->bad;
		break;
	case SIGNALING_NO_PEER:
		code = codes->failed;
		break;
	case SIGNALING_UNAVAILABLE:
	case SIGNALING_NOT_IN_ROOM: /* that it joined: its owner is gone */
		code = codes->away;
		break;
	default:
		break;
	}
	return code != NULL ? code : signaling_error_words(error)->v1;
}

/* Who is in no room has nothing to stay for. */
static bool ends_connection(enum v1_request request)
{
	return request == V1_FIRST || request == V1_JOIN;
}

static void write_refused(struct writer *writer)
{
	const struct event *event = writer->event;
	enum v1_request request = V1_NOTHING;

	if (event->reference != NULL && event->reference->number < V1_REQUESTS)
		request = event->reference->number;
	begin(writer, "error");
	json_member_string(writer->text, "code", slice_of(code_for(request, event->error)));
	json_member_string(writer->text, "message",
	                   slice_of(reason_or(event, signaling_error_words(event->error)->text)));
	end(writer);
	if (ends_connection(request))
		close_after(writer, 1008, "not in a room");
}
