/* What the files of this folder share: the server of one relay thread. Private to the folder. */
#pragma once

#include "base/hash_table.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/timer_wheel.h"
#include "turn/turn.h"

enum {
	DEFAULT_LIFETIME_S = 600, /* RFC 8656 section 3.2 */
	REPLY_SIZE = 2560,        /* holds every message the server writes, a long realm included */
	MS_PER_S = 1000,
	INDICATION_IDS = 64, /* drawn at once: what the generator costs is mostly per call */
};

struct turn_server {
	struct turn_settings settings;
	timestamp now; /* as the host last told it */
	/* Of the client transport that is being served; of none in timers. */
	struct counter_lane *lane;
	uint64_t hash_seed, next_id;

	uint8_t indication_ids[INDICATION_IDS][STUN_TRANSACTION_ID_SIZE];
	unsigned indication_ids_left; /* the first ones of them */

	struct stun_hasher *hasher; /* owned */
	struct timer_wheel *timers; /* owned */

	struct hash_table allocations;                          /* by 5-tuple */
	struct hash_table permissions;                          /* by allocation and peer's IP */
	struct hash_table channels_by_number, channels_by_peer; /* and allocation */
	struct hash_table pending_by_cookie, pending_by_transaction;
	struct hash_table mobile; /* mobile allocations by id */
	struct hash_table arrivals_by_tuple, arrivals_by_allocation;
	struct hash_table reservations;                           /* by token */
	struct hash_table connections_by_id, connections_by_peer; /* and allocation */
	struct pool allocation_pool, permission_pool, channel_pool, connection_pool;

	struct list sessions;                 /* of struct turn_allocation */
	struct list pending;                  /* of struct pending */
	size_t pending_for_peers;             /* of them: Connect requests */
	struct list reserved;                 /* of struct reservation */
	struct list arrivals;                 /* of struct arrival */
	struct list actions;                  /* of struct queued_action, oldest first */
	struct queued_action *current_action; /* owned; what the host reads now */
	size_t queued_messages;

	struct turn_alternates alternates;
	size_t next_alternate[TURN_ALTERNATE_KINDS]; /* whose turn it is; taken modulo the count */
	bool is_draining;
	const struct peer_rules *peer_rules; /* owner: the host; NULL: none */

	uint8_t reply[REPLY_SIZE];            /* the message being written */
	char username[TURN_USERNAME_MAX + 1]; /* of the request being handled */
};

/* Says when it is, and whose transport what follows is counted for. */
static inline void serve(struct turn_server *server, unsigned lane, timestamp now)
{
	server->now = now;
	server->lane = &server->settings.counters->lane[lane];
}

static inline void count_n(struct turn_server *server, enum counter counter, uint64_t n)
{
	counter_lane_add(counter_is_by_transport(counter)
	                         ? server->lane
	                         : &server->settings.counters->lane[COUNTER_LANE_NONE],
	                 counter, n);
}

static inline void count(struct turn_server *server, enum counter counter)
{
	count_n(server, counter, 1);
}

/* Counts why a packet goes no further. */
static inline enum turn_verdict drop(struct turn_server *server, enum counter reason)
{
	count(server, reason);
	return TURN_DROP;
}

/* Tells the time that things are measured by; 0: nothing is. */
static inline uint64_t microseconds(const struct turn_server *server)
{
	return server->settings.microseconds != NULL ? server->settings.microseconds() : 0;
}

/* Counts a packet of a client, once. */
static inline void count_client_packet(struct turn_server *server, size_t len)
{
	count(server, COUNT_client_packets_in);
	count_n(server, COUNT_client_bytes_in, len);
}

/* A bijection that spreads every bit, so that ids that count upwards fill a table evenly. */
static inline uint64_t hash_mix(uint64_t value)
{
	value = (value ^ value >> 33) * 0xFF51AFD7ED558CCDu;
	value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53u;
	return value ^ value >> 33;
}

static inline enum turn_family family_of(const struct transport_addr *addr)
{
	return addr_family(addr) == AF_INET6 ? TURN_IPV6 : TURN_IPV4;
}

/* Seconds since 1970, as nonces tell the time. */
static inline uint64_t wall_s(const struct turn_server *server)
{
	return (server->now + (uint64_t)server->settings.wall_offset_ms) / MS_PER_S;
}
