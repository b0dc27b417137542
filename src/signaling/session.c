/* What a dialect asks of the core for a session: checked here as far as its own hub can, and posted to the hub that
 * decides. */
#include "signaling/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/attributes.h"
#include "signaling/hub_private.h"
#include "signaling/relay_only.h"

enum { ATTESTATION_LIVES_MS = 300 * 1000, ATTESTATION_FRESH_MS = 180 * 1000 };

const char *session_id(const struct session *session)
{
	return session->id;
}

const struct identity *session_identity(const struct session *session)
{
	return &session->identity->identity;
}

const struct dialect *session_dialect(const struct session *session)
{
	return session->dialect;
}

const struct room_info *session_room(const struct session *session)
{
	return session->is_in ? &session->view->info : NULL;
}

const char *session_address(const struct session *session)
{
	return session->address;
}

uint64_t session_wall_ms(const struct session *session)
{
	return session->hub->wall_ms;
}

const struct hub *session_hub(const struct session *session)
{
	return session->hub;
}

const struct hub_settings *session_settings(const struct session *session)
{
	return &session->hub->settings;
}

void *session_own(struct session *session)
{
	return session->own;
}

/* Made anew before it is too old for who gets it to use it. */
const char *session_attestation(struct session *session)
{
	struct hub *hub = session->hub;

	if (session->attestation == NULL)
		session->attestation = calloc(1, ATTESTATION_SIZE);
	else if (hub->wall_ms - session->attestation_made_ms < ATTESTATION_FRESH_MS)
		return session->attestation;
	if (session->attestation == NULL)
		return "";
	session->attestation_made_ms = hub->wall_ms;
	seal_make_attestation(hub->seal, session->id, hub->wall_ms + ATTESTATION_LIVES_MS,
	                      session->attestation);
	return session->attestation;
}

struct participant session_participant(struct session *session, bool has_attributes)
{
	return (struct participant){
		.id = session->id,
		.user = session->identity->identity.user,
		.alias = session->alias == NULL ? "" : session->alias,
		.dialect = session->dialect,
		.attributes = has_attributes
	                              ? (struct slice){session->attributes, session->attributes_len}
	                              : (struct slice){0},
		.revision = session->revision,
		.permissions = session->identity->identity.permissions,
		.joined_ms = session->joined_ms,
		.is_hidden = session->is_hidden,
		.is_away = session->path == NULL,
		.attestation = session_attestation(session),
	};
}

/* To the owner of its room. */
void session_ask_owner(struct session *session, struct post *draft,
                       const struct reference *reference)
{
	draft->subject =
		session_participant(session, draft->kind == POST_JOIN || draft->kind == POST_SEAT);
	draft->seat = session->seat;
	post_refer(draft, reference);
	view_post(session->view, draft);
}

/* An answer of its own hub, in order with those of others. */
static void answer(struct session *session, struct post *draft, const struct reference *reference)
{
	draft->kind = POST_EVENT;
	draft->to = session->id;
	draft->seat = session->seat;
	post_refer(draft, reference);
	hub_post_draft(session->hub, session->hub->settings.place, draft);
}

void session_refuse(struct session *session, enum signaling_error error, const char *reason,
                    const struct reference *reference)
{
	struct post draft = {.event = EVENT_REFUSED, .error = error, .reason = reason};

	answer(session, &draft, reference);
}

static void done(struct session *session, enum event_kind event, const struct reference *reference)
{
	struct post draft = {.event = event};

	answer(session, &draft, reference);
}

/* Refuses for the session where it is in no room. */
static bool must_be_in_room(struct session *session, const struct reference *reference)
{
	if (session->view == NULL)
		session_refuse(session, SIGNALING_NOT_IN_ROOM, "", reference);
	return session->view != NULL;
}

/* Joining. */

static bool is_printable(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7F)
			return false;
	return true;
}

static enum signaling_error check_join(struct session *session, const struct join *join)
{
	const struct identity *identity = session_identity(session);
	struct slice type = join->type.len == 0 ? SLICE("room") : join->type;

	if (join->name.len == 0)
		return SIGNALING_NO_ROOM_NAME;
	if (join->name.len > ROOM_NAME_MAX || type.len > ROOM_TYPE_MAX ||
	    !is_printable(join->name) || !is_printable(type))
		return SIGNALING_BAD_ROOM_NAME;
	if (session->hub->is_draining)
		return SIGNALING_DRAINING;
	if (!(identity->permissions & MAY_JOIN) ||
	    (join->is_hidden && !(identity->permissions & MAY_HIDE)))
		return SIGNALING_FORBIDDEN;
	if (identity->room[0] != '\0' && !slice_is(join->name, identity->room))
		return SIGNALING_FORBIDDEN;
	if (join->attributes.len > ATTRIBUTES_MAX || join->pin.len > ROOM_PIN_MAX)
		return SIGNALING_TOO_LARGE;
	return session_may_join(session) ? SIGNALING_OK : SIGNALING_RATE_LIMITED;
}

static enum err set_alias(struct session *session, const char *alias)
{
	free(session->alias);
	session->alias = NULL;
	if (alias == NULL || alias[0] == '\0')
		return OK;
	session->alias = strdup(alias);
	return session->alias == NULL ? ERR_NO_MEMORY : OK;
}

/* Attributes that are told with a join are added to those that were set before it. */
static enum err merge_attributes(struct session *session, struct slice added)
{
	struct text text;
	enum err err = OK;

	if (json_kind(added) != JSON_KIND_OBJECT)
		return OK;
	text_init(&text, ATTRIBUTES_MAX);
	attributes_merge((struct slice){session->attributes, session->attributes_len}, added,
	                 &text);
	if (text.has_failed) {
		text_deinit(&text);
		return ERR_FULL;
	}
	err = session_keep_attributes(session, text_slice(&text));
	text_deinit(&text);
	return err;
}

enum err session_keep_attributes(struct session *session, struct slice attributes)
{
	char *copy = malloc(attributes.len + 1);

	if (copy == NULL)
		return ERR_NO_MEMORY;
	memcpy(copy, attributes.at, attributes.len);
	free(session->attributes);
	session->attributes = copy;
	session->attributes_len = attributes.len;
	session_changed(session);
	return OK;
}

/* Where it goes on to the room that it is in, it keeps its seat: the owner sees that it comes again. */
static enum err take_seat(struct session *session, const struct join *join)
{
	char type[ROOM_TYPE_MAX + 1], name[ROOM_NAME_MAX + 1];
	const char *tenant = session_identity(session)->tenant;
	struct slice wanted = join->type.len == 0 ? SLICE("room") : join->type;
	struct view *view;

	memcpy(type, wanted.at, wanted.len);
	type[wanted.len] = '\0';
	memcpy(name, join->name.at, join->name.len);
	name[join->name.len] = '\0';
	view = view_take(session->hub, tenant, type, name);
	if (view == NULL)
		return ERR_NO_MEMORY;
	if (session->view == view)
		view_give(view);
	else
		session_leave_room(session, true, NULL);
	session->view = view;
	session->join_seat = ++session->seat;
	return OK;
}

/* It may be all that is left of it. */
void session_forget_joining(struct session *session)
{
	if (session->joining != NULL)
		bytes_wipe((char *)session->joining->pin, strlen(session->joining->pin));
	post_destroy(session->joining);
	session->joining = NULL;
}

/* The owner may be lost with what it was asked: the next one is asked the same. */
static void keep_joining(struct session *session, const struct post *draft)
{
	session_forget_joining(session);
	if (session->hub->settings.is_cluster)
		session->joining = post_create(draft);
}

static void post_join(struct session *session, const struct join *join,
                      const struct reference *reference)
{
	struct tenant_limits limits =
		hub_tenant_limits(session->hub, session_identity(session)->tenant);
	char pin[ROOM_PIN_MAX + 1];
	struct post draft = {
		.kind = POST_JOIN,
		.has_pin = join->has_pin,
		.pin = pin,
		.alias_secret = join->alias_secret,
		.capacity_max = join->capacity_max,
		.empty_room_s = session->dialect->limits.empty_room_s,
		.rooms_max = limits.rooms_max,
		.room_capacity = limits.room_capacity,
		.address = session->address,
	};

	memcpy(pin, join->has_pin ? join->pin.at : "", join->has_pin ? join->pin.len : 0);
	pin[join->has_pin ? join->pin.len : 0] = '\0';
	session_ask_owner(session, &draft, reference);
	keep_joining(session, &draft);
	bytes_wipe(pin, sizeof pin);
}

void session_join(struct session *session, const struct join *join,
                  const struct reference *reference)
{
	enum signaling_error error = check_join(session, join);

	if (error == SIGNALING_OK && merge_attributes(session, join->attributes) != OK)
		error = SIGNALING_TOO_LARGE;
	if (error == SIGNALING_OK &&
	    (set_alias(session, join->alias) != OK || take_seat(session, join) != OK))
		error = SIGNALING_INTERNAL;
	if (error != SIGNALING_OK) {
		session_leave_room(session, true, NULL);
		session_refuse(session, error, "", reference);
		return;
	}
	session->is_hidden = join->is_hidden;
	post_join(session, join, reference);
}

/* The view is given up at once: what the room says from here on is not for it. */
void session_leave_room(struct session *session, bool is_soft, const struct reference *reference)
{
	struct post draft = {.kind = POST_LEAVE, .is_soft = is_soft};

	if (session->view == NULL)
		return;
	session_ask_owner(session, &draft, reference);
	session_lose_seat(session);
}

void session_put_out(struct session *session)
{
	if (session->join_seat == session->welcomed_seat) {
		session_lose_seat(session);
		return;
	}
	list_remove(&session->in_view);
	session->is_in = false;
	session_changed(session);
}

void session_lose_seat(struct session *session)
{
	session_forget_joining(session);
	list_remove(&session->in_view);
	view_give(session->view);
	session->view = NULL;
	session->is_in = false;
	session_changed(session);
}

void session_leave(struct session *session, const struct reference *reference)
{
	if (session->view == NULL)
		done(session, EVENT_LEAVING_DONE, reference);
	else
		session_leave_room(session, true, reference);
}

/* Messages. */

static enum signaling_error check_message(const struct session *session,
                                          const struct message *message)
{
	unsigned needed = message->kind == MESSAGE_CHAT ? MAY_CHAT : MAY_SEND;

	return session_identity(session)->permissions & needed ? SIGNALING_OK : SIGNALING_FORBIDDEN;
}

static bool is_id(const char *to)
{
	return strlen(to) == SESSION_ID_SIZE - 1 &&
	       strspn(to, "0123456789ABCDEF") == SESSION_ID_SIZE - 1;
}

/* Also where sessions meet outside of rooms does a tenant that takes relayed candidates alone get no others. */
static void post_outside(struct session *session, const char *to, const struct message *message,
                         const struct reference *reference)
{
	struct hub *hub = session->hub;
	struct post draft = {.kind = POST_SEND_OUTSIDE,
	                     .to = to,
	                     .tenant = session_identity(session)->tenant,
	                     .sender = hub->settings.place,
	                     .has_message = true,
	                     .message = *message};
	struct hub_place place;
	struct text room;

	text_init(&room, 0);
	draft.subject = session_participant(session, false);
	post_refer(&draft, reference);
	if (tenant_is_relay_only(hub, draft.tenant) &&
	    !relay_only_filter(message, &room, &draft.message)) {
		hub_count(&hub->counters, HUB_COUNT_candidates_withheld, 1);
		done(session, EVENT_DONE, reference);
	} else if (seal_open_id(hub->seal, to, &place) == OK && hub_is_reachable(hub, place)) {
		hub_post_draft(hub, place, &draft);
	} else {
		draft.event = EVENT_UNREACHABLE;
		draft.error = SIGNALING_NO_PEER;
		draft.name = to;
		answer(session, &draft, reference);
	}
	text_deinit(&room);
}

/* One that says something: that somebody types is none. */
static bool is_chat(const struct message *message)
{
	return message->kind == MESSAGE_CHAT && message->text.len > sizeof "\"\"" - 1;
}

/* In a room the owner knows everybody; whom it does not know it looks for outside, where that was asked for. */
void session_send(struct session *session, const char *to, const struct message *message,
                  bool is_outside, const struct reference *reference)
{
	enum signaling_error error = check_message(session, message);
	struct post draft = {.kind = POST_SEND,
	                     .to = to,
	                     .has_message = true,
	                     .message = *message,
	                     .is_outside = is_outside && is_id(to)};

	if (error != SIGNALING_OK) {
		session_refuse(session, error, "", reference);
		return;
	}
	hub_count(&session->hub->counters, HUB_COUNT_unicasts, 1);
	hub_count(&session->hub->counters, HUB_COUNT_chats_to_one, is_chat(message));
	if (session->view != NULL)
		session_ask_owner(session, &draft, reference);
	else if (draft.is_outside)
		post_outside(session, to, message, reference);
	else
		session_refuse(session, SIGNALING_NOT_IN_ROOM, "", reference);
}

void session_broadcast(struct session *session, const struct message *message,
                       const struct reference *reference)
{
	enum signaling_error error = check_message(session, message);
	struct post draft = {.kind = POST_BROADCAST, .has_message = true, .message = *message};

	if (error != SIGNALING_OK) {
		session_refuse(session, error, "", reference);
		return;
	}
	hub_count(&session->hub->counters, HUB_COUNT_broadcasts, 1);
	hub_count(&session->hub->counters, HUB_COUNT_chats_to_all, is_chat(message));
	if (must_be_in_room(session, reference))
		session_ask_owner(session, &draft, reference);
}

/* Attributes. */

enum err session_keep_attribute(struct session *session, const char *name, struct slice value)
{
	struct text text;
	enum err err;

	text_init(&text, ATTRIBUTES_MAX);
	attributes_set((struct slice){session->attributes, session->attributes_len}, name, value,
	               &text);
	err = text.has_failed ? ERR_FULL : session_keep_attributes(session, text_slice(&text));
	text_deinit(&text);
	return err;
}

void session_set_attribute(struct session *session, const char *name, struct slice value,
                           const struct reference *reference)
{
	struct post draft = {.kind = POST_ATTRIBUTE, .name = name, .value = value};

	if (strlen(name) > ATTRIBUTE_NAME_MAX ||
	    session_keep_attribute(session, name, value) != OK) {
		session_refuse(session, SIGNALING_TOO_LARGE, "", reference);
		return;
	}
	session->revision++;
	if (session->view != NULL)
		session_ask_owner(session, &draft, reference);
	else
		done(session, EVENT_DONE, reference);
}

void session_ask_participants(struct session *session, const struct reference *reference)
{
	struct post draft = {.kind = POST_PARTICIPANTS};

	if (must_be_in_room(session, reference))
		session_ask_owner(session, &draft, reference);
}

/* Moderation. */

void session_change_room(struct session *session, const struct room_change *change,
                         const struct reference *reference)
{
	struct post draft = {.kind = POST_CHANGE};
	char pin[ROOM_PIN_MAX + 1];

	if (!must_be_in_room(session, reference))
		return;
	if (change->sets_pin && change->pin.len > ROOM_PIN_MAX) {
		session_refuse(session, SIGNALING_TOO_LARGE, "", reference);
		return;
	}
	post_change(&draft, change, pin);
	session_ask_owner(session, &draft, reference);
	bytes_wipe(pin, sizeof pin);
}

void post_change(struct post *draft, const struct room_change *change, char pin[ROOM_PIN_MAX + 1])
{
	size_t len = change->sets_pin && change->pin.len <= ROOM_PIN_MAX ? change->pin.len : 0;

	if (len > 0)
		memcpy(pin, change->pin.at, len);
	pin[len] = '\0';
	draft->pin = pin;
	draft->sets_pin = change->sets_pin;
	draft->sets_lock = change->sets_lock;
	draft->is_locked = change->is_locked;
	draft->sets_capacity = change->sets_capacity;
	draft->capacity = change->capacity;
	draft->sets_relay_only = change->sets_relay_only;
	draft->is_relay_only = change->is_relay_only;
}

void session_moderate(struct session *session, enum moderation moderation, const char *id,
                      const char *what, const char *reason, const struct reference *reference)
{
	struct post draft = {.kind = POST_MODERATE,
	                     .verb = moderation,
	                     .to = id,
	                     .name = what,
	                     .reason = reason};

	if (must_be_in_room(session, reference))
		session_ask_owner(session, &draft, reference);
}

/* What needs no room. */

void session_ask_credentials(struct session *session, const struct reference *reference)
{
	static const struct reference nobody;

	hub_ask_credentials(session, reference == NULL ? &nobody : reference, false);
}

void session_ask_self(struct session *session, const struct reference *reference)
{
	if (session->dialect->opens_with_credentials)
		hub_ask_credentials(session, reference, true);
	else
		deliver_opened(session, NULL, reference);
}

void session_reply(struct session *session, struct slice text)
{
	struct buffer *buffer = buffer_create(text);

	if (buffer == NULL)
		return;
	queue_push(session, buffer);
	buffer_release(buffer);
}

/* A fact of a room is counted by its owner; one of no room is told at once. */
void session_emit(struct session *session, const char *what, struct slice value)
{
	struct post draft = {.kind = POST_FACT, .name = what, .value = value};

	if (session->view != NULL) {
		session_ask_owner(session, &draft, NULL);
		return;
	}
	draft.subject = session_participant(session, false);
	draft.deadline_ms = session->hub->wall_ms;
	hub_count(&session->hub->counters, HUB_COUNT_facts, 1);
	hub_notify(session->hub, HUB_EMIT, &draft, false);
}
