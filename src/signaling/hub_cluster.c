/* A node of the cluster is gone. The rooms that it owned are made anew where the first of those asks who are still in them. Who had
 * come through it has some seconds to come back through another, as what it was; then the others hear that it has left. */
#include <stdlib.h>
#include <string.h>

#include "signaling/room_private.h"

static void hold_lost_members(struct room *room, uint32_t node);
static void find_lost_joins(struct hub *hub, uint32_t node);
static void join_again(struct hub *hub);
static void move_room(struct view *view, uint32_t node);
static void seek_lost(struct hub *hub, uint32_t node);
static void roster_remove(struct view *view, const char *id);

void hub_node_lost(struct hub *hub, uint32_t node, timestamp now)
{
	struct room *room;
	struct view *view;
	size_t position = 0;

	hub->now = now > hub->now ? now : hub->now;
	while ((room = hash_table_next(&hub->rooms, &position)) != NULL)
		hold_lost_members(room, node);
	find_lost_joins(hub, node);
	position = 0;
	while ((view = hash_table_next(&hub->views, &position)) != NULL)
		if (view->is_placed && view->owner.node == node)
			move_room(view, node);
	join_again(hub);
	seek_lost(hub, node);
	hub_run(hub);
}

void hub_room_moved(struct hub *hub, const struct room_info *info, timestamp now)
{
	struct room *room = room_find(hub, info);
	struct view *view = view_find(hub, info);

	hub->now = now > hub->now ? now : hub->now;
	if (view != NULL && (!view->is_placed || view->owner.node != hub->settings.place.node))
		view = NULL;
	if (view != NULL)
		view->is_placed = false;
	/* Nobody is told: the room goes on. */
	if (room != NULL)
		room_pass_kicks_on(room);
	if (room != NULL)
		room_destroy(room);
	if (view != NULL)
		move_room(view, view->owner.node);
	hub_run(hub);
}

static void lost_end(struct timer *timer, timestamp now)
{
	struct room *room = CONTAINER_OF(timer, struct room, lost);

	(void)now;
	LIST_FOR_EACH (at, &room->members) {
		struct member *member = CONTAINER_OF(at, struct member, node);
		if (member->is_lost)
			room_remove(room, member, false);
	}
}

/* Those whose protocol knows no way back do not come back. */
static void hold_lost_members(struct room *room, uint32_t node)
{
	LIST_FOR_EACH (at, &room->members) {
		struct member *member = CONTAINER_OF(at, struct member, node);
		if (member->place.node != node)
			continue;
		if (member->dialect->limits.away_s == 0) {
			room_remove(room, member, false);
			continue;
		}
		member->is_lost = member->is_away = true;
		timer_set(room->hub->wheel, &room->lost, room->hub->now + RETURN_WAIT_MS, lost_end);
	}
}

/* Those who asked it for a session. */
static void seek_lost(struct hub *hub, uint32_t node)
{
	struct session *session;
	size_t position = 0;

	while ((session = hash_table_next(&hub->sessions, &position)) != NULL)
		if (session->wanted != NULL && session->wanted->node == node)
			session_seek(session);
}

/* Those who have asked to come in, and of whom the owner that is lost may have heard or not. */
static void find_lost_joins(struct hub *hub, uint32_t node)
{
	struct session *session;
	size_t position = 0;

	while ((session = hash_table_next(&hub->sessions, &position)) != NULL)
		session->joins_again = session->joining != NULL && !session->is_in &&
		                       session->view != NULL && session->view->is_placed &&
		                       session->view->owner.node == node;
}

/* Behind those who were in the room. */
static void join_again(struct hub *hub)
{
	struct session *session;
	struct post draft;
	size_t position = 0;

	while ((session = hash_table_next(&hub->sessions, &position)) != NULL) {
		if (!session->joins_again)
			continue;
		session->joins_again = false;
		draft = *session->joining;
		view_post(session->view, &draft);
	}
}

/* No owner says so. */
static void tell_gone(struct view *view, const struct room_info *room, uint64_t generation,
                      const char *id)
{
	struct session *session = CONTAINER_OF(list_first(&view->members), struct session, in_view);
	struct post draft = {
		.kind = POST_EVENT, .event = EVENT_LEFT, .room = *room, .generation = generation};

	draft.subject.id = id;
	draft.subject.dialect = session->dialect;
	hub_post_draft(view->hub, view->hub->settings.place, &draft);
}

/* Nobody is left who would say that these have gone. count: of the others. */
static void tell_lost(struct view *view, const char *id, uint32_t count)
{
	struct room_info room = view->info;

	room.count = count;
	tell_gone(view, &room, view->generation, id);
}

void session_rejoin(struct session *session)
{
	struct tenant_limits limits =
		hub_tenant_limits(session->hub, session_identity(session)->tenant);
	struct post draft = {.kind = POST_JOIN,
	                     .is_return = true,
	                     .empty_room_s = session->dialect->limits.empty_room_s,
	                     .room_capacity = limits.room_capacity,
	                     .address = session->address};

	session->join_seat = ++session->seat;
	session_ask_owner(session, &draft, NULL);
}

/* Whom the room's new owner has not told of by now has not come back. */
static void tell_absent(struct timer *timer, timestamp now)
{
	struct view *view = CONTAINER_OF(timer, struct view, awaited);

	(void)now;
	for (size_t i = view->roster_count; i-- > 0;) {
		struct resident one = view->roster[i];
		if (!one.is_awaited)
			continue;
		if (!list_is_empty(&view->members))
			tell_lost(view, one.id, view->info.count);
		roster_remove(view, one.id);
	}
}

static void move_room(struct view *view, uint32_t node)
{
	struct hub *hub = view->hub;

	view->is_placed = false;
	if (list_is_empty(&view->members))
		return;
	if (node != hub->settings.place.node) {
		for (size_t i = 0; i < view->roster_count; i++)
			view->roster[i].is_awaited = true;
		timer_set(hub->wheel, &view->awaited, hub->now + RETURN_WAIT_MS, tell_absent);
	}
	LIST_FOR_EACH (at, &view->members)
		session_rejoin(CONTAINER_OF(at, struct session, in_view));
}

/* Who is in the room, as its events say. */

static size_t roster_find(const struct view *view, const char *id)
{
	size_t at = 0;

	while (at < view->roster_count && strcmp(view->roster[at].id, id) != 0)
		at++;
	return at;
}

static void roster_add(struct view *view, const char *id)
{
	size_t room = view->roster_room == 0 ? 8 : view->roster_room * 2;
	size_t at = roster_find(view, id);
	void *roster = view->roster;

	if (at < view->roster_count)
		view->roster[at].is_awaited = false;
	if (strlen(id) != SESSION_ID_SIZE - 1 || at < view->roster_count)
		return;
	if (view->roster_count == view->roster_room) {
		roster = realloc(view->roster, room * sizeof *view->roster);
		if (roster == NULL)
			return;
		view->roster = roster;
		view->roster_room = room;
	}
	view->roster[at] = (struct resident){.is_awaited = false};
	memcpy(view->roster[view->roster_count++].id, id, SESSION_ID_SIZE);
}

static void roster_remove(struct view *view, const char *id)
{
	size_t at = roster_find(view, id);

	if (at < view->roster_count)
		view->roster[at] = view->roster[--view->roster_count];
}

/* The first welcome has them all, each once; what comes after it is told. */
static void roster_replace(struct view *view, const struct post *welcome)
{
	size_t count = welcome->participant_count;
	void *roster = realloc(view->roster, (count + 1) * sizeof *view->roster);

	if (roster == NULL)
		return;
	view->roster = roster;
	view->roster_room = count + 1;
	view->roster_count = 0;
	for (size_t i = 0; i < count; i++)
		roster_add(view, welcome->participants[i].id);
}

/* Where the room was lost, others who are not in the welcome yet may be on their way back. */
static void roster_heard_welcome(struct view *view, const struct post *welcome)
{
	if (list_is_empty(&view->members) || view->roster_count == 0) {
		roster_replace(view, welcome);
		return;
	}
	roster_add(view, welcome->subject.id);
	for (size_t i = 0; welcome->is_return && i < welcome->participant_count; i++)
		roster_add(view, welcome->participants[i].id);
}

void roster_heard(struct view *view, const struct post *post)
{
	if (post->event == EVENT_JOINED)
		roster_add(view, post->subject.id);
	else if (post->event == EVENT_LEFT)
		roster_remove(view, post->subject.id);
	else if (post->event == EVENT_WELCOME)
		roster_heard_welcome(view, post);
}

bool roster_knows(const struct view *view, const struct post *joined)
{
	return joined->event == EVENT_JOINED && joined->is_return &&
	       roster_find(view, joined->subject.id) < view->roster_count;
}

static bool is_among(const struct post *welcome, const char *id)
{
	for (size_t i = 0; i < welcome->participant_count; i++)
		if (strcmp(welcome->participants[i].id, id) == 0)
			return true;
	return false;
}

void roster_settle(struct view *view, const struct post *post)
{
	char id[SESSION_ID_SIZE];
	size_t at = 0;

	while (!list_is_empty(&view->members) && at < view->roster_count) {
		memcpy(id, view->roster[at].id, sizeof id);
		if (is_among(post, id)) {
			at++;
			continue;
		}
		tell_gone(view, &post->room, post->generation, id);
		roster_remove(view, id);
	}
}

/* Those of this node are on their way back themselves. */
static void tell_who_left(struct view *view, const struct post *welcome)
{
	struct hub_place place;
	char id[SESSION_ID_SIZE];
	size_t at = 0;

	while (at < view->roster_count) {
		memcpy(id, view->roster[at].id, sizeof id);
		if (is_among(welcome, id) || hub_find_session(view->hub, id) != NULL ||
		    seal_open_id(view->hub->seal, id, &place) != OK ||
		    place.node == view->hub->settings.place.node) {
			at++;
			continue;
		}
		tell_lost(view, id, welcome->room.count);
		roster_remove(view, id);
	}
}

static void tell_who_came(struct view *view, const struct post *welcome)
{
	struct post draft = {.kind = POST_EVENT,
	                     .event = EVENT_JOINED,
	                     .room = welcome->room,
	                     .generation = welcome->generation};

	for (size_t i = 0; i < welcome->participant_count; i++) {
		draft.subject = welcome->participants[i];
		if (!draft.subject.is_hidden &&
		    roster_find(view, draft.subject.id) == view->roster_count)
			hub_post_draft(view->hub, view->hub->settings.place, &draft);
	}
}

void roster_compare(struct view *view, const struct post *post)
{
	/* Of one that came back alone, after its node was lost, it is not known whom it had seen. */
	if (post->event != EVENT_WELCOME || !post->is_return || list_is_empty(&view->members) ||
	    view->roster_count == 0)
		return;
	tell_who_came(view, post);
	if (post->is_soft)
		tell_who_left(view, post);
}
