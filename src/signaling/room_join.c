/* Coming into a room, and going. */
#include <string.h>

#include "signaling/relay_only.h"
#include "signaling/room_private.h"

static enum signaling_error check_old(const struct room *room, const struct post *ask,
                                      const struct member *member);
static enum signaling_error check_new(const struct hub *hub, const struct post *ask);
static struct member *other_with_alias(const struct room *room, const struct post *ask);
static void replace(struct room *room, struct member *other);
static void remove_attested(struct room *room, struct member *member, bool is_soft,
                            const char *attestation);
static void welcome(struct room *room, struct member *member, const struct post *ask);

static enum signaling_error enter(struct hub *hub, struct room **room, struct member **member,
                                  const struct post *ask)
{
	enum signaling_error error =
		*room == NULL ? check_new(hub, ask) : check_old(*room, ask, *member);

	if (error != SIGNALING_OK)
		return error;
	if (*room == NULL) {
		*room = room_create(hub, ask);
		if (*room == NULL)
			return SIGNALING_TOO_MANY;
		room_changed(*room, false);
	}
	struct member *other = other_with_alias(*room, ask);
	if (other != NULL)
		replace(*room, other);
	if (*member != NULL)
		return member_update(*room, *member, ask) ? SIGNALING_OK : SIGNALING_INTERNAL;
	*member = member_create(*room, ask);
	return *member == NULL ? SIGNALING_INTERNAL : SIGNALING_OK;
}

/* It was removed when the owner of the room was lost, and did not hear of it. */
static void tell_kicked(const struct room *room, const struct post *ask)
{
	struct post draft = room_draft(room, EVENT_KICKED);

	draft.error = SIGNALING_KICKED;
	draft.ends_seat = true;
	room_answer(room, room->hub, ask, &draft);
}

/* Who is in it already comes again: the others see it come, and not go. */
void room_handle_join(struct hub *hub, const struct post *ask)
{
	struct room *room = room_find(hub, &ask->room);
	struct member *member = room == NULL ? NULL : member_find(room, ask->subject.id);
	enum signaling_error error;

	/* Of a node that was cut off: its session lives on elsewhere since, and the node hears of that. */
	if (member != NULL && ask->is_return && ask->seat < member->seat)
		return;
	if (room != NULL)
		room_follow_tenant(room);
	error = enter(hub, &room, &member, ask);
	if (error != SIGNALING_OK) {
		if (member != NULL)
			remove_attested(room, member, true, ask->subject.attestation);
		else if (room == NULL)
			room_is_none(hub, ask);
		else if (list_is_empty(&room->members) && !timer_is_set(&room->empty))
			room_became_empty(room);
		if (error == SIGNALING_KICKED && ask->is_return)
			tell_kicked(room, ask);
		else
			room_refuse(room, hub, ask, error);
		return;
	}
	timer_cancel(hub->wheel, &room->empty);
	member_move(room, member, ask->from);
	hub_count(&hub->counters, HUB_COUNT_joins, 1);
	welcome(room, member, ask);
	if (member->alias[0] != '\0')
		wait_deliver(room, member->alias);
}

static bool has_hidden_alias(const struct post *ask, bool is_relay_only)
{
	return is_relay_only && relay_only_hides_in_text(slice_of(ask->subject.alias));
}

static enum signaling_error check_new(const struct hub *hub, const struct post *ask)
{
	if (has_hidden_alias(ask, tenant_is_relay_only(hub, ask->room.tenant)))
		return SIGNALING_BAD_REQUEST;
	if (!(ask->subject.permissions & MAY_CREATE) && !ask->is_return)
		return SIGNALING_NO_SUCH_ROOM;
	if (hub->is_draining)
		return SIGNALING_DRAINING;
	return hub->rooms.count < hub->settings.rooms_max ? SIGNALING_OK : SIGNALING_TOO_MANY;
}

static enum signaling_error check_pin(const struct room *room, const struct post *ask)
{
	bool shows_pin = ask->has_pin && ask->pin[0] != '\0';

	if (room->pin == NULL)
		return shows_pin ? SIGNALING_PIN_NOT_REQUIRED : SIGNALING_OK;
	if (!shows_pin)
		return SIGNALING_PIN_REQUIRED;
	return room_has_pin(room, ask->pin) ? SIGNALING_OK : SIGNALING_PIN_WRONG;
}

/* Those who are hidden take no place. */
static bool is_full(const struct room *room, const struct post *ask, const struct member *member)
{
	uint32_t others = room->info.count - (member != NULL && !member->is_hidden);

	if (ask->subject.is_hidden)
		return false;
	return (room->info.capacity > 0 && others >= room->info.capacity) ||
	       (ask->capacity_max > 0 && others >= ask->capacity_max);
}

static struct member *other_with_alias(const struct room *room, const struct post *ask)
{
	const char *alias = ask->subject.alias;
	struct member *other = alias[0] == '\0' ? NULL : member_find_any(room, alias);

	return other != NULL && strcmp(other->id, ask->subject.id) != 0 ? other : NULL;
}

/* Its connection is half dead, or was left open in another window. */
static void replace(struct room *room, struct member *other)
{
	struct post draft = {.kind = POST_CLOSE,
	                     .to = other->id,
	                     .seat = other->seat,
	                     .reason = "another connection has taken its place"};

	hub_post_draft(room->hub, other->place, &draft);
	room_remove(room, other, true);
}

static enum signaling_error check_old(const struct room *room, const struct post *ask,
                                      const struct member *member)
{
	bool is_owner = room->owner[0] != '\0' && strcmp(room->owner, ask->subject.user) == 0;
	enum signaling_error error;

	if (room_is_kicked(room, ask->subject.id) || room_is_kicked(room, ask->subject.user) ||
	    room_alias_is_kicked(room, ask->subject.alias))
		return SIGNALING_KICKED;
	if (has_hidden_alias(ask, room->info.is_relay_only))
		return SIGNALING_BAD_REQUEST;
	const struct member *other = other_with_alias(room, ask);
	if (other != NULL && !member_has_secret(other, ask->alias_secret))
		return SIGNALING_ALIAS_TAKEN;
	if (ask->is_return)
		return SIGNALING_OK;
	error = check_pin(room, ask);
	if (error != SIGNALING_OK)
		return error;
	/* An owner that was cut off is not locked out of what it made. */
	if (room->info.is_locked && member == NULL && !is_owner)
		return SIGNALING_ROOM_LOCKED;
	return is_full(room, ask, member) ? SIGNALING_ROOM_FULL : SIGNALING_OK;
}

static void welcome(struct room *room, struct member *member, const struct post *ask)
{
	struct post joined, draft;

	room->info.sequence++;
	joined = room_draft(room, EVENT_JOINED);
	joined.subject = member_participant(member, true);
	joined.subject.attestation = ask->subject.attestation;
	joined.is_return = ask->is_return;
	if (!member->is_hidden)
		room_tell_all(room, &joined, member);
	draft = room_draft(room, EVENT_WELCOME);
	draft.subject = joined.subject;
	draft.is_return = ask->is_return;
	/* Of a room that was lost others may be on their way back still. */
	draft.is_soft = ask->is_return && room->hub->now >= room->restored_until;
	draft.has_reference = ask->has_reference;
	draft.reference_number = ask->reference_number;
	draft.reference_text = ask->reference_text;
	room_tell_people(room, &draft, member);
	if (!member->is_hidden && !ask->is_return)
		room_fact_of(room, "room.join", member);
}

/* Going. */

/* attestation is of the session that goes; "" where it did not say so itself. */
static void remove_attested(struct room *room, struct member *member, bool is_soft,
                            const char *attestation)
{
	struct hub *hub = room->hub;
	struct post left;
	bool is_told = !member->is_hidden;

	room->info.sequence++;
	room->info.count -= is_told;
	left = room_draft(room, EVENT_LEFT);
	left.subject = member_participant(member, true);
	left.subject.attestation = attestation;
	left.is_soft = is_soft;
	hub_count(&hub->counters, HUB_COUNT_leaves, 1);
	if (is_told) {
		room_tell_all(room, &left, member);
		room_fact_of(room, "room.leave", member);
	}
	wait_drop(room, member->id);
	room->info.count += is_told; /* it is taken off with the member */
	member_destroy(room, member);
	if (list_is_empty(&room->members))
		room_became_empty(room);
}

void room_remove(struct room *room, struct member *member, bool is_soft)
{
	remove_attested(room, member, is_soft, "");
}

/* A leave that was sent before the session moved on has been overtaken, and means nothing. */
void room_handle_leave(struct hub *hub, const struct post *ask)
{
	struct room *room = room_find(hub, &ask->room);
	struct member *member = room == NULL ? NULL : member_find(room, ask->subject.id);
	struct post draft = {.event = EVENT_LEAVING_DONE};

	if (member != NULL && member->seat <= ask->seat)
		remove_attested(room, member, ask->is_soft, ask->subject.attestation);
	if (!ask->has_reference)
		return;
	if (room != NULL)
		draft = room_draft(room, EVENT_LEAVING_DONE);
	room_answer(room, hub, ask, &draft);
}
