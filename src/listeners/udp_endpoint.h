/* Client endpoints: UDP sockets that have one client each. They are bound to the transport address that
 * the client came to and connected to the client, so that the kernel knows whose thread a datagram is
 * for. A door opens them, other threads adopt them. */
#pragma once

#include "listeners/listener.h"

struct udp_endpoints; /* those of one thread that clients of one transport address have */
struct udp_endpoint;

/* Serves UDP, and DTLS where host->dtls is set. host is lent for their life. */
MUST_CHECK enum err udp_endpoints_create(const struct listener_host *host,
                                         const struct transport_addr *server, bool serve_udp,
                                         struct udp_endpoints **endpoints);
/* Ends all of them; the host hears of each. */
void udp_endpoints_destroy(struct udp_endpoints *endpoints);
/* Has them serve DTLS, when host->dtls is set, which it may be later. ERR_NO_MEMORY. */
MUST_CHECK enum err udp_endpoints_serve_dtls(struct udp_endpoints *endpoints);
const struct transport_addr *udp_endpoints_addr(const struct udp_endpoints *endpoints);

/* Opens the socket of one; any thread. socket_buffer_size 0: 1 MiB. ERR_SYSTEM with errno. */
MUST_CHECK enum err udp_endpoint_open(const struct listener_host *host,
                                      const struct five_tuple *tuple, int socket_buffer_size,
                                      int *fd);
/* Takes over the socket for a client that has none here yet. guest is what the host's stray() and
 * ended() are told. It ends by itself when its client was silent for the idle timeout and has neither a
 * session nor an association. On failure fd stays the caller's: ERR_FULL when the thread may have no
 * more. */
MUST_CHECK enum err udp_endpoint_adopt(struct udp_endpoints *endpoints,
                                       const struct transport_addr *client, int fd, void *guest);
/* Takes a datagram that its client sent and another socket got. It is lent. False: there is no
 * endpoint of this client. */
bool udp_endpoints_input(struct udp_endpoints *endpoints, struct packet *packet);
