/* What all relay threads of the server share and none of them changes: the configuration, addresses,
 * peer filter, TLS contexts, store, and the threads themselves. */
#pragma once

#include <openssl/ssl.h>

#include "base/addr.h"
#include "config/config.h"
#include "listeners/dtls_cookie.h"
#include "relay/credentials.h"
#include "relay/engines.h"
#include "relay/port_pool.h"
#include "relay/quota.h"
#include "turn/turn.h"

struct relay_thread;

struct relay_address {                   /* an address that allocations are relayed from */
	struct transport_addr ip;        /* that sockets are bound to */
	struct transport_addr public_ip; /* that clients are told: external-ip, or the same */
	struct port_pool *ports;         /* owned */
};

struct frontend { /* a transport address that clients reach */
	struct transport_addr addr;
	/* What proxies bring here, and nothing else does: ENGINE_ bits. 0: clients come by themselves. */
	unsigned proxied;
};

struct relay {
	const struct config *config;         /* owner: main */
	struct transport_addr *frontend_ips; /* owned: without ports */
	size_t frontend_ip_count;
	struct frontend *frontends; /* owned: every IP with each of its ports */
	size_t frontend_count;
	struct turn_pair *pairs; /* owned: frontends with a second one, for RFC 5780 */
	size_t pair_count;
	struct relay_address *addresses; /* owned */
	size_t address_count;
	struct turn_address_map *address_map; /* owned: the addresses that are seen under another */
	size_t address_map_count;
	struct credentials_user *users; /* owned */
	size_t user_count;
	struct peer_filter *filter;    /* owned */
	SSL_CTX *tls, *dtls;           /* owned; NULL: not served */
	struct store_thread *store;    /* owned; NULL: there is none */
	struct statsdb *statsdb;       /* owned; NULL: none */
	struct quota *quota;           /* owned; any thread */
	struct source_limit *unproven; /* owned; any thread; NULL: no bound */
	uint8_t nonce_secret[STUN_NONCE_SECRET_SIZE];
	struct aead_key ticket_key;        /* of mobility tickets; each start makes its own */
	struct turn_alternates alternates; /* the threads': at the start; then main's alone */
	uint8_t dtls_cookie_secret[DTLS_COOKIE_SECRET_SIZE];
	uint32_t security_features;    /* what 401s offer beyond MD5: enum stun_security_feature */
	const struct engine *engine;   /* says which threads there are */
	struct relay_thread **threads; /* owned: of any kind, each at its place for life */
	unsigned thread_count;
	unsigned relay_threads; /* the first of them: those that relay-threads counts */
};

/* Makes all this from a checked configuration and opens every listener. On failure problem is one
 * line for a person, about the option whose value led to it, and nothing is left. */
MUST_CHECK enum err relay_open(const struct config *config, struct relay **relay, char problem[256],
                               enum option_id *about);
/* Starts the threads. They inherit what this one may still do, so privileges are dropped between the
 * two. On failure relay_stop is the caller's to call, as it is at the end. */
MUST_CHECK enum err relay_start(struct relay *relay, char problem[256], enum option_id *about);
/* Ends the threads and frees everything; NULL is fine. */
void relay_stop(struct relay *relay);

/* The sum of a counter over all threads, and what one of them has of it. */
uint64_t relay_counter(const struct relay *relay, enum counter counter);
uint64_t relay_thread_counter(const struct relay *relay, unsigned thread, enum counter counter);
/* How many allocations there are, those on their way between threads with them; never fewer than there
 * are, as long as none is made meanwhile. */
uint64_t relay_allocations(const struct relay *relay);

/* Finds the address that sockets for this frontend should be bound to: the frontend's own where it
 * is one of them, else one drawn at random; NULL when there is none of the family. */
const struct relay_address *relay_address_for(const struct relay *relay, int family,
                                              const struct transport_addr *frontend);
