/* Datagrams on ordinary sockets, as the files that move them see it: mmsg.c opens, attaches and
 * detaches, mmsg_receive.c is the way in, mmsg_send.c the way out. Everyone else has io.h. */
#pragma once

#include <event2/util.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/addr.h"
#include "base/list.h"
#include "base/packet.h"
#include "io/io.h"
#include "io/mmsg_cmsg.h"

enum {
	/* Datagrams in flight between recvmmsg and flush. Long runs of the same system call stay in the
	 * instruction cache: at saturation a relayed packet took 4.5 us with 64 of them, 4.0 with 128, 3.7
	 * with 256 and no less with 512. */
	MMSG_SLOTS = 256,
	MMSG_PACKETS = 256,     /* handed to an owner at once */
	MMSG_QUEUE = 1024,      /* packets waiting for the flush */
	MMSG_GSO_BYTES = 65000, /* of one GSO send: below the largest IP packet with its headers */
};

struct outgoing {
	uint8_t *data;
	uint32_t len;
	uint8_t ttl, tos;
	struct outgoing *next; /* of the same socket */
	struct transport_addr dst;
};

struct mmsg_socket {
	struct io_socket socket;
	int fd;    /* owned; -1 once detached */
	int epoll; /* lent: the one that it is in */
	int family;
	struct io_handler handler;
	struct list node; /* in mmsg.dirty while something waits, in mmsg.dead at the end */

	/* the way out */
	struct outgoing *first, **last;
	size_t gso_limit; /* longest segment of a train; beyond, datagrams go one by one */
	/* The address that last took no train of its size, and what it takes: one client with a small
	 * MTU does not slow down the others of a listener. */
	struct transport_addr narrow_dst;
	size_t narrow_limit;
};

struct mmsg {
	struct io io;
	struct io_settings settings;
	int epoll, patient_epoll; /* owned: of all sockets but the patient ones, and of those */
	struct event *event, *patient_event; /* owned: the epoll instance is readable */
	bool is_in_round;
	bool is_cut_short; /* the round left something behind */
	bool has_more;     /* patient sockets may have what their last round left behind */
	struct list dirty, dead;

	/* the way in */
	uint8_t *slots; /* owned: MMSG_SLOTS of them, mapped */
	unsigned slots_used;
	struct mmsghdr in[MMSG_SLOTS];
	struct iovec in_iov[MMSG_SLOTS];
	struct transport_addr in_src[MMSG_SLOTS];
	_Alignas(struct cmsghdr) uint8_t in_control[MMSG_SLOTS][MMSG_CONTROL_SIZE];
	struct packet packets[MMSG_PACKETS];

	/* the way out */
	unsigned queued;
	struct outgoing queue[MMSG_QUEUE];
	struct mmsghdr out[MMSG_SLOTS];
	struct iovec out_iov[MMSG_QUEUE];
	_Alignas(struct cmsghdr) uint8_t out_control[MMSG_SLOTS][MMSG_CONTROL_SIZE];
};

static inline struct mmsg *mmsg_of(struct io *io)
{
	return CONTAINER_OF(io, struct mmsg, io);
}
static inline struct mmsg_socket *mmsg_socket_of(struct io_socket *socket)
{
	return CONTAINER_OF(socket, struct mmsg_socket, socket);
}

/* Frees the sockets that were detached; no round is under way, or it is over. */
void mmsg_bury_dead(struct mmsg *mmsg);

/* The way in. */

/* Maps the slots and makes them ready to receive into. */
MUST_CHECK enum err mmsg_slots_init(struct mmsg *mmsg);
void mmsg_slots_deinit(struct mmsg *mmsg);
/* The readable event of the epoll instance: one round. context is the struct mmsg. */
void mmsg_on_readable(evutil_socket_t fd, short what, void *context);

/* The way out: the back end's send, send_whole and flush. */

void mmsg_send(struct io_socket *socket, const struct packet *packet,
               const struct transport_addr *dst);
void mmsg_send_whole(struct io_socket *socket, const struct packet *packet,
                     const struct transport_addr *dst);
void mmsg_flush(struct io *io);
/* Sends what waits for one socket. */
void mmsg_socket_send_queue(struct mmsg *mmsg, struct mmsg_socket *socket);
