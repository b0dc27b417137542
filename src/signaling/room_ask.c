/* What participants send to each other and say of themselves, in the order in which the room's owner gets it. */
#include <string.h>

#include "signaling/json_text.h"
#include "signaling/relay_only.h"
#include "signaling/room_private.h"

/* Gives the room and the member that asks; refuses where there is none, or it has taken another seat since. */
static struct member *asker(struct hub *hub, const struct post *ask, struct room **room)
{
	struct member *member = NULL;

	*room = room_find(hub, &ask->room);
	if (*room != NULL)
		member = member_find(*room, ask->subject.id);
	if (member == NULL)
		room_refuse(*room, hub, ask, SIGNALING_NOT_IN_ROOM);
	return member;
}

static struct participant sender(const struct member *member, const struct post *ask)
{
	struct participant from = member_participant(member, false);

	from.attestation = ask->subject.attestation;
	return from;
}

/* Messages. */

/* Takes out of a message what is not relayed, where the room wants that. False: nothing of it is left. */
static bool may_pass(struct room *room, const struct post *ask, struct text *text,
                     struct message *message)
{
	*message = ask->message;
	if (!room->info.is_relay_only || relay_only_filter(&ask->message, text, message))
		return true;
	hub_count(&room->hub->counters, HUB_COUNT_candidates_withheld, 1);
	return false;
}

void room_unreachable(struct room *room, const struct post *ask)
{
	struct post draft = room_draft(room, EVENT_UNREACHABLE);

	draft.error = SIGNALING_NO_PEER;
	draft.has_message = true;
	draft.message = ask->message;
	draft.name = ask->to;
	room_answer(room, room->hub, ask, &draft);
}

/* Whoever is not in the room may be somewhere else. */
static void send_outside(struct room *room, const struct member *from, const struct post *ask,
                         const struct message *message)
{
	struct post draft = *ask;
	struct hub_place place;

	if (seal_open_id(room->hub->seal, ask->to, &place) != OK ||
	    !hub_is_reachable(room->hub, place)) {
		room_unreachable(room, ask);
		return;
	}
	draft.kind = POST_SEND_OUTSIDE;
	draft.room = (struct room_info){0};
	draft.tenant = room->info.tenant;
	draft.message = *message;
	draft.subject = sender(from, ask);
	draft.sender = ask->from;
	hub_post_draft(room->hub, place, &draft);
}

static void send_inside(struct room *room, const struct member *from, const struct member *to,
                        const struct post *ask, const struct message *message)
{
	struct post draft = room_draft(room, EVENT_MESSAGE);

	draft.subject = sender(from, ask);
	draft.has_message = true;
	draft.message = *message;
	draft.is_unicast = true;
	room_tell_one(room, &draft, to);
	room_done(room, room->hub, ask);
}

void room_handle_send(struct hub *hub, const struct post *ask)
{
	struct room *room;

	if (asker(hub, ask, &room) != NULL)
		room_send(room, ask);
}

void room_send(struct room *room, const struct post *ask)
{
	const struct member *from = member_find(room, ask->subject.id),
			    *to = member_find_any(room, ask->to);
	struct message message;
	struct text text;

	text_init(&text, 0);
	if (to == NULL && !ask->is_outside) {
		if (ask->message.waits_s == 0 || !wait_put(room, ask))
			room_unreachable(room, ask);
	} else if (!may_pass(room, ask, &text, &message))
		room_done(room, room->hub, ask);
	else if (to == NULL)
		send_outside(room, from, ask, &message);
	else
		send_inside(room, from, to, ask, &message);
	text_deinit(&text);
}

void room_handle_broadcast(struct hub *hub, const struct post *ask)
{
	struct room *room;
	struct member *from = asker(hub, ask, &room);
	struct post draft;
	struct text text;

	if (from == NULL)
		return;
	text_init(&text, 0);
	room->info.sequence++;
	draft = room_draft(room, EVENT_MESSAGE);
	draft.subject = sender(from, ask);
	draft.has_message = true;
	if (may_pass(room, ask, &text, &draft.message))
		room_tell_all(room, &draft, from);
	room_done(room, hub, ask);
	text_deinit(&text);
}

/* What they say of themselves. */

void room_handle_attribute(struct hub *hub, const struct post *ask)
{
	struct room *room;
	struct member *from = asker(hub, ask, &room);
	struct post draft;

	if (from == NULL)
		return;
	if (room->info.is_relay_only && relay_only_hides(ask->value)) {
		hub_count(&hub->counters, HUB_COUNT_candidates_withheld, 1);
		room_done(room, hub, ask);
		return;
	}
	if (!member_set_attribute(from, ask->name, ask->value)) {
		room_refuse(room, hub, ask, SIGNALING_TOO_LARGE);
		return;
	}
	room->info.sequence++;
	draft = room_draft(room, EVENT_ATTRIBUTE);
	draft.subject = member_participant(from, true);
	draft.subject.attestation = ask->subject.attestation;
	draft.name = ask->name;
	draft.value = ask->value;
	if (!from->is_hidden)
		room_tell_all(room, &draft, from);
	room_done(room, hub, ask);
}

void room_handle_participants(struct hub *hub, const struct post *ask)
{
	struct room *room;
	struct member *from = asker(hub, ask, &room);
	struct post draft;

	if (from == NULL)
		return;
	draft = room_draft(room, EVENT_PARTICIPANTS);
	draft.has_reference = ask->has_reference;
	draft.reference_number = ask->reference_number;
	draft.reference_text = ask->reference_text;
	room_tell_people(room, &draft, from);
}

void room_handle_fact(struct hub *hub, const struct post *ask)
{
	struct room *room = room_find(hub, &ask->room);
	struct member *from = room == NULL ? NULL : member_find(room, ask->subject.id);

	if (from != NULL)
		room_fact(room, ask->name, from, ask->value);
}

/* A session has another place, or none for a while, or has proved who it is. */
void room_handle_seat(struct hub *hub, const struct post *ask)
{
	struct room *room = room_find(hub, &ask->room);
	struct member *member = room == NULL ? NULL : member_find(room, ask->subject.id);

	if (member == NULL || ask->seat < member->seat)
		return;
	struct hub_place old = member->place;
	struct post draft = {.kind = POST_SEATED, .to = member->id};
	if (!member_update(room, member, ask))
		return;
	member_move(room, member, ask->from);
	if (old.node != ask->from.node || old.worker != ask->from.worker)
		hub_post_draft(hub, old, &draft); /* behind all that went there for it */
	if (room_is_kicked(room, member->user))
		room_kick(room, member, NULL, "");
}
