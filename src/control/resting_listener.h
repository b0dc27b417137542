/* A listener that rests for a second when it cannot take a connection, as when there are no descriptors left: it would
 * fail again at once, and for ever. */
#pragma once

#include "base/err.h"

struct event;
struct event_base;
struct evconnlistener;
struct sockaddr;

/* fd is the callee's. */
typedef void connection_accepted(int fd, const struct sockaddr *address, int len, void *context);

struct resting_listener {
	struct evconnlistener *listener; /* owned */
	struct event *resume;            /* owned; ends a rest */
	connection_accepted *accepted;
	void *context;
};

/* listener, which has no callback yet, is taken over, even on failure; NULL fails with errno. */
MUST_CHECK enum err resting_listener_init(struct resting_listener *resting, struct event_base *base,
                                          struct evconnlistener *listener,
                                          connection_accepted *accepted, void *context);
void resting_listener_deinit(struct resting_listener *resting);
