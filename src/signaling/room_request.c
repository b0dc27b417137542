/* What the owner of a room makes of questions and orders from outside. */
#include <string.h>

#include "signaling/json_text.h"
#include "signaling/room_private.h"

void request_answer(struct hub *hub, const struct post *ask, enum signaling_error error,
                    struct slice json)
{
	struct post draft = {
		.kind = POST_ANSWER, .cookie = ask->cookie, .error = error, .value = json};

	hub_post_draft(hub, ask->sender, &draft);
}

void request_answer_text(struct hub *hub, const struct post *ask, struct text *text)
{
	if (text->has_failed)
		request_answer(hub, ask, SIGNALING_INTERNAL, (struct slice){0});
	else
		request_answer(hub, ask, SIGNALING_OK, text_slice(text));
	text_deinit(text);
}

/* Rooms as JSON. */

void room_put(struct text *text, const struct room *room)
{
	const struct room_info *info = &room->info;

	json_member_string(text, "tenant", slice_of(info->tenant));
	json_member_string(text, "type", slice_of(info->type));
	json_member_string(text, "name", slice_of(info->name));
	json_member_string(text, "owner", slice_of(info->owner));
	json_member_integer(text, "count", info->count);
	json_member_integer(text, "capacity", info->capacity);
	json_member_bool(text, "locked", info->is_locked);
	json_member_bool(text, "pin", info->has_pin);
	json_member_bool(text, "relay_only", info->is_relay_only);
	json_member_integer(text, "created_ms", (int64_t)info->created_ms);
	json_member_integer(text, "sequence", (int64_t)info->sequence);
	json_member_integer(text, "node", room->hub->settings.place.node);
	json_member_integer(text, "worker", room->hub->settings.place.worker);
}

static void put_participant(struct text *text, const struct member *member)
{
	json_open(text, '{');
	json_member_string(text, "id", slice_of(member->id));
	json_member_string(text, "user", slice_of(member->user));
	json_member_string(text, "alias", slice_of(member->alias));
	json_member_string(text, "dialect", slice_of(member->dialect->name));
	json_member_string(text, "address", slice_of(member->address));
	json_member_bool(text, "hidden", member->is_hidden);
	json_member_bool(text, "away", member->is_away);
	json_member_integer(text, "joined_ms", (int64_t)member->joined_ms);
	if (member->attributes_len > 0)
		json_member_raw(text, "attributes",
		                (struct slice){member->attributes, member->attributes_len});
	json_close(text, '}');
}

static void list(struct hub *hub, const struct post *ask)
{
	bool is_of_all = ask->is_by_operator && ask->room.tenant[0] == '\0';
	const struct room *room;
	size_t position = 0;
	struct text text;

	text_init(&text, 0);
	json_open(&text, '[');
	while ((room = hash_table_next(&hub->rooms, &position)) != NULL) {
		if (!is_of_all && strcmp(room->info.tenant, ask->room.tenant) != 0)
			continue;
		if (ask->identity_room[0] != '\0' &&
		    strcmp(room->info.name, ask->identity_room) != 0)
			continue;
		json_open(&text, '{');
		room_put(&text, room);
		json_close(&text, '}');
	}
	json_close(&text, ']');
	request_answer_text(hub, ask, &text);
}

static void counts(struct hub *hub, const struct post *ask)
{
	const struct {
		const char *name;
		uint64_t count;
	} rows[] = {
		{"rooms", hub->rooms.count},
		{"sessions", hub->sessions.count},
		{"participants", hub_counter_read(&hub->counters, HUB_COUNT_participants_now)},
		{"away", hub_counter_read(&hub->counters, HUB_COUNT_sessions_away_now)},
		{"users", hub->users.count},
		{"opened", hub_counter_read(&hub->counters, HUB_COUNT_sessions_opened)},
		{"chats_to_one", hub_counter_read(&hub->counters, HUB_COUNT_chats_to_one)},
		{"chats_to_all", hub_counter_read(&hub->counters, HUB_COUNT_chats_to_all)},
	};
	struct text text;

	text_init(&text, 0);
	json_open(&text, '{');
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		json_member_integer(&text, rows[i].name, (int64_t)rows[i].count);
	json_close(&text, '}');
	request_answer_text(hub, ask, &text);
}

static void show(struct room *room, const struct post *ask)
{
	struct text text;

	text_init(&text, 0);
	json_open(&text, '{');
	room_put(&text, room);
	json_name(&text, "participants");
	json_open(&text, '[');
	LIST_FOR_EACH (node, &room->members)
		put_participant(&text, CONTAINER_OF(node, struct member, node));
	json_close(&text, ']');
	json_close(&text, '}');
	request_answer_text(room->hub, ask, &text);
}

/* Orders. */

static void create(struct hub *hub, const struct post *ask)
{
	struct post draft = *ask;
	struct room *room;

	draft.has_pin = ask->sets_pin;
	draft.empty_room_s = ask->expires_s;
	if (hub->is_draining) {
		request_answer(hub, ask, SIGNALING_DRAINING, (struct slice){0});
		return;
	}
	room = hub->rooms.count < hub->settings.rooms_max ? room_create(hub, &draft) : NULL;
	if (room == NULL) {
		request_answer(hub, ask, SIGNALING_TOO_MANY, (struct slice){0});
		return;
	}
	draft.sets_pin = false;
	(void)room_change(room, &draft);
	room_became_empty(room);
	show(room, ask);
}

static void change(struct room *room, const struct post *ask)
{
	enum signaling_error error = room_change(room, ask);
	struct post draft;

	if (error != SIGNALING_OK) {
		request_answer(room->hub, ask, error, (struct slice){0});
		return;
	}
	room->info.sequence++;
	draft = room_draft(room, EVENT_ROOM);
	room_tell_all(room, &draft, NULL);
	show(room, ask);
}

static struct member *whom(struct room *room, const struct post *ask)
{
	struct member *member = member_find_any(room, ask->to);

	return member != NULL ? member : member_of_user(room, ask->to);
}

/* Also a user who is not there now does not come in later, whoever has the name for an alias. */
static void kick(struct room *room, const struct post *ask)
{
	struct member *member = whom(room, ask);

	room_remember_kick(room, ask->to);
	while (member != NULL) {
		room_kick(room, member, NULL, ask->reason);
		member = whom(room, ask);
	}
	if (list_is_empty(&room->members))
		room_became_empty(room);
	request_answer(room->hub, ask, SIGNALING_OK, SLICE("{}"));
}

static void mute(struct room *room, const struct post *ask)
{
	struct member *member = whom(room, ask);

	if (member == NULL) {
		request_answer(room->hub, ask, SIGNALING_NO_PEER, (struct slice){0});
		return;
	}
	if (strcmp(ask->name, "audio") != 0 && strcmp(ask->name, "video") != 0) {
		request_answer(room->hub, ask, SIGNALING_BAD_REQUEST, (struct slice){0});
		return;
	}
	room_mute(room, member, NULL, ask->name);
	request_answer(room->hub, ask, SIGNALING_OK, SLICE("{}"));
}

static void end(struct room *room, const struct post *ask)
{
	struct hub *hub = room->hub;

	room_close(room, NULL, ask->reason);
	request_answer(hub, ask, SIGNALING_OK, SLICE("{}"));
}

/* clang-format off */
static const struct row {
	unsigned permission; /* one of these, or to be the owner */
	void (*run)(struct room *room, const struct post *ask);
} rows[] = {
	[ROOM_REQUEST_SHOW]   = {MAY_LIST | MAY_JOIN,            show},
	[ROOM_REQUEST_CHANGE] = {MAY_CHANGE_ROOM,                change},
	[ROOM_REQUEST_KICK]   = {MAY_MODERATE,                   kick},
	[ROOM_REQUEST_MUTE]   = {MAY_MODERATE,                   mute},
	[ROOM_REQUEST_CLOSE]  = {MAY_CLOSE_ROOM,                 end},
};
/* clang-format on */

/* Who is in a room that not everybody gets into is not for everybody either. */
static bool may_look(const struct room *room, const struct post *ask)
{
	return (!room->info.has_pin && !room->info.is_locked) ||
	       (ask->subject.permissions & MAY_LIST) != 0 ||
	       member_of_user(room, ask->subject.user) != NULL;
}

static enum signaling_error check(const struct room *room, const struct post *ask)
{
	bool is_owner = room->owner[0] != '\0' && strcmp(room->owner, ask->subject.user) == 0;

	if (ask->is_by_operator || is_owner)
		return SIGNALING_OK;
	if (ask->verb == ROOM_REQUEST_SHOW && !may_look(room, ask))
		return SIGNALING_FORBIDDEN;
	if (ask->is_owner_only && !(ask->subject.permissions & (MAY_CLOSE_ROOM | MAY_MODERATE)))
		return SIGNALING_FORBIDDEN;
	return ask->subject.permissions & rows[ask->verb].permission ? SIGNALING_OK
	                                                             : SIGNALING_FORBIDDEN;
}

static bool is_meant(const struct room *room, const struct post *ask)
{
	return ask->room.created_ms == 0 || ask->room.created_ms == room->info.created_ms;
}

static void run(struct hub *hub, const struct post *ask)
{
	struct room *room = room_find(hub, &ask->room);
	enum signaling_error error;

	if (ask->verb == ROOM_REQUEST_CREATE) {
		if (room == NULL)
			create(hub, ask);
		else
			request_answer(hub, ask, SIGNALING_ROOM_EXISTS, (struct slice){0});
		return;
	}
	if (room == NULL)
		room_is_none(hub, ask);
	if (room == NULL || !is_meant(room, ask)) {
		request_answer(hub, ask, SIGNALING_NO_SUCH_ROOM, (struct slice){0});
		return;
	}
	error = check(room, ask);
	if (error == SIGNALING_OK)
		rows[ask->verb].run(room, ask);
	else
		request_answer(hub, ask, error, (struct slice){0});
}

void request_handle(struct hub *hub, const struct post *ask)
{
	static void (*const of_hub[])(struct hub * hub, const struct post *ask) = {
		[ROOM_REQUEST_LIST] = list,
		[ROOM_REQUEST_COUNTS] = counts,
		[ROOM_REQUEST_PAGE_OF_ROOMS] = page_handle_rooms,
		[ROOM_REQUEST_PAGE_OF_SESSIONS] = page_handle_sessions,
		[ROOM_REQUEST_CANCEL] = session_handle_cancel,
	};

	if (ask->verb >= sizeof of_hub / sizeof of_hub[0])
		request_answer(hub, ask, SIGNALING_BAD_REQUEST, (struct slice){0});
	else if (of_hub[ask->verb] != NULL)
		of_hub[ask->verb](hub, ask);
	else
		run(hub, ask);
}
