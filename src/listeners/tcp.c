/* A TCP listener: accepts as many connections as the thread may have, and leaves them to stream.c. */
#include "listeners/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "listeners/proxied.h"
#include "listeners/socket.h"
#include "listeners/stream_private.h"
#include "listeners/stream_raw.h"

enum {
	BACKLOG = 1024,
	ACCEPTS = 64, /* before others have a turn */
	PAUSE_MS = 1000,
};

struct tcp_listener {
	struct streams streams;
	int fd;              /* owned; -1: connections are adopted alone */
	struct event *event; /* owned: connections wait; NULL with the socket */
	struct timer pause;  /* set while there are no descriptors for more */
};

static enum err open_socket(struct tcp_listener *listener, const struct listener_host *host,
                            const struct transport_addr *addr, struct transport_addr *bound);
static void close_socket(struct tcp_listener *listener);
static void on_acceptable(evutil_socket_t fd, short what, void *context);
static void connection_refuse(struct tcp_listener *listener, int fd);
static void proxy_refuse(struct tcp_listener *listener, int fd);
static void accept_failed(struct tcp_listener *listener);
static void on_pause_over(struct timer *timer, timestamp now);

enum err tcp_listener_create(const struct listener_host *host, const struct transport_addr *addr,
                             bool serve_tcp, struct tcp_listener **result)
{
	struct tcp_listener *listener = calloc(1, sizeof *listener);
	struct transport_addr bound;
	enum err err;
	int saved;

	if (listener == NULL)
		return ERR_NO_MEMORY;
	err = open_socket(listener, host, addr, &bound);
	if (err != OK)
		goto fail_socket;
	err = streams_init(&listener->streams, host, &bound, serve_tcp);
	if (err != OK)
		goto fail_streams;
	*result = listener;
	return OK;

fail_streams:
	close_socket(listener);
fail_socket:
	saved = errno;
	free(listener);
	errno = saved;
	return err;
}

enum err tcp_listener_create_adopting(const struct listener_host *host,
                                      const struct transport_addr *addr, bool serve_tcp,
                                      struct tcp_listener **result)
{
	struct tcp_listener *listener = calloc(1, sizeof *listener);

	if (listener == NULL)
		return ERR_NO_MEMORY;
	listener->fd = -1;
	if (streams_init(&listener->streams, host, addr, serve_tcp) != OK) {
		free(listener);
		return ERR_NO_MEMORY;
	}
	*result = listener;
	return OK;
}

void tcp_listener_destroy(struct tcp_listener *listener)
{
	if (listener == NULL)
		return;
	timer_cancel(listener->streams.host->timers, &listener->pause);
	streams_deinit(&listener->streams);
	close_socket(listener);
	free(listener);
}

bool tcp_listener_expects_proxies(const struct tcp_listener *listener)
{
	return listener->streams.expects_proxies;
}

void tcp_listener_drain(struct tcp_listener *listener)
{
	timer_cancel(listener->streams.host->timers, &listener->pause);
	close_socket(listener);
}

bool tcp_listener_is_empty(const struct tcp_listener *listener)
{
	return list_first(&listener->streams.open) == NULL;
}

void tcp_listener_adopt_stream(struct tcp_listener *listener, struct stream *stream)
{
	streams_adopt(&listener->streams, stream);
}

void tcp_listener_adopt(struct tcp_listener *listener, const struct transport_addr *client, int fd)
{
	const struct listener_host *host = listener->streams.host;
	int on = 1;

	if (counter_read(host->counters, COUNT_connections_now) >= host->connections_max) {
		connection_refuse(listener, fd);
		return;
	}
	/* Messages are gathered here already; Nagle's algorithm would hold back the last of them. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (stream_create(&listener->streams, fd, client) != OK)
		connection_refuse(listener, fd);
}

void tcp_listener_expect_proxies(struct tcp_listener *listener)
{
	listener->streams.expects_proxies = true;
}

const struct transport_addr *tcp_listener_addr(const struct tcp_listener *listener)
{
	return &listener->streams.server;
}

/* Listens. On failure nothing is left open, and errno is what it was. */
static enum err open_socket(struct tcp_listener *listener, const struct listener_host *host,
                            const struct transport_addr *addr, struct transport_addr *bound)
{
	enum err err = socket_open(addr, SOCK_STREAM, host->device, &listener->fd, bound);

	if (err != OK)
		return err;
	if (listen(listener->fd, BACKLOG) != 0) {
		int saved = errno;

		close(listener->fd);
		errno = saved;
		return ERR_SYSTEM;
	}
	listener->event =
		event_new(host->base, listener->fd, EV_READ | EV_PERSIST, on_acceptable, listener);
	if (listener->event == NULL || event_add(listener->event, NULL) != 0) {
		close_socket(listener);
		return ERR_NO_MEMORY;
	}
	return OK;
}

static void close_socket(struct tcp_listener *listener)
{
	if (listener->event != NULL)
		event_free(listener->event);
	if (listener->fd >= 0)
		close(listener->fd);
	listener->event = NULL;
	listener->fd = -1;
}

static void on_acceptable(evutil_socket_t fd, short what, void *context)
{
	struct tcp_listener *listener = context;
	const struct listener_host *host = listener->streams.host;

	(void)what;
	for (int i = 0; i < ACCEPTS; i++) {
		struct transport_addr client = {0};
		socklen_t len = sizeof client;
		int connection = accept4(fd, &client.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (connection < 0) {
			accept_failed(listener);
			return;
		}
		if (listener->streams.expects_proxies && !proxy_is_trusted(host, &client))
			proxy_refuse(listener, connection);
		else if (host->door != NULL)
			host->door->hand_over_stream(host->context, &listener->streams.server,
			                             &client, connection);
		else
			tcp_listener_adopt(listener, &client, connection);
	}
}

static void connection_refuse(struct tcp_listener *listener, int fd)
{
	counter_add(listener->streams.host->counters, COUNT_connections_refused, 1);
	close(fd);
}

static void proxy_refuse(struct tcp_listener *listener, int fd)
{
	counter_add(listener->streams.host->counters, COUNT_proxies_refused, 1);
	close(fd);
}

/* Without descriptors or memory the socket stays acceptable and the loop would spin: a pause. */
static void accept_failed(struct tcp_listener *listener)
{
	int error = errno;
	timestamp now;

	if (error != EMFILE && error != ENFILE && error != ENOBUFS && error != ENOMEM)
		return; /* none waits, or the one that did has gone */
	now = timestamp_now();
	event_del(listener->event);
	timer_set(listener->streams.host->timers, &listener->pause, now + PAUSE_MS, on_pause_over);
	log_warning("no connections accepted for a second",
	            "reason=\"%s\" advice=\"raise the limit of open files\"", strerror(error));
}

static void on_pause_over(struct timer *timer, timestamp now)
{
	struct tcp_listener *listener = CONTAINER_OF(timer, struct tcp_listener, pause);

	if (event_add(listener->event, NULL) != 0)
		timer_set(listener->streams.host->timers, timer, now + PAUSE_MS, on_pause_over);
}
