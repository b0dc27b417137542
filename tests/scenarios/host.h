/* The host of a scenario: it does what relay threads do for the core, without a socket or a clock.
 * Relayed transport addresses are handed out in order, datagrams are kept until the scenario
 * expects them, and events are kept as lines of text. */
#pragma once

#include "stun/origin.h"
#include "turn/turn.h"

enum {
	RELAYS_MAX = 4096,
	DATAGRAMS_MAX = 64,
	EVENTS_MAX = 512,
	USERS_MAX = 8,
	RULES_MAX = 8,
	HELD_MAX = 64,
	CONNECTIONS_MAX = 64,
	PLACES_MAX = 4096
};

struct client {
	char name[16];
	struct five_tuple tuple;
};

struct relay {
	struct transport_addr addr, public_addr;
	struct turn_allocation *allocation;
	bool is_reserved; /* opened as the higher port of a pair */
	bool is_tcp, is_closed;
};

/* A peer data connection, as the host has it. */
struct data_connection {
	uint64_t cookie;
	struct transport_addr peer;
	bool is_connecting, is_joined, is_closed;
};

/* Something the core let out. */
struct datagram {
	const struct client *client; /* the receiver; NULL: the peer dst, or none that is known */
	struct transport_addr src, dst;
	uint8_t bytes[66000];
	size_t len;
	uint8_t ttl, tos;
	bool dont_fragment;
};

struct user {
	char name[TURN_USERNAME_MAX + 1], password[64], old_password[64];
	char realm[64]; /* empty: any */
};

struct origin {
	char origin[STUN_ORIGIN_MAX + 1], realm[64];
};

/* An authorization server. */
struct authority {
	char kid[64];
	struct turn_token_key key;
};

struct place {
	bool is_taken;
	uint64_t bps;
	char username[TURN_USERNAME_MAX + 1];
};

struct host {
	struct turn_settings settings;
	struct turn_address_map maps[RULES_MAX];
	struct turn_pair pairs[RULES_MAX];
	struct peer_filter_settings peers;
	struct addr_range allowed[RULES_MAX], denied[RULES_MAX];
	struct peer_rule rules[RULES_MAX]; /* of realms, now */
	char rule_realms[RULES_MAX][64];
	unsigned rule_count;
	struct peer_rules *peer_rules;
	struct transport_addr listeners[RULES_MAX], relay_ips[RULES_MAX];
	struct nat64_prefix nat64[RULES_MAX];

	struct turn_alternates alternates;
	bool is_draining;

	struct turn_server *server; /* NULL until the first packet */
	struct peer_filter *filter;
	struct counters counters;
	struct stun_hasher *hasher;
	timestamp now;

	struct user users[USERS_MAX];
	unsigned user_count;
	struct origin origins[RULES_MAX];
	unsigned origin_count;
	char home[64], homely[64]; /* a realm, and whose name leads to it */
	struct authority authorities[RULES_MAX];
	unsigned authority_count;
	int64_t clock_change_ms;      /* what the wall clock was set by since the start */
	const struct client *speaker; /* the last client that sent */
	struct relay relays[RELAYS_MAX];
	unsigned relay_count;
	uint16_t next_port[TURN_FAMILY_COUNT];
	struct data_connection connections[CONNECTIONS_MAX];
	unsigned connection_count;
	bool holds_peers;

	bool holds_keys, holds_relays, lacks[TURN_FAMILY_COUNT], lacks_all, lacks_pairs;
	struct turn_action held[HELD_MAX]; /* TURN_FIND_KEY, TURN_OPEN_RELAY not answered yet */
	char held_names[HELD_MAX][TURN_USERNAME_MAX + 1], held_realms[HELD_MAX][64];
	unsigned held_count;

	struct datagram *datagrams; /* DATAGRAMS_MAX of them, oldest first */
	unsigned datagram_count;
	char events[EVENTS_MAX][256];
	unsigned event_count;

	/* Quotas: a place in a user's name is a slot that has it. */
	struct place places[PLACES_MAX];
	uint32_t user_quota, total_quota, max_bps, bps_capacity;
	uint32_t unauthorized_per_s;
	char fault[256]; /* what the core did that it must never do; empty: nothing */
};

void host_init(struct host *host);
void host_deinit(struct host *host);

void host_client_input(struct host *host, const struct client *client, const uint8_t *bytes,
                       size_t len, uint8_t ttl, uint8_t tos);
void host_peer_input(struct host *host, struct relay *relay, const struct transport_addr *peer,
                     const uint8_t *bytes, size_t len, uint8_t ttl, uint8_t tos);
void host_icmp(struct host *host, struct relay *relay, const struct transport_addr *peer,
               uint8_t type, uint8_t code, const uint8_t data[4]);
void host_close_path(struct host *host, const struct client *client);
void host_wait(struct host *host, timestamp ms);

/* Answers the oldest action that was held: "found", "unknown", "unavailable", "opened", "failed". */
bool host_answer(struct host *host, const char *how);
struct relay *host_find_relay(struct host *host, const struct transport_addr *public_addr);
/* Answers the oldest TURN_CONNECT_PEER that was held. */
bool host_peer_answer(struct host *host, bool is_connected);
/* A peer connects to a relay; true when the core takes it. */
bool host_peer_connects(struct host *host, struct relay *relay, const struct transport_addr *peer);
/* The last connection of a peer that is open; NULL: none. */
struct data_connection *host_find_connection(struct host *host, const struct transport_addr *peer);
/* Its data connections end by themselves, or pass bytes on. */
void host_data_closes(struct host *host, struct data_connection *connection);
/* Tells the core what .alternates and .is_draining are now. */
void host_redirect(struct host *host);
/* ... and what .rules are. */
void host_rule_peers(struct host *host);
/* ... and what .settings and .peers are. */
void host_reload(struct host *host);
/* How many places are taken in a user's name, or in "all". */
unsigned host_places(const struct host *host, const char *username);
uint64_t host_wall_ms(const struct host *host);
/* Removes the datagram at the front. */
void host_shift(struct host *host);
