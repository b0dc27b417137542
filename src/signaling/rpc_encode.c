/* What clients of the RPC dialect are told. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/hub.h"
#include "signaling/ice_servers.h"
#include "signaling/json_text.h"
#include "signaling/rpc.h"

/* Being written. */
struct telling {
	struct session *session; /* NULL: for all sessions of the dialect */
	const struct event *event;
	struct encoder *encoder;
	struct text *text;
};

typedef void writer(struct telling *telling);
static writer tell_identified, tell_welcome, tell_done, tell_refused, tell_joined, tell_left,
	tell_message, tell_attribute, tell_forced, tell_room_closed, tell_credentials;

static writer *const writers[EVENT_KINDS] = {
	[EVENT_IDENTIFIED] = tell_identified,
	[EVENT_WELCOME] = tell_welcome,
	[EVENT_CREDENTIALS] = tell_credentials,
	[EVENT_DONE] = tell_done,
	[EVENT_RESUMED] = tell_done,
	[EVENT_REFUSED] = tell_refused,
	[EVENT_UNREACHABLE] = tell_refused,
	[EVENT_JOINED] = tell_joined,
	[EVENT_LEFT] = tell_left,
	[EVENT_MESSAGE] = tell_message,
	[EVENT_ATTRIBUTE] = tell_attribute,
	[EVENT_FORCED_ATTRIBUTE] = tell_forced,
	[EVENT_ROOM_CLOSED] = tell_room_closed,
};

/* The core ends a connection by itself where someone is kicked, expires, or where the server stops: the protocol has no words for it. */
void rpc_encode(struct session *session, const struct event *event, struct encoder *encoder)
{
	struct telling telling = {session, event, encoder, &encoder->text};

	if (writers[event->kind] != NULL)
		writers[event->kind](&telling);
}

/* Envelopes. */

static void open_event(struct telling *telling, const char *name)
{
	json_open(telling->text, '{');
	json_member_string(telling->text, "a", slice_of(name));
	json_name(telling->text, "d");
	json_open(telling->text, '{');
}

static void close_event(struct telling *telling)
{
	json_close(telling->text, '}');
	json_close(telling->text, '}');
	encoder_end_message(telling->encoder);
}

static void open_answer(struct telling *telling, bool is_success)
{
	const struct reference *reference = telling->event->reference;
	char name[REFERENCE_TEXT_MAX + 2];

	snprintf(name, sizeof name, "%sR", reference->text);
	json_open(telling->text, '{');
	json_member_string(telling->text, "a", slice_of(name));
	json_member_bool(telling->text, "s", is_success);
}

static void close_answer(struct telling *telling)
{
	json_close(telling->text, '}');
	encoder_end_message(telling->encoder);
}

static void put_names(struct text *text, const char *id, const char *user)
{
	json_member_string(text, "socketId", slice_of(id));
	json_member_string(text, "userId", slice_of(user));
}

static void put_from(struct text *text, const char *id, const char *user)
{
	json_name(text, "from");
	json_open(text, '{');
	put_names(text, id, user);
	json_close(text, '}');
}

/* Answers. */

static bool is_silent(const struct telling *telling)
{
	const struct reference *reference = telling->event->reference;

	return reference == NULL || reference->number == RPC_TO_BE_SILENT;
}

static void tell_done(struct telling *telling)
{
	if (is_silent(telling))
		return;
	open_answer(telling, true);
	close_answer(telling);
}

/* What nobody asked for is that its room went with another node, and does not take it back: it has to come anew. */
static void tell_lost(struct telling *telling)
{
	telling->encoder->close_code = 1013; /* try again later: RFC 6455 section 11.7 */
	telling->encoder->close_reason = "the room was lost";
}

static void tell_refused(struct telling *telling)
{
	const struct reference *reference = telling->event->reference;

	if (reference == NULL)
		tell_lost(telling);
	if (is_silent(telling))
		return;
	if (reference->number != RPC_TO_ANSWER)
		((struct rpc *)session_own(telling->session))->state = RPC_OUTSIDE;
	open_answer(telling, false);
	json_member_integer(telling->text, "e", signaling_error_words(telling->event->error)->rpc);
	close_answer(telling);
}

static void tell_identified(struct telling *telling)
{
	const struct reference *reference = telling->event->reference;

	if (reference == NULL)
		return;
	if (reference->number == RPC_TO_JOIN)
		rpc_enter(telling->session, reference);
	else if (reference->number == RPC_TO_RECONNECT)
		rpc_reenter(telling->session, reference);
}

/* Which way up. Clients of other dialects do not say: theirs is upright. */

static void put_word(struct telling *telling, const struct participant *from, const char *name,
                     const char *otherwise)
{
	struct slice value = json_member(from->attributes, name);
	char word[RPC_WORD_MAX + 1];

	if (json_kind(value) == JSON_KIND_STRING && json_get_string(value, word, sizeof word) == OK)
		json_member_raw(telling->text, name, value);
	else
		json_member_string(telling->text, name,
		                   slice_of(from->dialect == &dialect_rpc ? "" : otherwise));
}

static void tell_orientation(struct telling *telling, const struct participant *from)
{
	int64_t degrees;

	if (json_get_integer(json_member(from->attributes, "orientation"), INT32_MIN, INT32_MAX,
	                     &degrees) != OK)
		degrees = from->dialect == &dialect_rpc ? 0 : 90;
	open_event(telling, "eventOrientationChange");
	put_from(telling->text, from->id, from->user);
	json_member_integer(telling->text, "orientation", degrees);
	put_word(telling, from, "platform", "Web");
	put_word(telling, from, "camera", "front");
	close_event(telling);
}

static void tell_media(struct telling *telling, enum rpc_media_occasion occasion, unsigned peers)
{
	json_open(telling->text, '{');
	json_member_string(telling->text, "a", SLICE("eventUserMediaConfiguration"));
	json_name(telling->text, "d");
	rpc_put_media(telling->text, occasion, peers);
	json_close(telling->text, '}');
	encoder_end_message(telling->encoder);
}

/* Coming. */

static bool is_self(const struct telling *telling, const struct participant *participant)
{
	return strcmp(participant->id, telling->event->from->id) == 0;
}

static void put_sessions(struct telling *telling)
{
	const struct event *event = telling->event;

	json_name(telling->text, "sessions");
	json_open(telling->text, '[');
	for (size_t i = 0; i < event->participant_count; i++) {
		if (is_self(telling, &event->participants[i]))
			continue;
		json_open(telling->text, '{');
		put_names(telling->text, event->participants[i].id, event->participants[i].user);
		json_close(telling->text, '}');
	}
	json_close(telling->text, ']');
}

/* How many there were before it came. */
static unsigned count_peers(const struct telling *telling)
{
	const struct room_info *room = telling->event->room;

	return room == NULL || room->count == 0 ? 0 : room->count - 1;
}

static void tell_join_answer(struct telling *telling)
{
	const struct participant *self = telling->event->from;
	bool is_legacy = session_settings(telling->session)->has_legacy_room_size;

	open_answer(telling, true);
	json_name(telling->text, "d");
	json_open(telling->text, '{');
	put_names(telling->text, self->id, self->user);
	json_member_integer(telling->text, "roomSize", count_peers(telling) + !is_legacy);
	json_name(telling->text, "userMediaConfiguration");
	rpc_put_media(telling->text, RPC_MEDIA_JOIN, count_peers(telling));
	put_sessions(telling);
	json_close(telling->text, '}');
	close_answer(telling);
}

/* The others' orientations come before the answer, as they do from the protocol's own server. A room that has more than the
 * encoder has room for is none that a client of this dialect may join. */
static void tell_welcome(struct telling *telling)
{
	const struct event *event = telling->event;
	struct rpc *own = session_own(telling->session);

	own->state = RPC_INSIDE;
	if (event->reference == NULL)
		return;
	for (size_t i = 0;
	     i < event->participant_count && telling->encoder->count < ENCODER_MESSAGES_MAX - 1;
	     i++)
		if (!is_self(telling, &event->participants[i]))
			tell_orientation(telling, &event->participants[i]);
	tell_join_answer(telling);
}

static void tell_joined(struct telling *telling)
{
	tell_media(telling, RPC_MEDIA_JOIN, count_peers(telling));
	tell_orientation(telling, telling->event->from);
}

/* The protocol's server had no TURN server to name. This event comes after joinR, and again before the credentials end; a client
 * passes over events that it does not know, as that server sends some that its documents do not name. */
static void tell_credentials(struct telling *telling)
{
	const struct turn_credentials *turn = telling->event->credentials;

	if (turn == NULL)
		return;
	open_event(telling, "eventIceServers");
	ice_servers_put(telling->text, turn);
	ice_servers_put_zones(telling->text, turn);
	close_event(telling);
}

/* Going. The protocol's own server counts nobody, and so never tells of a larger picture. */
static void tell_left(struct telling *telling)
{
	const struct event *event = telling->event;
	bool is_legacy = session_settings(telling->session)->has_legacy_room_size;
	unsigned count = is_legacy || event->room == NULL ? 0 : event->room->count;

	open_event(telling, "eventLeave");
	json_member_string(telling->text, "roomId",
	                   slice_of(event->room == NULL ? "" : event->room->name));
	json_member_integer(telling->text, "roomSize", count);
	put_names(telling->text, event->from->id, event->from->user);
	close_event(telling);
	if (count > 1)
		tell_media(telling, RPC_MEDIA_LEAVE, count);
}

static void tell_room_closed(struct telling *telling)
{
	telling->encoder->close_code = 1000; /* RFC 6455 section 7.4.1 */
	telling->encoder->close_reason = "the room was closed";
}

/* Messages. */

/* Goes as it came where it came from this dialect. */
static bool put_payload(struct telling *telling, const char *name)
{
	const struct message *message = telling->event->message;

	if (message->origin != &dialect_rpc || slice_is_empty(message->payload))
		return false;
	json_member_raw(telling->text, name, message->payload);
	return true;
}

static void put_sdp(struct telling *telling)
{
	const struct message *message = telling->event->message;
	const char *type = message->kind == MESSAGE_OFFER ? "\"offer\"" : "\"answer\"";

	if (put_payload(telling, "sdp"))
		return;
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

	if (put_payload(telling, "candidate"))
		return;
	json_name(telling->text, "candidate");
	json_open(telling->text, '{');
	json_member_raw(telling->text, "candidate", message->candidate);
	json_member_raw(telling->text, "sdpMid", message->sdp_mid);
	json_member_raw(telling->text, "sdpMLineIndex", message->sdp_mline_index);
	json_close(telling->text, '}');
}

static void put_message(struct telling *telling)
{
	if (!put_payload(telling, "message"))
		json_member_raw(telling->text, "message", telling->event->message->text);
}

/* What another dialect's client left out of a message cannot be written anew. */
static bool is_whole(const struct message *message)
{
	const struct slice *const part[MESSAGE_KINDS] = {
		[MESSAGE_OFFER] = &message->sdp,           [MESSAGE_ANSWER] = &message->sdp,
		[MESSAGE_CANDIDATE] = &message->candidate, [MESSAGE_CHAT] = &message->text,
		[MESSAGE_TEXT] = &message->text,
	};

	return part[message->kind] != NULL && !slice_is_empty(*part[message->kind]);
}

/* Its clients never hear of the end of candidates, of calls that end, or of conferences. */
static void tell_message(struct telling *telling)
{
	static const struct {
		const char *event;
		writer *put;
	} kinds[MESSAGE_KINDS] = {
		[MESSAGE_OFFER] = {"eventExchangeSdp", put_sdp},
		[MESSAGE_ANSWER] = {"eventExchangeSdp", put_sdp},
		[MESSAGE_CANDIDATE] = {"eventExchangeCandidate", put_candidate},
		[MESSAGE_CHAT] = {"eventMessage", put_message},
		[MESSAGE_TEXT] = {"eventMessage", put_message},
	};
	const struct event *event = telling->event;

	if (kinds[event->message->kind].put == NULL || !is_whole(event->message))
		return;
	open_event(telling, kinds[event->message->kind].event);
	put_from(telling->text, event->from->id, event->from->user);
	kinds[event->message->kind].put(telling);
	close_event(telling);
}

/* Attributes. */

static void tell_mode(struct telling *telling, const char *name, const char *id, const char *user)
{
	struct slice attributes = telling->event->from->attributes;

	open_event(telling, name);
	put_from(telling->text, id, user);
	json_member_bool(telling->text, "audio",
	                 json_kind(json_member(attributes, "audio")) != JSON_KIND_FALSE);
	json_member_bool(telling->text, "video",
	                 json_kind(json_member(attributes, "video")) != JSON_KIND_FALSE);
	close_event(telling);
}

static void tell_attribute(struct telling *telling)
{
	const struct event *event = telling->event;

	if (strcmp(event->name, "orientation") == 0)
		tell_orientation(telling, event->from);
	else if (strcmp(event->name, "audio") == 0 || strcmp(event->name, "video") == 0)
		tell_mode(telling, "eventSetRemoteAudioVideoMode", event->from->id,
		          event->from->user);
}

/* The one that a moderator has muted is told by the server itself what it may still send. EVENT_MUTE comes before, and
 * knows of sound or of pictures only; the event of this protocol has both. */
static void tell_forced(struct telling *telling)
{
	if (strcmp(telling->event->from->id, session_id(telling->session)) == 0)
		tell_mode(telling, "eventSetLocalAudioVideoMode", "publisher", "");
	else
		tell_attribute(telling);
}
