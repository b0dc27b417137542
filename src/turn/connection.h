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

struct connection {
	struct list node; /* in the allocation's connections */
	struct turn_allocation *allocation;
	struct timer timer;         /* CONNECTING: connect_timeout_s; WAITING: bind_timeout_s */
	uint32_t id;                /* CONNECTION-ID, and the host's cookie */
	uint8_t state;              /* enum connection_state */
	struct transport_addr peer; /* as packets carry it */
	uint64_t pending;           /* CONNECTING: the request that waits */
};

/* Has the host close it, and frees it. */
void connection_close(struct connection *connection);
/* Frees it without an action; a Connect that waits for it gets no answer. */
void connection_destroy(struct connection *connection);
