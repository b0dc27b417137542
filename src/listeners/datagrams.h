/* Datagrams sorted by their first octet: STUN and ChannelData to the host in as few calls as their
 * order allows, DTLS records to dtls.c. What sockets of one transport address share. */
#pragma once

#include "listeners/dtls.h"
#include "listeners/listener.h"

enum { DATAGRAMS_BATCH = 256 }; /* messages handed to the host at once */

struct datagrams {
	const struct listener_host *host;
	struct transport_addr server;
	bool serve_udp;
	struct dtls_server *dtls;                  /* owned; NULL: not served */
	struct five_tuple tuples[DATAGRAMS_BATCH]; /* server and transport never change */
};

MUST_CHECK enum err datagrams_init(struct datagrams *datagrams, const struct listener_host *host,
                                   const struct transport_addr *server, bool serve_udp);
/* Has DTLS served from now on, if it is not yet. ERR_NO_MEMORY. */
MUST_CHECK enum err datagrams_serve_dtls(struct datagrams *datagrams);
/* The sockets are still there: associations say goodbye. */
void datagrams_deinit(struct datagrams *datagrams);
/* Takes what arrived on a socket; path is that of its UDP clients. */
void datagrams_input(struct datagrams *datagrams, struct path *path, struct io_socket *socket,
                     struct packet *packets, size_t n);
