/* DTLS associations at one UDP transport address (RFC 7350): one for each client that has shown by a cookie
 * that it is where it says (RFC 6347 section 4.2.1). Records come in as bytes; what leaves goes to
 * the socket's io at the end of the batch. */
#pragma once

#include <openssl/ssl.h>

#include "listeners/listener.h"

struct dtls_server;
struct proxied;

/* Whoever knocks while host->dtls is not set is not let in. host is lent for the server's life. */
MUST_CHECK enum err dtls_server_create(const struct listener_host *host,
                                       const struct transport_addr *addr,
                                       struct dtls_server **server);
/* Ends all associations; the host hears of each. io is flushed before memory goes. */
void dtls_server_destroy(struct dtls_server *server);
/* Takes a datagram that begins with a DTLS record. It is lent. What an association sends leaves by the
 * socket that its client was first heard on, which is there for as long as it is. */
void dtls_server_input(struct dtls_server *server, struct io_socket *socket,
                       const struct packet *packet);
/* Has what is for a client leave for where it came from; proxied is lent for the server's life. */
void dtls_server_expect_proxies(struct dtls_server *server, const struct proxied *proxied);
/* True while there is an association with this client. */
bool dtls_server_has(const struct dtls_server *server, const struct transport_addr *client);

/* Sets on a context what servers need of it: cookies. */
void dtls_server_prepare(SSL_CTX *context);
