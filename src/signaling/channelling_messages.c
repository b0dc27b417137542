/* What clients of the channelling dialect send to each other: calls, chats, conferences. What is not as the protocol has it is
 * ignored, and so is what goes to nobody. */
#include <string.h>

#include "signaling/channelling_input.h"

/* Messages to one. */

static bool get_to(const struct input *input, char to[SESSION_ID_SIZE])
{
	return json_get_text(json_member(input->outer, "To"), to, SESSION_ID_SIZE) == OK;
}

/* Whoever has learned an id may call it, in its room or not. */
static void send(struct input *input, const struct message *message)
{
	char to[SESSION_ID_SIZE];

	if (get_to(input, to) && to[0] != '\0')
		session_send(input->session, to, message, true, NULL);
}

static void send_description(struct input *input, enum message_kind kind)
{
	send(input, &(struct message){.kind = kind,
	                              .origin = &dialect_channelling,
	                              .payload = input->body,
	                              .sdp_type = json_member(input->body, "type"),
	                              .sdp = json_member(input->body, "sdp")});
}

void channelling_handle_offer(struct input *input)
{
	send_description(input, MESSAGE_OFFER);
}

void channelling_handle_answer(struct input *input)
{
	send_description(input, MESSAGE_ANSWER);
}

void channelling_handle_candidate(struct input *input)
{
	send(input, &(struct message){
			    .kind = MESSAGE_CANDIDATE,
			    .origin = &dialect_channelling,
			    .payload = input->body,
			    .candidate = json_member(input->body, "candidate"),
			    .sdp_mid = json_member(input->body, "sdpMid"),
			    .sdp_mline_index = json_member(input->body, "sdpMLineIndex"),
			    .username_fragment = json_member(input->body, "usernameFragment"),
		    });
}

void channelling_handle_bye(struct input *input)
{
	send(input, &(struct message){.kind = MESSAGE_BYE,
	                              .origin = &dialect_channelling,
	                              .payload = input->body,
	                              .reason = json_member(input->body, "Reason")});
}

/* Chat. */

/* A document of its own to the session itself: as a message to one, from it to it. */
static void reply_chat(struct input *input, const char *to, struct slice chat)
{
	const char *id = session_id(input->session);
	const struct envelope envelope = {
		.from = id, .to = id, .attestation = session_attestation(input->session)};
	struct text text;

	text_init(&text, 0);
	envelope_open(&text);
	json_member_string(&text, "To", slice_of(to));
	json_member_string(&text, "Type", SLICE("Chat"));
	json_member_raw(&text, "Chat", chat);
	envelope_close(&text, &envelope);
	if (!text.has_failed)
		session_reply(input->session, text_slice(&text));
	text_deinit(&text);
}

static void reply_sent(struct input *input, const char *to)
{
	struct slice mid = json_member(input->body, "Mid");
	struct text text;

	if (json_kind(mid) != JSON_KIND_STRING || mid.len == 2)
		return;
	text_init(&text, 0);
	json_open(&text, '{');
	json_member_raw(&text, "Mid", mid);
	json_name(&text, "Status");
	json_open(&text, '{');
	json_member_string(&text, "State", SLICE("sent"));
	json_close(&text, '}');
	json_close(&text, '}');
	reply_chat(input, to, text_slice(&text));
	text_deinit(&text);
}

/* The time of a chat is the server's to tell. */
static void put_stamped(struct text *text, struct slice chat, uint64_t wall_ms)
{
	char now[RFC3339_SIZE];
	struct slice name, value;
	size_t position = 0;

	json_open(text, '{');
	while (json_next_member(chat, &position, &name, &value))
		if (!json_string_is(name, "Time"))
			put_raw_member(text, name, value);
	put_rfc3339(wall_ms, now);
	json_member_string(text, "Time", slice_of(now));
	json_close(text, '}');
}

/* Other dialects have no contacts. */
static struct slice text_of(struct slice chat)
{
	return chat_has_contact_request(chat) ? (struct slice){0} : json_member(chat, "Message");
}

static void pass_chat(struct input *input, const char *to, struct slice stamped)
{
	const struct message message = {.kind = MESSAGE_CHAT,
	                                .origin = &dialect_channelling,
	                                .payload = stamped,
	                                .text = text_of(stamped)};

	if (to[0] == '\0') {
		session_broadcast(input->session, &message, NULL);
		return;
	}
	session_send(input->session, to, &message, true, NULL);
	reply_sent(input, to);
}

static void stamp_and_pass(struct input *input, const char *to, struct slice chat)
{
	struct text stamped;

	text_init(&stamped, 0);
	put_stamped(&stamped, chat, session_wall_ms(input->session));
	if (!stamped.has_failed)
		pass_chat(input, to, text_slice(&stamped));
	text_deinit(&stamped);
}

/* To one alone: a whole room is nobody's contact. */
static void pass_contact_request(struct input *input, const char *to)
{
	struct text chat;

	text_init(&chat, 0);
	if (to[0] != '\0' && contact_may_send(input->session, input->body, &chat))
		stamp_and_pass(input, to, text_slice(&chat));
	text_deinit(&chat);
}

/* The echo is what was sent, before it has its time. */
void channelling_handle_chat(struct input *input)
{
	char to[SESSION_ID_SIZE];

	if (!get_to(input, to))
		return;
	if (!json_is_true(json_member(input->body, "NoEcho")))
		reply_chat(input, to, input->body);
	if (chat_has_contact_request(input->body))
		pass_contact_request(input, to);
	else
		stamp_and_pass(input, to, input->body);
}

/* Conferences. */

struct conference {
	char ids[CHANNELLING_CONFERENCE_MAX][SESSION_ID_SIZE];
	size_t count;
};

static bool read_conference(struct slice array, struct conference *conference)
{
	struct slice value;
	size_t position = 0;

	conference->count = 0;
	while (json_next_element(array, &position, &value)) {
		if (conference->count == CHANNELLING_CONFERENCE_MAX ||
		    json_get_string(value, conference->ids[conference->count], SESSION_ID_SIZE) !=
		            OK)
			return false;
		conference->count++;
	}
	return true;
}

static void put_conference(struct text *text, const char *id, const struct conference *conference)
{
	json_open(text, '{');
	json_member_string(text, "Id", slice_of(id));
	json_member_string(text, "Type", SLICE("Conference"));
	json_name(text, "Conference");
	json_open(text, '[');
	for (size_t i = 0; i < conference->count; i++)
		json_put_string(text, slice_of(conference->ids[i]));
	json_close(text, ']');
	json_close(text, '}');
}

static void tell_conference(struct input *input, const struct conference *conference,
                            struct slice payload)
{
	const struct message message = {
		.kind = MESSAGE_CONFERENCE, .origin = &dialect_channelling, .payload = payload};

	for (size_t i = 0; i < conference->count; i++)
		if (conference->ids[i][0] != '\0' &&
		    strcmp(conference->ids[i], session_id(input->session)) != 0)
			session_send(input->session, conference->ids[i], &message, true, NULL);
}

/* In a room whose conference the server keeps nobody else says who is in it. */
void channelling_handle_conference(struct input *input)
{
	const struct room_info *room = session_room(input->session);
	struct conference conference;
	char id[256];
	struct text payload;

	if (room != NULL && strcmp(room->type, CHANNELLING_CONFERENCE_TYPE) == 0)
		return;
	if (!read_conference(input->body, &conference) ||
	    json_get_text(json_member(input->outer, "Id"), id, sizeof id) != OK)
		return;
	text_init(&payload, 0);
	put_conference(&payload, id, &conference);
	if (!payload.has_failed)
		tell_conference(input, &conference, text_slice(&payload));
	text_deinit(&payload);
}
