/* A room that is about to be made on a cluster may have been before, at a node that is gone. The host is asked what is kept of it;
 * until it answers, everything for the room waits, in order. Then it is made as it was, or there is nothing, and the first who
 * waits makes a new one. */
#include <stdlib.h>
#include <string.h>

#include "signaling/room_private.h"

enum {
	RECALL_WAIT_MS = 6000
}; /* longer than a host that is well takes to say that it does not know */

struct recall {
	struct hub *hub;
	uint64_t hash, cookie;
	struct timer late;
	const struct post *first; /* owner: waiting; it names the room */
	struct mail_queue waiting;
	unsigned count;
	size_t bytes;
};

static bool recall_is_of(const void *item, const void *key)
{
	const struct room_info *info = &((const struct recall *)item)->first->room, *wanted = key;

	return strcmp(info->name, wanted->name) == 0 && strcmp(info->tenant, wanted->tenant) == 0 &&
	       strcmp(info->type, wanted->type) == 0;
}

const struct room_info *recall_room(const struct recall *recall)
{
	return &recall->first->room;
}

/* Nobody can say who may come in. */
static void refuse(struct hub *hub, const struct post *ask)
{
	struct post draft = {
		.kind = POST_ANSWER, .cookie = ask->cookie, .error = SIGNALING_UNAVAILABLE};

	if (ask->kind == POST_JOIN)
		room_refuse(NULL, hub, ask, SIGNALING_UNAVAILABLE);
	else if (ask->kind == POST_REQUEST)
		hub_post_draft(hub, ask->sender, &draft);
	else
		hub_dispatch_post(hub, ask);
}

static bool park(struct recall *recall, const struct post *ask)
{
	bool fits =
		recall->count < PARKED_MAX && recall->bytes + post_weight(ask) <= PARKED_BYTES_MAX;
	struct post *post = fits ? post_create(ask) : NULL;

	if (post == NULL)
		return false;
	if (recall->first == NULL)
		recall->first = post;
	recall->count++;
	recall->bytes += post_weight(post);
	mail_queue_put(&recall->waiting, &post->mail);
	return true;
}

static void drop(struct recall *recall)
{
	struct mail *mail;

	timer_cancel(recall->hub->wheel, &recall->late);
	while ((mail = mail_queue_take(&recall->waiting)) != NULL)
		post_destroy(CONTAINER_OF(mail, struct post, mail));
	free(recall);
}

static void is_late(struct timer *timer, timestamp now)
{
	struct recall *recall = CONTAINER_OF(timer, struct recall, late);

	(void)now;
	ask_forget(recall->hub, recall->cookie);
	recall_answered(recall, false, NULL);
}

static struct recall *begin(struct hub *hub, uint64_t hash, const struct post *ask)
{
	struct recall *recall = calloc(1, sizeof *recall);
	struct ask *question;

	if (recall == NULL)
		return NULL;
	recall->hub = hub;
	recall->hash = hash;
	mail_queue_init(&recall->waiting);
	if (!park(recall, ask) || hash_table_insert(&hub->recalls, hash, recall) != OK) {
		drop(recall);
		return NULL;
	}
	question = ask_create(hub, HUB_RECALL_ROOM, NULL, NULL);
	if (question == NULL) {
		hash_table_remove(&hub->recalls, hash, recall);
		drop(recall);
		return NULL;
	}
	question->recall = recall;
	recall->cookie = question->cookie;
	timer_set(hub->wheel, &recall->late, hub->now + RECALL_WAIT_MS, is_late);
	return recall;
}

/* What only looks for a room that is not there needs to know no more than that. */
static bool may_make(const struct post *post)
{
	return post->kind == POST_JOIN || post->kind == POST_REQUEST;
}

static bool is_of_room(const struct post *post)
{
	if (post->kind == POST_REQUEST)
		return post->verb < ROOM_REQUEST_COUNTS && post->verb != ROOM_REQUEST_LIST;
	return post->kind <= POST_SEAT;
}

bool recall_takes(struct hub *hub, const struct post *post)
{
	struct recall *recall;
	uint64_t hash;

	if (!hub->settings.is_cluster || !is_of_room(post))
		return false;
	hash = room_hash(hub, post->room.tenant, post->room.type, post->room.name);
	recall = hash_table_find(&hub->recalls, hash, recall_is_of, &post->room);
	if (recall == NULL && (hub->is_draining || !may_make(post) || room_find(hub, &post->room)))
		return false;
	if (recall == NULL ? begin(hub, hash, post) == NULL : !park(recall, post))
		refuse(hub, post);
	return true;
}

/* As it was; whoever reads an older generation of it anywhere reads what is over. */
static bool make_anew(struct recall *recall, const struct room_facts *facts)
{
	const struct post *first = recall->first;
	struct post draft = {.kind = POST_JOIN,
	                     .is_return = true,
	                     .room = facts->info,
	                     .generation = first->generation,
	                     .empty_room_s = facts->info.empty_s,
	                     .has_pin = true,
	                     .pin = facts->pin,
	                     .value = facts->kicked};
	struct room *room;

	draft.room.tenant = first->room.tenant;
	draft.room.type = first->room.type;
	draft.room.name = first->room.name;
	draft.room.sequence = first->room.sequence;
	if (draft.generation <= facts->generation)
		draft.generation = facts->generation + 1;
	if (recall->hub->rooms.count >= recall->hub->settings.rooms_max)
		return false;
	room = room_create(recall->hub, &draft);
	if (room == NULL)
		return false;
	room_changed(room, false);
	room_became_empty(room);
	return true;
}

void recall_answered(struct recall *recall, bool is_known, const struct room_facts *facts)
{
	struct hub *hub = recall->hub;
	bool may_come = is_known && (facts == NULL || make_anew(recall, facts));
	struct mail *mail;

	timer_cancel(hub->wheel, &recall->late);
	hash_table_remove(&hub->recalls, recall->hash, recall);
	while ((mail = mail_queue_take(&recall->waiting)) != NULL) {
		struct post *post = CONTAINER_OF(mail, struct post, mail);
		if (may_come)
			hub_dispatch_post(hub, post);
		else
			refuse(hub, post);
		post_destroy(post);
	}
	free(recall);
}

void recalls_deinit(struct hub *hub)
{
	struct recall *recall;
	size_t position = 0;

	while ((recall = hash_table_next(&hub->recalls, &position)) != NULL) {
		hash_table_remove(&hub->recalls, recall->hash, recall);
		drop(recall);
		position = 0;
	}
	hash_table_deinit(&hub->recalls);
}
