/* How datagrams move. One table per back end; the relay thread knows no other.
 *
 * A back end reads batches from the sockets attached to it and lends them to their owners; what is
 * sent is gathered and leaves at the end of the batch. It belongs to one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/counters.h"
#include "base/packet.h"

struct event_base;
struct io;
struct io_socket;

struct io_settings {
	struct counters *counters;
	bool gso, gro;
	/* Called after a round of batches was delivered and before what they sent leaves, so that the
	 * owner finishes what it keeps per batch. */
	void (*batch_ended)(void *context);
	void *context;
};

/* A batch: n packets with data, len, src, ttl and tos. They are lent until the function returns;
 * what was given to io_send from them stays as it is until the flush. There is PACKET_TAILROOM
 * behind each, and PACKET_HEADROOM before it when asked for at attach. */
typedef void io_receive_fn(void *owner, struct packet *packets, size_t n);

/* An ICMP error met a packet sent to dst from this socket (RFC 8656 section 11.5). data is the
 * next-hop MTU, or the four bytes that the ICMP header has in its place. */
typedef void io_icmp_fn(void *owner, const struct transport_addr *dst, uint8_t type, uint8_t code,
                        const uint8_t data[4]);

struct io_handler {
	io_receive_fn *receive;
	io_icmp_fn *icmp; /* NULL: errors are not asked for */
	void *owner;
	bool needs_headroom; /* each packet of a GRO train gets its own */
	bool is_patient;     /* what arrives may wait while io is held */
};

struct io_backend {
	const char *name; /* "mmsg" */
	enum err (*open)(struct event_base *base, const struct io_settings *settings,
	                 struct io **io);
	void (*close)(struct io *io); /* all sockets have been detached */
	/* Takes over fd, a bound non-blocking UDP socket of this family, and sets on it what
	 * receiving needs. On failure fd stays the caller's. */
	enum err (*attach)(struct io *io, int fd, int family, const struct io_handler *handler,
	                   struct io_socket **socket);
	/* Sends what waits, ends receiving and closes the descriptor. */
	void (*detach)(struct io_socket *socket);
	/* The same, but gives the descriptor back, still open, for another thread. */
	int (*release)(struct io_socket *socket);
	/* Sends the packet as it stands to dst, with its ttl and tos, at the end of the batch or, out
	 * of a batch, at the next flush. The bytes are lent until then. */
	void (*send)(struct io_socket *socket, const struct packet *packet,
	             const struct transport_addr *dst);
	/* The same at once, with the DF bit set for this datagram alone. */
	void (*send_whole)(struct io_socket *socket, const struct packet *packet,
	                   const struct transport_addr *dst);
	void (*flush)(struct io *io);
	/* Reads no patient socket until unhold. False, and nothing has changed, when it has not read all
	 * that it has been told of. */
	bool (*hold)(struct io *io);
	/* Reads the patient sockets, which is a batch, and goes on reading them. */
	void (*unhold)(struct io *io);
};

/* recvmmsg, sendmmsg, GSO and GRO on ordinary sockets. */
extern const struct io_backend io_mmsg;

/* What each back end's own structures begin with, so that its functions can be found. */
struct io {
	const struct io_backend *backend;
};
struct io_socket {
	struct io *io;
};

static inline void io_send(struct io_socket *socket, const struct packet *packet,
                           const struct transport_addr *dst)
{
	socket->io->backend->send(socket, packet, dst);
}
static inline void io_send_whole(struct io_socket *socket, const struct packet *packet,
                                 const struct transport_addr *dst)
{
	socket->io->backend->send_whole(socket, packet, dst);
}
static inline void io_flush(struct io *io)
{
	io->backend->flush(io);
}
static inline bool io_hold(struct io *io)
{
	return io->backend->hold(io);
}
static inline void io_unhold(struct io *io)
{
	io->backend->unhold(io);
}
static inline enum err io_attach(struct io *io, int fd, int family,
                                 const struct io_handler *handler, struct io_socket **socket)
{
	return io->backend->attach(io, fd, family, handler, socket);
}
static inline void io_detach(struct io_socket *socket)
{
	socket->io->backend->detach(socket);
}
static inline int io_release(struct io_socket *socket)
{
	return socket->io->backend->release(socket);
}
