/* A new connection takes the place of an old one. The session may live at another hub: then that hub sends it, whole.
 *
 *   new connection's hub            the session's hub              the room's owner
 *         │ RESUME ──────────────────────► │
 *         │ ◄───────────────────── SNAPSHOT│ old path closed; what still comes follows (struct moved)
 *         │ SEAT ───────────────────────────────────────────────────────► │
 *         │ EVENT_RESUMED, what it missed
 *
 * Where that hub's node is gone, what was kept of the session takes the place of its answer: session_snapshot.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/hub_private.h"
#include "signaling/relay_only.h"

static void resume_late(struct timer *timer, timestamp now);
static void adopt(struct session *session, const struct post *snapshot, bool is_found);
static struct moved *moved_create(struct session *session, struct hub_place place);

/* Asking. */

static struct wanted *wanted_create(const char *id, bool is_by_id)
{
	struct wanted *wanted = calloc(1, sizeof *wanted);

	if (wanted == NULL)
		return NULL;
	wanted->is_by_id = is_by_id;
	memcpy(wanted->id, id, sizeof wanted->id);
	return wanted;
}

void session_ask_old_self(struct session *session, const struct hub_place *place)
{
	struct wanted *wanted = session->wanted;
	struct post draft = {.kind = POST_RESUME,
	                     .is_by_id = wanted->is_by_id,
	                     .to = wanted->id,
	                     .address = session->address,
	                     .sender = session->hub->settings.place};

	wanted->node = place->node;
	draft.subject = session_participant(session, false);
	draft.tenant = session->identity->identity.tenant;
	draft.is_authenticated = session->identity->identity.is_authenticated;
	hub_post_draft(session->hub, *place, &draft);
}

static enum err session_of(struct hub *hub, const char *token, bool is_by_id,
                           char id[SESSION_ID_SIZE], struct hub_place *place)
{
	if (!is_by_id && seal_open_token(hub->seal, token, id) != OK)
		return ERR_DENIED;
	if (is_by_id && strlen(token) != SESSION_ID_SIZE - 1)
		return ERR_INVALID;
	if (is_by_id)
		memcpy(id, token, SESSION_ID_SIZE);
	if (seal_open_id(hub->seal, id, place) != OK || !hub_is_reachable(hub, *place))
		return ERR_NOT_FOUND;
	return OK;
}

void session_resume(struct session *session, const char *token, bool is_by_id,
                    const struct reference *reference)
{
	struct hub *hub = session->hub;
	struct post draft = {
		.kind = POST_SNAPSHOT, .to = session->id, .error = SIGNALING_NO_SESSION};
	timestamp wait = hub->settings.is_cluster ? RESUME_WAIT_LOST_MS : RESUME_WAIT_MS;
	struct hub_place place;
	char id[SESSION_ID_SIZE];

	if (session->is_resuming)
		return;
	session->is_resuming = true;
	session->is_over_rate = false; /* its timer is the resume's from here on */
	session_hold(session);
	session->opening = reference == NULL ? NULL : malloc(sizeof *reference);
	if (session->opening != NULL)
		*session->opening = *reference;
	timer_set(hub->wheel, &session->pause, hub->now + wait, resume_late);
	if (session_of(hub, token, is_by_id, id, &place) == OK)
		session->wanted = wanted_create(id, is_by_id);
	if (session->wanted != NULL) {
		session_ask_old_self(session, &place);
		return;
	}
	hub_post_draft(hub, hub->settings.place, &draft);
}

static void resume_late(struct timer *timer, timestamp now)
{
	(void)now;
	session_resume_refused(CONTAINER_OF(timer, struct session, pause));
}

static void end_resuming(struct session *session)
{
	timer_cancel(session->hub->wheel, &session->pause);
	session->is_resuming = false;
	free(session->wanted);
	session->wanted = NULL;
}

/* It goes on as what it is. */
void session_resume_refused(struct session *session)
{
	struct event event = {.kind = EVENT_REFUSED,
	                      .error = SIGNALING_NO_SESSION,
	                      .reference = session->opening};

	end_resuming(session);
	deliver_to(session, &event);
	free(session->opening);
	session->opening = NULL;
	session_changed(session);
	session_release(session);
	if (session->is_opened)
		return;
	if (session->dialect->opens_with_credentials)
		hub_ask_credentials(session, NULL, true);
	else
		deliver_opened(session, NULL, NULL);
}

/* Giving. */

/* By id alone, which is no secret, only what was lost can be had, and from where it was. */
static bool may_have(const struct session *session, const struct post *ask)
{
	if (session == NULL || session->is_doomed || session->is_gone || session->is_resuming ||
	    session->missed != NULL || session->dialect != ask->subject.dialect ||
	    strcmp(session->id, ask->subject.id) == 0 ||
	    (ask->is_authenticated && !post_is_of(ask, &session->identity->identity)))
		return false;
	return !ask->is_by_id ||
	       (session->path == NULL && strcmp(session->address, ask->address) == 0);
}

static void refuse(struct hub *hub, const struct post *ask)
{
	struct post draft = {
		.kind = POST_SNAPSHOT, .to = ask->subject.id, .error = SIGNALING_NO_SESSION};

	hub_post_draft(hub, ask->sender, &draft);
}

static size_t count_watchers(const struct session *session)
{
	size_t count = 0;

	for (struct watcher *watcher = session->watchers; watcher != NULL; watcher = watcher->next)
		count++;
	return count;
}

static void describe(struct session *session, struct post *draft)
{
	const struct identity *identity = session_identity(session);

	draft->subject = session_participant(session, true);
	draft->tenant = identity->tenant;
	draft->identity_room = identity->room;
	draft->identity_expires_ms = identity->expires_ms;
	draft->is_authenticated = identity->is_authenticated;
	draft->address = session->address;
	draft->tenure = session->tenure;
	if (timer_is_set(&session->away))
		draft->deadline_ms =
			session->hub->wall_ms + (session->away.deadline - session->hub->now);
	draft->own = (struct slice){(const char *)session->own, session->dialect->session_size};
	draft->seat = session->seat;
	draft->join_seat = session->join_seat;
	draft->welcomed_seat = session->welcomed_seat;
	draft->name = session->turn_username;
	if (session->view == NULL)
		return;
	draft->room = session->view->info;
	draft->generation = session->view->generation;
	draft->owner = session->view->owner;
	draft->is_in_room = session->is_in && session->view->is_placed;
}

/* Without its queue where it is not handed over: what was sent to it is its client's by then, or lost. */
struct post *snapshot_create(struct session *session, const char *to, bool has_queue)
{
	struct post draft = {.kind = POST_SNAPSHOT, .to = to};
	struct out_queue *queue = &session->queue;
	size_t watchers = count_watchers(session), i = 0;
	uint32_t count = has_queue ? queue->count : 0;
	struct slice *queued = calloc(count + 1, sizeof *queued);
	struct participant *people = calloc(watchers + 1, sizeof *people);
	struct post *post = NULL;

	if (queued != NULL && people != NULL) {
		describe(session, &draft);
		for (uint32_t at = 0; at < count; at++) {
			const struct buffer *buffer =
				queue->at[(queue->head + at) & (queue->capacity - 1)];
			queued[at] = (struct slice){buffer->bytes, buffer->len};
		}
		for (struct watcher *one = session->watchers; one != NULL; one = one->next)
			people[i++].id = one->id;
		draft.queued = queued;
		draft.queued_count = count;
		draft.participants = people;
		draft.participant_count = watchers;
		post = post_create(&draft);
	}
	free(queued);
	free(people);
	return post;
}

/* The old self ends without a word: it lives on elsewhere. */
void session_give_up(struct session *session)
{
	struct hub *hub = session->hub;

	session->is_gone = true;
	session_forget_snapshot(session, true);
	list_remove(&session->in_view);
	hash_table_remove(&hub->sessions, id_hash(session->id), session);
	if (session->path == NULL)
		session_doom(session);
	queue_deinit(&session->queue);
	session_end(session, 1000, "resumed by another connection");
}

void resume_handle(struct hub *hub, const struct post *ask)
{
	struct session *session = hub_find_session(hub, ask->to);
	struct post *snapshot;

	if (session == NULL && moved_pass_on(hub, ask))
		return;
	if (!may_have(session, ask)) {
		refuse(hub, ask);
		return;
	}
	if (session->path != NULL && hub->settings.look_for_sent != NULL)
		hub->settings.look_for_sent(session->path);
	snapshot = snapshot_create(session, ask->subject.id, true);
	if (snapshot == NULL || moved_create(session, ask->sender) == NULL) {
		post_destroy(snapshot);
		refuse(hub, ask);
		return;
	}
	session_give_up(session);
	hub_post(hub, ask->sender, snapshot);
}

/* Taking. */

static bool copy_identity(const struct post *snapshot, struct identity *identity)
{
	*identity = (struct identity){
		.permissions = snapshot->subject.permissions,
		.expires_ms = snapshot->identity_expires_ms,
		.is_authenticated = snapshot->is_authenticated,
	};
	return text_copy(identity->tenant, sizeof identity->tenant, snapshot->tenant) == OK &&
	       text_copy(identity->user, sizeof identity->user, snapshot->subject.user) == OK &&
	       text_copy(identity->room, sizeof identity->room, snapshot->identity_room) == OK;
}

/* The connection that asked is gone as well: the session waits here for the next one. */
static struct session *adopt_away(struct hub *hub, const struct post *snapshot)
{
	struct session *session;
	struct identity identity;

	if (!copy_identity(snapshot, &identity))
		return NULL;
	session =
		session_create(hub, snapshot->subject.dialect, NULL, snapshot->address, &identity);
	if (session == NULL)
		return NULL;
	hub_count(&hub->counters, HUB_COUNT_sessions_away_now, 1);
	return session;
}

void snapshot_handle(struct hub *hub, const struct post *post)
{
	struct session *session = hub_find_session(hub, post->to);

	if (session != NULL && (session->is_doomed || !session->is_resuming))
		session = NULL;
	if (post->error != SIGNALING_OK) {
		if (session != NULL && post->is_soft && session->wanted != NULL)
			session_seek(session);
		else if (session != NULL)
			session_resume_refused(session);
		return;
	}
	if (post->subject.dialect == NULL)
		return;
	if (session == NULL)
		session = adopt_away(hub, post);
	if (session != NULL)
		adopt(session, post, false);
}

void session_take_over(struct hub *hub, struct session *session, const struct post *snapshot)
{
	if (session == NULL)
		session = adopt_away(hub, snapshot);
	if (session != NULL)
		adopt(session, snapshot, true);
}

/* It has the old one's name from here on. */
static bool rename_session(struct session *session, const char *id)
{
	struct hub *hub = session->hub;
	struct moved *moved = moved_find(hub, id);

	if (strlen(id) != SESSION_ID_SIZE - 1 || hub_find_session(hub, id) != NULL)
		return false;
	session_forget_snapshot(session, false);
	hash_table_remove(&hub->sessions, id_hash(session->id), session);
	memcpy(session->id, id, SESSION_ID_SIZE);
	free(session->attestation);
	session->attestation = NULL;
	if (moved != NULL)
		moved_destroy(moved);
	return hash_table_insert(&hub->sessions, id_hash(session->id), session) == OK;
}

static void take_room(struct session *session, const struct post *snapshot)
{
	const struct room_info *room = &snapshot->room;
	struct view *view;

	session->seat = snapshot->seat + 1;
	session->join_seat = snapshot->join_seat;
	session->welcomed_seat = snapshot->welcomed_seat;
	if (room->name[0] == '\0')
		return;
	view = view_take(session->hub, room->tenant, room->type, room->name);
	if (view == NULL)
		return;
	session->view = view;
	if (snapshot->is_in_room && !view->is_placed)
		view_placed(view, &snapshot->owner, snapshot->generation);
	if (snapshot->is_in_room) {
		session->is_in = true;
		/* Others who are here may have heard more of the room since. */
		if (view->generation != snapshot->generation ||
		    view->info.sequence <= room->sequence)
			view_heard(view, snapshot);
		list_append(&view->members, &session->in_view);
	}
}

/* Its node is gone, and with it perhaps the room's owner: it comes into the room as those do whose room was lost, wherever that is
 * by now. The seat is above any that its old node can have come to if it was but cut off. */
static void take_room_again(struct session *session, const struct post *snapshot)
{
	const struct room_info *room = &snapshot->room;
	struct view *view;

	session->seat = snapshot->seat + SEATS_OF_A_HUB;
	if (room->name[0] == '\0' || !snapshot->is_in_room)
		return;
	view = view_take(session->hub, room->tenant, room->type, room->name);
	if (view == NULL)
		return;
	session->view = view;
	session->is_in = true;
	if (list_is_empty(&view->members))
		view_heard(view, snapshot);
	list_append(&view->members, &session->in_view);
	session_rejoin(session);
}

static void take_texts(struct session *session, const struct post *snapshot)
{
	if (snapshot->own.len == session->dialect->session_size && snapshot->own.len > 0)
		memcpy(session->own, snapshot->own.at, snapshot->own.len);
	free(session->alias);
	session->alias =
		snapshot->subject.alias[0] == '\0' ? NULL : strdup(snapshot->subject.alias);
	if (snapshot->subject.attributes.len > 0)
		(void)!session_keep_attributes(session, snapshot->subject.attributes);
	free(session->turn_username);
	session->turn_username = snapshot->name[0] == '\0' ? NULL : strdup(snapshot->name);
	session->revision = snapshot->subject.revision;
	session->joined_ms = snapshot->subject.joined_ms;
	session->is_hidden = snapshot->subject.is_hidden;
	for (size_t i = 0; i < snapshot->participant_count; i++)
		watch_add(session, snapshot->participants[i].id);
}

/* Others look for it where its id says. */
static void tell_home(struct session *session, bool is_gone)
{
	struct hub *hub = session->hub;
	struct post draft = {.kind = POST_MOVED, .is_soft = is_gone};
	struct hub_place home;

	draft.subject.id = session->id;
	if (seal_open_id(hub->seal, session->id, &home) == OK && !hub_is_own(hub, home))
		hub_post_draft(hub, home, &draft);
}

void session_forget_home(struct session *session)
{
	tell_home(session, true);
}

static void adopt(struct session *session, const struct post *snapshot, bool is_found)
{
	struct hub *hub = session->hub;
	struct identity identity;
	struct post draft = {.kind = POST_SEAT};

	end_resuming(session);
	session_leave_room(session, true, NULL);
	session->missed = post_create(snapshot);
	if (session->missed == NULL || !copy_identity(snapshot, &identity) ||
	    !rename_session(session, snapshot->subject.id)) {
		post_destroy(session->missed);
		session->missed = NULL;
		session_end(session, 1011, "the session could not be resumed");
		return;
	}
	session_set_identity(session, &identity);
	session->tenure = snapshot->tenure + 1;
	take_texts(session, snapshot);
	if (is_found)
		take_room_again(session, snapshot);
	else
		take_room(session, snapshot);
	tell_home(session, false);
	if (session->view != NULL && !is_found)
		session_ask_owner(session, &draft, NULL);
	hub_count(&hub->counters, HUB_COUNT_sessions_resumed, 1);
	if (session->path != NULL && session->dialect->opens_with_credentials)
		hub_ask_credentials(session, NULL, true);
	else
		session_finish_resume(session, NULL);
}

/* All of it; but no candidates that were sent before its room began to take relayed ones alone. */
static void put_missed(struct session *session, const struct post *missed)
{
	bool is_withheld = session->view != NULL && session->view->info.is_relay_only &&
	                   !missed->room.is_relay_only;

	for (size_t i = 0; i < missed->queued_count; i++)
		if (!is_withheld || !relay_only_hides(missed->queued[i]))
			queue_put_missed(session, missed->queued[i]);
}

/* First that it is back, then what it missed, then what came since. */
void session_finish_resume(struct session *session, const struct turn_credentials *credentials)
{
	struct post *missed = session->missed;
	struct out_queue later = session->queue;
	char token[RESUME_TOKEN_SIZE];
	struct event event = {.kind = EVENT_RESUMED,
	                      .credentials = credentials,
	                      .reference = session->opening,
	                      .resume_token = token};

	session->missed = NULL;
	session->queue = (struct out_queue){0};
	session->is_opened = true;
	seal_make_token(session->hub->seal, session->id, token);
	if (session->path != NULL)
		deliver_to(session, &event);
	put_missed(session, missed);
	queue_put_back(session, &later);
	if (session->path == NULL)
		session_wait_away(session);
	post_destroy(missed);
	free(session->opening);
	session->opening = NULL;
	session_changed(session);
	session_release(session);
	if (session->path != NULL && !timer_is_set(&session->credentials))
		hub_ask_credentials(session, NULL, false);
}

/* Sessions that have moved. */

static bool moved_has_id(const void *item, const void *key)
{
	return strcmp(((const struct moved *)item)->id, key) == 0;
}

struct moved *moved_find(const struct hub *hub, const char *id)
{
	return hash_table_find(&hub->moved, id_hash(id), moved_has_id, id);
}

static void leave_view(struct moved *moved)
{
	list_remove(&moved->in_view);
	view_give(moved->view);
	moved->view = NULL;
}

static void moved_ends(struct timer *timer, timestamp now)
{
	struct moved *moved = CONTAINER_OF(timer, struct moved, end);

	(void)now;
	moved_destroy(moved);
}

/* What the room says to all goes to the new place from here on, and need not follow. */
void seated_handle(struct hub *hub, const struct post *post)
{
	struct moved *moved = moved_find(hub, post->to);

	if (moved != NULL)
		leave_view(moved);
}

struct moved *moved_insert(struct hub *hub, const char *id, struct hub_place place)
{
	struct moved *moved = calloc(1, sizeof *moved);

	if (moved == NULL)
		return NULL;
	moved->hub = hub;
	moved->place = place;
	memcpy(moved->id, id, strnlen(id, sizeof moved->id - 1));
	if (hash_table_insert(&hub->moved, id_hash(moved->id), moved) != OK) {
		free(moved);
		return NULL;
	}
	timer_set(hub->wheel, &moved->end, hub->now + MOVED_KEPT_S * 1000, moved_ends);
	return moved;
}

/* What its room says to all follows it too, until the room's owner knows its new place. */
static struct moved *moved_create(struct session *session, struct hub_place place)
{
	struct moved *moved = moved_insert(session->hub, session->id, place);

	if (moved == NULL || !session->is_in)
		return moved;
	moved->view = session->view;
	moved->view->seats++;
	list_append(&moved->view->moved, &moved->in_view);
	return moved;
}

void moved_destroy(struct moved *moved)
{
	struct hub *hub = moved->hub;

	timer_cancel(hub->wheel, &moved->end);
	leave_view(moved);
	hash_table_remove(&hub->moved, id_hash(moved->id), moved);
	free(moved);
}

bool moved_pass_on(struct hub *hub, const struct post *post)
{
	struct moved *moved = moved_find(hub, post->to);

	if (moved == NULL)
		return false;
	hub_post_draft(hub, moved->place, post);
	return true;
}

void moved_handle(struct hub *hub, const struct post *post)
{
	struct moved *moved = moved_find(hub, post->subject.id);

	if (moved != NULL && post->is_soft)
		moved_destroy(moved);
	else if (moved != NULL)
		moved->place = post->from;
	else if (!post->is_soft && hub_find_session(hub, post->subject.id) == NULL)
		(void)!moved_insert(hub, post->subject.id, post->from);
}
