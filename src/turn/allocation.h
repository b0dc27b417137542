/* Allocations (RFC 8656 section 6), each on the 5-tuple of its client. Private to the folder. */
#pragma once

#include "turn/limits.h"
#include "turn/server.h"
#include "turn/sessions.h"

/* What it takes to answer a retransmitted Allocate as the first one was. */
struct allocate_answer {
	uint8_t transaction_id[STUN_TRANSACTION_ID_SIZE];
	uint16_t address_error; /* ADDRESS-ERROR-CODE; 0: none */
	uint8_t address_error_family;
	bool has_token;
	uint8_t token[TURN_TOKEN_SIZE];
	uint32_t lifetime_s;
};

/* What turn_session_measure was last told. */
struct meter {
	timestamp at; /* 0: never */
	uint64_t bytes[TURN_DIRECTION_COUNT];
	uint32_t packets[TURN_DIRECTION_COUNT]; /* modulo 2^32, of which differences are taken */
	struct turn_rates rates;                /* up to then */
	bool is_read;                           /* there are rates */
};

/* An allocation can move to another server: it is copied as a whole, and what hangs on the server is
 * made anew: node, server, tuple, path, the relays' handles, timer and permissions. */
struct turn_allocation {
	struct list node; /* in the server's sessions */
	struct turn_server *server;
	uint64_t id;
	struct five_tuple tuple;
	void *path;

	/* At most one of each family; .relay is NULL where there is none. They expire one by one,
	 * as a Refresh may name a family (section 8.1). */
	struct turn_relay relay[TURN_FAMILY_COUNT];
	timestamp expiry[TURN_FAMILY_COUNT];
	bool had_family[TURN_FAMILY_COUNT];
	struct timer timer; /* at the earlier expiry */
	uint32_t lifetime_s;
	timestamp created;

	char *username; /* owned; of a session by access token the first kid */
	char *realm;    /* owned; NULL: the default one */
	char *home;     /* owned: whose limits and peers it has; NULL: realm */
	char *origin;   /* owned, normalised; NULL: the client named none */
	uint8_t key[STUN_SHA256_KEY_SIZE];
	uint8_t key_len;
	timestamp token_deadline; /* key is of an access token that ends then; 0: of a user */

	/* Mobility (RFC 8016). */
	bool is_mobile; /* it has tickets, and is found by its id as well */
	bool is_adrift; /* it has no path, and is not found by its 5-tuple: its client may come back */
	uint32_t generation; /* of the ticket that was given last */
	struct move *move;   /* owned; the last one; NULL: none yet */

	/* RFC 6062: relays TCP. It stays on its thread, which its connections' ids name: the list is
	 * not looked at while it is empty, and need not be linked anew. */
	bool is_tcp;
	struct list connections; /* owned; struct connection */
	uint32_t connection_count;

	const struct peer_lists *peer_lists; /* of its realm, in the server's rules; NULL: none */
	struct list permissions;             /* owned, with their channels */
	uint32_t permission_count;           /* those that are alive */
	uint32_t channel_count;
	struct turn_traffic traffic, reported; /* reported: what TURN_TRAFFIC has told of */
	timestamp report_at;                   /* when it tells of more; 0: never */
	struct meter meter;                    /* of an operator who asks */
	struct limits limits;
	/* Goes with the allocation from thread to thread, as the place is the server's, not a
	 * thread's: a copy that is left behind holds none (.holder is NULL). */
	struct turn_place place;
	struct allocate_answer answer;
};

struct turn_allocation *allocation_find(const struct turn_server *server,
                                        const struct five_tuple *tuple);

/* What an allocation starts with. All is copied; the relays are taken over. */
struct allocation_settings {
	const struct five_tuple *tuple;
	void *path;
	const struct turn_relay *relay; /* TURN_FAMILY_COUNT of them */
	const char *username;
	const char *realm, *origin; /* NULL: the default one, none */
	const char *home;           /* NULL: realm */
	const uint8_t *key;
	size_t key_len;
	timestamp token_deadline;
	uint32_t lifetime_s;
	bool is_tcp;
	const struct turn_place *place; /* taken over: its holder is NULL without quotas */
};
/* Returns NULL when there is no memory. */
struct turn_allocation *allocation_create(struct turn_server *server,
                                          const struct allocation_settings *settings);
/* Ends an allocation, closes its relays and reports it. */
void allocation_end(struct turn_allocation *allocation, enum turn_report_type type,
                    const char *reason);
/* The same where an ended_ row of counters.def says how it ended. */
void allocation_end_as(struct turn_allocation *allocation, enum counter how, const char *reason);
/* Frees it and all it owns without an action, and gives its place in the quotas back. */
void allocation_destroy(struct turn_allocation *allocation);

void allocation_refresh(struct turn_allocation *allocation, enum turn_family family,
                        uint32_t lifetime_s);
/* Gives up one relayed transport address with its permissions and channels. */
void allocation_drop_family(struct turn_allocation *allocation, enum turn_family family);

/* Has it answer where the client is now, and no longer where the client was. False, and nothing is
 * changed, when there is no memory. */
bool allocation_take_path(struct turn_allocation *allocation, const struct five_tuple *tuple,
                          void *path);
/* Leaves it without a path. */
void allocation_leave_path(struct turn_allocation *allocation);
/* Removes one that goes on elsewhere: nothing is closed, reported or freed but the structure. */
void allocation_forget(struct turn_allocation *allocation);
/* Has it go by the server's rules for peers; what they no longer allow ends. Returns how many
 * permissions did. */
size_t allocation_judge_peers(struct turn_allocation *allocation);
/* What a structure owns but for its permissions: freed, or no longer owned, as a copy owns it now. */
void allocation_free_owned(struct turn_server *server, struct turn_allocation *allocation);
void allocation_disown(struct turn_allocation *allocation);
/* Takes over one that comes from elsewhere, without a path, permissions and channels as yet. What it
 * owns is the new one's. NULL, and nothing is changed, when there is no memory. */
struct turn_allocation *allocation_adopt(struct turn_server *server,
                                         const struct turn_allocation *original,
                                         const struct turn_relay relay[TURN_FAMILY_COUNT]);

/* Returns the realm that its user is of, lent. */
static inline const char *allocation_realm(const struct turn_allocation *allocation)
{
	return allocation->realm != NULL ? allocation->realm : allocation->server->settings.realm;
}
/* Returns the realm whose limits and lists of peers it has, lent. */
static inline const char *allocation_home(const struct turn_allocation *allocation)
{
	return allocation->home != NULL ? allocation->home : allocation_realm(allocation);
}
static inline bool allocation_is_by_token(const struct turn_allocation *allocation)
{
	return allocation->token_deadline != 0;
}
static inline bool allocation_has_family(const struct turn_allocation *allocation,
                                         enum turn_family family)
{
	return allocation->relay[family].relay != NULL;
}
static inline bool allocation_is_empty(const struct turn_allocation *allocation)
{
	return !allocation_has_family(allocation, TURN_IPV4) &&
	       !allocation_has_family(allocation, TURN_IPV6);
}
