/* Who was removed from a room for good: users, sessions of nobody in particular, and their aliases. The list outlives the room's
 * owner: the host keeps what room_kicks_write makes of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/json_text.h"
#include "signaling/room_private.h"

static uint32_t kept_count(const struct room *room)
{
	return room->kick_count < KICKS_MAX ? room->kick_count : KICKS_MAX;
}

static bool put(struct room *room, const char *who, uint64_t generation)
{
	char *copy = strdup(who);

	if (copy != NULL && room->kicks == NULL)
		room->kicks = calloc(KICKS_MAX, sizeof *room->kicks);
	if (copy == NULL || room->kicks == NULL) {
		free(copy);
		return false;
	}
	struct kick *kick = &room->kicks[room->kick_count++ % KICKS_MAX];
	free(kick->who);
	*kick = (struct kick){copy, generation};
	return true;
}

/* Once is enough: others are not forgotten for it. */
void room_remember_kick(struct room *room, const char *who)
{
	if (who[0] != '\0' && !room_is_kicked(room, who) && put(room, who, room->generation))
		room_changed(room, false);
}

/* No user's name begins so. */
static void mark_alias(const char *alias, char marked[KICKED_ALIAS_SIZE])
{
	snprintf(marked, KICKED_ALIAS_SIZE, "\001%s", alias);
}

void room_remember_alias(struct room *room, const char *alias)
{
	char marked[KICKED_ALIAS_SIZE];

	mark_alias(alias, marked);
	if (alias[0] != '\0')
		room_remember_kick(room, marked);
}

bool room_alias_is_kicked(const struct room *room, const char *alias)
{
	char marked[KICKED_ALIAS_SIZE];

	mark_alias(alias, marked);
	return alias[0] != '\0' && room->kick_count > 0 && room_is_kicked(room, marked);
}

bool room_is_kicked(const struct room *room, const char *who)
{
	uint32_t count = kept_count(room);

	if (who[0] == '\0')
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (room->kicks[i].generation >= room->since &&
		    strcmp(room->kicks[i].who, who) == 0)
			return true;
	return false;
}

void room_kicks_deinit(struct room *room)
{
	uint32_t count = kept_count(room);

	for (uint32_t i = 0; i < count; i++)
		free(room->kicks[i].who);
	free(room->kicks);
	room->kicks = NULL;
	room->kick_count = 0;
}

void room_kicks_write(const struct room *room, struct text *text)
{
	uint32_t count = kept_count(room);

	if (count == 0)
		return;
	json_open(text, '{');
	json_member_integer(text, "since", (int64_t)room->since);
	json_name(text, "who");
	json_open(text, '[');
	for (uint32_t i = room->kick_count - count; i < room->kick_count; i++) {
		const struct kick *kick = &room->kicks[i % KICKS_MAX];
		json_open(text, '[');
		json_put_string(text, slice_of(kick->who));
		json_put_integer(text, (int64_t)kick->generation);
		json_close(text, ']');
	}
	json_close(text, ']');
	if (room->kick_count > count)
		json_member_integer(text, "forgotten", room->kick_count - count);
	json_close(text, '}');
}

static bool read_one(struct room *room, struct slice pair)
{
	char who[USER_NAME_MAX + KICKED_ALIAS_SIZE];
	struct slice name = {0}, number = {0};
	size_t position = 0;
	int64_t generation;

	return json_next_element(pair, &position, &name) &&
	       json_next_element(pair, &position, &number) &&
	       json_get_string(name, who, sizeof who) == OK && who[0] != '\0' &&
	       json_get_integer(number, 0, INT64_MAX, &generation) == OK &&
	       put(room, who, (uint64_t)generation);
}

/* The text was ours: where it is not as we write it, it says nothing of who may come in, and the room is not made. */
bool room_kicks_read(struct room *room, struct slice kicked)
{
	struct slice who, pair;
	size_t position = 0;
	int64_t since;

	if (slice_is_empty(kicked))
		return true;
	if (json_check(kicked) != OK ||
	    json_get_integer(json_member(kicked, "since"), 0, INT64_MAX, &since) != OK)
		return false;
	room->since = (uint64_t)since;
	who = json_member(kicked, "who");
	while (json_next_element(who, &position, &pair))
		if (!read_one(room, pair))
			return false;
	return true;
}

static void nobody_waits(void *context, enum signaling_error error, struct slice json)
{
	(void)context;
	(void)error;
	(void)json;
}

/* Also those who are removed there already: who was removed while this owner was cut off cannot be told from them. One of another
 * room that has the name by now is not meant. */
void room_pass_kicks_on(const struct room *room)
{
	uint32_t count = kept_count(room);
	struct room_request request = {.kind = ROOM_REQUEST_KICK,
	                               .tenant = room->info.tenant,
	                               .type = room->info.type,
	                               .name = room->info.name,
	                               .created_ms = room->info.created_ms};

	for (uint32_t i = room->kick_count - count; i < room->kick_count; i++) {
		request.participant = room->kicks[i % KICKS_MAX].who;
		hub_request(room->hub, &request, nobody_waits, NULL, room->hub->now);
	}
}
