/* Messages between servers: made, posted, and handed to whom they concern. */
#include "turn/handoff.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "turn/action.h"
#include "turn/arrival.h"
#include "turn/detached.h"
#include "turn/mobility.h"
#include "turn/pending.h"

struct handoff *handoff_create(struct turn_server *server, enum handoff_type type,
                               uint64_t allocation, size_t len)
{
	struct handoff *handoff = calloc(1, sizeof *handoff + len);

	if (handoff == NULL) {
		drop(server, COUNT_drop_no_memory);
		return NULL;
	}
	handoff->type = type;
	handoff->from = handoff->asker = server->settings.thread;
	handoff->allocation = allocation;
	handoff->len = len;
	return handoff;
}

void handoff_destroy(struct turn_server *server, struct handoff *handoff)
{
	detached_destroy(server, handoff->detached);
	bytes_wipe(&handoff->answer, sizeof handoff->answer);
	free(handoff);
}

void turn_handoff_destroy(struct turn_server *server, struct turn_handoff *head)
{
	handoff_destroy(server, CONTAINER_OF(head, struct handoff, head));
}

void handoff_post(struct turn_server *server, unsigned thread, struct handoff *handoff)
{
	struct queued_action *entry = handoff != NULL ? action_prepare(server) : NULL;

	if (entry != NULL)
		action_handoff(server, entry, thread, &handoff->head);
	else if (handoff != NULL)
		handoff_destroy(server, handoff);
}

/* Those who take a handoff over say so. */
struct turn_allocation *turn_handoff_input(struct turn_server *server, struct turn_handoff *head,
                                           timestamp now)
{
	struct handoff *handoff = CONTAINER_OF(head, struct handoff, head);
	struct turn_allocation *allocation = NULL;
	bool is_taken = false;

	server->now = now;
	switch (handoff->type) {
	case HANDOFF_ASK:
		is_taken = mobility_asked(server, handoff);
		break;
	case HANDOFF_ANSWER:
		pending_owner_answered(server, handoff->cookie, &handoff->answer);
		break;
	case HANDOFF_CLAIM:
		mobility_claimed(server, handoff);
		break;
	case HANDOFF_DELIVER:
		allocation = arrival_delivered(server, handoff);
		break;
	case HANDOFF_GONE:
		arrival_gone(server, handoff);
		break;
	case HANDOFF_INVITE:
		arrival_invited(server, handoff);
		break;
	}
	if (!is_taken)
		handoff_destroy(server, handoff);
	return allocation;
}
