/* Clients of one UDP socket who come through proxies: the PROXY protocol's header says in each datagram
 * whose it is, and what is sent to a client goes to where its last one came from. */
#pragma once

#include "base/packet.h"
#include "listeners/listener.h"

struct proxied;

/* Says whether an address is one of proxies that this host trusts. */
bool proxy_is_trusted(const struct listener_host *host, const struct transport_addr *addr);

/* host is lent; server is the address of the socket. */
MUST_CHECK enum err proxied_create(const struct listener_host *host,
                                   const struct transport_addr *server, struct proxied **proxied);
void proxied_destroy(struct proxied *proxied);
/* Takes the header off a datagram, whose source becomes the client, and remembers the way back. False: the
 * datagram is not to be looked at; it has been counted. */
bool proxied_input(struct proxied *proxied, struct packet *packet, timestamp now);
/* Finds where to send what is for a client. NULL: it has been silent too long. */
const struct transport_addr *proxied_route(const struct proxied *proxied,
                                           const struct transport_addr *client);
