/* The v1/webrtc dialect: what clients send. A frame's members may stand in "data", or beside "type". */
#include "signaling/v1.h"

#include <string.h>

#include "signaling/json_text.h"

enum { TYPE_MAX = 32, TO_MAX = 64, WORD_MAX = 128 };
/* Offers and candidates: so many at once, and so many a second. */
enum { BURST = 40, RATE = 10 };

static void handle_join(struct session *session, struct slice data);
static void handle_offer(struct session *session, struct slice data);
static void handle_answer(struct session *session, struct slice data);
static void handle_candidate(struct session *session, struct slice data);
static void handle_audio(struct session *session, struct slice data);
static void handle_video(struct session *session, struct slice data);
static void handle_leave(struct session *session, struct slice data);
static void refuse(struct session *session, enum v1_request request, enum signaling_error error,
                   const char *reason);

static const struct row {
	const char *type;
	void (*handle)(struct session *session, struct slice data);
} rows[] = {
	{"join", handle_join},         {"offer", handle_offer},
	{"answer", handle_answer},     {"ice-candidate", handle_candidate},
	{"audio-state", handle_audio}, {"video-state", handle_video},
	{"leave", handle_leave},
};

static const struct row *find_row(struct slice frame)
{
	char type[TYPE_MAX];

	if (json_get_string(json_member(frame, "type"), type, sizeof type) != OK)
		return NULL;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].type, type) == 0)
			return &rows[i];
	return NULL;
}

static struct v1 *own(struct session *session)
{
	return session_own(session);
}

void v1_decode(struct session *session, struct slice text)
{
	bool is_first = !own(session)->has_asked;
	enum v1_request request = is_first ? V1_FIRST : V1_NOTHING;
	const struct row *row;
	struct slice data;

	if (json_check(text) != OK || json_kind(json_member(text, "type")) != JSON_KIND_STRING) {
		refuse(session, request, SIGNALING_BAD_REQUEST, "malformed frame");
		return;
	}
	row = find_row(text);
	if (is_first && (row == NULL || row->handle != handle_join)) {
		refuse(session, request, SIGNALING_BAD_REQUEST, "the first message is join");
		return;
	}
	if (row == NULL) {
		refuse(session, request, SIGNALING_UNKNOWN_MESSAGE, "");
		return;
	}
	data = json_member(text, "data");
	row->handle(session, json_kind(data) == JSON_KIND_OBJECT ? data : text);
}

static void refuse(struct session *session, enum v1_request request, enum signaling_error error,
                   const char *reason)
{
	const struct reference reference = {.number = request};

	session_refuse(session, error, reason, &reference);
}

/* Joining. */

bool v1_is_room_id(struct slice room)
{
	for (size_t i = 0; i < room.len; i++)
		if (room.at[i] < 0x20 || room.at[i] > 0x7E)
			return false;
	return room.len > 0 && room.len <= V1_ROOM_ID_MAX;
}

void v1_join(struct session *session, struct slice room, struct slice attributes)
{
	const struct reference reference = {.number = V1_JOIN};
	struct join join = {.name = room, .attributes = attributes, .capacity_max = V1_ROOM_MAX};

	own(session)->has_asked = true;
	memcpy(own(session)->room, room.at, room.len);
	own(session)->room[room.len] = '\0';
	session_join(session, &join, &reference);
}

/* What it says of itself, where that is a word; userId is not believed: the token says who it is. */
static void put_attributes(struct text *text, struct slice data)
{
	static const char *const names[] = {"deviceId", "displayName"};
	char word[WORD_MAX];

	json_open(text, '{');
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct slice value = json_member(data, names[i]);
		if (json_get_string(value, word, sizeof word) == OK)
			json_member_raw(text, names[i], value);
	}
	json_close(text, '}');
}

/* Clients that named the room with the connection may name it again. */
static void handle_join(struct session *session, struct slice data)
{
	char room[V1_ROOM_ID_MAX + 1];
	struct text attributes;

	if (json_get_string(json_member(data, "roomId"), room, sizeof room) != OK ||
	    !v1_is_room_id(slice_of(room))) {
		refuse(session, own(session)->has_asked ? V1_NOTHING : V1_JOIN,
		       SIGNALING_BAD_ROOM_NAME, "");
		return;
	}
	if (own(session)->has_asked) {
		if (strcmp(room, own(session)->room) != 0)
			refuse(session, V1_NOTHING, SIGNALING_OTHER_ROOM, "");
		return;
	}
	text_init(&attributes, 0);
	put_attributes(&attributes, data);
	v1_join(session, slice_of(room), text_slice(&attributes));
	text_deinit(&attributes);
}

static void handle_leave(struct session *session, struct slice data)
{
	const struct reference reference = {.number = V1_LEAVE};

	(void)data;
	session_leave(session, &reference);
}

/* Messages to a peer. */

static bool has_token(struct session *session)
{
	struct v1 *v1 = own(session);
	uint64_t now_ms = session_wall_ms(session);
	uint64_t passed = now_ms > v1->counted_ms ? now_ms - v1->counted_ms : 0;

	v1->counted_ms = now_ms;
	if (passed > BURST * 1000 / RATE || v1->tokens + passed * RATE > BURST * 1000)
		v1->tokens = BURST * 1000;
	else
		v1->tokens += (uint32_t)(passed * RATE);
	if (v1->tokens < 1000)
		return false;
	v1->tokens -= 1000;
	return true;
}

static void send(struct session *session, enum v1_request request, struct slice data,
                 const struct message *message)
{
	const struct reference reference = {.number = request};
	char to[TO_MAX + 1];

	if (json_get_text(json_member(data, "to"), to, sizeof to) != OK) {
		refuse(session, request, SIGNALING_NO_PEER, "");
		return;
	}
	/* Without a peer it is for the server. */
	if (to[0] == '\0')
		refuse(session, request, SIGNALING_NO_SFU, "");
	else
		session_send(session, to, message, false, &reference);
}

/* "sdp" is a text, or the whole description of a browser. */
static void send_sdp(struct session *session, enum v1_request request, enum message_kind kind,
                     struct slice data)
{
	struct message message = {.kind = kind, .origin = &dialect_v1, .payload = data};

	message.sdp = json_member(data, "sdp");
	if (json_kind(message.sdp) == JSON_KIND_OBJECT) {
		message.sdp_type = json_member(message.sdp, "type");
		message.sdp = json_member(message.sdp, "sdp");
	}
	if (json_kind(message.sdp) != JSON_KIND_STRING || message.sdp.len <= 2)
		refuse(session, request, SIGNALING_BAD_REQUEST, "sdp is missing");
	else
		send(session, request, data, &message);
}

static void handle_offer(struct session *session, struct slice data)
{
	if (has_token(session))
		send_sdp(session, V1_OFFER, MESSAGE_OFFER, data);
	else
		refuse(session, V1_OFFER, SIGNALING_RATE_LIMITED, "");
}

static void handle_answer(struct session *session, struct slice data)
{
	send_sdp(session, V1_ANSWER, MESSAGE_ANSWER, data);
}

/* Null and the empty text end them. */
static enum message_kind candidate_kind(struct slice candidate)
{
	return json_kind(candidate) == JSON_KIND_NULL || slice_is(candidate, "\"\"")
	               ? MESSAGE_END_OF_CANDIDATES
	               : MESSAGE_CANDIDATE;
}

static void handle_candidate(struct session *session, struct slice data)
{
	struct slice candidate = json_member(data, "candidate"), inner = data;
	struct message message = {.origin = &dialect_v1, .payload = data};

	if (!has_token(session)) {
		refuse(session, V1_CANDIDATE, SIGNALING_RATE_LIMITED, "");
		return;
	}
	if (json_kind(candidate) == JSON_KIND_OBJECT) {
		inner = candidate;
		candidate = json_member(inner, "candidate");
	}
	if (json_kind(candidate) != JSON_KIND_STRING && json_kind(candidate) != JSON_KIND_NULL) {
		refuse(session, V1_CANDIDATE, SIGNALING_BAD_REQUEST, "candidate is missing");
		return;
	}
	message.kind = candidate_kind(candidate);
	message.candidate = candidate;
	message.sdp_mid = json_member(inner, "sdpMid");
	message.sdp_mline_index = json_member(inner, "sdpMLineIndex");
	message.username_fragment = json_member(inner, "usernameFragment");
	send(session, V1_CANDIDATE, data, &message);
}

/* What is sent at all. */

static void handle_state(struct session *session, const char *name, struct slice data)
{
	const struct reference reference = {.number = V1_STATE};
	struct slice enabled = json_member(data, "enabled");

	if (json_kind(enabled) != JSON_KIND_TRUE && json_kind(enabled) != JSON_KIND_FALSE)
		refuse(session, V1_STATE, SIGNALING_MISSING_MEMBER, "enabled is true or false");
	else
		session_set_attribute(session, name, enabled, &reference);
}

static void handle_audio(struct session *session, struct slice data)
{
	handle_state(session, "audio", data);
}

static void handle_video(struct session *session, struct slice data)
{
	handle_state(session, "video", data);
}
