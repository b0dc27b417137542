/* A session outlives its node. Whenever what lasts of it has changed its hub hands a snapshot to the host, which keeps it where other
 * nodes find it. Of a node that is gone the hub of the new connection takes the snapshot, instead of asking the old one:
 *
 *   new connection's hub       its host          the room's owner
 *         │ RESUME ────────────► │  that node is gone (or hub_node_lost says so later)
 *         │ FIND_SESSION ──────► │
 *         │ ◄── found: SNAPSHOT  │  taken: nobody gets it a second time
 *         │ JOIN, is_return ───────────────────► │  the others need not hear that it was away
 *         │ EVENT_RESUMED
 *
 * What its old node had queued for it is lost. */
#include <stdlib.h>
#include <string.h>

#include "signaling/hub_private.h"

/* Keeping. */

static void keep_is_due(struct timer *timer, timestamp now)
{
	(void)now;
	CONTAINER_OF(timer, struct hub, keep)->may_keep = true;
}

/* Nothing is kept of those who cannot come back. */
void session_changed(struct session *session)
{
	struct hub *hub = session->hub;

	if (!hub->settings.is_cluster || session->dialect->limits.away_s == 0 || session->is_gone)
		return;
	if (!list_is_linked(&session->in_changed))
		list_append(&hub->changed, &session->in_changed);
	if (!timer_is_set(&hub->keep) && !hub->may_keep)
		timer_set(hub->wheel, &hub->keep, hub->now + SNAPSHOT_DELAY_MS, keep_is_due);
}

static bool is_whole(const struct session *session)
{
	return session->is_opened && !session->is_doomed && !session->is_resuming &&
	       session->missed == NULL;
}

bool hub_next_snapshot(struct hub *hub, struct hub_action *action)
{
	struct list *first;

	while (hub->may_keep && (first = list_first(&hub->changed)) != NULL) {
		struct session *session = CONTAINER_OF(first, struct session, in_changed);
		list_remove(first);
		action->post = is_whole(session) ? snapshot_create(session, "", false) : NULL;
		if (action->post == NULL)
			continue;
		session->is_kept = true;
		action->kind = HUB_KEEP_SESSION;
		action->session = session;
		action->session_id = session->id;
		return true;
	}
	hub->may_keep = false;
	return false;
}

void session_forget_snapshot(struct session *session, bool is_moved)
{
	struct post draft = {
		.kind = POST_MOVED, .subject = {.id = session->id}, .is_soft = is_moved};

	list_remove(&session->in_changed);
	if (session->is_kept)
		hub_notify(session->hub, HUB_KEEP_SESSION, &draft, true);
	session->is_kept = false;
}

void hub_keep_sessions(struct hub *hub, const char *id, timestamp now)
{
	struct session *session = id == NULL ? NULL : hub_find_session(hub, id);
	size_t position = 0;

	hub->now = now > hub->now ? now : hub->now;
	if (session != NULL)
		session_changed(session);
	if (id != NULL)
		return;
	while ((session = hash_table_next(&hub->sessions, &position)) != NULL)
		session_changed(session);
}

/* Another node took it while this one was cut off. What its room hears of it is void where its new seat is known, and else its end. */
void hub_session_taken(struct hub *hub, const char *id, uint32_t tenure,
                       const struct hub_place *place, timestamp now)
{
	struct session *session = hub_find_session(hub, id);

	hub->now = now > hub->now ? now : hub->now;
	if (session == NULL || session->is_doomed || session->is_gone || session->tenure > tenure)
		return;
	session_leave_room(session, true, NULL);
	session_give_up(session);
	if (moved_find(hub, id) == NULL)
		(void)!moved_insert(hub, id, *place);
	hub_run(hub);
}

/* Finding. */

void session_seek(struct session *session)
{
	struct wanted *wanted = session->wanted;
	struct ask *ask;

	if (wanted->is_sought)
		return;
	ask = ask_create(session->hub, HUB_FIND_SESSION, session, NULL);
	if (ask == NULL) {
		session_resume_refused(session);
		return;
	}
	wanted->is_sought = true;
	ask->is_by_id = wanted->is_by_id;
	memcpy(ask->wanted, wanted->id, sizeof ask->wanted);
}

/* What another node wrote is checked as if a client had sent it. */
static bool is_sound(const struct hub *hub, const struct post *snapshot, const char *id)
{
	const struct room_info *room = &snapshot->room;

	return snapshot->kind == POST_SNAPSHOT && snapshot->subject.dialect != NULL &&
	       strcmp(snapshot->subject.id, id) == 0 &&
	       (snapshot->deadline_ms == 0 || snapshot->deadline_ms > hub->wall_ms) &&
	       strlen(room->name) <= ROOM_NAME_MAX && strlen(room->type) <= ROOM_TYPE_MAX &&
	       (room->name[0] == '\0' || strcmp(room->tenant, snapshot->tenant) == 0);
}

static void found(struct hub *hub, struct session *session, const struct ask *ask,
                  const struct hub_place *place, const struct post *snapshot)
{
	bool is_its = session != NULL && snapshot != NULL &&
	              session->dialect == snapshot->subject.dialect &&
	              post_may_be_of(snapshot, &session->identity->identity);

	if (session != NULL)
		session->wanted->is_sought = false;
	if (snapshot != NULL && is_sound(hub, snapshot, ask->wanted) && (session == NULL || is_its))
		session_take_over(hub, session, snapshot);
	else if (session != NULL && snapshot == NULL && place != NULL)
		session_ask_old_self(session, place);
	else if (session != NULL)
		session_resume_refused(session);
}

void hub_session_found(struct hub *hub, uint64_t cookie, const struct hub_place *place,
                       struct post *snapshot, timestamp now)
{
	struct session *session;
	struct ask *ask = ask_answered(hub, cookie, HUB_FIND_SESSION, &session);

	hub->now = now > hub->now ? now : hub->now;
	if (session != NULL && session->wanted == NULL)
		session = NULL; /* it has waited too long, and goes on as somebody new */
	if (ask != NULL)
		found(hub, session, ask, place, snapshot);
	post_destroy(snapshot);
	ask_destroy(hub, ask);
	hub_run(hub);
}
