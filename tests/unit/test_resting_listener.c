/* A listener without descriptors: it rests instead of failing for ever, and takes who waits when there are some. */
#include "control/resting_listener.h"

#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

struct host {
	struct event_base *base;
	struct resting_listener listener;
	unsigned accepted;
};

static void on_accepted(int fd, const struct sockaddr *address, int len, void *context)
{
	struct host *host = context;

	host->accepted += address->sa_family == AF_INET && len > 0;
	close(fd);
}

static void set_descriptors(rlim_t count)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = count;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		exit(99);
}

/* The lowest number that is free is the next. */
static void leave_one_descriptor(void)
{
	int next = dup(STDOUT_FILENO);

	close(next);
	set_descriptors((rlim_t)next + 1);
}

static int connect_to(const struct resting_listener *listener)
{
	struct sockaddr_in address;
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	getsockname(evconnlistener_get_fd(listener->listener), (struct sockaddr *)&address, &len);
	return connect(fd, (struct sockaddr *)&address, len) == 0 ? fd : -1;
}

static void turn(struct host *host)
{
	event_base_loop(host->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

int main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct host host = {.base = event_base_new()};
	struct evconnlistener *made =
		evconnlistener_new_bind(host.base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, 4,
	                                (struct sockaddr *)&address, sizeof address);
	int client;

	is_int(resting_listener_init(&host.listener, host.base, NULL, on_accepted, &host),
	       ERR_SYSTEM, "one that could not be made");
	is_int(resting_listener_init(&host.listener, host.base, made, on_accepted, &host), OK,
	       "one that could");
	client = connect_to(&host.listener);
	turn(&host);
	is_int(host.accepted, 1, "a connection is taken");
	close(client);

	leave_one_descriptor();
	client = connect_to(&host.listener);
	turn(&host);
	is_int(host.accepted, 1, "none without descriptors");
	ok(event_pending(host.listener.resume, EV_TIMEOUT, NULL), "it rests");
	set_descriptors(64);
	turn(&host);
	is_int(host.accepted, 1, "and looks at nobody while it does");
	event_active(host.listener.resume, EV_TIMEOUT, 0); /* the second is over */
	turn(&host);
	turn(&host);
	is_int(host.accepted, 2, "who waited is taken after that");
	close(client);

	resting_listener_deinit(&host.listener);
	event_base_free(host.base);
	return tap_end();
}
