/* What the files of the store in Redis share: its connection, the ways to ask, and lists of keys. Keys are
 * coturn's, so that both use one Redis; ours begin with turnstone/ where coturn's begin with turn/:
 *
 *     turn/realm/R/user/U/key                 MD5 key in hexadecimal
 *     turn/realm/R/secret                     set of secrets
 *     turn/realm/R/allowed-peer-ip, denied-.. sets of ranges
 *     turn/realm/R/max-bps, total-quota, ..   numbers
 *     turn/origin/O                           realm
 *     turn/oauth/kid/K                        hash: ikm_key timestamp lifetime as_rs_alg realm
 *     turn/admin_user/A                       hash: password realm
 *     turnstone/realm/R/user/U/keys           MD5 key:SHA-256 key; counts while the first is coturn's
 *     turnstone/realm/R/userhash/H            user name (RFC 8489 section 14.4)
 *     turnstone/realm/R/secret-times          hash: SHA-256 of a secret, when turnadmin added it, in us since 1970
 *     turnstone/tenant/T, api-key/T/NAME,     hashes of the columns of records.c
 *     turnstone/room/T/TYPE/NAME, revoked/U   the same; the last expires by itself
 *     turnstone/console-token/HASH, totp/A    the same
 *     turnstone/audit                         stream of entries, the newest of them; ids 1-0, 2-0, 3-0
 *
 * Private to the folder. */
#pragma once

#include "store/driver.h"
#include "store/redis_connection.h"

#include "stun/integrity.h"

/* A key of the longest realm and name, and what is around them. */
enum { REDIS_KEY_MAX = 2 * STORE_TEXT_MAX + 64 };
/* How long a reply may take; a server that takes longer is as good as away. */
enum { REDIS_ANSWER_MS = 1000, REDIS_RETRY_MS = 1000 };

struct redis_changes;
struct redis_userhashes;

struct redis_store {
	struct store store;
	struct redis_settings settings;
	struct redis_address at;             /* where connection leads: a sentinel may have said */
	struct redis_connection *connection; /* owned; NULL: a patient one has none yet */
	bool is_patient;                     /* who asks has it connect anew */
	timestamp retry_at;                  /* but not before */
	unsigned asked;                      /* replies that were asked for ahead */
	timestamp asked_until;               /* when all of those have to be there */
	struct redis_changes *changes;       /* owned; NULL: nobody wanted to know of any yet */
	struct redis_userhashes *userhashes; /* owned; NULL: not made yet */
	struct stun_hasher *hasher;          /* owned */
};

static inline struct redis_store *redis_of(struct store *store)
{
	return CONTAINER_OF(store, struct redis_store, store);
}

/* Asks and waits for the reply, the caller's. Not OK: store_problem says why. ERR_INVALID: a key is not
 * of coturn's type. */
MUST_CHECK enum err redis_call(struct redis_store *redis, redisReply **reply,
                               const char *const *words, size_t count);
/* Gathers a command whose reply redis_get gives. */
MUST_CHECK enum err redis_put(struct redis_store *redis, const char *const *words, size_t count);
MUST_CHECK enum err redis_get(struct redis_store *redis, redisReply **reply);
/* Counts replies that redis_ask will give, to commands that were put. */
void redis_asked_ahead(struct redis_store *redis, unsigned count);
/* The reply to a command that may have been asked ahead. */
MUST_CHECK enum err redis_ask(struct redis_store *redis, redisReply **reply,
                              const char *const *words, size_t count);
/* Begins and ends commands that take effect together, or not at all. The reply is the array of
 * theirs. */
MUST_CHECK enum err redis_begin(struct redis_store *redis);
MUST_CHECK enum err redis_commit(struct redis_store *redis, redisReply **reply);
/* The same for one command that changes something: how many it changed. */
MUST_CHECK enum err redis_change(struct redis_store *redis, long long *changed,
                                 const char *const *words, size_t count);
/* Puts words before store_problem. */
enum err redis_say(struct redis_store *redis, enum err err, const char *words);

/* Copies a text reply of at most size - 1 bytes. ERR_INVALID for anything else. */
MUST_CHECK enum err redis_text(const redisReply *reply, char *text, size_t size);

/* Returns the value of a field in the reply to HGETALL; NULL: it has none of that name. */
const redisReply *redis_field(const redisReply *reply, const char *name);

/* Texts in a list of their own, sorted, each once. */
struct redis_texts {
	char **item; /* each owned */
	size_t count, room;
};
void redis_texts_deinit(struct redis_texts *texts); /* wipes them: they may be secrets */
void redis_texts_sort(struct redis_texts *texts);
/* Gives the keys that match a pattern, whose parts that are not our own are escaped. */
MUST_CHECK enum err redis_scan(struct redis_store *redis, const char *pattern,
                               struct redis_texts *keys);
/* The same, of each key what part makes of it; false: nothing. Keys are many, and what they have in common is
 * kept but a few times while they come. */
typedef bool redis_part_fn(const char *key, char part[REDIS_KEY_MAX]);
MUST_CHECK enum err redis_scan_parts(struct redis_store *redis, const char *pattern,
                                     redis_part_fn *part, struct redis_texts *parts);
/* Calls take for each key that matches, in any order, and for some twice, until it does not return OK. */
typedef enum err redis_take_fn(const char *key, void *context);
MUST_CHECK enum err redis_scan_each(struct redis_store *redis, const char *pattern,
                                    redis_take_fn *take, void *context);
/* Gives the members of a set. */
MUST_CHECK enum err redis_members(struct redis_store *redis, const char *key,
                                  struct redis_texts *members);
/* Writes text so that a pattern takes it as it is; NULL: "*". size is at least 2 * STORE_TEXT_MAX. */
void redis_pattern(const char *text, char *pattern, size_t size);
/* Finds what stands between a beginning and an end of key. False when it has them not, or the rest does
 * not fit. */
bool redis_key_part(const char *key, const char *beginning, const char *end, char *part,
                    size_t size);

/* Redis's row of the driver's functions, by file. redis_users.c: */
enum err redis_user_find(struct store *store, const char *realm, const char *name,
                         struct store_user *user);
enum err redis_user_find_hash(struct store *store, const char *realm, const uint8_t userhash[32],
                              struct store_user *user);
enum err redis_user_put(struct store *store, const struct store_user *user);
enum err redis_user_delete(struct store *store, const char *realm, const char *name);
enum err redis_user_list(struct store *store, const char *realm,
                         bool (*each)(const struct store_user *user, void *context), void *context);
/* Gives the realm and the name of a key with the MD5 key of a user, with a line end between, by which users are in the order of both.
 * False: it is no such key. */
bool redis_user_of_key(const char *key, char user[REDIS_KEY_MAX]);
/* Gives those users, each as redis_user_of_key has it, which is cut into its two parts. */
typedef bool redis_each_user(const struct store_user *user, void *context);
enum err redis_users_give(struct redis_store *redis, char **users, size_t count,
                          redis_each_user *each, void *context, bool *goes_on);
/* redis_user_pages.c: */
enum err redis_user_page(struct store *store, const struct store_user_page *page,
                         redis_each_user *each, void *context);
enum err redis_user_counts(struct store *store, const char *const *realms, size_t realm_count,
                           uint64_t *counts);
/* redis_users.c again. Gathers the question that redis_user_find asks. */
enum err redis_user_ask(struct redis_store *redis, const char *realm, const char *name);
/* redis_sets.c: */
enum err redis_secret_ask(struct redis_store *redis, const char *realm);
enum err redis_secret_list(struct store *store, const char *realm,
                           bool (*each)(const char *realm, const char *secret, void *context),
                           void *context);
enum err redis_peer_range_add(struct store *store, enum store_peer_list list, const char *realm,
                              const char *range);
enum err redis_peer_range_delete(struct store *store, enum store_peer_list list, const char *realm,
                                 const char *range, const char *canonical);
enum err redis_peer_range_list(struct store *store, enum store_peer_list list, const char *realm,
                               bool (*each)(const char *realm, const char *range, void *context),
                               void *context);
/* redis_secrets.c: */
typedef bool redis_each_secret(const char *realm, const char *secret, void *context);
enum err redis_secret_add(struct store *store, const char *realm, const char *secret);
enum err redis_secret_delete(struct store *store, const char *realm, const char *secret);
enum err redis_secret_list_by_age(struct store *store, const char *realm, redis_each_secret *each,
                                  void *context);
/* redis_realms.c: */
enum err redis_origin_put(struct store *store, const char *origin, const char *realm);
enum err redis_origin_delete(struct store *store, const char *origin);
enum err redis_origin_list(struct store *store, const char *realm,
                           bool (*each)(const char *origin, const char *realm, void *context),
                           void *context);
enum err redis_realm_option_put(struct store *store, const char *realm, const char *name,
                                const char *value);
enum err redis_realm_option_delete(struct store *store, const char *realm, const char *name);
enum err redis_realm_option_list(struct store *store, const char *realm,
                                 bool (*each)(const char *realm, const char *name,
                                              const char *value, void *context),
                                 void *context);
enum err redis_realm_list(struct store *store, bool (*each)(const char *realm, void *context),
                          void *context);
/* redis_oauth_keys.c: */
enum err redis_oauth_key_find(struct store *store, const char *kid, struct store_oauth_key *key);
enum err redis_oauth_key_put(struct store *store, const struct store_oauth_key *key);
enum err redis_oauth_key_delete(struct store *store, const char *kid);
enum err redis_oauth_key_list(struct store *store, const char *realm,
                              bool (*each)(const struct store_oauth_key *key, void *context),
                              void *context);
/* redis_administrators.c: */
enum err redis_administrator_find(struct store *store, const char *name,
                                  struct store_administrator *administrator);
enum err redis_administrator_put(struct store *store,
                                 const struct store_administrator *administrator);
enum err redis_administrator_delete(struct store *store, const char *name);
enum err redis_administrator_list(struct store *store, const char *realm,
                                  store_each_administrator *each, void *context);
/* redis_records.c: */
enum err redis_record_put(struct store *store, enum record_kind kind, const void *record);
enum err redis_record_delete(struct store *store, enum record_kind kind, const char *const *keys);
enum err redis_record_list(struct store *store, enum record_kind kind, const char *first,
                           record_each *each, void *context);
enum err redis_revoke(struct store *store, const struct store_revocation *revocation,
                      uint64_t now_s);
/* redis_audit.c: */
enum err redis_audit_add(struct store *store, const struct store_audit_entry *entry);
enum err redis_audit_list(struct store *store, uint64_t before, store_each_audit_entry *each,
                          void *context);
/* redis_changes.c: */
enum err redis_version(struct store *store, struct store_version *version);
/* Counts changes of users alone. */
MUST_CHECK enum err redis_user_version(struct redis_store *redis, int64_t *version);
/* Another connection has to be told of them; what was missed may be anything. NULL is fine. */
void redis_changes_restart(struct redis_changes *changes);
void redis_changes_destroy(struct redis_changes *changes);
/* redis_userhashes.c: finds the name of a user whom coturn's turnadmin made. */
MUST_CHECK enum err redis_userhash_find(struct redis_store *redis, const char *realm,
                                        const uint8_t userhash[STUN_USERHASH_SIZE], char *name,
                                        size_t size);
void redis_userhashes_destroy(struct redis_userhashes *userhashes);

/* Opens a connection to the master that the sentinels tell of, or to the server that is named. */
MUST_CHECK enum err redis_connect(const struct redis_settings *settings, timestamp deadline,
                                  struct redis_address *at, struct redis_connection **connection,
                                  char problem[256]);
