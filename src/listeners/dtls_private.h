/* DTLS as the files that make it up see it: dtls.c is the server, which knows whom a datagram is for;
 * dtls_door.c meets clients that have not shown a cookie; dtls_association.c is one client's
 * association. Everyone else has dtls.h. */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/counters.h"
#include "base/hash_table.h"
#include "base/log.h"
#include "base/timer_wheel.h"
#include "listeners/arena.h"
#include "listeners/dtls.h"
#include "listeners/dtls_cookie.h"
#include "listeners/engine_bio.h"

enum {
	DTLS_PLAINTEXT_MAX = 16384, /* RFC 6347 section 4.1.1 */
	DTLS_DATAGRAM_MAX = DTLS_PLAINTEXT_MAX + 13 + 256,
	DTLS_RANDOM_SIZE = 32,
};

enum dtls_state { DTLS_AT_DOOR, DTLS_HANDSHAKE, DTLS_OPEN, DTLS_CLOSED };

struct dtls_association {
	struct path path;
	struct dtls_server *server;
	struct io_socket *socket; /* lent */
	struct engine_bio bio;
	SSL *ssl; /* owned */
	struct timer timer;
	struct five_tuple tuple;
	timestamp handshake_deadline;
	timestamp active_at; /* the last message */
	/* Of the ClientHello that began it: tells a retransmission from a client that begins anew. */
	uint8_t client_random[DTLS_RANDOM_SIZE];
	uint8_t state;
	bool is_known; /* the host has seen this path */
};

struct dtls_door {
	struct dtls_association *association; /* owned; NULL until a ClientHello comes */
	BIO_ADDR *unused;                     /* owned: DTLSv1_listen insists on writing one */
	struct dtls_cookies cookies;
};

struct dtls_server {
	const struct listener_host *host;
	struct transport_addr addr;
	const struct proxied *proxied; /* lent; NULL: clients come by themselves */
	struct hash_table clients;     /* owned: associations by the client's address */
	uint64_t hash_seed;
	struct dtls_door door;
	BIO_METHOD *bio_method; /* owned */
	struct log_limit failures;

	/* The associations' own. Decrypted messages, and datagrams, that io may still have to send. Two,
	 * because a message is with the host while datagrams are written. */
	struct arena messages, datagrams;
	uint8_t ttl, tos; /* of the message being encrypted */
};

struct dtls_client_hello { /* the parts that decide who deals with it */
	const uint8_t *random;
};

/* The server. */

/* Finds the client's association, NULL when there is none. */
struct dtls_association *dtls_server_find(const struct dtls_server *server,
                                          const struct transport_addr *client);
/* Has the server own the association, under its client's address. */
MUST_CHECK enum err dtls_server_insert(struct dtls_server *server,
                                       struct dtls_association *association);
void dtls_server_remove(struct dtls_server *server, struct dtls_association *association);

static inline void dtls_count(const struct dtls_server *server, enum counter counter)
{
	counter_add_for(server->host->counters, TRANSPORT_DTLS, counter, 1);
}

/* The door. */

/* cookie_secret may be NULL: the door draws one of its own. */
MUST_CHECK enum err dtls_door_init(struct dtls_door *door, const uint8_t *cookie_secret);
void dtls_door_deinit(struct dtls_door *door);
/* Sets on a context what doors need of it. */
void dtls_door_prepare(SSL_CTX *context);
/* Answers a ClientHello of no one, or of a client that begins anew: with a cookie to be shown, or,
 * when it shows one, by an association. */
void dtls_door_knock(struct dtls_server *server, struct io_socket *socket,
                     const struct packet *packet, const struct dtls_client_hello *hello);

/* An association. */

/* Makes one that waits at the door. NULL when out of memory. */
struct dtls_association *dtls_association_create(struct dtls_server *server);
/* Ends it and frees it; the host hears of it, and the server forgets it. */
void dtls_association_destroy(struct dtls_association *association);
/* Begins the handshake of one that has been let in and inserted. */
void dtls_association_begin(struct dtls_association *association,
                            const struct dtls_client_hello *hello);
/* Takes a datagram of its client. It is lent. */
void dtls_association_input(struct dtls_association *association, const struct packet *packet);
/* Says goodbye and ends it; its memory stays until its timer or its client's next datagram. */
void dtls_association_close(struct dtls_association *association);
