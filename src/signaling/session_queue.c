/* What a session has not got yet: messages that the host has and may not have sent, and messages that wait. Of a session
 * that is away all wait. Both are bounded. */
#include <stdlib.h>
#include <string.h>

#include "signaling/hub_private.h"

enum { FIRST_CAPACITY = 4 };

static bool grow(struct out_queue *queue)
{
	uint32_t capacity = queue->capacity == 0 ? FIRST_CAPACITY : queue->capacity * 2;
	struct buffer **at = malloc(capacity * sizeof *at);

	if (at == NULL)
		return false;
	for (uint32_t i = 0; i < queue->count; i++)
		at[i] = queue->at[(queue->head + i) & (queue->capacity - 1)];
	free(queue->at);
	queue->at = at;
	queue->capacity = capacity;
	queue->head = 0;
	return true;
}

static struct buffer **slot(struct out_queue *queue, uint32_t index)
{
	return &queue->at[(queue->head + index) & (queue->capacity - 1)];
}

static bool put(struct out_queue *queue, struct buffer *buffer)
{
	if (queue->count == queue->capacity && !grow(queue))
		return false;
	*slot(queue, queue->count++) = buffer_hold(buffer);
	queue->bytes += buffer->len;
	return true;
}

static void take(struct out_queue *queue)
{
	struct buffer *buffer = *slot(queue, 0);

	queue->bytes -= buffer->len;
	queue->head = (queue->head + 1) & (queue->capacity - 1);
	queue->count--;
	buffer_release(buffer);
}

static bool is_over_bounds(const struct session *session, size_t len)
{
	const struct hub_settings *settings = &session->hub->settings;
	const struct out_queue *queue = &session->queue;

	if (session->path == NULL)
		return queue->bytes + len > settings->replay_bytes_max;
	/* One message, however large, is no sign of a slow reader: others would end its connection by sending it. */
	return (queue->bytes > 0 && queue->bytes + len > settings->queue_bytes_max) ||
	       queue->count >= session->dialect->limits.queue_messages;
}

/* A reader that is too slow loses its connection, and may come back for what it missed; one that missed too much is lost. */
static void overflow(struct session *session)
{
	struct hub *hub = session->hub;

	if (session->path == NULL) {
		hub_count(&hub->counters, HUB_COUNT_replay_overflows, 1);
		session_doom(session);
		return;
	}
	hub_count(&hub->counters, HUB_COUNT_slow_readers, 1);
	session->is_slow = true;
	session_end(session, 1013, "messages come faster than they are read");
}

void queue_push(struct session *session, struct buffer *buffer)
{
	if (session->is_doomed || session->is_closing)
		return;
	if (is_over_bounds(session, buffer->len) || !put(&session->queue, buffer)) {
		overflow(session);
		return;
	}
	hub_count(&session->hub->counters, HUB_COUNT_messages_out, 1);
	if (session->path != NULL)
		session_make_dirty(session);
}

void queue_sent(struct session *session, size_t messages)
{
	struct out_queue *queue = &session->queue;

	for (; messages > 0 && queue->handed > 0; messages--) {
		take(queue);
		queue->handed--;
	}
}

void queue_keep_unsent(struct session *session, size_t unsent)
{
	struct out_queue *queue = &session->queue;

	if (unsent < queue->handed)
		queue_sent(session, queue->handed - unsent);
	queue->handed = 0;
}

/* Those that the host has are on their way. */
void queue_withhold(struct session *session, bool (*is_it)(struct slice message))
{
	struct out_queue *queue = &session->queue;
	uint32_t stay = queue->handed;

	for (uint32_t i = queue->handed; i < queue->count; i++) {
		struct buffer *buffer = *slot(queue, i);
		if (!is_it((struct slice){buffer->bytes, buffer->len})) {
			*slot(queue, stay++) = buffer;
			continue;
		}
		queue->bytes -= buffer->len;
		hub_count(&session->hub->counters, HUB_COUNT_candidates_withheld, 1);
		buffer_release(buffer);
	}
	queue->count = stay;
}

void queue_deinit(struct out_queue *queue)
{
	while (queue->count > 0)
		take(queue);
	free(queue->at);
	*queue = (struct out_queue){0};
}

void queue_put_back(struct session *session, struct out_queue *later)
{
	for (uint32_t i = 0; i < later->count; i++)
		put(&session->queue, *slot(later, i));
	queue_deinit(later);
	if (session->path != NULL)
		session_make_dirty(session);
}

/* What was missed goes behind what is there now. */
void queue_put_missed(struct session *session, struct slice message)
{
	struct buffer *buffer = buffer_create(message);

	if (buffer == NULL)
		return;
	put(&session->queue, buffer);
	buffer_release(buffer);
	session_make_dirty(session);
}
