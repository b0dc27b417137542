/* A relayed transport address that listens (RFC 6062 section 5.3). Each connection is accepted; whether
 * its peer has a permission is the core's to say. */
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "relay/peer_connection.h"
#include "relay/relay_socket.h"

enum {
	BACKLOG = 64,
	ACCEPTS = 16, /* before others have a turn */
	PAUSE_MS = 1000,
};

struct peer_listener {
	struct relay_socket *relay; /* owner of this */
	int fd;                     /* owned */
	struct event acceptable;
	struct timer pause; /* set while there are no descriptors for more */
};

static void on_acceptable(evutil_socket_t fd, short what, void *context);
static void take(struct peer_listener *listener, int fd, const struct transport_addr *peer,
                 timestamp now);
static void accept_failed(struct peer_listener *listener, int error);
static void on_pause_over(struct timer *timer, timestamp now);

enum err peer_listener_open(struct relay_socket *relay, struct peer_listener **result)
{
	struct peer_listener *listener = calloc(1, sizeof *listener);
	enum err err;
	int saved;

	if (listener == NULL)
		return ERR_NO_MEMORY;
	listener->relay = relay;
	err = peer_socket_open(relay, &listener->fd);
	if (err != OK)
		goto fail_socket;
	err = ERR_SYSTEM;
	if (listen(listener->fd, BACKLOG) != 0)
		goto fail_listen;
	err = ERR_NO_MEMORY;
	if (event_assign(&listener->acceptable, relay->thread->base, listener->fd,
	                 EV_READ | EV_PERSIST, on_acceptable, listener) != 0 ||
	    event_add(&listener->acceptable, NULL) != 0)
		goto fail_listen;
	*result = listener;
	return OK;

fail_listen:
	saved = errno;
	close(listener->fd);
	errno = saved;
fail_socket:
	free(listener);
	return err;
}

void peer_listener_close(struct peer_listener *listener)
{
	timer_cancel(listener->relay->thread->timers, &listener->pause);
	event_del(&listener->acceptable);
	close(listener->fd);
	free(listener);
}

static void on_acceptable(evutil_socket_t listening, short what, void *context)
{
	struct peer_listener *listener = context;
	struct relay_thread *thread = listener->relay->thread;
	timestamp now = timestamp_now();

	(void)what;
	for (int i = 0; i < ACCEPTS; i++) {
		struct transport_addr peer = {0};
		socklen_t len = sizeof peer;
		int fd = accept4(listening, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			accept_failed(listener, errno);
			break;
		}
		take(listener, fd, &peer, now);
	}
	/* Last: what the core wants may be the end of this listener. */
	relay_thread_act(thread, now);
	relay_thread_settle(thread);
}

static void take(struct peer_listener *listener, int fd, const struct transport_addr *peer,
                 timestamp now)
{
	struct relay_thread *thread = listener->relay->thread;
	struct turn_allocation *allocation = listener->relay->allocation;
	uint64_t cookie = turn_peer_accepted(thread->server, allocation, peer, now);

	if (cookie == 0)
		close(fd);
	else if (peer_connection_adopt(thread, fd, cookie) != OK)
		turn_peer_closed(thread->server, cookie, now);
}

/* Without descriptors the socket stays acceptable and the loop would spin: a pause. */
static void accept_failed(struct peer_listener *listener, int error)
{
	struct relay_thread *thread = listener->relay->thread;

	if (error != EMFILE && error != ENFILE && error != ENOBUFS && error != ENOMEM)
		return;
	event_del(&listener->acceptable);
	timer_set(thread->timers, &listener->pause, timestamp_now() + PAUSE_MS, on_pause_over);
	log_warning("no peers accepted for a second",
	            "reason=\"%s\" advice=\"raise the limit of open files\"", strerror(error));
}

static void on_pause_over(struct timer *timer, timestamp now)
{
	struct peer_listener *listener = CONTAINER_OF(timer, struct peer_listener, pause);

	if (event_add(&listener->acceptable, NULL) != 0)
		timer_set(listener->relay->thread->timers, timer, now + PAUSE_MS, on_pause_over);
}
