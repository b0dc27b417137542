/* What an operator may see of the allocations of a server, and end: for a host that is asked who uses it.
 * Nothing here is on the way of a packet. */
#pragma once

#include "turn/turn.h"

/* Begins a walk over all allocations; one that was under way is forgotten. Between two steps the server
 * may be used, and allocations may come and go. */
void turn_sessions_rewind(struct turn_server *server);
/* Gives the next; NULL at the end. Each that was there at the beginning, and still is, comes once. */
struct turn_allocation *turn_sessions_next(struct turn_server *server);

struct turn_session { /* lent, until the server is used */
	uint64_t id;  /* as in struct turn_report */
	const char *username, *realm;
	const char *origin; /* "": the client named none */
	const struct five_tuple *tuple;
	void *path;                     /* NULL: it has none, and the client may come back */
	const struct turn_relay *relay; /* TURN_FAMILY_COUNT of them; .relay is NULL for none */
	timestamp created, expiry;      /* of the relayed address that lives longest */
	bool is_tcp, is_mobile, is_by_token;
	uint32_t permissions, channels, connections;
	uint64_t granted_bps; /* 0: no bound */
	struct turn_traffic traffic;
};
void turn_session_describe(const struct turn_allocation *allocation, struct turn_session *session);

struct turn_rates { /* a second */
	uint32_t bytes[TURN_DIRECTION_COUNT], packets[TURN_DIRECTION_COUNT];
};
/* Gives the rates since the last time somebody asked, if that was one to ten seconds ago; who asks
 * sooner is told the same again. False when nobody has asked lately: rates are zero, and a second from
 * now there is an answer. */
bool turn_session_measure(struct turn_allocation *allocation, timestamp now,
                          struct turn_rates *rates);

enum turn_session_peer_type { TURN_PERMISSION, TURN_CHANNEL, TURN_CONNECTION };
struct turn_session_peer {
	enum turn_session_peer_type type;
	struct transport_addr addr; /* of a permission its port means nothing */
	timestamp expiry;           /* of a connection: TIMESTAMP_NEVER once it is joined */
	uint32_t number;            /* of a channel; a CONNECTION-ID */
};
/* Copies what there is to each peer, at most so much of it, and returns how much it was. */
size_t turn_session_peers(const struct turn_allocation *allocation, struct turn_session_peer *peers,
                          size_t most);
/* Whether it has a permission for, or a connection with, an IP of the range. */
bool turn_session_has_peer(const struct turn_allocation *allocation,
                           const struct addr_range *range);

/* Ends it, as if it had run out of time. There are actions then. */
void turn_session_end(struct turn_allocation *allocation, const char *reason, timestamp now);
