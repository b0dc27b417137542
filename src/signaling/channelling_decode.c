/* The channelling dialect's messages, as clients send them. Those that ask for something are answered, by what they ask for or by an Error;
 * all others are passed on, or, where they are not what the protocol has, ignored. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/channelling.h"
#include "signaling/channelling_images.h"
#include "signaling/channelling_input.h"
#include "signaling/channelling_rules.h"

struct document {
	const char *type;
	bool is_nested;      /* the body is wrapped once more: "X":{"Type":"X","X":body} */
	enum json_kind kind; /* that the body has; JSON_KIND_ABSENT: any */
	enum channelling_request request;
	void (*handle)(struct input *input);
};

static void handle_self(struct input *input);
static void handle_hello(struct input *input);
static void handle_users(struct input *input);
static void handle_leave(struct input *input);
static void handle_room(struct input *input);
static void handle_status(struct input *input);
static void handle_alive(struct input *input);
static void handle_authentication(struct input *input);
static void handle_sessions(struct input *input);

static const struct document documents[] = {
	{"Self", false, JSON_KIND_ABSENT, REQUEST_SELF, handle_self},
	{"Hello", false, JSON_KIND_OBJECT, REQUEST_HELLO, handle_hello},
	{"Users", false, JSON_KIND_ABSENT, REQUEST_USERS, handle_users},
	{"Leave", false, JSON_KIND_ABSENT, REQUEST_NONE, handle_leave},
	{"Room", false, JSON_KIND_OBJECT, REQUEST_ROOM, handle_room},
	{"Offer", true, JSON_KIND_OBJECT, REQUEST_NONE, channelling_handle_offer},
	{"Answer", true, JSON_KIND_OBJECT, REQUEST_NONE, channelling_handle_answer},
	{"Candidate", true, JSON_KIND_OBJECT, REQUEST_NONE, channelling_handle_candidate},
	{"Bye", true, JSON_KIND_OBJECT, REQUEST_NONE, channelling_handle_bye},
	{"Chat", true, JSON_KIND_OBJECT, REQUEST_NONE, channelling_handle_chat},
	{"Conference", true, JSON_KIND_ARRAY, REQUEST_NONE, channelling_handle_conference},
	{"Status", true, JSON_KIND_ABSENT, REQUEST_NONE, handle_status},
	{"Alive", true, JSON_KIND_NUMBER, REQUEST_NONE, handle_alive},
	{"Authentication", true, JSON_KIND_OBJECT, REQUEST_AUTHENTICATION, handle_authentication},
	{"Sessions", true, JSON_KIND_OBJECT, REQUEST_OTHER, handle_sessions},
};

static const struct document *find_document(struct slice type)
{
	char name[24];

	if (json_get_string(type, name, sizeof name) != OK)
		return NULL;
	for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++)
		if (strcmp(documents[i].type, name) == 0)
			return &documents[i];
	return NULL;
}

static void refuse(struct input *input, enum signaling_error error, const char *reason)
{
	session_refuse(input->session, error, reason, &input->reference);
}

static void refuse_missing(struct input *input)
{
	char reason[64];

	snprintf(reason, sizeof reason, "message did not contain %s", input->type);
	refuse(input, SIGNALING_BAD_REQUEST, reason);
}

/* The Iid is kept as it is written, so that it comes back so. */
static bool take_iid(struct input *input, struct slice iid)
{
	if (slice_is_empty(iid) || json_kind(iid) == JSON_KIND_NULL || iid.len == 2)
		return true;
	if (iid.len > REFERENCE_TEXT_MAX)
		return false;
	memcpy(input->reference.text, iid.at, iid.len);
	return true;
}

void channelling_decode(struct session *session, struct slice text)
{
	const struct document *document;
	struct input input = {.session = session};
	struct slice iid;

	if (json_check(text) != OK)
		return;
	iid = json_member(text, "Iid");
	document = find_document(json_member(text, "Type"));
	if (document == NULL ||
	    (json_kind(iid) > JSON_KIND_NULL && json_kind(iid) != JSON_KIND_STRING))
		return;
	input.type = document->type;
	input.reference.number = document->request;
	input.outer = json_member(text, document->type);
	input.body = document->is_nested ? json_member(input.outer, document->type) : input.outer;
	if (!take_iid(&input, iid))
		refuse(&input, SIGNALING_BAD_REQUEST, "the Iid is too long");
	else if (document->kind == JSON_KIND_ABSENT || json_kind(input.body) == document->kind)
		document->handle(&input);
	else if (document->request != REQUEST_NONE)
		refuse_missing(&input);
}

static const struct channelling_rules *rules_of(const struct input *input)
{
	return session_settings(input->session)->channelling;
}

/* Rooms. */

static void handle_self(struct input *input)
{
	session_ask_self(input->session, &input->reference);
}

static void handle_users(struct input *input)
{
	session_ask_participants(input->session, &input->reference);
}

static void handle_leave(struct input *input)
{
	session_leave(input->session, NULL);
}

/* Appends the decoded string; an absent one is empty. */
static bool take_text(struct slice value, struct text *to)
{
	return json_kind(value) <= JSON_KIND_NULL || json_decode(value, to) == OK;
}

static void put_if_string(struct text *text, const char *name, struct slice value)
{
	if (json_kind(value) == JSON_KIND_STRING)
		json_member_raw(text, name, value);
}

struct hello {
	struct text type, name, pin, attributes;
};

static void hello_init(struct hello *hello)
{
	text_init(&hello->type, 0);
	text_init(&hello->name, 0);
	text_init(&hello->pin, 0);
	text_init(&hello->attributes, 0);
}

static void hello_deinit(struct hello *hello)
{
	if (hello->pin.len > 0)
		bytes_wipe(hello->pin.at, hello->pin.len);
	text_deinit(&hello->type);
	text_deinit(&hello->name);
	text_deinit(&hello->pin);
	text_deinit(&hello->attributes);
}

/* What clients of the protocol call "Room" is the type that others have no name for. */
static bool take_room_type(struct slice value, struct text *type)
{
	if (!take_text(value, type))
		return false;
	if (slice_is(text_slice(type), "Room"))
		text_clear(type);
	return true;
}

/* Who names no type gets the one that rooms of this name have. */
static bool read_room(const struct channelling_rules *rules, struct slice type, struct hello *hello)
{
	rules_name_room(rules, &hello->name);
	if (!take_room_type(type, &hello->type))
		return false;
	if (json_kind(type) <= JSON_KIND_NULL || json_string_is(type, ""))
		text_put(&hello->type, slice_of(rules_room_type(rules, &hello->name)));
	return true;
}

/* The name of its room some clients send as Id, without a Name. */
static bool read_hello(const struct channelling_rules *rules, struct slice body,
                       struct hello *hello)
{
	if (!take_text(json_member(body, "Name"), &hello->name))
		return false;
	if (hello->name.len == 0 && !take_text(json_member(body, "Id"), &hello->name))
		return false;
	if (!read_room(rules, json_member(body, "Type"), hello) ||
	    !take_text(json_path(body, "Credentials", "PIN", NULL), &hello->pin))
		return false;
	json_open(&hello->attributes, '{');
	put_if_string(&hello->attributes, "ua", json_member(body, "Ua"));
	put_if_string(&hello->attributes, "version", json_member(body, "Version"));
	json_close(&hello->attributes, '}');
	return !hello->attributes.has_failed;
}

static void handle_hello(struct input *input)
{
	struct hello hello;

	hello_init(&hello);
	if (read_hello(rules_of(input), input->body, &hello)) {
		const struct join join = {.type = text_slice(&hello.type),
		                          .name = text_slice(&hello.name),
		                          .has_pin = hello.pin.len > 0,
		                          .pin = text_slice(&hello.pin),
		                          .attributes = text_slice(&hello.attributes)};
		session_join(input->session, &join, &input->reference);
	} else {
		refuse_missing(input);
	}
	hello_deinit(&hello);
}

/* A type is compared where the client names one; "Room" is what its message is called, too. */
static bool is_own_room(const struct session *session, struct slice name, struct slice type)
{
	const struct room_info *room = session_room(session);

	if (room == NULL || !slice_is(name, room->name))
		return false;
	return json_kind(type) != JSON_KIND_STRING || json_string_is(type, "") ||
	       json_string_is(type, "Room") || json_string_is(type, channelling_room_type(room));
}

static void change_room(struct input *input, struct text *name, struct text *pin)
{
	struct slice sent = json_path(input->body, "Credentials", "PIN", NULL);
	struct room_change change = {.sets_pin = json_kind(sent) == JSON_KIND_STRING};

	if (!take_text(json_member(input->body, "Name"), name) || !take_text(sent, pin)) {
		refuse_missing(input);
		return;
	}
	rules_name_room(rules_of(input), name);
	if (!is_own_room(input->session, text_slice(name), json_member(input->body, "Type"))) {
		refuse(input, SIGNALING_NOT_IN_ROOM, "cannot update other rooms");
		return;
	}
	change.pin = text_slice(pin);
	session_change_room(input->session, &change, &input->reference);
}

static void handle_room(struct input *input)
{
	struct text name, pin;

	text_init(&name, 0);
	text_init(&pin, 0);
	change_room(input, &name, &pin);
	if (pin.len > 0)
		bytes_wipe(pin.at, pin.len);
	text_deinit(&name);
	text_deinit(&pin);
}

/* What it says of itself. */

/* Keeps a picture, and writes where it is instead. One that is none is left out. */
static void put_picture(struct input *input, struct slice name, struct slice value,
                        struct text *text)
{
	const struct hub *hub = session_hub(input->session);
	char image_name[IMAGE_ID_SIZE];
	struct buddy_image image;
	struct text url;

	text_init(&url, 0);
	channelling_image_id(hub, session_id(input->session), image_name);
	if (json_decode(value, &url) == OK &&
	    buddy_images_put(hub_images(hub), image_name, text_slice(&url), &image) == OK) {
		json_put_raw(text, name);
		text_printf(text, ":\"img:%s/%s/picture.%s\"", image_name, image.change,
		            buddy_image_suffix(image.type));
	}
	text_deinit(&url);
}

static bool is_picture(struct input *input, struct slice name, struct slice value)
{
	static const char start[] = "\"data:";

	return hub_images(session_hub(input->session)) != NULL && value.len >= sizeof start &&
	       memcmp(value.at, start, sizeof start - 1) == 0 &&
	       json_string_is(name, "buddyPicture");
}

static void put_status_value(struct input *input, struct text *text)
{
	struct slice name, value;
	size_t position = 0;

	if (json_kind(input->body) != JSON_KIND_OBJECT) {
		json_put_raw(text, input->body);
		return;
	}
	json_open(text, '{');
	while (json_next_member(input->body, &position, &name, &value))
		if (is_picture(input, name, value))
			put_picture(input, name, value, text);
		else
			put_raw_member(text, name, value);
	json_close(text, '}');
}

/* FNV-1a; never 0. */
static uint64_t hash_of(struct slice text)
{
	uint64_t hash = 0xCBF29CE484222325;

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (uint8_t)text.at[i]) * 0x100000001B3;
	return hash | 1;
}

/* Clients of other dialects know the name by itself. It is told when it has changed. */
static void tell_display_name(struct input *input)
{
	struct channelling_session *own = session_own(input->session);
	struct slice name = json_member(input->body, "displayName");
	uint64_t hash = hash_of(name);

	if (json_kind(name) != JSON_KIND_STRING || own->display_name == hash)
		return;
	own->display_name = hash;
	session_set_attribute(input->session, "displayName", name, NULL);
}

static void handle_status(struct input *input)
{
	struct text text;

	if (slice_is_empty(input->body))
		return;
	text_init(&text, 0);
	put_status_value(input, &text);
	tell_display_name(input);
	if (!text.has_failed)
		session_set_attribute(input->session, "status", text_slice(&text), NULL);
	text_deinit(&text);
}

static void handle_alive(struct input *input)
{
	const struct envelope envelope = {.from = session_id(input->session),
	                                  .iid = slice_of(input->reference.text)};
	struct text text;

	text_init(&text, 0);
	envelope_open(&text);
	json_member_string(&text, "Type", SLICE("Alive"));
	json_member_raw(&text, "Alive", input->body);
	envelope_close(&text, &envelope);
	if (!text.has_failed)
		session_reply(input->session, text_slice(&text));
	text_deinit(&text);
}

/* Who it is, and who others are. */

static bool has_proved(const struct session *session)
{
	const struct identity *identity = session_identity(session);

	return identity->is_authenticated && identity->user[0] != '\0';
}

/* The nonce was made by the REST call that checked the proof that is within. */
static void identify(struct input *input, const char *user, const char *nonce)
{
	struct session *session = input->session;
	struct channelling_proof proof;
	struct claim claim = {.kind = CLAIM_SECRET_USER,
	                      .proof = proof.mac,
	                      .name = proof.combo,
	                      .tenant = session_identity(session)->tenant};

	if (channelling_open_nonce(session_hub(session), session_id(session),
	                           session_wall_ms(session), nonce, &proof) == OK &&
	    strcmp(combo_user(proof.combo), user) == 0)
		session_identify(session, &claim, &input->reference);
	else
		refuse(input, SIGNALING_BAD_PROOF, "");
	bytes_wipe(&proof, sizeof proof);
}

static void handle_authentication(struct input *input)
{
	char user[COMBO_MAX + 1], nonce[NONCE_SIZE];

	if (has_proved(input->session)) {
		refuse(input, SIGNALING_ALREADY_AUTHENTICATED, "");
		return;
	}
	if (json_get_string(json_member(input->body, "Userid"), user, sizeof user) != OK ||
	    json_get_string(json_member(input->body, "Nonce"), nonce, sizeof nonce) != OK) {
		refuse_missing(input);
		return;
	}
	identify(input, user, nonce);
	bytes_wipe(nonce, sizeof nonce);
}

/* A session is looked up by what it has attested itself; its id alone is none. */
static bool is_attestation(const char *token)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t len = strlen(token);

	return len > SESSION_ID_SIZE && strspn(token, letters) == len;
}

/* The answer names the token again, so it goes with the Iid. */
static bool refer_to_token(struct reference *reference, const char *token)
{
	char iid[REFERENCE_TEXT_MAX + 1];
	size_t len = strlen(token);

	memcpy(iid, reference->text, sizeof iid);
	if (len + 1 + strlen(iid) > REFERENCE_TEXT_MAX)
		return false;
	memcpy(reference->text, token, len);
	reference->text[len] = ' ';
	memcpy(reference->text + len + 1, iid, strlen(iid) + 1);
	reference->number = REQUEST_SESSIONS;
	return true;
}

static void look_up(struct input *input, const char *token)
{
	struct reference reference = input->reference;

	if (!is_attestation(token))
		refuse(input, SIGNALING_BAD_ATTESTATION, "");
	else if (!refer_to_token(&reference, token))
		refuse(input, SIGNALING_BAD_REQUEST, "the Iid is too long");
	else
		session_look_up(input->session, token, &reference);
}

static void look_up_contact(struct input *input, const char *token)
{
	char user[CONTACT_USER_SIZE];

	input->reference.number = REQUEST_CONTACT;
	if (rules_contact_key(rules_of(input), 0) == NULL)
		refuse(input, SIGNALING_NO_CONTACTS, "");
	else if (!contact_other(input->session, token, user))
		refuse(input, SIGNALING_BAD_ATTESTATION, "the contact's token does not hold");
	else
		session_find_user(input->session, user, token, &input->reference);
}

static void handle_sessions(struct input *input)
{
	char type[16], token[CONTACT_TOKEN_SIZE];
	bool fits;

	fits = json_get_string(json_member(input->body, "Token"), token, sizeof token) == OK;
	if (json_get_string(json_member(input->body, "Type"), type, sizeof type) != OK ||
	    (!fits && json_kind(json_member(input->body, "Token")) != JSON_KIND_STRING)) {
		refuse_missing(input);
		return;
	}
	if (strcmp(type, "contact") == 0) {
		look_up_contact(input, fits ? token : "");
	} else if (strcmp(type, "session") == 0) {
		look_up(input, fits ? token : "");
	} else {
		refuse(input, SIGNALING_BAD_REQUEST, "there are no such sessions");
	}
}
