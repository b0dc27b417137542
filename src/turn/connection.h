/* Peer data connections (RFC 6062): TCP connections between a relayed transport address and a peer,
 * each of which a client connects to a client data connection by its CONNECTION-ID. Private to the
 * folder.
 *
 *   Connect ──► CONNECTING ──► (Connect success)      ┐
 *                    └─ 447                           ├─► WAITING ──► ConnectionBind ──► BOUND
 *   a peer connects ─────────► (ConnectionAttempt)    ┘      └─ 30 s: closed
 */
#pragma once

#include "turn/allocation.h"

enum connection_state {
	CONNECTION_CONNECTING,
	CONNECTION_WAITING, /* for its ConnectionBind */
	CONNECTION_BOUND,
};

struct request;

struct connection {
	struct list node; /* in the allocation's connections */
	struct turn_allocation *allocation;
	struct timer timer;         /* CONNECTING: connect_timeout_s; WAITING: bind_timeout_s */
	uint32_t id;                /* CONNECTION-ID, and the host's cookie */
	uint8_t state;              /* enum connection_state */
	struct transport_addr peer; /* as packets carry it */
	uint64_t pending;           /* CONNECTING: the request that waits */
};

/* The allocation that a ConnectionBind is for, when its connection waits on this server and began with an
 * access token; NULL otherwise. */
const struct turn_allocation *connection_token_allocation(const struct request *request);
/* Has the connection that a ConnectionBind came over moved to the server of another thread, when its
 * CONNECTION-ID is of that one; false otherwise. */
bool connection_move_client(const struct request *request);
/* Has the host close all that an allocation has, and frees them. */
void connections_close(struct turn_allocation *allocation);
/* Closes those to peers that the client may not reach any more; a Connect that waits for one has failed. */
void connections_judge(struct turn_allocation *allocation);
/* Frees them without an action; a Connect that waits for one gets no answer. */
void connections_destroy(struct turn_allocation *allocation);
