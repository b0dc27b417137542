/* A UDP listener: sorts what a batch brings by its first octet and hands messages to the host in as
 * few calls as their order allows. DTLS records are left to dtls.c. */
#include "listeners/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "listeners/demux.h"
#include "listeners/dtls.h"
#include "listeners/socket.h"

enum {
	BATCH = 256, /* messages handed to the host at once */
	BUFFER_SIZE_DEFAULT = 4 * 1024 * 1024,
};

struct udp_listener {
	struct path path; /* of all its UDP clients */
	const struct listener_host *host;
	struct transport_addr addr;
	bool serve_udp;
	struct io_socket *socket;        /* owned */
	int fd;                          /* its own */
	struct dtls_server *dtls;        /* owned; NULL: not served */
	struct five_tuple tuples[BATCH]; /* server and transport never change */
};

static void path_send(struct path *path, const struct packet *packet,
                      const struct transport_addr *dst);
static void path_close(struct path *path);
static void on_receive(void *owner, struct packet *packets, size_t n);
static void set_buffer_size(int fd, int option_force, int option, int size);
static enum err attach(struct udp_listener *listener, int fd);

static const struct path_ops udp_path = {.send = path_send, .close = path_close};

enum err udp_listener_create(const struct listener_host *host, const struct transport_addr *addr,
                             int socket_buffer_size, bool serve_udp, struct udp_listener **result)
{
	struct udp_listener *listener = calloc(1, sizeof *listener);
	int fd, size = socket_buffer_size > 0 ? socket_buffer_size : BUFFER_SIZE_DEFAULT;
	enum err err;

	if (listener == NULL)
		return ERR_NO_MEMORY;
	listener->path.ops = &udp_path;
	listener->host = host;
	listener->serve_udp = serve_udp;
	err = socket_open(addr, SOCK_DGRAM, host->device, &fd, &listener->addr);
	if (err != OK)
		goto fail_socket;
	set_buffer_size(fd, SO_RCVBUFFORCE, SO_RCVBUF, size);
	set_buffer_size(fd, SO_SNDBUFFORCE, SO_SNDBUF, size);
	for (size_t i = 0; i < BATCH; i++) {
		listener->tuples[i].server = listener->addr;
		listener->tuples[i].transport = TRANSPORT_UDP;
	}
	err = attach(listener, fd);
	if (err != OK)
		goto fail_attach;
	listener->fd = fd;
	*result = listener;
	return OK;

fail_attach:
	close(fd);
fail_socket:
	free(listener);
	return err;
}

void udp_listener_destroy(struct udp_listener *listener)
{
	if (listener == NULL)
		return;
	dtls_server_destroy(listener->dtls);
	io_detach(listener->socket);
	free(listener);
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
	return &listener->addr;
}

/* On failure fd stays the caller's. */
static enum err attach(struct udp_listener *listener, int fd)
{
	struct io_handler handler = {.receive = on_receive, .owner = listener};
	enum err err = io_attach(listener->host->io, fd, addr_family(&listener->addr), &handler,
	                         &listener->socket);

	if (err != OK || listener->host->dtls == NULL)
		return err;
	err = dtls_server_create(listener->host, &listener->addr, listener->socket,
	                         &listener->dtls);
	if (err != OK)
		io_release(listener->socket);
	return err;
}

/* The forced form passes the system's limit and is for the privileged. */
static void set_buffer_size(int fd, int option_force, int option, int size)
{
	if (setsockopt(fd, SOL_SOCKET, option_force, &size, sizeof size) != 0)
		(void)setsockopt(fd, SOL_SOCKET, option, &size, sizeof size);
}

static void path_send(struct path *path, const struct packet *packet,
                      const struct transport_addr *dst)
{
	io_send(((struct udp_listener *)path)->socket, packet, dst);
}

/* One client of many went; the path is there for the others. */
static void path_close(struct path *path)
{
	(void)path;
}

/* ---- in ---- */

static enum demux sort(const struct udp_listener *listener, const struct packet *packet)
{
	enum demux kind = packet->len > 0 ? demux_datagram(packet->data[0]) : DEMUX_UNKNOWN;
	bool is_served = kind == DEMUX_DTLS ? listener->dtls != NULL : listener->serve_udp;

	return is_served ? kind : DEMUX_UNKNOWN;
}

static void deliver(struct udp_listener *listener, struct packet *packets, size_t n)
{
	const struct listener_host *host = listener->host;

	if (n > 0)
		host->input(host->context, &listener->path, listener->tuples, packets, n);
}

/* Messages that follow each other make a run, and a run is one call. */
static void on_receive(void *owner, struct packet *packets, size_t n)
{
	struct udp_listener *listener = owner;
	size_t first = 0;

	for (size_t i = 0; i < n; i++) {
		enum demux kind = sort(listener, &packets[i]);

		if (kind == DEMUX_STUN || kind == DEMUX_CHANNEL_DATA) {
			listener->tuples[i - first].client = packets[i].src;
			if (i - first + 1 < BATCH)
				continue;
			deliver(listener, packets + first, BATCH);
		} else {
			deliver(listener, packets + first, i - first);
			if (kind == DEMUX_DTLS)
				dtls_server_input(listener->dtls, &packets[i]);
			else
				counter_add(listener->host->counters, COUNT_drop_malformed, 1);
		}
		first = i + 1;
	}
	deliver(listener, packets + first, n - first);
}
