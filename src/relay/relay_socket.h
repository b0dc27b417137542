/* A relayed transport address: a UDP socket bound to a port of the pool, attached to the thread's io;
 * or a TCP socket that listens there. It is the handle that the core knows as turn_relay.relay. */
#pragma once

#include "base/list.h"
#include "io/io.h"
#include "relay/relay.h"

struct relay_socket {
	struct relay_thread *thread; /* owner of this */
	struct list node;            /* in thread->open_sockets */
	struct io_socket *io;        /* owned; NULL: TCP */
	struct peer_listener *tcp;   /* owned; NULL: UDP */
	const struct relay_address *address;
	struct transport_addr addr;         /* what the socket is bound to */
	struct turn_allocation *allocation; /* owner: core; NULL while only reserved */
};

/* Opens one of the family on any port, or on an even one; frontend is where the client reached us.
 * ERR_NOT_FOUND: no relay address of the family. ERR_FULL: no port left. ERR_SYSTEM: errno. */
MUST_CHECK enum err relay_socket_open(struct relay_thread *thread, int family,
                                      const struct transport_addr *frontend, bool even_port,
                                      struct relay_socket **socket);
/* Opens one that listens for TCP connections of peers. */
MUST_CHECK enum err relay_socket_listen(struct relay_thread *thread, int family,
                                        const struct transport_addr *frontend,
                                        struct relay_socket **socket);
/* Opens two on an even port and the next one. */
MUST_CHECK enum err relay_socket_open_pair(struct relay_thread *thread, int family,
                                           const struct transport_addr *frontend,
                                           struct relay_socket **even, struct relay_socket **next);
/* Closes it and gives the port back. NULL is fine. */
void relay_socket_close(struct relay_socket *socket);

/* Moves an open UDP socket to another thread: release gives the descriptor and frees the rest, the port
 * stays taken; adopt makes a relay socket of it again, and on failure closes it and gives the port
 * back. */
int relay_socket_release(struct relay_socket *socket);
MUST_CHECK enum err relay_socket_adopt(struct relay_thread *thread, int fd,
                                       const struct relay_address *address, uint16_t port,
                                       struct relay_socket **socket);

/* What the core is told of it. NULL gives an empty one. */
struct turn_relay relay_socket_describe(struct relay_socket *socket);
