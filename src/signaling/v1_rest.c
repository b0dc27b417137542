/* The v1/webrtc dialect: rooms by REST. Who may do what with a room is for the hub that owns it to decide. */
#include <string.h>

#include "signaling/hub.h"
#include "signaling/json_text.h"
#include "signaling/services.h"
#include "signaling/v1.h"

enum { EMPTY_ROOM_S = 60, EMPTY_ROOM_MAX_S = 86400, WORD_MAX = 300 };

/* What a request to the hub is made of: lent until hub_request returns. */
struct call {
	struct http_exchange *exchange;
	struct room_request request;
	char room[V1_ROOM_ID_MAX + 1], participant[WORD_MAX], what[WORD_MAX], reason[WORD_MAX];
	char pin[WORD_MAX];
};

static void handle_rooms(struct http_exchange *exchange);
static void handle_room(struct http_exchange *exchange);
static void handle_kick(struct http_exchange *exchange);
static void handle_mute(struct http_exchange *exchange);
static void handle_participant(struct http_exchange *exchange);
static void handle_status(struct http_exchange *exchange);
static void refuse(struct http_exchange *exchange, enum signaling_error error, const char *text);
static void answer_list(void *context, enum signaling_error error, struct slice json);
static void answer_room(void *context, enum signaling_error error, struct slice json);
static void answer_created(void *context, enum signaling_error error, struct slice json);
static void answer_done(void *context, enum signaling_error error, struct slice json);
static void answer_status(void *context, enum signaling_error error, struct slice json);

/* clang-format off */
const struct http_route v1_routes[V1_ROUTES] = {
	{1 << HTTP_GET | 1 << HTTP_POST | 1 << HTTP_DELETE, "/v1/webrtc/rooms",            handle_rooms},
	{1 << HTTP_POST,                    "/v1/webrtc/rooms/:id/kick",                   handle_kick},
	{1 << HTTP_POST,                    "/v1/webrtc/rooms/:id/mute",                   handle_mute},
	{1 << HTTP_DELETE,                  "/v1/webrtc/rooms/:id/participants/:who",      handle_participant},
	{1 << HTTP_GET | 1 << HTTP_DELETE,  "/v1/webrtc/rooms/:id",                        handle_room},
	{1 << HTTP_GET,                     "/v1/namespace/webrtc/status",                 handle_status},
};
/* clang-format on */

/* Asks the hub, for who was found to ask. Without a proof nobody sees or changes rooms. */
static bool may_ask(struct http_exchange *exchange, const struct identity *identity,
                    enum signaling_error error)
{
	if (identity == NULL)
		refuse(exchange, error, NULL);
	else if (!identity->is_authenticated)
		refuse(exchange, SIGNALING_NOT_AUTHENTICATED, NULL);
	return identity != NULL && identity->is_authenticated;
}

static void ask(struct call *call, const struct identity *identity, room_request_answered *answered)
{
	call->request.identity = identity;
	call->request.name = call->room;
	call->request.participant = call->participant;
	call->request.what = call->what;
	call->request.reason = call->reason;
	hub_request(http_hub(call->exchange), &call->request, answered, call->exchange, 0);
}

static void refuse(struct http_exchange *exchange, enum signaling_error error, const char *text)
{
	if (error == SIGNALING_RATE_LIMITED)
		http_set_header(exchange, "Retry-After", "10");
	http_refuse(exchange, error, text == NULL ? signaling_error_words(error)->text : text);
}

/* What requests say. */

static bool take_room(struct call *call, struct slice room)
{
	if (!v1_is_room_id(room)) {
		refuse(call->exchange, SIGNALING_BAD_ROOM_NAME,
		       "room_id has 1 to 128 printable characters");
		return false;
	}
	memcpy(call->room, room.at, room.len);
	return true;
}

static bool take_room_of_path(struct call *call)
{
	return take_room(call, http_segment(call->exchange, "id"));
}

/* A body of JSON; none is an empty object. */
static bool take_body(struct call *call, struct slice *body)
{
	*body = http_body(call->exchange);
	if (body->len == 0)
		*body = SLICE("{}");
	if (json_check(*body) == OK && json_kind(*body) == JSON_KIND_OBJECT)
		return true;
	refuse(call->exchange, SIGNALING_BAD_REQUEST, "the body is no JSON object");
	return false;
}

/* A member under one of two names, decoded; "" where there is none. */
static bool take_word(struct call *call, struct slice body, const char *name, const char *other,
                      char to[WORD_MAX])
{
	struct slice value = json_member(body, name);

	if (value.len == 0 && other != NULL)
		value = json_member(body, other);
	if (json_get_text(value, to, WORD_MAX) == OK)
		return true;
	refuse(call->exchange, SIGNALING_BAD_REQUEST, NULL);
	return false;
}

static bool take_number(struct call *call, struct slice value, int64_t most, uint32_t *to)
{
	int64_t number;

	if (value.len == 0)
		return true;
	if (json_get_integer(value, 1, most, &number) == OK) {
		*to = (uint32_t)number;
		return true;
	}
	refuse(call->exchange, SIGNALING_BAD_REQUEST, NULL);
	return false;
}

/* Rooms. */

static void list(struct http_exchange *exchange, const struct identity *identity,
                 enum signaling_error error)
{
	struct call call = {.exchange = exchange, .request.kind = ROOM_REQUEST_LIST};

	if (may_ask(exchange, identity, error))
		ask(&call, identity, answer_list);
}

static bool take_change(struct call *call, struct slice body)
{
	struct room_change *change = &call->request.change;
	struct slice relay_only = json_member(body, "relay_only");
	struct slice capacity = json_member(body, "max_participants");

	if (!take_word(call, body, "pin", NULL, call->pin) ||
	    !take_number(call, capacity, V1_ROOM_MAX, &change->capacity) ||
	    !take_number(call, json_member(body, "expires_s"), EMPTY_ROOM_MAX_S,
	                 &call->request.expires_s))
		return false;
	change->sets_pin = call->pin[0] != '\0';
	change->pin = slice_of(call->pin);
	change->sets_capacity = capacity.len > 0;
	change->sets_relay_only = relay_only.len > 0;
	change->is_relay_only = json_is_true(relay_only);
	return true;
}

static void create(struct http_exchange *exchange, const struct identity *identity,
                   enum signaling_error error)
{
	struct call call = {.exchange = exchange, .request.kind = ROOM_REQUEST_CREATE};
	struct slice body;
	char room[WORD_MAX];

	call.request.expires_s = EMPTY_ROOM_S;
	if (may_ask(exchange, identity, error) && take_body(&call, &body) &&
	    take_word(&call, body, "room_id", "roomId", room) && take_room(&call, slice_of(room)) &&
	    take_change(&call, body))
		ask(&call, identity, answer_created);
}

static void end(struct http_exchange *exchange, const struct identity *identity,
                enum signaling_error error)
{
	struct call call = {.exchange = exchange, .request.kind = ROOM_REQUEST_CLOSE};
	char room[WORD_MAX];

	call.request.is_owner_only = true;
	if (!may_ask(exchange, identity, error))
		return;
	if (!http_query(exchange, "room_id", room, sizeof room))
		room[0] = '\0';
	if (take_room(&call, slice_of(room)))
		ask(&call, identity, answer_done);
}

static void handle_rooms(struct http_exchange *exchange)
{
	http_allow_origins(exchange);
	if (http_method(exchange) == HTTP_POST)
		http_identify(exchange, create);
	else
		http_identify(exchange, http_method(exchange) == HTTP_DELETE ? end : list);
}

/* One room. */

static void show(struct http_exchange *exchange, const struct identity *identity,
                 enum signaling_error error)
{
	struct call call = {.exchange = exchange, .request.kind = ROOM_REQUEST_SHOW};

	if (may_ask(exchange, identity, error) && take_room_of_path(&call))
		ask(&call, identity, answer_room);
}

static void end_one(struct http_exchange *exchange, const struct identity *identity,
                    enum signaling_error error)
{
	struct call call = {.exchange = exchange, .request.kind = ROOM_REQUEST_CLOSE};

	call.request.is_owner_only = true;
	if (may_ask(exchange, identity, error) && take_room_of_path(&call))
		ask(&call, identity, answer_done);
}

static void handle_room(struct http_exchange *exchange)
{
	http_allow_origins(exchange);
	http_identify(exchange, http_method(exchange) == HTTP_DELETE ? end_one : show);
}

/* Moderation: participants are named by peerId or userId. */

static bool take_whom(struct call *call, struct slice body)
{
	if (!take_word(call, body, "peerId", "userId", call->participant))
		return false;
	if (call->participant[0] != '\0')
		return true;
	refuse(call->exchange, SIGNALING_MISSING_MEMBER, "peerId or userId is missing");
	return false;
}

static void kick(struct http_exchange *exchange, const struct identity *identity,
                 enum signaling_error error)
{
	struct call call = {.exchange = exchange, .request.kind = ROOM_REQUEST_KICK};
	struct slice body;

	call.request.is_owner_only = true;
	if (may_ask(exchange, identity, error) && take_room_of_path(&call) &&
	    take_body(&call, &body) && take_whom(&call, body) &&
	    take_word(&call, body, "reason", NULL, call.reason))
		ask(&call, identity, answer_done);
}

static void handle_kick(struct http_exchange *exchange)
{
	http_allow_origins(exchange);
	http_identify(exchange, kick);
}

static void mute(struct http_exchange *exchange, const struct identity *identity,
                 enum signaling_error error)
{
	struct call call = {.exchange = exchange, .request.kind = ROOM_REQUEST_MUTE};
	struct slice body;

	call.request.is_owner_only = true;
	if (!may_ask(exchange, identity, error) || !take_room_of_path(&call) ||
	    !take_body(&call, &body) || !take_whom(&call, body) ||
	    !take_word(&call, body, "kind", NULL, call.what))
		return;
	if (call.what[0] == '\0')
		memcpy(call.what, "audio", sizeof "audio");
	ask(&call, identity, answer_done);
}

static void handle_mute(struct http_exchange *exchange)
{
	http_allow_origins(exchange);
	http_identify(exchange, mute);
}

static void remove_one(struct http_exchange *exchange, const struct identity *identity,
                       enum signaling_error error)
{
	struct call call = {.exchange = exchange, .request.kind = ROOM_REQUEST_KICK};
	struct slice who = http_segment(exchange, "who");

	call.request.is_owner_only = true;
	if (!may_ask(exchange, identity, error) || !take_room_of_path(&call))
		return;
	if (who.len == 0 || who.len >= sizeof call.participant) {
		refuse(exchange, SIGNALING_NO_PEER, NULL);
		return;
	}
	memcpy(call.participant, who.at, who.len);
	ask(&call, identity, answer_done);
}

static void handle_participant(struct http_exchange *exchange)
{
	http_allow_origins(exchange);
	http_identify(exchange, remove_one);
}

static void status(struct http_exchange *exchange, const struct identity *identity,
                   enum signaling_error error)
{
	struct call call = {.exchange = exchange, .request.kind = ROOM_REQUEST_LIST};

	if (may_ask(exchange, identity, error))
		ask(&call, identity, answer_status);
}

static void handle_status(struct http_exchange *exchange)
{
	http_identify(exchange, status);
}

/* Answers. The hub's own names are put into the protocol's; addresses of participants stay here. */

static void answer(struct http_exchange *exchange, unsigned http, struct text *text)
{
	if (text->has_failed)
		refuse(exchange, SIGNALING_INTERNAL, NULL);
	else
		http_answer_json(exchange, http, text_slice(text));
	text_deinit(text);
}

static void put_room(struct text *text, struct slice room)
{
	json_member_raw(text, "room_id", json_member(room, "name"));
	json_member_raw(text, "owner", json_member(room, "owner"));
	json_member_raw(text, "participant_count", json_member(room, "count"));
	json_member_raw(text, "max_participants", json_member(room, "capacity"));
	json_member_raw(text, "locked", json_member(room, "locked"));
	json_member_raw(text, "pin", json_member(room, "pin"));
	json_member_raw(text, "relay_only", json_member(room, "relay_only"));
	json_member_raw(text, "created_ms", json_member(room, "created_ms"));
}

/* Rooms of other types have names that this protocol cannot say. */
static bool is_plain(struct slice room)
{
	return slice_is(json_member(room, "type"), "\"room\"");
}

static void answer_list(void *context, enum signaling_error error, struct slice json)
{
	size_t position = 0, count = 0;
	struct slice room;
	struct text text;

	if (error != SIGNALING_OK) {
		refuse(context, error, NULL);
		return;
	}
	text_init(&text, 0);
	json_open(&text, '{');
	json_name(&text, "rooms");
	json_open(&text, '[');
	while (json_next_element(json, &position, &room)) {
		if (!is_plain(room))
			continue;
		json_open(&text, '{');
		put_room(&text, room);
		json_close(&text, '}');
		count++;
	}
	json_close(&text, ']');
	json_member_string(&text, "status", SLICE("ok"));
	json_member_integer(&text, "count", (int64_t)count);
	json_close(&text, '}');
	answer(context, 200, &text);
}

static void put_participant(struct text *text, struct slice participant)
{
	static const char *const names[] = {"deviceId", "displayName", "audio", "video"};
	struct slice attributes = json_member(participant, "attributes");

	json_open(text, '{');
	json_member_raw(text, "peerId", json_member(participant, "id"));
	json_member_raw(text, "userId", json_member(participant, "user"));
	json_member_raw(text, "joined_ms", json_member(participant, "joined_ms"));
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct slice value = json_member(attributes, names[i]);
		if (value.len > 0)
			json_member_raw(text, names[i], value);
	}
	json_close(text, '}');
}

static void put_participants(struct text *text, struct slice participants)
{
	size_t position = 0;
	struct slice participant;

	json_name(text, "participants");
	json_open(text, '[');
	while (json_next_element(participants, &position, &participant))
		if (!json_is_true(json_member(participant, "hidden")))
			put_participant(text, participant);
	json_close(text, ']');
}

static void answer_one(struct http_exchange *exchange, unsigned http, struct slice json)
{
	struct text text;

	text_init(&text, 0);
	json_open(&text, '{');
	json_member_string(&text, "status", SLICE("ok"));
	put_room(&text, json);
	put_participants(&text, json_member(json, "participants"));
	json_close(&text, '}');
	answer(exchange, http, &text);
}

static void answer_room(void *context, enum signaling_error error, struct slice json)
{
	if (error != SIGNALING_OK)
		refuse(context, error, NULL);
	else
		answer_one(context, 200, json);
}

static void answer_created(void *context, enum signaling_error error, struct slice json)
{
	if (error != SIGNALING_OK)
		refuse(context, error, NULL);
	else
		answer_one(context, 201, json);
}

static void answer_done(void *context, enum signaling_error error, struct slice json)
{
	(void)json;
	if (error != SIGNALING_OK)
		refuse(context, error, NULL);
	else
		http_answer_json(context, 200, SLICE("{\"status\":\"ok\"}"));
}

static int64_t sum_of(struct slice rooms, size_t *count)
{
	int64_t sum = 0, number;
	size_t position = 0;
	struct slice room;

	for (*count = 0; json_next_element(rooms, &position, &room); ++*count)
		if (json_get_integer(json_member(room, "count"), 0, INT32_MAX, &number) == OK)
			sum += number;
	return sum;
}

/* A namespace is a tenant. There are no media servers here, and as many TURN servers as there is a source of credentials. */
static void answer_status(void *context, enum signaling_error error, struct slice json)
{
	const struct signaling_services *services = http_services(context);
	bool has_turn = services != NULL && services->turn_source != NULL;
	struct text text;
	size_t count;

	if (error != SIGNALING_OK) {
		refuse(context, error, NULL);
		return;
	}
	int64_t participants = sum_of(json, &count);
	text_init(&text, 0);
	json_open(&text, '{');
	json_member_bool(&text, "enabled", true);
	json_member_integer(&text, "sfu_up", 0);
	json_member_integer(&text, "turn_up", has_turn);
	json_member_integer(&text, "rooms", (int64_t)count);
	json_member_integer(&text, "participants", participants);
	json_close(&text, '}');
	answer(context, 200, &text);
}
