/* What a room tells: one post for each hub that has members, however many; answers to one session; facts to the world. */
#include <stdlib.h>
#include <string.h>

#include "signaling/json_text.h"
#include "signaling/room_private.h"

struct post room_draft(const struct room *room, enum event_kind event)
{
	return (struct post){
		.kind = POST_EVENT,
		.event = event,
		.room = room->info,
		.generation = room->generation,
	};
}

/* A hub whose only member is the one that need not hear it is left out. */
static bool has_listeners(const struct room_hub *at, const struct member *except)
{
	bool is_its = except != NULL && except->place.node == at->place.node &&
	              except->place.worker == at->place.worker;

	return at->members > (is_its ? 1u : 0u);
}

void room_tell_all(struct room *room, struct post *draft, const struct member *except)
{
	draft->to = "";
	draft->except = except == NULL ? "" : except->id;
	for (size_t i = 0; i < room->hub_count; i++)
		if (has_listeners(&room->hubs[i], except))
			hub_post_draft(room->hub, room->hubs[i].place, draft);
}

void room_tell_one(struct room *room, struct post *draft, const struct member *member)
{
	draft->to = member->id;
	draft->seat = member->seat;
	hub_post_draft(room->hub, member->place, draft);
}

/* Where there is no such room, the answer names the one that was asked for. */
void room_answer(const struct room *room, struct hub *hub, const struct post *ask,
                 struct post *draft)
{
	if (room == NULL)
		draft->room = ask->room;
	draft->kind = POST_EVENT;
	draft->to = ask->subject.id;
	draft->seat = ask->seat;
	draft->has_reference = ask->has_reference;
	draft->reference_number = ask->reference_number;
	draft->reference_text = ask->reference_text;
	hub_post_draft(hub, ask->from, draft);
}

/* Nobody waits for it who did not refer to it. */
void room_done(const struct room *room, struct hub *hub, const struct post *ask)
{
	struct post draft = room_draft(room, EVENT_DONE);

	if (ask->has_reference)
		room_answer(room, hub, ask, &draft);
}

void room_refuse(const struct room *room, struct hub *hub, const struct post *ask,
                 enum signaling_error error)
{
	struct post draft = {.event = EVENT_REFUSED, .error = error};

	if (room != NULL)
		draft = room_draft(room, EVENT_REFUSED);
	draft.error = error;
	draft.has_message = ask->has_message;
	draft.message = ask->message;
	draft.ends_seat = ask->kind == POST_JOIN;
	draft.name = ask->to;
	room_answer(room, hub, ask, &draft);
}

static size_t count_people(const struct room *room)
{
	return room->members.next == &room->members ? 0 : room->by_id.count;
}

static bool is_first_of_its_hub(const struct room *room, const struct member *member)
{
	for (size_t i = 0; i < room->hub_count; i++)
		if (room->hubs[i].place.node == member->place.node &&
		    room->hubs[i].place.worker == member->place.worker)
			return room->hubs[i].members == 1;
	return true;
}

/* A list of thousands for each who comes is what a room of thousands cannot afford. The hubs of a cluster keep one for the room's sake:
 * each gets it with its first member, and again when it comes back to a room that was lost. */
static bool needs_people(const struct room *room, const struct post *draft,
                         const struct member *self)
{
	if (!self->dialect->is_unaware || draft->is_return)
		return true;
	return room->hub->settings.is_cluster && is_first_of_its_hub(room, self);
}

/* The post gets all who may be seen, and self. */
void room_tell_people(struct room *room, struct post *draft, const struct member *self)
{
	struct participant *people;
	size_t count = 0;

	if (!needs_people(room, draft, self)) {
		room_tell_one(room, draft, self);
		return;
	}
	people = malloc((count_people(room) + 1) * sizeof *people);
	if (people == NULL)
		return;
	LIST_FOR_EACH (node, &room->members) {
		const struct member *member = CONTAINER_OF(node, struct member, node);
		if (!member->is_hidden || member == self)
			people[count++] = member_participant(member, true);
	}
	draft->participants = people;
	draft->participant_count = count;
	room_tell_one(room, draft, self);
	free(people);
}

/* To each hub, whose roster is compared with it. */
void room_tell_who_returned(struct room *room)
{
	struct post draft = room_draft(room, EVENT_PARTICIPANTS);
	struct participant *people = malloc((count_people(room) + 1) * sizeof *people);

	if (people == NULL)
		return;
	LIST_FOR_EACH (node, &room->members)
		people[draft.participant_count++] =
			member_participant(CONTAINER_OF(node, struct member, node), false);
	draft.participants = people;
	room_tell_all(room, &draft, NULL);
	free(people);
}

void room_changed(struct room *room, bool is_gone)
{
	struct post draft = room_draft(room, EVENT_ROOM);
	struct text kicked;

	text_init(&kicked, 0);
	room_kicks_write(room, &kicked);
	draft.pin = room->pin;
	draft.value = text_slice(&kicked);
	if (kicked.has_failed)
		hub_count(&room->hub->counters, HUB_COUNT_posts_lost, 1);
	else
		hub_notify(room->hub, HUB_ROOM_CHANGED, &draft, is_gone);
	text_deinit(&kicked);
}

/* The registry of a cluster gave this hub a room that it does not make. */
void room_is_none(struct hub *hub, const struct post *ask)
{
	struct post draft = {.room = ask->room, .generation = ask->generation};

	if (hub->settings.is_cluster)
		hub_notify(hub, HUB_ROOM_CHANGED, &draft, true);
}

/* Facts. Their sequence has no holes, so that who gets them sees what was lost. */

void room_fact(struct room *room, const char *what, const struct member *member, struct slice value)
{
	struct post draft = room_draft(room, EVENT_KINDS - 1);

	if (member != NULL)
		draft.subject = member_participant(member, true);
	draft.room.sequence = ++room->facts;
	draft.name = what;
	draft.value = value;
	draft.deadline_ms = room->hub->wall_ms;
	hub_count(&room->hub->counters, HUB_COUNT_facts, 1);
	hub_notify(room->hub, HUB_EMIT, &draft, false);
}

static void put_device(struct text *text, const struct member *member)
{
	static const char *const names[] = {"platform", "deviceName", "networkType", "appVersion",
	                                    "version"};
	struct slice attributes = {member->attributes, member->attributes_len};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct slice value = json_member(attributes, names[i]);
		if (!slice_is_empty(value))
			json_member_raw(text, names[i], value);
	}
}

static void put_bitrate(struct text *text, const struct member *member)
{
	struct slice attributes = {member->attributes, member->attributes_len};
	struct slice bitrate = json_member(attributes, "maxVideoBitrate");

	if (!slice_is_empty(bitrate))
		json_member_raw(text, "bitrate", bitrate);
}

static void put_member(struct text *text, const struct member *member)
{
	json_member_string(text, "socketId", slice_of(member->id));
	json_member_string(text, "userId", slice_of(member->user));
	json_member_string(text, "dialect", slice_of(member->dialect->name));
	put_device(text, member);
	put_bitrate(text, member);
	if (member->address != NULL && member->address[0] != '\0')
		json_member_string(text, "ip", slice_of(member->address));
}

static void put_sessions(struct text *text, const struct room *room)
{
	json_name(text, "sessions");
	json_open(text, '[');
	LIST_FOR_EACH (node, &room->members) {
		const struct member *member = CONTAINER_OF(node, struct member, node);
		if (member->is_hidden)
			continue;
		json_open(text, '{');
		put_member(text, member);
		json_close(text, '}');
	}
	json_close(text, ']');
}

/* The body that AMQP's consumers know: of one participant, or of all. */
void room_fact_of(struct room *room, const char *what, const struct member *member)
{
	struct text text;

	text_init(&text, 0);
	json_open(&text, '{');
	json_member_string(&text, "roomId", slice_of(room->info.name));
	json_member_integer(&text, "roomSize", room->info.count);
	if (member != NULL)
		put_member(&text, member);
	else
		put_sessions(&text, room);
	json_close(&text, '}');
	if (!text.has_failed)
		room_fact(room, what, member, text_slice(&text));
	text_deinit(&text);
}
