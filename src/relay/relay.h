/* What all relay threads of the server share and none of them changes: the configuration, addresses,
 * peer filter, TLS contexts, store, and the threads themselves. What a reload replaces is the main
 * thread's; relay threads look at it when they are made and when a letter tells them to. */
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

struct listener_set;
struct relay_thread;
struct udp_listener;

struct relay_address {                   /* an address that allocations are relayed from */
	struct transport_addr ip;        /* that sockets are bound to */
	struct transport_addr public_ip; /* that clients are told: external-ip, or the same */
	struct port_pool *ports;         /* owned */
};

struct frontend { /* a transport address that clients reach */
	struct transport_addr addr;
	/* What proxies bring here, and nothing else does: ENGINE_ bits. 0: clients come by themselves. */
	unsigned proxied;
	/* Which of the threads of frontend IPs opens it, where the engine has such. */
	unsigned ip_thread;
};

struct relay {
	/* The one whose threads run: this, or while another configuration is made ready the one that it is
	 * for. */
	const struct relay *running;
	const struct config *config; /* owner: main, or the reload that brought it; replaced */
	struct transport_addr
		*frontend_ips; /* owned: without ports; replaced, as all down to pairs */
	size_t frontend_ip_count;
	struct frontend *frontends; /* owned: every IP with each of its ports */
	size_t frontend_count;
	struct turn_pair *pairs; /* owned: frontends with a second one, for RFC 5780 */
	size_t pair_count;
	/* Owned: a UDP listener of each address, whichever thread's, for udp_listener_send_now; replaced. One
	 * that a thread may look at is open: drained listeners are not among them, and are not closed
	 * before each thread has the set without them. */
	const struct udp_listener **senders;
	size_t sender_count;
	struct relay_address *addresses; /* owned */
	size_t address_count;
	struct turn_address_map *address_map; /* owned: the addresses that are seen under another */
	size_t address_map_count;
	struct credentials_user *users; /* owned; replaced */
	size_t user_count;
	struct peer_filter *filter;    /* owned; replaced */
	SSL_CTX *tls, *dtls;           /* owned; replaced; NULL: not served */
	struct store_thread *store;    /* owned; NULL: there is none */
	struct statsdb *statsdb;       /* owned; NULL: none */
	struct quota *quota;           /* owned; any thread */
	struct source_limit *unproven; /* owned; replaced; any thread; NULL: no bound */
	uint8_t nonce_secret[STUN_NONCE_SECRET_SIZE];
	struct aead_key ticket_key;        /* of mobility tickets; each start makes its own */
	struct turn_alternates alternates; /* the threads': at the start; then main's alone */
	uint8_t dtls_cookie_secret[DTLS_COOKIE_SECRET_SIZE];
	/* What 401s offer beyond MD5: enum stun_security_feature. Replaced. */
	uint32_t security_features;
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

/* Makes what a checked configuration leads to and a reload replaces, beside what the relay has, which
 * goes on unchanged. config is lent for as long as the result is used. problem and about as above. */
MUST_CHECK enum err relay_prepare(const struct relay *relay, const struct config *config,
                                  struct relay **next, char problem[256], enum option_id *about);
/* Exchanges what both have of it: next has then what relay had, to be freed when no thread goes by it any
 * more. */
void relay_exchange(struct relay *relay, struct relay *next);
void relay_exchange_contexts(struct relay *relay, struct relay *next);
void relay_discard(struct relay *next);
/* Adds the UDP listeners of a set to relay->senders. ERR_NO_MEMORY. */
MUST_CHECK enum err relay_add_senders(struct relay *relay, const struct listener_set *set);
/* Frees what of a relay can be exchanged. */
void relay_free_replaceable(struct relay *relay);
/* Makes TLS contexts of the certificates that the files have now. Of use to next too. */
MUST_CHECK enum err relay_make_contexts(struct relay *relay, char problem[256]);
struct quota_settings relay_quota_settings(const struct config *config);

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
