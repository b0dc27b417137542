/* A UDP listener: one socket for all its clients. Sorting what arrives is left to datagrams.c. */
#include "listeners/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "listeners/datagrams.h"
#include "listeners/proxied.h"
#include "listeners/socket.h"

enum { BUFFER_SIZE_DEFAULT = 4 * 1024 * 1024 };

struct udp_listener {
	struct path path;         /* of all its UDP clients */
	struct io_socket *socket; /* owned */
	struct proxied *proxied;  /* owned; NULL: clients come by themselves */
	int fd;                   /* its own */
	enum listener_ear ear;
	struct datagrams datagrams;
};

static void path_send(struct path *path, const struct packet *packet,
                      const struct transport_addr *dst);
static void path_close(struct path *path);
static void on_receive(void *owner, struct packet *packets, size_t n);
static void on_receive_at_door(void *owner, struct packet *packets, size_t n);
static enum err attach(struct udp_listener *listener, int fd);

static const struct path_ops udp_path = {.send = path_send, .close = path_close};

enum err udp_listener_create(const struct listener_host *host, const struct transport_addr *addr,
                             int socket_buffer_size, bool serve_udp, struct udp_listener **result)
{
	struct udp_listener *listener = calloc(1, sizeof *listener);
	int fd, size = socket_buffer_size > 0 ? socket_buffer_size : BUFFER_SIZE_DEFAULT;
	struct transport_addr bound;
	enum err err;

	if (listener == NULL)
		return ERR_NO_MEMORY;
	listener->path.ops = &udp_path;
	err = socket_open(addr, SOCK_DGRAM, host->device, &fd, &bound);
	if (err != OK)
		goto fail_socket;
	socket_set_buffers(fd, size);
	listener->fd = fd;
	err = datagrams_init(&listener->datagrams, host, &bound, serve_udp);
	if (err != OK)
		goto fail_datagrams;
	err = attach(listener, fd);
	if (err != OK)
		goto fail_attach;
	*result = listener;
	return OK;

fail_attach:
	datagrams_deinit(&listener->datagrams);
fail_datagrams:
	close(fd);
fail_socket:
	free(listener);
	return err;
}

void udp_listener_destroy(struct udp_listener *listener)
{
	if (listener == NULL)
		return;
	datagrams_deinit(&listener->datagrams);
	proxied_destroy(listener->proxied);
	io_detach(listener->socket);
	free(listener);
}

enum err udp_listener_expect_proxies(struct udp_listener *listener)
{
	struct datagrams *datagrams = &listener->datagrams;
	enum err err = proxied_create(datagrams->host, &datagrams->server, &listener->proxied);

	if (err == OK && datagrams->dtls != NULL)
		dtls_server_expect_proxies(datagrams->dtls, listener->proxied);
	return err;
}

enum err udp_listener_serve_dtls(struct udp_listener *listener)
{
	struct datagrams *datagrams = &listener->datagrams;
	enum err err = datagrams_serve_dtls(datagrams);

	if (err == OK && listener->proxied != NULL)
		dtls_server_expect_proxies(datagrams->dtls, listener->proxied);
	return err;
}

bool udp_listener_expects_proxies(const struct udp_listener *listener)
{
	return listener->proxied != NULL;
}

void udp_listener_set_ear(struct udp_listener *listener, enum listener_ear ear)
{
	listener->ear = ear;
}

enum err udp_listener_send_now(const struct udp_listener *listener, const struct packet *packet,
                               const struct transport_addr *dst)
{
	ssize_t sent = sendto(listener->fd, packet->data, packet->len, MSG_DONTWAIT, &dst->any,
	                      addr_len(dst));

	return sent == (ssize_t)packet->len ? OK : ERR_SYSTEM;
}

const struct transport_addr *udp_listener_addr(const struct udp_listener *listener)
{
	return &listener->datagrams.server;
}

struct path *udp_listener_path(struct udp_listener *listener)
{
	return &listener->path;
}

/* SO_REUSEPORT is for sockets of one user, which is theirs and not that of who opens them. */
enum err udp_listener_set_user(struct udp_listener *listener, uid_t user)
{
	return fchown(listener->fd, user, (gid_t)-1) == 0 ? OK : ERR_SYSTEM;
}

void udp_listener_input(struct udp_listener *listener, struct packet *packet)
{
	on_receive_at_door(listener, packet, 1);
}

static enum err attach(struct udp_listener *listener, int fd)
{
	const struct listener_host *host = listener->datagrams.host;
	const struct io_handler handler = {
		.receive = host->door != NULL ? on_receive_at_door : on_receive,
		.owner = listener,
	};

	return io_attach(host->io, fd, addr_family(&listener->datagrams.server), &handler,
	                 &listener->socket);
}

static void path_send(struct path *path, const struct packet *packet,
                      const struct transport_addr *dst)
{
	struct udp_listener *listener = (struct udp_listener *)path;

	if (listener->proxied != NULL)
		dst = proxied_route(listener->proxied, dst);
	if (dst != NULL)
		io_send(listener->socket, packet, dst);
	else
		counter_add_for(listener->datagrams.host->counters, TRANSPORT_UDP,
		                COUNT_drop_no_session, 1);
}

/* One client of many went; the path is there for the others. */
static void path_close(struct path *path)
{
	(void)path;
}

/* ---- in ---- */

/* Leaves those that are to be looked at, without their headers. */
static size_t take_headers(struct udp_listener *listener, struct packet *packets, size_t n)
{
	timestamp now = timestamp_now();
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (proxied_input(listener->proxied, &packets[i], now))
			packets[kept++] = packets[i];
	return kept;
}

/* RFC 8489 section 5 and RFC 8656 section 18.1: the method is Refresh, the class request. */
static bool is_refresh(const struct packet *packet)
{
	return packet->len >= 2 && packet->data[0] == 0 && packet->data[1] == 0x04;
}

static bool is_its_own(const struct udp_listener *listener, const struct packet *packet)
{
	const struct datagrams *datagrams = &listener->datagrams;
	const struct five_tuple tuple = {
		.client = packet->src, .server = datagrams->server, .transport = TRANSPORT_UDP};

	return is_refresh(packet) ||
	       datagrams->host->has_session(datagrams->host->context, &tuple) ||
	       (datagrams->dtls != NULL && dtls_server_has(datagrams->dtls, &packet->src));
}

/* Leaves those that a listener still hears which is to go. */
static size_t take_its_own(const struct udp_listener *listener, struct packet *packets, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n && listener->ear != LISTENER_HEARS_NOBODY; i++)
		if (is_its_own(listener, &packets[i]))
			packets[kept++] = packets[i];
	counter_add(listener->datagrams.host->counters, COUNT_drop_no_session, n - kept);
	return kept;
}

static void on_receive(void *owner, struct packet *packets, size_t n)
{
	struct udp_listener *listener = owner;

	if (listener->proxied != NULL)
		n = take_headers(listener, packets, n);
	if (listener->ear != LISTENER_HEARS_ALL)
		n = take_its_own(listener, packets, n);
	datagrams_input(&listener->datagrams, &listener->path, listener->socket, packets, n);
}

/* One by one: the datagram before may have led to its client being handed over. */
static void on_receive_at_door(void *owner, struct packet *packets, size_t n)
{
	struct udp_listener *listener = owner;
	const struct listener_host *host = listener->datagrams.host;

	for (size_t i = 0; i < n; i++)
		if (!host->door->pass_on(host->context, &listener->datagrams.server, &packets[i]))
			on_receive(listener, &packets[i], 1);
}
