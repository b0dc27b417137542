/* Posts on their way: those to its own hub wait in a queue, so that all take the same road. */
#include <stdlib.h>

#include "signaling/hub_private.h"
#include "signaling/room_private.h"

void mail_queue_init(struct mail_queue *queue)
{
	queue->head = NULL;
	queue->end = &queue->head;
}

void mail_queue_put(struct mail_queue *queue, struct mail *mail)
{
	mail->next = NULL;
	*queue->end = mail;
	queue->end = &mail->next;
}

struct mail *mail_queue_take(struct mail_queue *queue)
{
	struct mail *mail = queue->head;

	if (mail == NULL)
		return NULL;
	queue->head = mail->next;
	if (queue->head == NULL)
		queue->end = &queue->head;
	return mail;
}

bool hub_is_own(const struct hub *hub, struct hub_place place)
{
	return place.node == hub->settings.place.node && place.worker == hub->settings.place.worker;
}

/* An id that nobody made may say anything of where it lives. */
bool hub_is_reachable(const struct hub *hub, struct hub_place place)
{
	return hub->settings.is_cluster ? place.node != 0
	                                : place.node == hub->settings.place.node &&
	                                          place.worker < hub->settings.workers;
}

void hub_post(struct hub *hub, struct hub_place to, struct post *post)
{
	if (post == NULL) {
		hub_count(&hub->counters, HUB_COUNT_posts_lost, 1);
		return;
	}
	post->destination = to;
	post->from = hub->settings.place;
	mail_queue_put(hub_is_own(hub, to) ? &hub->local : &hub->posted, &post->mail);
}

void hub_post_draft(struct hub *hub, struct hub_place to, const struct post *draft)
{
	hub_post(hub, to, post_create(draft));
}

bool hub_next_post(struct hub *hub, struct hub_action *action)
{
	struct mail *mail = mail_queue_take(&hub->posted);

	if (mail == NULL)
		return false;
	hub_count(&hub->counters, HUB_COUNT_posts_out, 1);
	action->kind = HUB_POST;
	action->post = CONTAINER_OF(mail, struct post, mail);
	action->place = action->post->destination;
	return true;
}

static void drop(struct mail_queue *queue)
{
	struct mail *mail;

	while ((mail = mail_queue_take(queue)) != NULL)
		post_destroy(CONTAINER_OF(mail, struct post, mail));
}

void hub_drop_posts(struct hub *hub)
{
	drop(&hub->local);
	drop(&hub->posted);
}

typedef void post_handler(struct hub *hub, const struct post *post);

static void close_handle(struct hub *hub, const struct post *post);
static void send_outside_handle(struct hub *hub, const struct post *post);

void hub_handle_post(struct hub *hub, const struct post *post)
{
	if (!recall_takes(hub, post))
		hub_dispatch_post(hub, post);
}

void hub_dispatch_post(struct hub *hub, const struct post *post)
{
	static post_handler *const handlers[POST_KINDS] = {
		[POST_JOIN] = room_handle_join,
		[POST_LEAVE] = room_handle_leave,
		[POST_SEND] = room_handle_send,
		[POST_BROADCAST] = room_handle_broadcast,
		[POST_ATTRIBUTE] = room_handle_attribute,
		[POST_PARTICIPANTS] = room_handle_participants,
		[POST_FACT] = room_handle_fact,
		[POST_CHANGE] = room_handle_change,
		[POST_MODERATE] = room_handle_moderate,
		[POST_SEAT] = room_handle_seat,
		[POST_EVENT] = deliver_post,
		[POST_CLOSE] = close_handle,
		[POST_SEND_OUTSIDE] = send_outside_handle,
		[POST_LOOK_UP] = watch_handle_look_up,
		[POST_FIND_USER] = users_handle_find,
		[POST_USER_FOUND] = users_handle_found,
		[POST_RESUME] = resume_handle,
		[POST_SNAPSHOT] = snapshot_handle,
		[POST_MOVED] = moved_handle,
		[POST_SEATED] = seated_handle,
		[POST_REQUEST] = request_handle,
		[POST_ANSWER] = request_answer_handle,
	};
	handlers[post->kind](hub, post);
}

void post_refer(struct post *draft, const struct reference *reference)
{
	draft->has_reference = reference != NULL;
	if (reference == NULL)
		return;
	draft->reference_number = reference->number;
	draft->reference_text = reference->text;
}

static void close_handle(struct hub *hub, const struct post *post)
{
	struct session *session = hub_find_session(hub, post->to);

	if (session == NULL) {
		moved_pass_on(hub, post);
		return;
	}
	/* It has left by itself, or is elsewhere since: that is none of this room's business. */
	if (session->view == NULL || session->join_seat > post->seat)
		return;
	session_lose_seat(session);
	session_end(session, 1000, post->reason);
}

/* What one session says to another of its tenant, whatever rooms they are in. The sender hears how it went. */
static void send_outside_handle(struct hub *hub, const struct post *post)
{
	struct session *session = hub_find_session(hub, post->to);
	bool is_there = session != NULL && !session->is_doomed &&
	                slice_is(slice_of(post->tenant), session->identity->identity.tenant);
	struct post draft = *post;

	if (session == NULL && moved_pass_on(hub, post))
		return;
	draft.kind = POST_EVENT;
	if (is_there) {
		draft.event = EVENT_MESSAGE;
		draft.is_unicast = true;
		draft.has_reference = false;
		deliver_post(hub, &draft);
	}
	draft.event = is_there ? EVENT_DONE : EVENT_UNREACHABLE;
	draft.has_reference = post->has_reference;
	draft.is_unicast = false;
	draft.to = post->subject.id;
	draft.has_message = !is_there;
	draft.error = is_there ? SIGNALING_OK : SIGNALING_NO_PEER;
	draft.name = is_there ? "" : post->to;
	hub_post_draft(hub, post->sender, &draft);
}
