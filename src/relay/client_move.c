/* Client connections that move to another thread.
 *
 *     asked thread                        the one that the id names
 *       TURN_MOVE_CLIENT
 *       the event ends ── letter ───────► a listener adopts the stream, and reads ConnectionBind again
 */
#include "relay/client_move.h"

#include <stdlib.h>

#include "base/list.h"
#include "listeners/stream_raw.h"

struct letter {
	struct mail mail;
	struct relay_thread *from, *to;
	struct stream *stream; /* owned, once it has left */
};

static void on_left(void *context, struct stream *stream);
static void on_arrival(struct mail *mail, void *receiver);

void client_move(struct relay_thread *thread, const struct turn_action *action)
{
	const struct packet *message = action->message;
	struct path *path = action->path;
	struct relay_thread *to = thread->relay->threads[action->thread];
	/* An id that names another thread was never given. */
	bool keeps_streams = action->thread < thread->relay->relay_threads;
	struct letter *letter = keeps_streams ? calloc(1, sizeof *letter) : NULL;

	if (letter != NULL) {
		letter->mail.deliver = on_arrival;
		letter->from = thread;
		letter->to = to;
		if (stream_release(path, message->data, message->len, on_left, letter) == OK)
			return;
		free(letter);
	}
	path->ops->close(path);
}

static void on_left(void *context, struct stream *stream)
{
	struct letter *letter = context;

	/* At the end the other thread may be gone already. */
	if (letter->from->is_ending) {
		stream_discard(stream);
		free(letter);
		return;
	}
	letter->stream = stream;
	mailbox_post(letter->to->mailbox, &letter->mail);
}

/* Any listener will do: the stream keeps its 5-tuple. A reload may have taken the last. */
static void on_arrival(struct mail *mail, void *receiver)
{
	struct relay_thread *thread = receiver;
	struct letter *letter = CONTAINER_OF(mail, struct letter, mail);

	if (thread->serving.tcp_count > 0) {
		counter_add(&thread->counters, COUNT_client_data_connections_moved, 1);
		tcp_listener_adopt_stream(thread->serving.tcp[0], letter->stream);
	} else {
		stream_discard(letter->stream);
	}
	free(letter);
}
