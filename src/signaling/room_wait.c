/* Messages for an alias that nobody has yet: clients that are about to connect to each other may be found a little later. */
#include <stdlib.h>
#include <string.h>

#include "signaling/room_private.h"

enum {
	WAITING_MAX = 4096,
	WAITING_OF_ONE_MAX = 64,
	WAITING_BYTES_MAX = 4 * 1024 * 1024,
	WAITING_BYTES_OF_ONE_MAX = 512 * 1024,
	WAIT_S_MAX = 60
};

struct waiting {
	struct list node;
	struct room *room;
	struct post *ask; /* owned */
	struct timer end;
};

static void waiting_destroy(struct waiting *waiting)
{
	struct room *room = waiting->room;

	timer_cancel(room->hub->wheel, &waiting->end);
	list_remove(&waiting->node);
	room->waiting_count--;
	room->waiting_bytes -= waiting->ask->message.payload.len;
	post_destroy(waiting->ask);
	free(waiting);
}

static bool is_same_pair(const struct post *a, const struct post *b)
{
	return strcmp(a->subject.id, b->subject.id) == 0 && strcmp(a->to, b->to) == 0;
}

/* Once for all that this sender has waiting for the alias. */
static void wait_ends(struct timer *timer, timestamp now)
{
	struct waiting *first = CONTAINER_OF(timer, struct waiting, end);
	struct room *room = first->room;

	(void)now;
	room_unreachable(room, first->ask);
	LIST_FOR_EACH (node, &room->waiting) {
		struct waiting *waiting = CONTAINER_OF(node, struct waiting, node);
		if (waiting != first && is_same_pair(waiting->ask, first->ask))
			waiting_destroy(waiting);
	}
	waiting_destroy(first);
}

static bool is_too_much(const struct room *room, const struct post *ask)
{
	size_t len = ask->message.payload.len, bytes = len;
	unsigned count = 0;

	LIST_FOR_EACH (node, &room->waiting) {
		const struct post *other = CONTAINER_OF(node, struct waiting, node)->ask;
		if (strcmp(other->subject.id, ask->subject.id) != 0)
			continue;
		count++;
		bytes += other->message.payload.len;
	}
	return room->waiting_count == WAITING_MAX || count == WAITING_OF_ONE_MAX ||
	       room->waiting_bytes + len > WAITING_BYTES_MAX || bytes > WAITING_BYTES_OF_ONE_MAX;
}

bool wait_put(struct room *room, const struct post *ask)
{
	struct hub *hub = room->hub;
	unsigned wait_s = ask->message.waits_s < WAIT_S_MAX ? ask->message.waits_s : WAIT_S_MAX;
	struct waiting *waiting;

	if (is_too_much(room, ask))
		return false;
	waiting = calloc(1, sizeof *waiting);
	if (waiting == NULL)
		return false;
	waiting->room = room;
	waiting->ask = post_create(ask);
	if (waiting->ask == NULL) {
		free(waiting);
		return false;
	}
	list_append(&room->waiting, &waiting->node);
	room->waiting_count++;
	room->waiting_bytes += ask->message.payload.len;
	timer_set(hub->wheel, &waiting->end, hub->now + wait_s * 1000, wait_ends);
	return true;
}

void wait_deliver(struct room *room, const char *alias)
{
	LIST_FOR_EACH (node, &room->waiting) {
		struct waiting *waiting = CONTAINER_OF(node, struct waiting, node);
		if (strcmp(waiting->ask->to, alias) != 0)
			continue;
		room_send(room, waiting->ask);
		waiting_destroy(waiting);
	}
}

void wait_drop(struct room *room, const char *id)
{
	LIST_FOR_EACH (node, &room->waiting) {
		struct waiting *waiting = CONTAINER_OF(node, struct waiting, node);
		if (id == NULL || strcmp(waiting->ask->subject.id, id) == 0)
			waiting_destroy(waiting);
	}
}
