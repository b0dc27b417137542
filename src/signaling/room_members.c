/* Who is in a room, in order of joining. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/attributes.h"
#include "signaling/relay_only.h"
#include "signaling/room_private.h"

static bool has_id(const void *item, const void *key)
{
	return strcmp(((const struct member *)item)->id, key) == 0;
}

static bool has_alias(const void *item, const void *key)
{
	return strcmp(((const struct member *)item)->alias, key) == 0;
}

static uint64_t alias_hash(const struct room *room, const char *alias)
{
	return seal_hash(room->hub->seal, slice_of(alias));
}

struct member *member_find(const struct room *room, const char *id)
{
	return hash_table_find(&room->by_id, id_hash(id), has_id, id);
}

struct member *member_find_any(const struct room *room, const char *id_or_alias)
{
	struct member *member = member_find(room, id_or_alias);

	if (member != NULL || room->by_alias.count == 0)
		return member;
	return hash_table_find(&room->by_alias, alias_hash(room, id_or_alias), has_alias,
	                       id_or_alias);
}

struct member *member_of_user(const struct room *room, const char *user)
{
	LIST_FOR_EACH (node, &room->members) {
		struct member *member = CONTAINER_OF(node, struct member, node);
		if (user[0] != '\0' && strcmp(member->user, user) == 0)
			return member;
	}
	return NULL;
}

bool member_is_owner(const struct room *room, const struct member *member)
{
	return room->owner[0] != '\0' && strcmp(room->owner, member->user) == 0;
}

bool member_may(const struct room *room, const struct member *member, unsigned permission)
{
	return (member->permissions & permission) != 0 || member_is_owner(room, member);
}

/* Hubs with members. */

static struct room_hub *hub_of(struct room *room, struct hub_place place)
{
	for (size_t i = 0; i < room->hub_count; i++)
		if (room->hubs[i].place.node == place.node &&
		    room->hubs[i].place.worker == place.worker)
			return &room->hubs[i];
	struct room_hub *hubs = realloc(room->hubs, (room->hub_count + 1) * sizeof *hubs);
	if (hubs == NULL)
		return NULL;
	room->hubs = hubs;
	hubs[room->hub_count] = (struct room_hub){.place = place};
	return &hubs[room->hub_count++];
}

static bool count_in(struct room *room, struct hub_place place)
{
	struct room_hub *at = hub_of(room, place);

	if (at != NULL)
		at->members++;
	return at != NULL;
}

static void count_out(struct room *room, struct hub_place place)
{
	struct room_hub *at = hub_of(room, place);

	if (at != NULL && at->members > 0 && --at->members == 0)
		*at = room->hubs[--room->hub_count];
}

void member_move(struct room *room, struct member *member, struct hub_place place)
{
	if (!count_in(room, place))
		return;
	count_out(room, member->place);
	member->place = place;
}

/* Members. */

static bool replace(char **text, const char *with)
{
	char *copy = strdup(with);

	if (copy == NULL)
		return false;
	free(*text);
	*text = copy;
	return true;
}

static void set_alias(struct room *room, struct member *member, const char *alias)
{
	if (member->alias != NULL && member->alias[0] != '\0')
		hash_table_remove(&room->by_alias, alias_hash(room, member->alias), member);
	if (!replace(&member->alias, alias) || alias[0] == '\0')
		return;
	if (hash_table_insert(&room->by_alias, alias_hash(room, alias), member) != OK)
		member->alias[0] = '\0';
}

bool member_set_attributes(struct member *member, struct slice attributes)
{
	char *copy = NULL;

	if (attributes.len > 0) {
		copy = malloc(attributes.len);
		if (copy == NULL)
			return false;
		memcpy(copy, attributes.at, attributes.len);
	}
	free(member->attributes);
	member->attributes = copy;
	member->attributes_len = attributes.len;
	return true;
}

bool member_set_attribute(struct member *member, const char *name, struct slice value)
{
	struct text text;
	bool is_set;

	text_init(&text, ATTRIBUTES_MAX);
	attributes_set((struct slice){member->attributes, member->attributes_len}, name, value,
	               &text);
	is_set = !text.has_failed && member_set_attributes(member, text_slice(&text));
	text_deinit(&text);
	member->revision += is_set;
	return is_set;
}

static bool take_attributes(struct room *room, struct member *member, struct slice attributes)
{
	struct text passed;
	bool is_set;

	if (!room->info.is_relay_only || !relay_only_hides(attributes))
		return member_set_attributes(member, attributes);
	hub_count(&room->hub->counters, HUB_COUNT_candidates_withheld, 1);
	text_init(&passed, 0);
	relay_only_attributes(attributes, &passed);
	is_set = !passed.has_failed && member_set_attributes(member, text_slice(&passed));
	text_deinit(&passed);
	return is_set;
}

void member_withhold(struct room *room, struct member *member)
{
	struct slice attributes = {member->attributes, member->attributes_len};

	if (relay_only_hides(attributes) && !take_attributes(room, member, attributes))
		(void)member_set_attributes(member, (struct slice){0});
}

/* What the session's hub says of it. */
bool member_update(struct room *room, struct member *member, const struct post *ask)
{
	const struct participant *subject = &ask->subject;

	if (!replace(&member->user, subject->user) ||
	    !take_attributes(room, member, subject->attributes))
		return false;
	if (ask->kind == POST_JOIN && (!replace(&member->address, ask->address) ||
	                               !replace(&member->alias_secret, ask->alias_secret)))
		return false;
	if (member->alias == NULL || strcmp(member->alias, subject->alias) != 0)
		set_alias(room, member, subject->alias);
	member->seat = ask->seat;
	member->dialect = subject->dialect;
	member->revision = subject->revision;
	member->permissions = subject->permissions;
	member->is_away = subject->is_away;
	member->is_lost = false;
	if (member->is_hidden != subject->is_hidden)
		room->info.count += subject->is_hidden ? -1u : 1u;
	member->is_hidden = subject->is_hidden;
	return member->alias != NULL;
}

bool member_has_secret(const struct member *member, const char *secret)
{
	size_t len = member->alias_secret == NULL ? 0 : strlen(member->alias_secret);

	return len > 0 && strlen(secret) == len &&
	       bytes_equal_secret(member->alias_secret, secret, len);
}

static void member_free(struct member *member)
{
	free(member->user);
	free(member->alias);
	free(member->address);
	free(member->alias_secret);
	free(member->attributes);
	free(member);
}

struct member *member_create(struct room *room, const struct post *ask)
{
	struct member *member = calloc(1, sizeof *member);

	if (member == NULL)
		return NULL;
	memcpy(member->id, ask->subject.id, strnlen(ask->subject.id, SESSION_ID_SIZE - 1));
	member->is_hidden = ask->subject.is_hidden;
	member->joined_ms = room->hub->wall_ms;
	member->place = ask->from;
	if (hash_table_insert(&room->by_id, id_hash(member->id), member) != OK)
		goto fail;
	if (!member_update(room, member, ask) || !count_in(room, member->place))
		goto fail_update;
	list_append(&room->members, &member->node);
	room->info.count += !member->is_hidden;
	hub_count(&room->hub->counters, HUB_COUNT_participants_now, 1);
	return member;
fail_update:
	if (member->alias != NULL)
		set_alias(room, member, "");
	hash_table_remove(&room->by_id, id_hash(member->id), member);
fail:
	member_free(member);
	return NULL;
}

void member_destroy(struct room *room, struct member *member)
{
	list_remove(&member->node);
	count_out(room, member->place);
	if (member->alias[0] != '\0')
		hash_table_remove(&room->by_alias, alias_hash(room, member->alias), member);
	hash_table_remove(&room->by_id, id_hash(member->id), member);
	room->info.count -= !member->is_hidden;
	hub_count(&room->hub->counters, HUB_COUNT_participants_now, -1);
	member_free(member);
}

struct participant member_participant(const struct member *member, bool has_attributes)
{
	return (struct participant){
		.id = member->id,
		.user = member->user,
		.alias = member->alias,
		.dialect = member->dialect,
		.attributes = has_attributes
	                              ? (struct slice){member->attributes, member->attributes_len}
	                              : (struct slice){0},
		.revision = member->revision,
		.permissions = member->permissions,
		.joined_ms = member->joined_ms,
		.is_hidden = member->is_hidden,
		.is_away = member->is_away,
		.attestation = "",
	};
}
