/* A room: it begins when somebody joins or asks for it, and ends some time after the last has left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/room_pin.h"
#include "signaling/room_private.h"

static void empty_ends(struct timer *timer, timestamp now);
static void live_is_due(struct timer *timer, timestamp now);
static void all_returned(struct timer *timer, timestamp now);

static bool room_is_of(const void *item, const void *key)
{
	const struct room_info *info = &((const struct room *)item)->info, *wanted = key;

	return strcmp(info->name, wanted->name) == 0 && strcmp(info->tenant, wanted->tenant) == 0 &&
	       strcmp(info->type, wanted->type) == 0;
}

struct room *room_find(const struct hub *hub, const struct room_info *info)
{
	return hash_table_find(&hub->rooms, room_hash(hub, info->tenant, info->type, info->name),
	                       room_is_of, info);
}

static bool copy_names(struct room *room, const struct room_info *info)
{
	size_t tenant = strlen(info->tenant) + 1, type = strlen(info->type) + 1,
	       name = strlen(info->name) + 1;

	room->names = malloc(tenant + type + name);
	if (room->names == NULL)
		return false;
	memcpy(room->names, info->tenant, tenant);
	memcpy(room->names + tenant, info->type, type);
	memcpy(room->names + tenant + type, info->name, name);
	room->info.tenant = room->names;
	room->info.type = room->names + tenant;
	room->info.name = room->names + tenant + type;
	return true;
}

/* The registry of a cluster gives generations; one node counts them by the clock, so that they grow over restarts. */
static uint64_t next_generation(struct hub *hub, const struct post *ask)
{
	if (hub->settings.is_cluster && ask->generation != 0)
		return ask->generation;
	return hub->wall_ms << 16 | (hub_cookie(hub) & 0xFFFF);
}

/* A room whose owner was lost, as it was kept, or as a hub remembers it that had participants in it. That hub does not know its
 * PIN: where nothing was kept, who was not in it before does not come in. */
static void restore(struct room *room, const struct post *ask)
{
	const struct room_info *info = &ask->room;

	room->info.is_locked = info->is_locked || (info->has_pin && !ask->has_pin);
	room->info.capacity = info->capacity;
	room->info.is_relay_only |= info->is_relay_only;
	room->info.created_ms = info->created_ms;
	room->info.sequence = info->sequence;
	room->restored_until = room->hub->now + RETURN_MS;
	timer_set(room->hub->wheel, &room->returned, room->restored_until, all_returned);
}

/* Of PeerJS's clients all those of an application share one room: its key. */
static uint32_t default_capacity(const struct hub *hub, const struct post *ask)
{
	if (ask->room_capacity > 0)
		return ask->room_capacity;
	if (ask->subject.dialect != NULL && ask->subject.dialect->is_unaware)
		return 0;
	return hub->settings.room_capacity;
}

static void describe(struct room *room, const struct post *ask)
{
	struct hub *hub = room->hub;

	room->hash = room_hash(hub, ask->room.tenant, ask->room.type, ask->room.name);
	room->generation = room->since = next_generation(hub, ask);
	room->empty_s = ask->empty_room_s;
	room->info.empty_s = ask->empty_room_s;
	room->info.created_ms = hub->wall_ms;
	room->info.mode = ROOM_RELAY;
	room->info.is_relay_only = tenant_is_relay_only(hub, ask->room.tenant);
	room->info.capacity = default_capacity(hub, ask);
	list_init(&room->members);
	list_init(&room->waiting);
	hash_table_init(&room->by_id);
	hash_table_init(&room->by_alias);
}

struct room *room_create(struct hub *hub, const struct post *ask)
{
	struct room *room = calloc(1, sizeof *room);

	if (room == NULL)
		return NULL;
	room->hub = hub;
	describe(room, ask);
	room->owner = strdup(ask->is_return ? ask->room.owner : ask->subject.user);
	if (room->owner == NULL || !copy_names(room, &ask->room) ||
	    (ask->has_pin && !room_set_pin(room, ask->pin)) || !room_kicks_read(room, ask->value))
		goto fail;
	room->info.owner = room->owner;
	if (!tenant_add_room(hub, room->info.tenant))
		goto fail;
	if (hash_table_insert(&hub->rooms, room->hash, room) != OK)
		goto fail_table;
	hub_count(&hub->counters, HUB_COUNT_rooms_now, 1);
	timer_set(hub->wheel, &room->live, hub->now + LIVE_FACT_S * 1000, live_is_due);
	if (ask->is_return)
		restore(room, ask);
	return room;
fail_table:
	tenant_remove_room(hub, room->info.tenant);
fail:
	room_kicks_deinit(room);
	room_set_pin(room, "");
	free(room->owner);
	free(room->names);
	free(room);
	return NULL;
}

void room_destroy(struct room *room)
{
	struct hub *hub = room->hub;

	wait_drop(room, NULL);
	LIST_FOR_EACH (node, &room->members)
		member_destroy(room, CONTAINER_OF(node, struct member, node));
	timer_cancel(hub->wheel, &room->empty);
	timer_cancel(hub->wheel, &room->live);
	timer_cancel(hub->wheel, &room->lost);
	timer_cancel(hub->wheel, &room->returned);
	hash_table_remove(&hub->rooms, room->hash, room);
	tenant_remove_room(hub, room->info.tenant);
	hub_count(&hub->counters, HUB_COUNT_rooms_now, -1);
	hash_table_deinit(&room->by_id);
	hash_table_deinit(&room->by_alias);
	room_kicks_deinit(room);
	room_set_pin(room, "");
	free(room->hubs);
	free(room->owner);
	free(room->names);
	free(room);
}

void rooms_deinit(struct hub *hub)
{
	struct room *room;
	size_t position = 0;

	while ((room = hash_table_next(&hub->rooms, &position)) != NULL) {
		room_destroy(room);
		position = 0;
	}
	hash_table_deinit(&hub->rooms);
}

/* Who was removed is to stay removed, also where that empties the room. */
void room_became_empty(struct room *room)
{
	struct hub *hub = room->hub;
	uint32_t stays_s = room->empty_s;

	if (room->kick_count > 0 && stays_s < ROOM_KICKS_STAY_S)
		stays_s = ROOM_KICKS_STAY_S;
	timer_set(hub->wheel, &room->empty, hub->now + (timestamp)stays_s * 1000, empty_ends);
}

static void empty_ends(struct timer *timer, timestamp now)
{
	struct room *room = CONTAINER_OF(timer, struct room, empty);

	(void)now;
	room_changed(room, true);
	room_destroy(room);
}

static void live_is_due(struct timer *timer, timestamp now)
{
	struct room *room = CONTAINER_OF(timer, struct room, live);

	if (!list_is_empty(&room->members))
		room_fact_of(room, "room.live", NULL);
	room_follow_tenant(room);
	timer_set(room->hub->wheel, timer, now + LIVE_FACT_S * 1000, live_is_due);
}

static void all_returned(struct timer *timer, timestamp now)
{
	(void)now;
	room_tell_who_returned(CONTAINER_OF(timer, struct room, returned));
}

bool room_set_pin(struct room *room, const char *pin)
{
	if (room->pin != NULL) {
		bytes_wipe(room->pin, strlen(room->pin));
		free(room->pin);
	}
	room->pin = pin[0] == '\0' ? NULL : strdup(pin);
	room->info.has_pin = room->pin != NULL;
	return pin[0] == '\0' || room->pin != NULL;
}

bool room_has_pin(const struct room *room, const char *pin)
{
	return room_pin_fits(room->pin, pin);
}
