/* Dialects for conversations of the core itself: every call of session.h has a message, every event one too.
 *
 *   {"do":"join","room":"r","ref":1}      {"event":"welcome","ref":1,"room":"r",...}
 *
 * plain is refused when it is too fast, plain_delayed is read later; plain_brief never comes back and opens with credentials. */
#include <string.h>

#include "plain.h"
#include "signaling/json_text.h"
#include "signaling/http_exchange.h"

struct plain_own {
	char greeting[32]; /* to see that it moves with the session */
};

struct request {
	struct session *session;
	struct slice text;
	struct reference *reference;
	struct reference its_reference;
};

static void text_of(struct slice value, char *to, size_t size)
{
	if (json_get_text(value, to, size) != OK)
		to[0] = '\0';
}

static bool do_join(struct request *request)
{
	static char name[ROOM_NAME_MAX + 100], type[64], pin[512], alias[64], secret[64];
	int64_t capacity = 0;
	struct join join = {0};

	text_of(json_member(request->text, "room"), name, sizeof name);
	text_of(json_member(request->text, "type"), type, sizeof type);
	text_of(json_member(request->text, "pin"), pin, sizeof pin);
	text_of(json_member(request->text, "alias"), alias, sizeof alias);
	text_of(json_member(request->text, "secret"), secret, sizeof secret);
	if (json_get_integer(json_member(request->text, "most"), 0, 1000, &capacity) == OK)
		join.capacity_max = (uint32_t)capacity;
	join.name = slice_of(name);
	join.type = slice_of(type);
	join.has_pin = json_kind(json_member(request->text, "pin")) == JSON_KIND_STRING;
	join.pin = slice_of(pin);
	join.alias = alias;
	join.alias_secret = secret;
	join.is_hidden = json_is_true(json_member(request->text, "hidden"));
	join.attributes = json_member(request->text, "attributes");
	session_join(request->session, &join, request->reference);
	return true;
}

static bool do_leave(struct request *request)
{
	session_leave(request->session, request->reference);
	return true;
}

static enum message_kind kind_of(struct slice value)
{
	static const char *const names[MESSAGE_KINDS] = {"offer", "answer", "candidate",  "end",
	                                                 "bye",   "chat",   "conference", "text"};

	for (unsigned i = 0; i < MESSAGE_KINDS; i++)
		if (json_string_is(value, names[i]))
			return (enum message_kind)i;
	return MESSAGE_TEXT;
}

static struct message message_of(struct slice text)
{
	struct slice payload = json_member(text, "payload");
	struct message message = {
		.kind = kind_of(json_member(text, "kind")),
		.origin = &dialect_plain,
		.payload = payload,
		.sdp = json_member(payload, "sdp"),
		.sdp_type = json_member(payload, "type"),
		.candidate = json_member(payload, "candidate"),
		.text = json_member(payload, "text"),
	};
	int64_t waits;

	if (json_get_integer(json_member(text, "waits"), 0, 100, &waits) == OK)
		message.waits_s = (unsigned)waits;
	return message;
}

static bool do_send(struct request *request)
{
	struct message message = message_of(request->text);
	char to[256];

	message.origin = session_dialect(request->session);
	text_of(json_member(request->text, "to"), to, sizeof to);
	session_send(request->session, to, &message,
	             json_is_true(json_member(request->text, "outside")), request->reference);
	return true;
}

static bool do_broadcast(struct request *request)
{
	struct message message = message_of(request->text);

	message.origin = session_dialect(request->session);
	session_broadcast(request->session, &message, request->reference);
	return true;
}

static bool do_set(struct request *request)
{
	char name[64];

	text_of(json_member(request->text, "name"), name, sizeof name);
	session_set_attribute(request->session, name, json_member(request->text, "value"),
	                      request->reference);
	return true;
}

static bool do_who(struct request *request)
{
	session_ask_participants(request->session, request->reference);
	return true;
}

static bool do_find(struct request *request)
{
	char whom[256];

	text_of(json_member(request->text, "whom"), whom, sizeof whom);
	session_look_up(request->session, whom, request->reference);
	return true;
}

static bool do_change(struct request *request)
{
	struct slice lock = json_member(request->text, "lock"),
		     relay = json_member(request->text, "relay"),
		     pin = json_member(request->text, "pin");
	struct room_change change = {0};
	char its_pin[300];
	int64_t capacity;

	text_of(pin, its_pin, sizeof its_pin);
	change.sets_pin = json_kind(pin) == JSON_KIND_STRING;
	change.pin = slice_of(its_pin);
	change.sets_lock = json_kind(lock) != JSON_KIND_ABSENT;
	change.is_locked = json_is_true(lock);
	change.sets_relay_only = json_kind(relay) != JSON_KIND_ABSENT;
	change.is_relay_only = json_is_true(relay);
	change.sets_capacity =
		json_get_integer(json_member(request->text, "capacity"), 0, 1000, &capacity) == OK;
	change.capacity = change.sets_capacity ? (uint32_t)capacity : 0;
	session_change_room(request->session, &change, request->reference);
	return true;
}

static bool do_moderate(struct request *request, enum moderation moderation)
{
	char whom[64], what[32], reason[64];

	text_of(json_member(request->text, "whom"), whom, sizeof whom);
	text_of(json_member(request->text, "what"), what, sizeof what);
	text_of(json_member(request->text, "reason"), reason, sizeof reason);
	session_moderate(request->session, moderation, whom, what, reason, request->reference);
	return true;
}

static bool do_kick(struct request *request)
{
	return do_moderate(request, MODERATE_KICK);
}
static bool do_mute(struct request *request)
{
	return do_moderate(request, MODERATE_MUTE);
}
static bool do_end(struct request *request)
{
	return do_moderate(request, MODERATE_CLOSE);
}

static bool do_identify(struct request *request)
{
	static char proof[256];
	struct claim claim = {.kind = CLAIM_BEARER, .proof = proof, .tenant = ""};

	text_of(json_member(request->text, "proof"), proof, sizeof proof);
	session_identify(request->session, &claim, request->reference);
	return true;
}

static bool do_resume(struct request *request)
{
	char token[256];
	bool is_by_id = json_is_true(json_member(request->text, "by_id"));

	text_of(json_member(request->text, "token"), token, sizeof token);
	session_resume(request->session, token, is_by_id, request->reference);
	return true;
}

static bool do_credentials(struct request *request)
{
	session_ask_credentials(request->session, request->reference);
	return true;
}
static bool do_self(struct request *request)
{
	session_ask_self(request->session, request->reference);
	return true;
}
static bool do_say(struct request *request)
{
	session_reply(request->session, json_member(request->text, "text"));
	return true;
}
static bool do_close(struct request *request)
{
	session_close(request->session, 4000, "as asked");
	return true;
}
static bool do_emit(struct request *request)
{
	session_emit(request->session, "plain.fact", json_member(request->text, "value"));
	return true;
}
static bool do_greet(struct request *request)
{
	struct plain_own *own = session_own(request->session);

	text_of(json_member(request->text, "text"), own->greeting, sizeof own->greeting);
	return true;
}
static bool do_attest(struct request *request)
{
	struct text text;

	text_init(&text, 0);
	json_put_string(&text, slice_of(session_attestation(request->session)));
	session_reply(request->session, text_slice(&text));
	text_deinit(&text);
	return true;
}

static const struct {
	const char *name;
	bool (*run)(struct request *request);
} requests[] = {
	{"join", do_join},     {"leave", do_leave},
	{"send", do_send},     {"broadcast", do_broadcast},
	{"set", do_set},       {"who", do_who},
	{"find", do_find},     {"change", do_change},
	{"kick", do_kick},     {"mute", do_mute},
	{"end", do_end},       {"identify", do_identify},
	{"resume", do_resume}, {"credentials", do_credentials},
	{"self", do_self},     {"say", do_say},
	{"close", do_close},   {"emit", do_emit},
	{"greet", do_greet},   {"attest", do_attest},
};

static void decode(struct session *session, struct slice text)
{
	struct request request = {.session = session, .text = text};
	int64_t number;

	if (json_check(text) != OK) {
		session_refuse(session, SIGNALING_BAD_REQUEST, "this is no JSON", NULL);
		return;
	}
	if (json_get_integer(json_member(text, "ref"), 0, UINT32_MAX, &number) == OK) {
		request.its_reference.number = (uint32_t)number;
		request.reference = &request.its_reference;
	}
	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
		if (json_string_is(json_member(text, "do"), requests[i].name)) {
			requests[i].run(&request);
			return;
		}
	session_refuse(session, SIGNALING_UNKNOWN_MESSAGE, "", request.reference);
}

/* Events. */

static const char *const event_names[EVENT_KINDS] = {
	[EVENT_OPENED] = "opened",
	[EVENT_IDENTIFIED] = "identified",
	[EVENT_WELCOME] = "welcome",
	[EVENT_LEAVING_DONE] = "out",
	[EVENT_DONE] = "done",
	[EVENT_PARTICIPANTS] = "participants",
	[EVENT_FOUND] = "found",
	[EVENT_RESUMED] = "resumed",
	[EVENT_CREDENTIALS] = "credentials",
	[EVENT_REFUSED] = "refused",
	[EVENT_JOINED] = "joined",
	[EVENT_LEFT] = "left",
	[EVENT_MESSAGE] = "message",
	[EVENT_ATTRIBUTE] = "attribute",
	[EVENT_ROOM] = "room",
	[EVENT_MUTE] = "mute",
	[EVENT_FORCED_ATTRIBUTE] = "forced",
	[EVENT_KICKED] = "kicked",
	[EVENT_ROOM_CLOSED] = "closed",
	[EVENT_EXPIRED] = "expired",
	[EVENT_DRAINING] = "draining",
	[EVENT_UNREACHABLE] = "unreachable",
};

static const char *const error_names[SIGNALING_ERRORS] = {
	[SIGNALING_OK] = "OK",
#define SIGNALING_ERROR(name, ...) [SIGNALING_##name] = #name,
#include "signaling/signaling_errors.def"
};

static void put_text(struct text *text, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0')
		json_member_string(text, name, slice_of(value));
}

static void put_raw(struct text *text, const char *name, struct slice value)
{
	if (value.len > 0)
		json_member_raw(text, name, value);
}

static void put_person(struct text *text, const struct participant *person)
{
	json_open(text, '{');
	json_member_string(text, "id", slice_of(person->id));
	put_text(text, "user", person->user);
	put_text(text, "alias", person->alias);
	put_text(text, "dialect",
	         strcmp(person->dialect->name, "plain") == 0 ? "" : person->dialect->name);
	put_raw(text, "attributes", person->attributes);
	if (person->is_away)
		json_member_bool(text, "away", true);
	json_close(text, '}');
}

static void put_people(struct text *text, const struct event *event)
{
	json_name(text, "participants");
	json_open(text, '[');
	for (size_t i = 0; i < event->participant_count; i++)
		put_person(text, &event->participants[i]);
	json_close(text, ']');
}

static void put_room(struct text *text, const struct room_info *room)
{
	json_member_string(text, "room", slice_of(room->name));
	json_member_integer(text, "count", room->count);
	if (room->is_locked)
		json_member_bool(text, "locked", true);
	if (room->has_pin)
		json_member_bool(text, "pin", true);
	if (room->is_relay_only)
		json_member_bool(text, "relay", true);
}

static bool shows_room(enum event_kind kind)
{
	return kind == EVENT_WELCOME || kind == EVENT_JOINED || kind == EVENT_LEFT ||
	       kind == EVENT_ROOM || kind == EVENT_ROOM_CLOSED;
}

static bool is_of_others(enum event_kind kind)
{
	return kind >= EVENT_JOINED && kind <= EVENT_ROOM_CLOSED;
}

static void put_message(struct text *text, const struct event *event)
{
	if (event->is_unicast)
		json_member_bool(text, "unicast", true);
	put_raw(text, "payload", event->message->payload);
	put_raw(text, "sdp", event->message->sdp);
}

static void put_own(struct text *text, struct session *session, const struct event *event)
{
	struct plain_own *own = session_own(session);

	put_text(text, "token", event->resume_token);
	put_text(text, "greeting", own->greeting);
	if (event->kind == EVENT_OPENED)
		json_member_string(text, "id", slice_of(session_id(session)));
}

static void encode(struct session *session, const struct event *event, struct encoder *encoder)
{
	struct text *text = &encoder->text;

	json_open(text, '{');
	json_member_string(text, "event", slice_of(event_names[event->kind]));
	if (event->reference != NULL)
		json_member_integer(text, "ref", event->reference->number);
	if (event->room != NULL && shows_room(event->kind))
		put_room(text, event->room);
	if (event->from != NULL && is_of_others(event->kind) && event->kind != EVENT_ROOM_CLOSED)
		json_member_string(text, "from", slice_of(event->from->id));
	if (event->message != NULL)
		put_message(text, event);
	if (event->kind == EVENT_WELCOME || event->kind == EVENT_PARTICIPANTS ||
	    event->kind == EVENT_FOUND)
		put_people(text, event);
	if (event->is_soft)
		json_member_bool(text, "soft", true);
	if (event->error != SIGNALING_OK)
		json_member_string(text, "error", slice_of(error_names[event->error]));
	put_text(text, "reason", event->reason);
	put_text(text, "name", event->name);
	put_raw(text, "value", event->value);
	if (event->credentials != NULL)
		json_member_string(text, "username", slice_of(event->credentials->username));
	if (event->kind == EVENT_DRAINING)
		json_member_integer(text, "left", (int64_t)event->deadline_ms);
	if (session != NULL && event->resume_token != NULL)
		put_own(text, session, event);
	json_close(text, '}');
	encoder_end_message(encoder);
}

/* ?token= resumes, ?room= joins. */
static void on_open(struct session *session, const struct http_exchange *exchange)
{
	char text[256];

	if (http_query(exchange, "token", text, sizeof text))
		session_resume(session, text, false, NULL);
	else if (http_query(exchange, "room", text, sizeof text))
		session_join(session, &(struct join){.name = slice_of(text)}, NULL);
}

static bool match(struct http_exchange *exchange)
{
	char text[64];

	if (!http_query(exchange, "refuse", text, sizeof text))
		return true;
	http_refuse(exchange, SIGNALING_FORBIDDEN, "as asked");
	return false;
}

static void answer_identity(struct http_exchange *exchange, const struct identity *identity,
                            enum signaling_error error)
{
	if (identity == NULL)
		http_refuse(exchange, error, "");
	else
		http_answer(exchange, 200, "text/plain", slice_of(identity->user));
}

static void handle_whoami(struct http_exchange *exchange)
{
	http_identify(exchange, answer_identity);
}

static void handle_echo(struct http_exchange *exchange)
{
	http_set_header(exchange, "X-Name", "echo");
	http_answer_json(exchange, 200, http_body(exchange));
}

static const struct http_route routes[] = {
	{1 << HTTP_GET, "/plain/whoami", handle_whoami},
	{1 << HTTP_POST, "/plain/echo/:name", handle_echo},
};

static const char *const paths[] = {"/plain", NULL}, *const paths_delayed[] = {"/delayed", NULL},
			 *const paths_brief[] = {"/brief", NULL};

#define FUNCTIONS .match = match, .on_open = on_open, .decode = decode, .encode = encode
const struct dialect dialect_plain = {
	.name = "plain",
	.paths = paths,
	.limits = {.message_max = 65536,
                   .message_rate = 10,
                   .message_burst = 20,
                   .queue_messages = 32,
                   .away_s = 30,
                   .empty_room_s = 60},
	.session_size = sizeof(struct plain_own),
	.routes = routes,
	.route_count = sizeof routes / sizeof routes[0],
	FUNCTIONS,
};
const struct dialect dialect_plain_delayed = {
	.name = "plain_delayed",
	.paths = paths_delayed,
	.limits = {.message_max = 65536,
                   .message_rate = 10,
                   .message_burst = 3,
                   .is_delayed = true,
                   .queue_messages = 32,
                   .away_s = 30,
                   .empty_room_s = 60},
	.session_size = sizeof(struct plain_own),
	FUNCTIONS,
};
const struct dialect dialect_plain_brief = {
	.name = "plain_brief",
	.paths = paths_brief,
	.limits = {.message_max = 65536, .queue_messages = 32},
	.session_size = sizeof(struct plain_own),
	.opens_with_credentials = true,
	.personal_events = UINT64_C(1) << EVENT_MESSAGE,
	FUNCTIONS,
};
