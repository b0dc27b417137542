/* All that is asked of libevent's stream for it. */
#include "control/line_client.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

static void on_input(struct bufferevent *stream, void *context);
static void on_output(struct bufferevent *stream, void *context);
static void on_event(struct bufferevent *stream, short what, void *context);

enum err line_client_init(struct line_client *client, const struct line_client_ops *ops,
                          struct event_base *base, int fd, size_t input_max)
{
	client->ops = ops;
	client->stream = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (client->stream == NULL)
		return ERR_NO_MEMORY;
	bufferevent_setcb(client->stream, on_input, on_output, on_event, client);
	bufferevent_setwatermark(client->stream, EV_READ, 0, input_max);
	bufferevent_enable(client->stream, EV_READ | EV_WRITE);
	return OK;
}

void line_client_deinit(struct line_client *client)
{
	if (client->stream != NULL)
		bufferevent_free(client->stream);
	client->stream = NULL;
}

void line_client_move(struct line_client *client, struct line_client *to)
{
	to->stream = client->stream;
	to->is_closing = client->is_closing;
	to->has_ended = client->has_ended;
	client->stream = NULL;
	bufferevent_setcb(to->stream, on_input, on_output, on_event, to);
}

void line_client_set_idle(struct line_client *client, unsigned timeout_s)
{
	const struct timeval idle = {(time_t)timeout_s, 0};

	bufferevent_set_timeouts(client->stream, &idle, &idle);
}

/* ---- what is written ---- */

void line_client_write(struct line_client *client, const void *bytes, size_t len)
{
	if (client->stream != NULL && bufferevent_write(client->stream, bytes, len) != 0)
		client->is_closing = true;
}

bool line_client_has_sent(const struct line_client *client)
{
	return evbuffer_get_length(bufferevent_get_output(client->stream)) == 0;
}

void line_client_call_when_sent(struct line_client *client)
{
	if (line_client_has_sent(client)) /* on_output is still called, from the loop */
		bufferevent_trigger(client->stream, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
}

/* ---- what is read ---- */

static bool may_look(const struct line_client *client)
{
	return !client->is_waiting && !client->is_closing && line_client_has_sent(client);
}

/* Looks at what is there. What has no end when there comes no more is nothing. */
static void line_client_read(struct line_client *client)
{
	struct evbuffer *input = bufferevent_get_input(client->stream);

	if (client->is_reading)
		return;
	client->is_reading = true;
	while (may_look(client) && client->ops->look(client, input))
		continue;
	client->is_reading = false;
	client->is_closing |= client->has_ended && may_look(client);
	if (client->is_closing && !client->is_waiting && line_client_has_sent(client))
		client->ops->destroy(client);
}

void line_client_done(struct line_client *client)
{
	client->is_waiting = false;
	if (client->stream != NULL)
		line_client_read(client);
	else
		client->ops->destroy(client);
}

/* ---- what happens to it ---- */

static bool go_on(struct line_client *client)
{
	return client->ops->go_on != NULL && client->ops->go_on(client);
}

static void on_input(struct bufferevent *stream, void *context)
{
	(void)stream;
	line_client_read(context);
}

/* All that was written has been sent. */
static void on_output(struct bufferevent *stream, void *context)
{
	(void)stream;
	if (!go_on(context))
		line_client_read(context);
}

/* It may go while something is carried out for it. One that waits for an answer is not idle. */
static void on_event(struct bufferevent *stream, short what, void *context)
{
	struct line_client *client = context;

	if (what & BEV_EVENT_EOF) {
		client->has_ended = true;
		bufferevent_disable(stream, EV_READ);
		line_client_read(client);
		return;
	}
	if ((what & BEV_EVENT_TIMEOUT) && (what & BEV_EVENT_READING) && client->is_waiting) {
		bufferevent_enable(stream, EV_READ);
		return;
	}
	line_client_deinit(client);
	if (client->is_waiting)
		(void)go_on(client);
	else
		client->ops->destroy(client);
}
