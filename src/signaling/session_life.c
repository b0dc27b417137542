/* How a session begins, loses its connection, and ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/hub_private.h"

static struct identity_share *identity_take(struct hub *hub, const struct identity *identity);
static void identity_give(struct identity_share *share);
static void away_ends(struct timer *timer, timestamp now);
static void identity_expires(struct timer *timer, timestamp now);

struct session *session_create(struct hub *hub, const struct dialect *dialect, void *path,
                               const char *address, const struct identity *identity)
{
	struct session *session = calloc(1, sizeof *session + dialect->session_size);

	if (session == NULL)
		return NULL;
	session->hub = hub;
	session->dialect = dialect;
	session->path = path;
	session->opened_ms = hub->wall_ms;
	session->held_end = &session->held;
	seal_make_id(hub->seal, &hub->settings.place, session->id);
	snprintf(session->address, sizeof session->address, "%s", address == NULL ? "" : address);
	if (!tenant_add_session(hub, identity->tenant))
		goto fail_tenant;
	session->identity = identity_take(hub, identity);
	if (session->identity == NULL)
		goto fail_identity;
	if (hash_table_insert(&hub->sessions, id_hash(session->id), session) != OK)
		goto fail_table;
	hub_count(&hub->counters, HUB_COUNT_sessions_now, 1);
	session_set_identity(session, identity);
	return session;
fail_table:
	identity_give(session->identity);
fail_identity:
	tenant_remove_session(hub, identity->tenant);
fail_tenant:
	free(session);
	return NULL;
}

static void free_owned(struct session *session)
{
	struct watcher *watcher;

	while ((watcher = session->watchers) != NULL) {
		session->watchers = watcher->next;
		free(watcher);
	}
	session_drop_input(session);
	queue_deinit(&session->queue);
	free(session->close_reason);
	free(session->alias);
	free(session->attributes);
	free(session->attestation);
	free(session->turn_username);
	free(session->opening);
	free(session->wanted);
	post_destroy(session->missed);
	session_forget_joining(session);
}

/* Without a word to anybody. */
void session_free(struct session *session)
{
	struct hub *hub = session->hub;

	timer_cancel(hub->wheel, &session->away);
	timer_cancel(hub->wheel, &session->expiry);
	timer_cancel(hub->wheel, &session->credentials);
	timer_cancel(hub->wheel, &session->pause);
	list_remove(&session->dirty);
	list_remove(&session->in_view);
	list_remove(&session->same_fate);
	list_remove(&session->in_changed);
	users_remove(session);
	view_give(session->view);
	if (session->path == NULL)
		hub_count(&hub->counters, HUB_COUNT_sessions_away_now, -1);
	hub_count(&hub->counters, HUB_COUNT_sessions_now, -1);
	hash_table_remove(&hub->sessions, id_hash(session->id), session);
	tenant_remove_session(hub, session->identity->identity.tenant);
	identity_give(session->identity);
	free_owned(session);
	free(session);
}

/* Identities. Most sessions are nobody in particular, one after the other. */

static bool identity_equal(const struct identity *a, const struct identity *b)
{
	return a->permissions == b->permissions && a->expires_ms == b->expires_ms &&
	       a->is_authenticated == b->is_authenticated && strcmp(a->tenant, b->tenant) == 0 &&
	       strcmp(a->user, b->user) == 0 && strcmp(a->room, b->room) == 0;
}

static struct identity_share *identity_take(struct hub *hub, const struct identity *identity)
{
	struct identity_share *share = hub->recent;

	if (share != NULL && identity_equal(&share->identity, identity)) {
		share->references++;
		return share;
	}
	share = malloc(sizeof *share);
	if (share == NULL)
		return NULL;
	share->references = 2; /* the session's, and the hub's */
	share->identity = *identity;
	identity_give(hub->recent);
	hub->recent = share;
	return share;
}

static void identity_give(struct identity_share *share)
{
	if (share != NULL && --share->references == 0)
		free(share);
}

void session_forget_recent(struct hub *hub)
{
	identity_give(hub->recent);
	hub->recent = NULL;
}

void session_set_identity(struct session *session, const struct identity *identity)
{
	struct hub *hub = session->hub;
	struct identity_share *share = identity_take(hub, identity);

	if (share == NULL)
		return;
	if (!tenant_move_session(hub, session->identity->identity.tenant, identity->tenant)) {
		identity_give(share);
		return;
	}
	users_remove(session);
	identity_give(session->identity);
	session->identity = share;
	users_add(session);
	timer_cancel(hub->wheel, &session->expiry);
	if (identity->expires_ms == 0)
		return;
	uint64_t left =
		identity->expires_ms > hub->wall_ms ? identity->expires_ms - hub->wall_ms : 0;
	timer_set(hub->wheel, &session->expiry, hub->now + left, identity_expires);
}

static void identity_expires(struct timer *timer, timestamp now)
{
	struct session *session = CONTAINER_OF(timer, struct session, expiry);
	struct event event = {.kind = EVENT_EXPIRED, .error = SIGNALING_EXPIRED};

	(void)now;
	if (session->path == NULL) {
		session_doom(session);
		return;
	}
	deliver_to(session, &event);
	session_end(session, 1008, "the proof of identity has expired");
}

/* Ends. */

void session_make_dirty(struct session *session)
{
	if (!list_is_linked(&session->dirty))
		list_append(&session->hub->dirty, &session->dirty);
}

/* It ends as soon as nobody holds it any more. */
void session_doom(struct session *session)
{
	session->is_doomed = true;
	if (!list_is_linked(&session->same_fate))
		list_append(&session->hub->doomed, &session->same_fate);
}

void session_detach(struct session *session)
{
	struct hub *hub = session->hub;
	struct post draft = {.kind = POST_SEAT};

	session->path = NULL;
	session->is_paused = session->was_told_paused = session->is_over_rate = false;
	timer_cancel(hub->wheel, &session->pause);
	list_remove(&session->dirty);
	hub_count(&hub->counters, HUB_COUNT_sessions_away_now, 1);
	if (session->missed != NULL) {
		session_finish_resume(session, NULL);
		return;
	}
	if (session->dialect->limits.away_s == 0 || session->is_held || hub->is_draining ||
	    session->queue.bytes > hub->settings.replay_bytes_max) {
		session_doom(session);
		return;
	}
	session_wait_away(session);
	session_changed(session);
	if (session->view != NULL)
		session_ask_owner(session, &draft, NULL);
}

void session_wait_away(struct session *session)
{
	timer_set(session->hub->wheel, &session->away,
	          session->hub->now + (timestamp)session->dialect->limits.away_s * 1000, away_ends);
}

static void away_ends(struct timer *timer, timestamp now)
{
	struct session *session = CONTAINER_OF(timer, struct session, away);

	(void)now;
	hub_count(&session->hub->counters, HUB_COUNT_sessions_lost, 1);
	session_doom(session);
}

void session_gone(struct session *session, bool is_soft)
{
	session_doom(session);
	if (session->is_gone)
		return;
	session->is_gone = true;
	session_forget_snapshot(session, false);
	if (session->view != NULL)
		session_leave_room(session, is_soft, NULL);
	watch_tell(session);
	session_forget_home(session);
}

void session_reap(struct hub *hub)
{
	while (!list_is_empty(&hub->doomed)) {
		struct session *session =
			CONTAINER_OF(list_first(&hub->doomed), struct session, same_fate);
		session_gone(session, false);
		session_free(session);
	}
}

void session_end(struct session *session, unsigned code, const char *reason)
{
	if (session->is_closing || session->is_doomed)
		return;
	if (session->path == NULL) {
		session_doom(session);
		return;
	}
	session->is_closing = true;
	session->close_code = (uint16_t)code;
	free(session->close_reason);
	session->close_reason = reason == NULL ? NULL : strdup(reason);
	session_make_dirty(session);
}

void session_close(struct session *session, unsigned code, const char *reason)
{
	session_end(session, code, reason);
}

/* The path is the host's alone from here on. A slow reader may come back; for all others it is the end. */
static void hand_close(struct session *session, struct hub_action *action)
{
	action->kind = HUB_CLOSE;
	action->code = session->close_code;
	action->reason = session->close_reason == NULL ? "" : session->close_reason;
	if (!session->is_slow) {
		session_gone(session, false);
		return;
	}
	session->is_slow = session->is_closing = false;
	queue_keep_unsent(session, session->queue.handed);
	session_detach(session);
}

static bool hand_next(struct session *session, struct hub_action *action)
{
	struct out_queue *queue = &session->queue;

	/* What a slow reader has not got is for when it comes back; what came before EVENT_OPENED or EVENT_RESUMED
	 * waits for it. */
	if (!session->is_opened || queue->handed == queue->count || session->is_slow ||
	    session->missed != NULL)
		return false;
	action->kind = HUB_SEND;
	action->buffer =
		buffer_hold(queue->at[(queue->head + queue->handed++) & (queue->capacity - 1)]);
	return true;
}

bool session_next_action(struct session *session, struct hub_action *action)
{
	if (session->path == NULL)
		return false;
	action->path = session->path;
	action->session = session;
	if (hand_next(session, action))
		return true;
	if (session->is_closing) {
		hand_close(session, action);
		return true;
	}
	if (session->is_paused == session->was_told_paused)
		return false;
	session->was_told_paused = session->is_paused;
	action->kind = session->is_paused ? HUB_PAUSE : HUB_RESUME;
	return true;
}
