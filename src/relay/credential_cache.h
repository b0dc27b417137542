/* What the store answered, for a short time, and who waits for what it has not answered yet. Its
 * size has a bound, and names that nobody knows, which strangers make up, cannot push out users. */
#pragma once

#include "base/hash_table.h"
#include "base/list.h"
#include "base/timestamp.h"
#include "relay/realm_secrets.h"
#include "relay/user_keys.h"
#include "store/store.h"
#include "stun/integrity.h"
#include "turn/turn.h"

enum {
	CACHE_FOUND_MAX = 8000,
	CACHE_NOT_FOUND_MAX = 2000,
	CACHE_ASKED_MAX = 4096,
	CACHE_TOKEN_KEY_MAX = 1000,
};

/* What was asked, as bytes: a kind, a realm with its end, and a name or a USERHASH. */
enum { CACHE_KEY_MAX = 1 + 2 * STORE_TEXT_MAX };
struct cache_key {
	size_t len;
	uint8_t bytes[CACHE_KEY_MAX];
};

enum cache_state {
	CACHE_ASKED,
	CACHE_FOUND, /* a user */
	CACHE_NOT_FOUND,
	CACHE_SECRETS,    /* of a realm; the credentials have them */
	CACHE_TOKEN_KEY,  /* of an authorization server */
	CACHE_STATE_COUNT /* the number of states */
};

struct cache_user {
	struct user_keys keys;
	char name[]; /* with its end */
};

struct cache_token_key {
	struct turn_token_key key;
	uint64_t valid_until_s; /* since 1970; 0: for ever */
};

struct cache_entry {
	struct list node; /* in the list of its state, oldest first */
	enum cache_state state;
	timestamp asked_at, deadline;      /* deadline: when it is forgotten */
	struct list waiting;               /* owned, by credentials.c, while it is CACHE_ASKED */
	struct cache_user *user;           /* owned; when CACHE_FOUND */
	struct cache_token_key *token_key; /* owned; when CACHE_TOKEN_KEY */
	uint64_t hash;
	size_t key_len;
	uint8_t key[]; /* bytes of the cache_key */
};

struct credential_cache {
	struct hash_table table;
	struct list entries[CACHE_STATE_COUNT]; /* owned */
	size_t count[CACHE_STATE_COUNT];
	struct stun_hasher *hasher; /* owner: the credentials */
	uint8_t seed[16];
};

void credential_cache_init(struct credential_cache *cache, struct stun_hasher *hasher);
/* Forgets all; each entry's waiting list is empty. */
void credential_cache_deinit(struct credential_cache *cache);

/* Returns the entry, lent, or NULL when there is none or its time is over. */
struct cache_entry *credential_cache_find(struct credential_cache *cache,
                                          const struct cache_key *key, timestamp now);
/* Adds an entry that is CACHE_ASKED; no equal one is there. ERR_FULL when too many are. */
MUST_CHECK enum err credential_cache_ask(struct credential_cache *cache,
                                         const struct cache_key *key, timestamp now,
                                         struct cache_entry **entry);
/* Gives a CACHE_ASKED entry the state it has until deadline; forgets the oldest of that state when
 * there are too many. */
void credential_cache_settle(struct credential_cache *cache, struct cache_entry *entry,
                             enum cache_state state, timestamp deadline);
void credential_cache_remove(struct credential_cache *cache, struct cache_entry *entry);
/* Forgets all answers; what was asked is still waited for. */
void credential_cache_forget(struct credential_cache *cache);
