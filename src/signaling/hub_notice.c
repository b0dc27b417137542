/* What the host is told, and need not answer: facts, credentials that are revoked, rooms to be kept. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/hub_private.h"

void hub_notify(struct hub *hub, enum hub_action_kind kind, const struct post *draft, bool is_gone)
{
	struct notice *notice = malloc(sizeof *notice);
	struct post *post = post_create(draft);

	if (notice == NULL || post == NULL) {
		hub_count(&hub->counters, HUB_COUNT_posts_lost, 1);
		post_destroy(post);
		free(notice);
		return;
	}
	*notice = (struct notice){.kind = kind, .post = post, .is_gone = is_gone};
	list_append(&hub->notices, &notice->node);
}

void notice_destroy(struct notice *notice)
{
	if (notice == NULL)
		return;
	list_remove(&notice->node);
	post_destroy(notice->post);
	free(notice);
}

static void lend_revoke(struct hub *hub, const struct post *post, struct hub_action *action)
{
	struct identity *identity = &hub->lent_identity;

	*identity = (struct identity){0};
	if (text_copy(identity->tenant, sizeof identity->tenant, post->tenant) != OK ||
	    text_copy(identity->user, sizeof identity->user, post->subject.user) != OK)
		identity->user[0] = '\0';
	action->identity = identity;
	action->session_id = post->subject.id;
	action->username = post->name;
}

static void lend_event(struct hub *hub, const struct post *post, struct hub_action *action)
{
	hub->lent_event = (struct event){
		.kind = EVENT_KINDS,
		.now = hub->now,
		.wall_ms = post->deadline_ms,
		.room = post->room.tenant[0] == '\0' ? NULL : &post->room,
		.from = post->subject.id[0] == '\0' ? NULL : &post->subject,
		.name = post->name,
		.value = post->value,
	};
	action->event = &hub->lent_event;
	action->room = hub->lent_event.room;
}

bool hub_next_notice(struct hub *hub, struct hub_action *action)
{
	struct list *first = list_first(&hub->notices);

	if (first == NULL)
		return false;
	struct notice *notice = CONTAINER_OF(first, struct notice, node);
	list_remove(first);
	hub->lent_notice = notice;
	action->kind = notice->kind;
	action->is_gone = notice->is_gone;
	if (notice->kind == HUB_REVOKE)
		lend_revoke(hub, notice->post, action);
	else if (notice->kind == HUB_EMIT)
		lend_event(hub, notice->post, action);
	else if (notice->kind == HUB_KEEP_SESSION) {
		action->session_id = notice->post->subject.id;
		action->is_moved = notice->post->is_soft;
	} else {
		action->room = &notice->post->room;
		action->generation = notice->post->generation;
		action->pin = slice_of(notice->post->pin);
		action->kicked = notice->post->value;
	}
	return true;
}
