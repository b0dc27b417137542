/* A listener that rests for a second when it cannot take a connection. */
#include "control/resting_listener.h"

#include <event2/event.h>
#include <event2/listener.h>

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
                          struct sockaddr *address, int len, void *context)
{
	struct resting_listener *resting = context;

	(void)listener;
	resting->accepted(fd, address, len, resting->context);
}

static void on_failed(struct evconnlistener *listener, void *context)
{
	static const struct timeval rest = {1, 0};
	struct resting_listener *resting = context;

	evconnlistener_disable(listener);
	event_add(resting->resume, &rest);
}

static void on_resume(evutil_socket_t fd, short what, void *context)
{
	struct resting_listener *resting = context;

	(void)fd;
	(void)what;
	evconnlistener_enable(resting->listener);
}

enum err resting_listener_init(struct resting_listener *resting, struct event_base *base,
                               struct evconnlistener *listener, connection_accepted *accepted,
                               void *context)
{
	if (listener == NULL)
		return ERR_SYSTEM;
	*resting = (struct resting_listener){
		.listener = listener,
		.resume = event_new(base, -1, 0, on_resume, resting),
		.accepted = accepted,
		.context = context,
	};
	if (resting->resume == NULL) {
		evconnlistener_free(listener);
		return ERR_NO_MEMORY;
	}
	evconnlistener_set_error_cb(listener, on_failed);
	evconnlistener_set_cb(listener, on_connection, resting);
	return OK;
}

void resting_listener_deinit(struct resting_listener *resting)
{
	evconnlistener_free(resting->listener);
	event_free(resting->resume);
}
