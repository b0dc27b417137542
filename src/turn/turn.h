/* The TURN server (RFC 8656 on RFC 8489) as a state machine.
 *
 * Nothing here opens a socket, reads a clock, starts a thread or takes a lock. The host hands in
 * packets, answers and the time. It gets back a verdict for each packet and a queue of actions to
 * carry out. One server per relay thread; a host drives it like this:
 *
 *     packet from a client ──► turn_client_input ──► TURN_TO_PEER: send it from forward.relay
 *     packet from a peer ────► turn_peer_input ────► TURN_TO_CLIENT: send it over forward.path
 *     after either, and after every answer and timeout: carry out turn_next_action() until it is
 *     empty; then ask turn_next_timeout()
 *
 * Data goes by verdict and is never copied. Everything rare goes by action. What the host does for
 * an action may take its time: it answers by cookie, or not at all. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/counters.h"
#include "base/packet.h"
#include "base/timestamp.h"
#include "stun/aead.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "stun/nonce.h"
#include "turn/peer_filter.h"

struct source_limit;
struct turn_server;     /* all that one relay thread knows */
struct turn_allocation; /* relayed addresses, permissions, channels */

enum { TURN_USERNAME_MAX = 513, TURN_REALM_MAX = 763, TURN_TOKEN_SIZE = 8 };

/* IPv4 and IPv6 as an index: an allocation has at most one relayed transport address of each. */
enum turn_family { TURN_IPV4, TURN_IPV6, TURN_FAMILY_COUNT };

/* An address of ours that clients and peers see under another: external-ip. Ports stay. */
struct turn_address_map {
	struct transport_addr public_ip, private_ip;
};

/* Servers that new allocations are sent to instead (RFC 8489 section 10): one list for each transport,
 * and one for those that have none of their own. */
enum turn_alternate_kind {
	TURN_ALTERNATE_ALL,
	TURN_ALTERNATE_UDP, /* and DTLS */
	TURN_ALTERNATE_TCP,
	TURN_ALTERNATE_TLS,  /* and DTLS, where there is none for UDP */
	TURN_ALTERNATE_SELF, /* this server by other addresses of its own, for UDP and DTLS */
	TURN_ALTERNATE_KINDS /* the count */
};
enum { TURN_ALTERNATES_MAX = 64 }; /* of one kind */
struct turn_alternates {
	struct transport_addr server[TURN_ALTERNATE_KINDS][TURN_ALTERNATES_MAX];
	size_t count[TURN_ALTERNATE_KINDS];
};

/* Two transport addresses of ours that differ in IP and port: a Binding request to the one may be
 * answered from the other, or from either's IP with the other's port (RFC 5780 section 6.1). The host
 * can send UDP from all four. */
struct turn_pair {
	struct transport_addr addr, other;
};

/* The family of a relayed transport address when the client names none. RFC 8656 says IPv4. */
enum turn_default_family {
	TURN_DEFAULT_IPV4,
	TURN_DEFAULT_IPV6,
	TURN_DEFAULT_KEEP /* the client's */
};

/* What a client can run into; turn/limits.c says what happens then. */
enum turn_limit {
	TURN_LIMIT_NONE,
	TURN_LIMIT_USER_QUOTA,  /* allocations of a user */
	TURN_LIMIT_TOTAL_QUOTA, /* allocations of a realm */
	TURN_LIMIT_CAPACITY,    /* bytes a second of all allocations */
	TURN_LIMIT_PERMISSIONS, /* of an allocation, as all that follow */
	TURN_LIMIT_CHANNELS,
	TURN_LIMIT_CONNECTIONS,     /* of peers, RFC 6062 */
	TURN_LIMIT_ALL_CONNECTIONS, /* ... of all allocations */
	TURN_LIMIT_NEW_PEERS,
	TURN_LIMIT_BANDWIDTH,
	TURN_LIMIT_PACKET_RATE,
	TURN_LIMIT_MEMORY,
	TURN_LIMIT_COUNT /* the count */
};

/* A place in the quotas, held by an allocation, by a reserved address, or by a request that is to
 * become one. Whoever holds it gives it back once. */
struct turn_place {
	void *holder; /* the host's handle: in whose name; NULL: none is held */
	uint64_t bps; /* granted with it, for each direction; 0: no bound */
};
struct turn_place_wish {
	const char *realm, *username; /* "" on an open server, and by an access token */
	bool is_reservation;          /* for an address that only waits: no bandwidth */
	uint64_t asked_bps;           /* more than that is not wanted; 0: as much as there is */
};

/* The quotas that the servers of all threads share. Neither function may block or call back. */
struct turn_quotas {
	/* Takes a place; or says which limit is reached, and its value. */
	enum turn_limit (*take)(void *context, const struct turn_place_wish *wish,
	                        struct turn_place *place, uint64_t *value);
	void (*give)(void *context, const struct turn_place *place);
	void *context;
};

struct turn_settings {     /* copied but for what it points at, which outlives the server */
	const char *realm; /* the default one */
	/* Gives the realm of an ORIGIN, which is in the form of stun_origin_normalise; NULL: none has
	 * that origin. It does not block, and the text lives until the host is next called back. NULL:
	 * there are no origins. */
	const char *(*realm_of_origin)(void *context, const char *origin);
	/* Gives the realm that a user's name leads to by itself, NULL: to none; as realm_of_origin. It is
	 * the realm whose limits and peers he has; REALM and keys stay those of the 401. NULL: none does. */
	const char *(*realm_of_name)(void *context, const char *username);
	void *origin_context; /* of both */
	bool check_origin;    /* an ORIGIN other than that of the allocation is refused with 441 */
	bool is_open;         /* relays without authentication: no-auth */
	/* A door meets clients and keeps none: whoever has shown that it receives where it sends from
	 * gets TURN_HAND_OVER. Nothing is ever parked or allocated here. */
	bool is_door;
	bool oauth;              /* access tokens of RFC 7635 are accepted and asked for */
	const char *server_name; /* that tokens are made for; NULL or "": the realm */
	bool has_family[TURN_FAMILY_COUNT]; /* which relayed address families can be had */
	enum turn_default_family default_family;
	bool rfc5766_channel_numbers; /* up to 0x7FFE */
	bool fingerprint;             /* on every message, not only where the client used it */
	bool reason_phrases;          /* in error responses */
	unsigned tells;               /* TURN_TELL_: which successes are told by TURN_ANSWERED */
	const char *software;         /* SOFTWARE in responses; NULL: none */
	/* enum stun_security_feature, what clients are offered (RFC 8489 section 18.1):
	 * STUN_FEATURE_PASSWORD_ALGORITHMS: SHA-256 before MD5. Not with a store of MD5 keys alone, as
	 * clients take the first and do not fall back.
	 * STUN_FEATURE_USERNAME_ANONYMITY: clients then must send USERHASH. Not with time-limited
	 * usernames, which cannot be found by their hash.
	 * A USERHASH is accepted in any case. */
	uint32_t security_features;

	bool stun_only, no_stun; /* serve Binding alone, or all but Binding; the rest is ignored */
	bool secure_stun;        /* Binding requests authenticate */
	bool mapped_address;     /* MAPPED-ADDRESS beside XOR-MAPPED-ADDRESS */
	bool rfc3489_compatibility; /* serve Binding requests without a magic cookie, over UDP */
	bool nat_discovery;         /* RFC 5780 */
	/* One for each address with a second; none: no OTHER-ADDRESS. */
	const struct turn_pair *pairs;
	size_t pair_count;

	/* Allocations over which something passed are reported (TURN_TRAFFIC) so often; 0: never. */
	uint32_t traffic_report_s;
	uint32_t max_lifetime_s;        /* of an allocation; 600 is the default lifetime */
	uint32_t permission_lifetime_s; /* RFC 8656 section 9: 300 */
	uint32_t channel_lifetime_s;    /* RFC 8656 section 12: 600 */
	uint32_t nonce_lifetime_s;      /* 0: for ever */
	uint8_t nonce_secret[STUN_NONCE_SECRET_SIZE];

	uint32_t permissions_per_allocation, channels_per_allocation; /* bounds; 508 beyond */
	uint32_t pending_max;                                         /* requests parked at once */
	uint32_t packets_per_s;    /* of an allocation in each direction; 0: no bound */
	uint32_t new_peers_per_s;  /* of an allocation; 0: no bound */
	struct turn_quotas quotas; /* .take is NULL: none */
	struct source_limit *
		unproven; /* 401, 438, 400, what RFC 5780 adds, to one UDP source; NULL: no bound */

	const struct turn_alternates *alternates; /* at the start; NULL: none */
	/* The name in the certificates of alternate servers (RFC 8489 section 14.16); NULL: ours. */
	const char *alternate_domain;

	/* REQUESTED-TRANSPORT that gets 403, and 442. Those that relay TCP are RFC 6062's. */
	bool refuses_udp_relay, refuses_tcp_relay;
	uint32_t connect_timeout_s, bind_timeout_s; /* RFC 6062 sections 5.2 and 5.3: 30 */
	/* Bounds of peer data connections; 508 beyond, and peers' own are closed. */
	uint32_t connections_per_allocation, connections_max;

	bool mobility;              /* RFC 8016; without it MOBILITY-TICKET is a 405 */
	struct aead_key ticket_key; /* seals mobility tickets; the same for all threads */

	unsigned thread, thread_count; /* tokens and tickets tell the thread to ask */
	unsigned stream_threads;       /* the first so many have clients over TCP and TLS */
	const struct peer_filter *filter;
	const struct turn_address_map *address_map;
	size_t address_map_count;

	int64_t wall_offset_ms; /* what to add to a timestamp for milliseconds since 1970 */
	void (*random)(void *bytes, size_t len); /* cryptographic; a test may repeat itself */
	/* Of a clock that never goes back. What is measured by it is counted, and nothing depends on it;
	 * NULL: nothing is measured. */
	uint64_t (*microseconds)(void);
	struct counters *counters; /* this thread's */
};

MUST_CHECK enum err turn_server_create(const struct turn_settings *settings, timestamp now,
                                       struct turn_server **server);
/* Ends all sessions without another action; the host closes what it opened. */
void turn_server_destroy(struct turn_server *server);

/* Goes by other settings from now on. The host has carried out all actions. These are as they were: realm,
 * is_open, is_door, nonce_secret, ticket_key, thread and the counts of threads, has_family,
 * address_map, random, counters; alternates and wall_offset_ms are not looked at. Allocations that there
 * are go on, with the lifetimes and the bandwidth that they were given; what a request asks for next is
 * judged anew. With another filter permissions, channels and connections to peers end that it forbids. */
void turn_server_configure(struct turn_server *server, const struct turn_settings *settings,
                           timestamp now);
/* True while an allocation's client is at this transport address of ours, or may come to it. */
bool turn_has_sessions_at(const struct turn_server *server, const struct transport_addr *addr);

enum turn_verdict {
	TURN_DROP,      /* nothing to send; the reason was counted; there may be actions */
	TURN_CONSUMED,  /* handled; there may be actions */
	TURN_TO_PEER,   /* send the packet as it stands from .relay to .dst */
	TURN_TO_CLIENT, /* send the packet as it stands over .path to .dst */
	TURN_HAND_OVER, /* of a door: another server shall have this client, and this packet first */
};

struct turn_forward {
	void *relay, *path;        /* the host's own handles */
	struct transport_addr dst; /* the peer, or the client on a path that serves many */
	bool dont_fragment;        /* RFC 8656 section 14.9: a Send indication asked for it */
};

/* A datagram or whole stream message from a client. path is where answers for the 5-tuple go; a
 * UDP listener is the path of all its clients. The packet is lent; with TURN_TO_PEER its data, ttl
 * and tos have become those to send. */
enum turn_verdict turn_client_input(struct turn_server *server, const struct five_tuple *tuple,
                                    void *path, struct packet *packet, timestamp now,
                                    struct turn_forward *forward);

/* Tells why: the counter of the last packet that got TURN_DROP. */
enum counter turn_last_drop(const struct turn_server *server);

/* The host has no place for the client whose packet got TURN_HAND_OVER: it is told so, 508. */
void turn_hand_over_failed(struct turn_server *server, const struct five_tuple *tuple, void *path,
                           struct packet *packet, timestamp now);

/* A datagram that a peer sent to a relayed transport address. The packet needs PACKET_HEADROOM
 * before it and PACKET_TAILROOM behind. */
enum turn_verdict turn_peer_input(struct turn_server *server, struct turn_allocation *allocation,
                                  struct packet *packet, timestamp now,
                                  struct turn_forward *forward);

/* An ICMP error that met a packet which was sent to peer (RFC 8656 section 11.5). data is what the
 * ICMP attribute carries: the next-hop MTU or pointer, four bytes. */
void turn_peer_icmp(struct turn_server *server, struct turn_allocation *allocation,
                    const struct transport_addr *peer, uint8_t type, uint8_t code,
                    const uint8_t data[4], timestamp now);

/* The connection that carried these messages is gone. What it had is deleted, but for a mobile
 * allocation: that lives out its time, and its client may come back. reason is for the report; NULL: it
 * is not known. */
void turn_path_closed(struct turn_server *server, const struct five_tuple *tuple,
                      const char *reason, timestamp now);

/* True while an allocation lives on the 5-tuple or may move to it; a listener closes idle connections
 * without one. */
bool turn_has_session(const struct turn_server *server, const struct five_tuple *tuple);

enum turn_action_type {
	TURN_SEND,        /* a message the core wrote, for .path and .dst */
	TURN_OPEN_RELAY,  /* bind relayed addresses: .open; answer turn_relay_opened or _failed */
	TURN_CLOSE_RELAY, /* .relay is no longer used */
	TURN_FIND_KEY,    /* .find; answer turn_key_found and its kin; never block */
	TURN_FLOW_ADDED,  /* .flow: a channel over UDP that an offload may carry */
	TURN_FLOW_REMOVED,
	TURN_REPORT,        /* .report: what happened to an allocation, for logs and accounting */
	TURN_LIMIT_REACHED, /* .reached: whom a limit stopped, for the log */
	TURN_ANSWERED,      /* .answered: what was answered, for the log */
	/* .handoff, given away, is for turn_handoff_input of the server of .thread, which may be this
	 * one. It arrives or the process ends; what is sent first arrives first. */
	TURN_HANDOFF,
	/* .message came over .path and .tuple ahead of its allocation: hand it to turn_client_input
	 * once more, now. */
	TURN_KEPT,

	/* RFC 6062. The cookie is the peer data connection's: whatever host and core say of it, from
	 * its beginning to its end, they say by it. */
	TURN_CONNECT_PEER, /* connect .relay to .dst; answer turn_peer_connected or _failed */
	TURN_CLOSE_PEER,   /* close it, and the client data connection that is joined to it */
	/* From here on .path is its client data connection: pass on bytes both ways, those that came
	 * behind the last message first, and tell turn_peer_closed when that has ended. */
	TURN_JOIN,
	/* Hand .path over to the server of .thread, which gets .message as its first: the connection
	 * that it asks for is there. */
	TURN_MOVE_CLIENT,
};

struct turn_open_relay {
	bool family[TURN_FAMILY_COUNT]; /* wanted; both for ADDITIONAL-ADDRESS-FAMILY */
	/* A TCP relay listens: turn_peer_accepted. It comes without any of what follows but tuple. */
	bool is_tcp;
	bool even_port;    /* EVEN-PORT: the port must be even */
	bool reserve_next; /* and the next higher one is opened too, as .reserved */
	bool has_token; /* RESERVATION-TOKEN: take what turn_reservation_take gives, of any family */
	uint8_t token[TURN_TOKEN_SIZE];
	const char *username; /* who asks, for turn_reservation_take; "" on an open server */
	const char *realm;    /* the user is of; turn_reservation_take too */
	const struct five_tuple *tuple; /* where the request came from and to */
};

struct turn_find_key {
	bool is_token;        /* the key of an authorization server; username is its kid */
	const char *username; /* NULL when the client sent a USERHASH */
	const uint8_t *userhash;
	const char *realm;
	enum stun_password_algorithm algorithm;
};

/* A relayed transport address the host opened. public_addr is what the client is told. */
struct turn_relay {
	void *relay; /* the host's handle; NULL: could not be had */
	struct transport_addr addr, public_addr;
};

/* What the host found for TURN_OPEN_RELAY. */
struct turn_opened {
	struct turn_relay relay[TURN_FAMILY_COUNT];
	struct turn_relay reserved; /* with reserve_next */
};

struct turn_flow {
	struct five_tuple client;
	struct transport_addr relayed, peer;
	uint16_t channel;
};

enum turn_report_type {
	TURN_CREATED,
	TURN_REFRESHED,
	TURN_EXPIRED,
	TURN_DELETED,
	TURN_MOVED,
	TURN_TRAFFIC, /* something has passed; see turn_settings.traffic_report_s */
};

struct turn_traffic {
	uint64_t to_peer_packets, to_peer_bytes, to_client_packets, to_client_bytes;
	uint64_t limited_packets; /* dropped for bandwidth or packet rate, both ways */
};

struct turn_report {
	enum turn_report_type type;
	/* Of the allocation, and the same wherever that moves: the thread that made it << 48, and a
	 * number unique there. */
	uint64_t id;
	const char *username, *realm;
	const char *origin; /* "": the client named none */
	const struct five_tuple *tuple;
	const struct turn_relay *relay; /* TURN_FAMILY_COUNT of them */
	uint32_t lifetime_s;
	struct turn_traffic traffic;
	struct turn_traffic recent; /* the part of it that no TURN_TRAFFIC has told of */
	uint64_t age_s;
	/* Of an end: "no refresh for 600 s", "closed by its client", "connection broke: ..." */
	const char *reason;
};

/* A request was answered. What is worth telling is .tells of the settings; of errors it is always those of
 * whoever has shown credentials, but for what limits say, and of everyone on an open server. */
struct turn_answered {
	enum stun_method method;
	uint16_t error;     /* STUN_NO_ERROR: success */
	const char *reason; /* of an error, for the operator alone */
	uint64_t id;        /* of the allocation on the 5-tuple; 0: there is none */
	const char *username, *realm, *origin;
	const struct five_tuple *tuple;
	struct transport_addr peer; /* that was refused; has_peer */
	bool has_peer;
};
enum { TURN_TELL_SUCCESS = 1 << 0, TURN_TELL_BINDING = 1 << 1 };

struct turn_limit_reached {
	enum turn_limit limit;
	uint64_t value; /* of the limit */
	uint16_t error; /* what the client was told; 0: packets are dropped */
	const char *username;
	const struct five_tuple *tuple;
};

/* A message between the servers of a process that share ticket_key, when a mobile client goes on from
 * a 5-tuple of another thread (RFC 8016). These members are the host's; the rest is hidden. */
struct turn_handoff {
	void *carrier[12]; /* room for a letter: carrying a handoff takes no memory */
	/* Relayed transport addresses that move with it. The sender's host takes its handles out, the
	 * receiver's puts its own in; where it cannot, it closes the address and puts NULL. */
	struct turn_relay relay[TURN_FAMILY_COUNT];
};

struct turn_action {
	enum turn_action_type type;
	/* TURN_OPEN_RELAY, TURN_FIND_KEY: comes back with the answer; or RFC 6062's */
	uint64_t cookie;
	/* TURN_SEND, TURN_JOIN, TURN_MOVE_CLIENT, TURN_KEPT. TURN_SEND; NULL: by UDP from message->src, an address
	 * of ours that the client did not send to (RFC 5780 CHANGE-REQUEST) */
	void *path;
	struct transport_addr dst; /* TURN_SEND, TURN_CONNECT_PEER */
	/* TURN_SEND, of the success response to an Allocate that made an allocation: the microseconds
	 * when that request came; else 0 */
	uint64_t began_us;
	/* TURN_SEND, TURN_MOVE_CLIENT, TURN_KEPT: lent until the next call of turn_next_action */
	struct packet *message;
	void *relay;                    /* TURN_CLOSE_RELAY, TURN_CONNECT_PEER */
	unsigned thread;                /* TURN_MOVE_CLIENT, TURN_HANDOFF */
	const struct five_tuple *tuple; /* TURN_KEPT */
	struct turn_handoff *handoff;   /* TURN_HANDOFF */
	union {
		struct turn_open_relay open;
		struct turn_find_key find;
		struct turn_flow flow;
		struct turn_report report;
		struct turn_limit_reached reached;
		struct turn_answered answered;
	};
};

/* Gives the oldest action; false when there is none. What it points at lives until the next call
 * of turn_next_action. Answers may be given at once or at any time later. */
bool turn_next_action(struct turn_server *server, struct turn_action *action);

/* Answer to TURN_OPEN_RELAY. At least one wanted family was opened, and .reserved when asked for.
 * Returns the allocation that the relays belong to now, for turn_peer_input; NULL when the request
 * is no longer waiting: TURN_CLOSE_RELAY follows for each relay given. */
struct turn_allocation *turn_relay_opened(struct turn_server *server, uint64_t cookie,
                                          const struct turn_opened *opened, timestamp now);
/* ... or 508. */
void turn_relay_failed(struct turn_server *server, uint64_t cookie, timestamp now);

/* Takes over what another server, or this one, said by TURN_HANDOFF. Returns the allocation that the
 * handoff's relays belong to now, for turn_peer_input; NULL when it brought none, or none that could
 * be kept: TURN_CLOSE_RELAY follows for each relay. */
struct turn_allocation *turn_handoff_input(struct turn_server *server, struct turn_handoff *handoff,
                                           timestamp now);
/* For a host that ends and delivers it no more: frees it, on the thread of any server. The host has
 * closed the relays. */
void turn_handoff_destroy(struct turn_server *server, struct turn_handoff *handoff);

/* Answers to TURN_CONNECT_PEER. A cookie of a connection that is gone means nothing. */
void turn_peer_connected(struct turn_server *server, uint64_t cookie, timestamp now);
void turn_peer_failed(struct turn_server *server, uint64_t cookie, timestamp now);
/* A peer has connected to a relayed transport address. Gives the new connection's cookie; 0: close
 * it at once. The host reads nothing from it before TURN_JOIN. */
uint64_t turn_peer_accepted(struct turn_server *server, struct turn_allocation *allocation,
                            const struct transport_addr *peer, timestamp now);
/* The two data connections that were joined have ended, and the host has closed both; or the peer's
 * could not be joined. */
void turn_peer_closed(struct turn_server *server, uint64_t cookie, timestamp now);

/* Gives up the relay that open's token of this server holds, when the user that reserved it asks: the
 * host hands it to the server that asked. Of open the token and who asks are looked at. False when
 * the token is unknown, expired or another user's; one of the same name in another realm is another. */
bool turn_reservation_take(struct turn_server *server, const struct turn_open_relay *open,
                           struct turn_relay *relay);

/* What the store knows of a user, for the algorithm asked or another. */
struct turn_key {
	char username[TURN_USERNAME_MAX + 1]; /* the answer to a USERHASH; else as asked */
	uint8_t key[STUN_KEY_MAX];
	size_t len; /* 16: MD5, 32: SHA-256 */
	uint64_t *
		uses; /* lent for the call: one more when this is the one that is right; NULL: nobody counts */
};
/* Answers to TURN_FIND_KEY. More than one key may be right while a secret is being rotated: the
 * request is accepted when any fits. A user the host does not know gets 401; a store that is away,
 * 508. */
void turn_key_found(struct turn_server *server, uint64_t cookie, const struct turn_key *keys,
                    size_t n, timestamp now);
void turn_key_not_found(struct turn_server *server, uint64_t cookie, timestamp now);
void turn_key_unavailable(struct turn_server *server, uint64_t cookie, timestamp now);

/* Sets the alternate servers anew, in whose turn Allocate requests are answered with 300. The lists
 * are copied. Existing allocations are not concerned, nor are Binding and reserved ports. */
void turn_server_set_alternates(struct turn_server *server,
                                const struct turn_alternates *alternates);
/* While a server drains it makes no new allocation, but for those that a reservation token stands
 * for: 300 where there are alternate servers, else 508. All that exists goes on. */
void turn_server_set_draining(struct turn_server *server, bool is_draining);
/* Sets the lists of peers that realms have of their own; NULL: none have. They are lent until they are
 * set anew or the server is destroyed. What the client of an allocation would not be given now ends at
 * once: permissions with their channels, and data connections to peers. Returns how many permissions. */
size_t turn_server_set_peer_rules(struct turn_server *server, const struct peer_rules *rules,
                                  timestamp now);

enum turn_direction { TURN_TOWARDS_PEER, TURN_TOWARDS_CLIENT, TURN_DIRECTION_COUNT };

/* How many bytes a peer data connection may pass on now; SIZE_MAX: as many as come. A host that is told
 * 0 and asks again after some milliseconds is told more. */
size_t turn_peer_allowed(struct turn_server *server, uint64_t cookie, enum turn_direction direction,
                         timestamp now);
/* Counts what it passed on: at most as much as was allowed. */
void turn_peer_passed(struct turn_server *server, uint64_t cookie, enum turn_direction direction,
                      size_t n);

/* The same of a whole allocation. Datagrams are judged with each packet; this is for streams, which
 * can wait instead (RFC 6062). */
size_t turn_bytes_allowed(struct turn_allocation *allocation, enum turn_direction direction,
                          timestamp now);
/* Counts what was passed on: at most as much as was allowed. */
void turn_bytes_passed(struct turn_allocation *allocation, enum turn_direction direction, size_t n);
/* What an authorization server agreed on with us (RFC 7635 section 4.1). */
struct turn_token_key {
	struct aead_key key;
	char realm[TURN_REALM_MAX + 1]; /* of those it vouches for; "": the one they came to */
};
/* The answer to TURN_FIND_KEY with is_token, or turn_key_not_found or _unavailable. wall_ms is the
 * time since 1970 as the host's clock tells it now: others made the token by theirs. */
void turn_token_key_found(struct turn_server *server, uint64_t cookie,
                          const struct turn_token_key *key, uint64_t wall_ms, timestamp now);

/* When turn_handle_timeout wants to be called; TIMESTAMP_NEVER when nothing is due. */
timestamp turn_next_timeout(const struct turn_server *server);
void turn_handle_timeout(struct turn_server *server, timestamp now);
