/* What turnsignal keeps in the store, beside what it shares with turnserver: tenants, their API keys, rooms that are there
 * again after a crash; and usernames of TURN credentials that were taken back, which turnserver refuses. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

enum {
	STORE_TENANT_MAX = 64,
	STORE_TENANT_REALM_MAX = 255,
	STORE_KEY_NAME_MAX = 64,
	STORE_ROOM_TYPE_MAX = 32,
	STORE_ROOM_NAME_MAX = 200,
	STORE_OWNER_MAX = 255,
	STORE_USERNAME_MAX = 508, /* of TURN credentials */
	STORE_HASH_SIZE = 32,     /* SHA-256 */
	STORE_SALT_SIZE = 16,
	STORE_API_KEY_SIZE = 65, /* as it is shown when it is made */
};

struct store_tenant {
	char name[STORE_TENANT_MAX + 1]; /* letters, digits, . _ - */
	char realm[STORE_TENANT_REALM_MAX +
	           1];                     /* whose secrets its TURN credentials are made with */
	char secret[STORE_SECRET_MAX + 1]; /* of its tokens (HS256) and user names; "": none */
	bool lets_anybody_in, is_relay_only;
	uint32_t sessions_max, rooms_max, room_capacity, credentials_ttl_s; /* 0: as configured */
};
typedef bool store_each_tenant(const struct store_tenant *tenant, void *context);
/* Adds, or changes the one of that name. ERR_INVALID: that is no name of a tenant. */
MUST_CHECK enum err store_tenant_put(struct store *store, const struct store_tenant *tenant);
/* With its API keys and rooms. */
MUST_CHECK enum err store_tenant_delete(struct store *store, const char *name);
MUST_CHECK enum err store_tenant_find(struct store *store, const char *name,
                                      struct store_tenant *tenant);
/* Calls each for every tenant, in order of name, until it returns false. each does not use the store; nor does that of the
 * lists below. */
MUST_CHECK enum err store_tenant_list(struct store *store, store_each_tenant *each, void *context);
bool store_tenant_name_is_valid(const char *name);

/* An API key. The key itself is not kept: only its hash, by which it is known when somebody shows it. */
struct store_api_key {
	char tenant[STORE_TENANT_MAX + 1];
	char name[STORE_KEY_NAME_MAX + 1]; /* letters, digits, . _ - */
	uint8_t hash[STORE_HASH_SIZE];
	uint32_t permissions;          /* MAY_... of signaling/identity.h */
	uint64_t created_s, expires_s; /* since 1970; expires_s 0: never */
};
typedef bool store_each_api_key(const struct store_api_key *key, void *context);
/* Makes a random key, and sets its hash. text is the key, for the caller to show once and wipe. ERR_NO_MEMORY. */
MUST_CHECK enum err store_api_key_make(struct store_api_key *key, char text[STORE_API_KEY_SIZE]);
MUST_CHECK enum err store_api_key_put(struct store *store, const struct store_api_key *key);
MUST_CHECK enum err store_api_key_delete(struct store *store, const char *tenant, const char *name);
MUST_CHECK enum err store_api_key_list(struct store *store, const char *tenant /* NULL: all */,
                                       store_each_api_key *each, void *context);

/* A room that somebody made and that is to be there again after the end of the program, be it kill -9. */
struct store_room {
	char tenant[STORE_TENANT_MAX + 1];
	char type[STORE_ROOM_TYPE_MAX + 1];
	char name[STORE_ROOM_NAME_MAX + 1];
	char owner[STORE_OWNER_MAX + 1]; /* the user who made it; "" */
	bool has_pin, is_locked, is_relay_only;
	uint8_t pin_salt[STORE_SALT_SIZE], pin_hash[STORE_HASH_SIZE];
	uint32_t capacity;   /* 0: as configured */
	uint32_t empty_s;    /* how long it stays when it is empty */
	uint64_t created_ms; /* since 1970 */
};
typedef bool store_each_room(const struct store_room *room, void *context);
/* Sets has_pin, and hash and salt of a PIN; one of no bytes is none. ERR_NO_MEMORY. */
MUST_CHECK enum err store_room_set_pin(struct store_room *room, const char *pin, size_t len);
/* In constant time. */
bool store_room_pin_is(const struct store_room *room, const char *pin, size_t len);
MUST_CHECK enum err store_room_put(struct store *store, const struct store_room *room);
/* With its kicks. */
MUST_CHECK enum err store_room_delete(struct store *store, const char *tenant, const char *type,
                                      const char *name);
MUST_CHECK enum err store_room_list(struct store *store, const char *tenant /* NULL: all */,
                                    store_each_room *each, void *context);

/* Who was removed from a room for good: a text that is the caller's, of any length. A room without has none. */
struct store_room_kicks {
	char tenant[STORE_TENANT_MAX + 1];
	char type[STORE_ROOM_TYPE_MAX + 1];
	char name[STORE_ROOM_NAME_MAX + 1];
	const char *kicked; /* lent */
};
typedef bool store_each_room_kicks(const struct store_room_kicks *kicks, void *context);
/* Those of the room as they are now; kicked "": it has none any more. */
MUST_CHECK enum err store_room_kicks_put(struct store *store, const struct store_room_kicks *kicks);
MUST_CHECK enum err store_room_kicks_list(struct store *store, const char *tenant /* NULL: all */,
                                          store_each_room_kicks *each, void *context);

/* A username whose credentials count no more, though they have not expired. It is forgotten when they have. */
struct store_revocation {
	char username[STORE_USERNAME_MAX + 1];
	uint64_t expires_s; /* since 1970 */
};
typedef bool store_each_revocation(const struct store_revocation *revocation, void *context);
/* now_s, in seconds since 1970, tells which others have expired. */
MUST_CHECK enum err store_revoke(struct store *store, const struct store_revocation *revocation,
                                 uint64_t now_s);
MUST_CHECK enum err store_revocation_list(struct store *store, store_each_revocation *each,
                                          void *context);

/* Calls each for every secret of a realm, the one that was added last first, until it returns false. Redis knows this of those that
 * turnadmin added, and takes any other for older. */
MUST_CHECK enum err store_secret_list_by_age(struct store *store, const char *realm,
                                             bool (*each)(const char *realm, const char *secret,
                                                          void *context),
                                             void *context);
