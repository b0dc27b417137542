/* Events to the sessions of this hub. What is the same for all sessions of a dialect is encoded once and shared. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/hub_private.h"
#include "signaling/relay_only.h"

enum { SHARED_MAX = 8 }; /* dialects; more are encoded for each session */

/* What a dialect made of an event. */
struct encoded {
	const struct dialect *dialect;
	struct buffer *messages[ENCODER_MESSAGES_MAX];
	size_t count;
	unsigned close_code;
	const char *close_reason; /* a text of the dialect's */
};
struct sharing {
	struct hub *hub;
	const struct event *event;
	struct encoded of[SHARED_MAX];
	size_t count;
};

static void deliver_one(struct hub *hub, const struct post *post);
static void deliver_all(struct hub *hub, const struct post *post);
static void event_of_post(const struct post *post, struct event *event,
                          struct reference *reference);
static void encode(struct hub *hub, struct session *session, const struct dialect *dialect,
                   const struct event *event, struct encoded *encoded);
static void push(struct session *session, const struct encoded *encoded);
static void release(struct encoded *encoded);
static bool before_event(struct session *session, const struct post *post);
static void after_event(struct session *session, const struct post *post);

void deliver_post(struct hub *hub, const struct post *post)
{
	if (post->to[0] == '\0')
		deliver_all(hub, post);
	else
		deliver_one(hub, post);
}

static void event_of_post(const struct post *post, struct event *event, struct reference *reference)
{
	*event = (struct event){
		.kind = post->event,
		.room = post->room.name[0] == '\0' ? NULL : &post->room,
		.from = post->subject.id[0] == '\0' ? NULL : &post->subject,
		.participants = post->participants,
		.participant_count = post->participant_count,
		.message = post->has_message ? &post->message : NULL,
		.to = post->is_unicast ? post->to : "",
		.is_unicast = post->is_unicast,
		.is_soft = post->is_soft,
		.name = post->name,
		.value = post->value,
		.error = post->error,
		.reason = post->reason,
		.deadline_ms = post->deadline_ms,
	};
	if (!post->has_reference)
		return;
	*reference = (struct reference){.number = post->reference_number};
	if (text_copy(reference->text, sizeof reference->text, post->reference_text) == OK)
		event->reference = reference;
}

/* To one session. */

static void deliver_one(struct hub *hub, const struct post *post)
{
	struct session *session = hub_find_session(hub, post->to);
	struct reference reference;
	struct event event;

	if (session == NULL)
		moved_pass_on(hub, post);
	if (session == NULL || session->is_doomed || !before_event(session, post))
		return;
	event_of_post(post, &event, &reference);
	deliver_to(session, &event);
	after_event(session, post);
}

/* The room let it in, and it has gone on since: should the owner not know yet, it hears it now. */
static void take_back(struct session *session, const struct post *welcome)
{
	struct post draft = {
		.kind = POST_LEAVE, .is_soft = true, .room = welcome->room, .seat = welcome->seat};

	draft.subject = session_participant(session, false);
	hub_post_draft(session->hub, welcome->from, &draft);
}

static bool may_be_outside(struct session *session, const struct post *post)
{
	if (post->event == EVENT_WELCOME)
		take_back(session, post);
	return post->event != EVENT_WELCOME && post->event != EVENT_KICKED;
}

/* An answer to a join that was given up since says nothing any more. */
static bool before_event(struct session *session, const struct post *post)
{
	struct view *view = session->view;

	if (post->event == EVENT_REFUSED)
		hub_count(&session->hub->counters, HUB_COUNT_refused, 1);
	if (post->event == EVENT_UNREACHABLE)
		hub_count(&session->hub->counters, HUB_COUNT_unreachable, 1);
	if (view == NULL || post->room.name[0] == '\0' ||
	    view_find(session->hub, &post->room) != view)
		return may_be_outside(session, post);
	if (post->event == EVENT_WELCOME && post->seat != session->join_seat) {
		take_back(session, post);
		return false;
	}
	if (post->seat == session->join_seat &&
	    (post->event == EVENT_WELCOME || post->event == EVENT_REFUSED))
		session_forget_joining(session);
	roster_compare(view, post);
	view_heard(view, post);
	if (post->event != EVENT_WELCOME)
		return true;
	session->is_in = true;
	session_changed(session);
	session->welcomed_seat = post->seat;
	session->joined_ms = post->subject.joined_ms;
	if (!list_is_linked(&session->in_view))
		list_append(&view->members, &session->in_view);
	return !post->is_return; /* the client does not know that it was away */
}

static void revoke_credentials(struct session *session)
{
	struct post draft = {.subject = session_participant(session, false),
	                     .tenant = session_identity(session)->tenant,
	                     .name = session->turn_username};

	if (session->turn_username != NULL)
		hub_notify(session->hub, HUB_REVOKE, &draft, false);
	timer_cancel(session->hub->wheel, &session->credentials);
}

static void after_event(struct session *session, const struct post *post)
{
	if (post->event == EVENT_WELCOME && !timer_is_set(&session->credentials))
		hub_ask_credentials(session, NULL, false);
	for (size_t i = 0; post->event == EVENT_FOUND && i < post->participant_count; i++)
		watch_add(session, post->participants[i].id);
	if (post->event == EVENT_MUTE &&
	    session_keep_attribute(session, post->name, post->value) == OK)
		session->revision++;
	bool is_of_this_join = post->event != EVENT_REFUSED || post->seat == session->join_seat;
	if (post->ends_seat && session->view != NULL && is_of_this_join)
		session_lose_seat(session);
	if (post->event != EVENT_KICKED)
		return;
	revoke_credentials(session);
	session_end(session, 1008, "removed from the room");
}

static void fill(struct session *session, struct event *event, struct participant *self)
{
	event->now = session->hub->now;
	event->wall_ms = session->hub->wall_ms;
	if (event->room == NULL)
		event->room = session_room(session);
	if (event->from == NULL && event->kind != EVENT_ROOM) { /* that nobody in it did */
		*self = session_participant(session, true);
		event->from = self;
	}
	if (event->to == NULL)
		event->to = "";
	if (event->name == NULL)
		event->name = "";
	if (event->reason == NULL)
		event->reason = "";
}

void deliver_to(struct session *session, struct event *event)
{
	struct encoded encoded;
	struct participant self;

	fill(session, event, &self);
	encode(session->hub, session, session->dialect, event, &encoded);
	push(session, &encoded);
	release(&encoded);
}

void deliver_opened(struct session *session, const struct turn_credentials *credentials,
                    const struct reference *reference)
{
	char token[RESUME_TOKEN_SIZE];
	struct event event = {.kind = EVENT_OPENED,
	                      .credentials = credentials,
	                      .reference = reference,
	                      .resume_token = token};

	struct out_queue later = {0};

	if (!session->is_opened) { /* what was said before it comes behind it */
		later = session->queue;
		session->queue = (struct out_queue){0};
	}
	seal_make_token(session->hub->seal, session->id, token);
	session->is_opened = true;
	deliver_to(session, &event);
	queue_put_back(session, &later);
	session_changed(session);
	bytes_wipe(token, sizeof token);
	session_release(session);
}

/* To all of a room that are here. */

static const struct encoded *shared(struct sharing *sharing, const struct dialect *dialect)
{
	for (size_t i = 0; i < sharing->count; i++)
		if (sharing->of[i].dialect == dialect)
			return &sharing->of[i];
	if (sharing->count == SHARED_MAX)
		return NULL;
	struct encoded *encoded = &sharing->of[sharing->count++];
	encode(sharing->hub, NULL, dialect, sharing->event, encoded);
	return encoded;
}

static void deliver_shared(struct sharing *sharing, struct session *session)
{
	bool is_personal = session->dialect->personal_events & UINT64_C(1) << sharing->event->kind;
	const struct encoded *encoded = is_personal ? NULL : shared(sharing, session->dialect);
	struct event event;

	if (encoded != NULL) {
		push(session, encoded);
		return;
	}
	event = *sharing->event;
	deliver_to(session, &event);
}

static void deliver_all(struct hub *hub, const struct post *post)
{
	struct view *view = view_find(hub, &post->room);
	struct reference reference;
	struct sharing sharing;
	struct event event;

	if (view == NULL)
		return;
	if (post->event == EVENT_PARTICIPANTS) {
		roster_settle(view, post);
		return;
	}
	bool is_news = !roster_knows(view, post);
	view_heard(view, post);
	if (!is_news)
		return;
	event_of_post(post, &event, &reference);
	event.now = hub->now;
	event.wall_ms = hub->wall_ms;
	event.to = "";
	sharing.hub = hub;
	sharing.event = &event;
	sharing.count = 0;
	LIST_FOR_EACH (node, &view->moved) {
		struct moved *moved = CONTAINER_OF(node, struct moved, in_view);
		struct post draft = *post;
		draft.to = moved->id;
		if (strcmp(post->except, moved->id) != 0)
			hub_post_draft(hub, moved->place, &draft);
	}
	view->seats++; /* it stays, whoever leaves */
	LIST_FOR_EACH (node, &view->members) {
		struct session *session = CONTAINER_OF(node, struct session, in_view);
		if (session->is_doomed || strcmp(session->id, post->except) == 0)
			continue;
		deliver_shared(&sharing, session);
		if (post->ends_seat)
			session_put_out(session);
	}
	view_give(view);
	for (size_t i = 0; i < sharing.count; i++)
		release(&sharing.of[i]);
}

/* Relayed candidates alone from here on: what waits for its members, who may be away, was sent before. */
static void withhold(struct view *view)
{
	LIST_FOR_EACH (node, &view->members)
		queue_withhold(CONTAINER_OF(node, struct session, in_view), relay_only_hides);
}

/* What a room that is made anew goes by. */
static bool is_other_room(const struct room_info *was, const struct room_info *is)
{
	return was->is_locked != is->is_locked || was->has_pin != is->has_pin ||
	       was->is_relay_only != is->is_relay_only || was->capacity != is->capacity ||
	       was->created_ms != is->created_ms || strcmp(was->owner, is->owner) != 0;
}

/* What the room says of itself with each event. */
void view_heard(struct view *view, const struct post *post)
{
	const char *tenant = view->info.tenant, *type = view->info.type, *name = view->info.name;
	const char *owner = post->room.owner;

	if (post->generation == 0 || post->event == EVENT_REFUSED)
		return;
	bool is_news = is_other_room(&view->info, &post->room);
	if (view->owner_user == NULL || strcmp(view->owner_user, owner) != 0) {
		free(view->owner_user);
		view->owner_user = strdup(owner);
	}
	if (post->room.is_relay_only && !view->info.is_relay_only)
		withhold(view);
	view->info = post->room;
	view->info.tenant = tenant;
	view->info.type = type;
	view->info.name = name;
	view->info.owner = view->owner_user == NULL ? "" : view->owner_user;
	view->generation = post->generation;
	if (!view->hub->settings.is_cluster)
		return;
	roster_heard(view, post);
	if (!is_news)
		return;
	LIST_FOR_EACH (node, &view->members)
		session_changed(CONTAINER_OF(node, struct session, in_view));
}

/* Encoding. */

static void encode(struct hub *hub, struct session *session, const struct dialect *dialect,
                   const struct event *event, struct encoded *encoded)
{
	struct encoder *encoder = &hub->encoder;

	encoder_clear(encoder);
	dialect->encode(session, event, encoder);
	encoded->dialect = dialect;
	encoded->count = 0;
	encoded->close_code = encoder->close_code;
	encoded->close_reason = encoder->close_reason;
	for (size_t i = 0; !encoder->text.has_failed && i < encoder->count; i++) {
		struct buffer *buffer = buffer_create(encoder_message(encoder, i));
		if (buffer != NULL)
			encoded->messages[encoded->count++] = buffer;
	}
}

static void push(struct session *session, const struct encoded *encoded)
{
	for (size_t i = 0; i < encoded->count; i++)
		queue_push(session, encoded->messages[i]);
	if (encoded->close_code != 0)
		session_end(session, encoded->close_code, encoded->close_reason);
}

static void release(struct encoded *encoded)
{
	for (size_t i = 0; i < encoded->count; i++)
		buffer_release(encoded->messages[i]);
	encoded->count = 0;
}
