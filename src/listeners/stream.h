/* Stream connections: bytes of TCP or TLS in, messages to the host; messages to the client gathered,
 * and written together. tcp.c accepts them; streams holds what those of one listener share. */
#pragma once

#include <openssl/bio.h>

#include "base/list.h"
#include "listeners/arena.h"
#include "listeners/listener.h"

enum { STREAM_BATCH = 64 }; /* messages handed to the host at once */

struct streams {
	const struct listener_host *host;
	struct transport_addr server;
	bool serve_tcp;
	bool expects_proxies;   /* streams begin with a header of the PROXY protocol */
	struct list open;       /* owned: struct stream */
	struct arena arena;     /* messages that io may still have to send */
	uint8_t *scratch;       /* owned: ciphertext, or bytes that no one wants */
	BIO_METHOD *bio_method; /* owned */
	struct packet packets[STREAM_BATCH];
	struct five_tuple tuples[STREAM_BATCH];
};

MUST_CHECK enum err streams_init(struct streams *streams, const struct listener_host *host,
                                 const struct transport_addr *server, bool serve_tcp);
/* Ends all streams; the host hears of each. */
void streams_deinit(struct streams *streams);

/* Takes over an accepted, non-blocking connection. On failure fd stays the caller's. */
MUST_CHECK enum err stream_create(struct streams *streams, int fd,
                                  const struct transport_addr *client);
