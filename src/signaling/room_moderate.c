/* Order in a room: its lock, PIN and size; who is removed or asked to be quiet; its end. */
#include <string.h>

#include "base/bytes.h"
#include "signaling/json_text.h"
#include "signaling/room_private.h"

static struct member *moderator(struct hub *hub, const struct post *ask, struct room **room,
                                unsigned permission)
{
	struct member *member = NULL;

	*room = room_find(hub, &ask->room);
	if (*room != NULL)
		member = member_find(*room, ask->subject.id);
	if (member == NULL) {
		room_refuse(*room, hub, ask, SIGNALING_NOT_IN_ROOM);
		return NULL;
	}
	if (member_may(*room, member, permission))
		return member;
	room_refuse(*room, hub, ask, SIGNALING_FORBIDDEN);
	return NULL;
}

/* Changing. */

/* No room lets more pass than its tenant. What was said before is not told to those who come later. */
static void set_relay_only(struct room *room, bool is_relay_only)
{
	room->info.is_relay_only =
		is_relay_only || tenant_is_relay_only(room->hub, room->info.tenant);
	if (!room->info.is_relay_only)
		return;
	LIST_FOR_EACH (node, &room->members)
		member_withhold(room, CONTAINER_OF(node, struct member, node));
}

/* Nor is one larger than those of its tenant may be; 0 is no bound. */
static uint32_t capacity_within(const struct room *room, uint32_t wanted)
{
	uint32_t most = hub_tenant_limits(room->hub, room->info.tenant).room_capacity;

	return most > 0 && (wanted == 0 || wanted > most) ? most : wanted;
}

enum signaling_error room_change(struct room *room, const struct post *change)
{
	if (change->sets_pin && !room_set_pin(room, change->pin))
		return SIGNALING_INTERNAL;
	if (change->sets_lock)
		room->info.is_locked = change->is_locked;
	if (change->sets_capacity)
		room->info.capacity = capacity_within(room, change->capacity);
	if (change->sets_relay_only)
		set_relay_only(room, change->is_relay_only);
	room_changed(room, false);
	return SIGNALING_OK;
}

void room_follow_tenant(struct room *room)
{
	struct post draft;

	if (room->info.is_relay_only || !tenant_is_relay_only(room->hub, room->info.tenant))
		return;
	set_relay_only(room, true);
	room_changed(room, false);
	room->info.sequence++;
	draft = room_draft(room, EVENT_ROOM);
	room_tell_all(room, &draft, NULL);
}

void room_handle_change(struct hub *hub, const struct post *ask)
{
	struct room *room;
	struct member *by = moderator(hub, ask, &room, MAY_CHANGE_ROOM);
	enum signaling_error error;
	struct post draft;
	struct text pin;

	if (by == NULL)
		return;
	error = room_change(room, ask);
	if (error != SIGNALING_OK) {
		room_refuse(room, hub, ask, error);
		return;
	}
	text_init(&pin, 0);
	if (ask->sets_pin)
		json_put_string(&pin, slice_of(ask->pin));
	room->info.sequence++;
	draft = room_draft(room, EVENT_ROOM);
	draft.subject = member_participant(by, true);
	draft.subject.attestation = ask->subject.attestation;
	draft.value = text_slice(&pin);
	room_tell_all(room, &draft, by);
	draft = room_draft(room, EVENT_DONE);
	draft.value = text_slice(&pin);
	room_answer(room, hub, ask, &draft);
	if (pin.len > 0)
		bytes_wipe(pin.at, pin.len);
	text_deinit(&pin);
}

/* Removing. The user is remembered, or, of nobody in particular, the session and its alias: it does not come back to this room. */

static void remember(struct room *room, const struct member *member)
{
	room_remember_kick(room, member->user[0] == '\0' ? member->id : member->user);
	if (member->user[0] == '\0')
		room_remember_alias(room, member->alias);
}

static void kick_one(struct room *room, struct member *member, const struct participant *by,
                     const char *reason)
{
	struct post draft = room_draft(room, EVENT_KICKED);

	if (by != NULL)
		draft.subject = *by;
	draft.reason = reason;
	draft.error = SIGNALING_KICKED;
	draft.ends_seat = true;
	remember(room, member);
	room_tell_one(room, &draft, member);
	hub_count(&room->hub->counters, HUB_COUNT_kicks, 1);
	room_remove(room, member, false);
}

/* The other sessions of its user go with it; but not that of the moderator, who may be the same. */
void room_kick(struct room *room, struct member *member, const struct participant *by,
               const char *reason)
{
	LIST_FOR_EACH (node, &room->members) {
		struct member *other = CONTAINER_OF(node, struct member, node);
		bool is_its = other != member && other->user[0] != '\0' &&
		              strcmp(other->user, member->user) == 0;
		if (is_its && (by == NULL || strcmp(by->id, other->id) != 0))
			kick_one(room, other, by, reason);
	}
	kick_one(room, member, by, reason);
}

/* It is asked to be quiet; what the others know of it is changed here, whatever it does. */
void room_mute(struct room *room, struct member *member, const struct participant *by,
               const char *what)
{
	struct post draft = room_draft(room, EVENT_MUTE);

	if (by != NULL)
		draft.subject = *by;
	draft.name = what;
	draft.value = SLICE("false");
	room_tell_one(room, &draft, member);
	if (!member_set_attribute(member, what, SLICE("false")))
		return;
	room->info.sequence++;
	draft = room_draft(room, EVENT_FORCED_ATTRIBUTE);
	draft.subject = member_participant(member, true);
	draft.name = what;
	draft.value = SLICE("false");
	room_tell_all(room, &draft, NULL);
}

void room_close(struct room *room, const struct participant *by, const char *reason)
{
	struct post draft;

	room->info.sequence++;
	draft = room_draft(room, EVENT_ROOM_CLOSED);
	if (by != NULL)
		draft.subject = *by;
	draft.reason = reason;
	draft.ends_seat = true;
	room_tell_all(room, &draft, NULL);
	LIST_FOR_EACH (node, &room->members) {
		struct member *member = CONTAINER_OF(node, struct member, node);
		room->info.count -= !member->is_hidden;
		if (!member->is_hidden)
			room_fact_of(room, "room.leave", member);
		room->info.count += !member->is_hidden;
		member_destroy(room, member);
	}
	room_changed(room, true);
	room_destroy(room);
}

static void moderate_one(struct room *room, struct member *by, const struct post *ask)
{
	struct member *member = member_find_any(room, ask->to);
	struct participant moderator_seen = member_participant(by, false);
	bool is_mute = ask->verb == MODERATE_MUTE;

	if (member == NULL) {
		room_refuse(room, room->hub, ask, SIGNALING_NO_PEER);
		return;
	}
	if (is_mute && strcmp(ask->name, "audio") != 0 && strcmp(ask->name, "video") != 0) {
		room_refuse(room, room->hub, ask, SIGNALING_BAD_REQUEST);
		return;
	}
	room_done(room, room->hub, ask);
	if (is_mute)
		room_mute(room, member, &moderator_seen, ask->name);
	else
		room_kick(room, member, &moderator_seen, ask->reason);
}

void room_handle_moderate(struct hub *hub, const struct post *ask)
{
	bool closes = ask->verb == MODERATE_CLOSE;
	struct room *room;
	struct member *by = moderator(hub, ask, &room, closes ? MAY_CLOSE_ROOM : MAY_MODERATE);
	struct participant moderator_seen;

	if (by == NULL)
		return;
	if (!closes) {
		moderate_one(room, by, ask);
		return;
	}
	room_done(room, hub, ask);
	moderator_seen = member_participant(by, false);
	room_close(room, &moderator_seen, ask->reason);
}
