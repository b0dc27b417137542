/* A room as a hub sees it that has sessions in it: where its owner is, what it was last told of it, and which sessions hear what
 * happens there. */
#include <stdlib.h>
#include <string.h>

#include "signaling/hub_private.h"

static struct view *view_create(struct hub *hub, uint64_t hash, const char *tenant,
                                const char *type, const char *name);
static void view_destroy(struct view *view);
static void ask_where(struct view *view);
static void refuse_parked(struct view *view);
static void refuse_unplaced(struct hub *hub, const struct post *post);

enum { ROOM_KEY_MAX = TENANT_NAME_MAX + ROOM_TYPE_MAX + ROOM_NAME_MAX + 3 };

static size_t append(char *key, size_t used, const char *part)
{
	size_t len = strnlen(part, ROOM_KEY_MAX - used - 1);

	memcpy(key + used, part, len);
	key[used + len] = '\0';
	return used + len + 1;
}

uint64_t room_hash(const struct hub *hub, const char *tenant, const char *type, const char *name)
{
	char key[ROOM_KEY_MAX + 1];
	size_t len = append(key, 0, tenant);

	len = append(key, len, type);
	len = append(key, len, name);
	return seal_hash(hub->seal, (struct slice){key, len});
}

struct hub_place room_place(const struct hub *hub, uint64_t hash)
{
	uint16_t workers = hub->settings.workers > 0 ? hub->settings.workers : 1;

	/* Tables take the low bits. */
	return (struct hub_place){hub->settings.place.node, (uint16_t)((hash >> 32) % workers)};
}

static bool view_is_of(const void *item, const void *key)
{
	const struct room_info *info = &((const struct view *)item)->info, *room = key;

	return strcmp(info->name, room->name) == 0 && strcmp(info->tenant, room->tenant) == 0 &&
	       strcmp(info->type, room->type) == 0;
}

struct view *view_find(const struct hub *hub, const struct room_info *room)
{
	return hash_table_find(&hub->views, room_hash(hub, room->tenant, room->type, room->name),
	                       view_is_of, room);
}

struct view *view_take(struct hub *hub, const char *tenant, const char *type, const char *name)
{
	struct room_info room = {.tenant = tenant, .type = type, .name = name};
	struct view *view = view_find(hub, &room);

	if (view == NULL)
		view = view_create(hub, room_hash(hub, tenant, type, name), tenant, type, name);
	if (view != NULL)
		view->seats++;
	return view;
}

void view_give(struct view *view)
{
	if (view != NULL && --view->seats == 0)
		view_destroy(view);
}

static char *copy_names(const char *tenant, const char *type, const char *name)
{
	size_t len[3] = {strlen(tenant) + 1, strlen(type) + 1, strlen(name) + 1};
	char *names = malloc(len[0] + len[1] + len[2]);

	if (names == NULL)
		return NULL;
	memcpy(names, tenant, len[0]);
	memcpy(names + len[0], type, len[1]);
	memcpy(names + len[0] + len[1], name, len[2]);
	return names;
}

static struct view *view_create(struct hub *hub, uint64_t hash, const char *tenant,
                                const char *type, const char *name)
{
	struct view *view = calloc(1, sizeof *view);

	if (view == NULL)
		return NULL;
	view->hub = hub;
	view->hash = hash;
	view->parked_end = &view->parked;
	list_init(&view->members);
	list_init(&view->moved);
	view->names = copy_names(tenant, type, name);
	if (view->names == NULL || hash_table_insert(&hub->views, hash, view) != OK) {
		free(view->names);
		free(view);
		return NULL;
	}
	view->info.tenant = view->names;
	view->info.type = view->names + strlen(tenant) + 1;
	view->info.name = view->info.type + strlen(type) + 1;
	view->info.owner = "";
	view->is_placed = !hub->settings.is_cluster;
	view->owner = room_place(hub, hash);
	return view;
}

size_t post_weight(const struct post *post)
{
	return post->message.payload.len + post->value.len + post->subject.attributes.len;
}

static struct mail *take_parked(struct view *view)
{
	struct mail *mail = view->parked;

	if (mail == NULL)
		return NULL;
	view->parked = mail->next;
	view->parked_count--;
	view->parked_bytes -= post_weight(CONTAINER_OF(mail, struct post, mail));
	if (view->parked == NULL)
		view->parked_end = &view->parked;
	return mail;
}

static void view_destroy(struct view *view)
{
	struct hub *hub = view->hub;
	struct mail *mail;

	ask_forget(hub, view->cookie);
	while ((mail = take_parked(view)) != NULL)
		post_destroy(CONTAINER_OF(mail, struct post, mail));
	hash_table_remove(&hub->views, view->hash, view);
	timer_cancel(hub->wheel, &view->awaited);
	free(view->roster);
	free(view->owner_user);
	free(view->names);
	free(view);
}

void view_post(struct view *view, struct post *draft)
{
	struct hub *hub = view->hub;
	struct post *post;

	if (draft->is_return)
		draft->room = view->info;
	draft->room.tenant = view->info.tenant;
	draft->room.type = view->info.type;
	draft->room.name = view->info.name;
	draft->generation = view->generation;
	if (view->is_placed) {
		hub_post_draft(hub, view->owner, draft);
		return;
	}
	bool fits = view->parked_count < PARKED_MAX &&
	            view->parked_bytes + post_weight(draft) <= PARKED_BYTES_MAX;
	post = fits ? post_create(draft) : NULL;
	if (post == NULL) {
		hub_count(&hub->counters, HUB_COUNT_posts_lost, 1);
		refuse_unplaced(hub, draft);
		return;
	}
	post->mail.next = NULL;
	*view->parked_end = &post->mail;
	view->parked_end = &post->mail.next;
	view->parked_count++;
	view->parked_bytes += post_weight(post);
	if (view->cookie == 0)
		ask_where(view);
}

static void ask_where(struct view *view)
{
	struct ask *ask = ask_create(view->hub, HUB_FIND_ROOM, NULL, NULL);

	if (ask == NULL) {
		refuse_parked(view);
		return;
	}
	ask->view = view;
	view->cookie = ask->cookie;
}

void view_placed(struct view *view, const struct hub_place *place, uint64_t generation)
{
	struct mail *mail;

	view->cookie = 0;
	if (place == NULL) {
		refuse_parked(view);
		return;
	}
	view->is_placed = true;
	view->owner = *place;
	view->generation = generation;
	while ((mail = take_parked(view)) != NULL) {
		struct post *post = CONTAINER_OF(mail, struct post, mail);
		post->generation = generation;
		hub_post(view->hub, *place, post);
	}
}

/* Nobody says where the room is: the registry of the cluster is away. */
static void refuse_unplaced(struct hub *hub, const struct post *post)
{
	struct post draft = *post;

	draft.kind = post->kind == POST_REQUEST ? POST_ANSWER : POST_EVENT;
	draft.ends_seat = post->kind == POST_JOIN;
	draft.event = EVENT_REFUSED;
	draft.error = SIGNALING_UNAVAILABLE;
	draft.to = post->subject.id;
	hub_post_draft(hub, hub->settings.place, &draft);
}

static void refuse_parked(struct view *view)
{
	struct mail *mail;

	while ((mail = take_parked(view)) != NULL) {
		struct post *post = CONTAINER_OF(mail, struct post, mail);
		refuse_unplaced(view->hub, post);
		post_destroy(post);
	}
}
