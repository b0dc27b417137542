/* Peer data connections (RFC 6062): TCP connections from and to a relayed transport address, which the
 * core knows by a cookie. They share the port of the socket that listens there. */
#pragma once

#include "relay/thread.h"

struct peer_connection;
struct peer_listener;
struct relay_socket;

/* Listens at the relay's address and hands what peers connect to the core. ERR_SYSTEM with errno. */
MUST_CHECK enum err peer_listener_open(struct relay_socket *relay, struct peer_listener **listener);
/* Connections that were accepted live on. */
void peer_listener_close(struct peer_listener *listener);

/* Opens a non-blocking TCP socket bound to a relayed transport address together with others. ERR_SYSTEM
 * with errno. */
MUST_CHECK enum err peer_socket_open(const struct relay_socket *relay, int *fd);
/* Takes over an accepted connection that the core has given a cookie. On failure fd is closed. */
MUST_CHECK enum err peer_connection_adopt(struct relay_thread *thread, int fd, uint64_t cookie);

/* Carry out the core's TURN_CONNECT_PEER, TURN_JOIN and TURN_CLOSE_PEER. */
void peer_connection_open(struct relay_thread *thread, const struct turn_action *action,
                          timestamp now);
void peer_connection_join(struct relay_thread *thread, const struct turn_action *action,
                          timestamp now);
void peer_connection_close(struct relay_thread *thread, uint64_t cookie);

/* Closes all there are, when the thread has ended. */
void peer_connections_deinit(struct relay_thread *thread);
