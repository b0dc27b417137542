/* Users, secrets, and what else the programs share, behind one interface: SQLite on one machine, Redis for
 * several.
 * A store lives on a thread of its own; a relay thread posts a request and gets its answer as mail. It is
 * also called directly, by programs that may wait, such as turnadmin. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mailbox.h"

enum { STORE_TEXT_MAX = 768, STORE_KEY_MAX = 64, STORE_SECRETS_MAX = 32, STORE_SECRET_MAX = 255 };

/* Direct access. Opens, and creates where may_create is set, with coturn's table and column names.
 * problem is one line for a person. Every function may wait for the disk. A file that cannot be
 * written opens all the same; store_is_read_only tells. */
struct store;
/* Where it is: one of the two is set. */
struct store_location {
	const char *file;  /* of SQLite */
	const char *redis; /* coturn's connection string; there may be a password in it */
	bool is_checked; /* a file that is damaged anywhere is refused, not only where it is read */
	bool is_patient; /* a Redis that is away is no error: what is asked of it tries anew, once a second */
};
/* Calls each for every file that a connection to Redis reads: certificates and keys. */
void store_location_files(const struct store_location *location,
                          void (*each)(const char *path, void *context), void *context);
MUST_CHECK enum err store_open_at(const struct store_location *location, bool may_create,
                                  struct store **store, char problem[256]);
/* The same for a file of SQLite. */
MUST_CHECK enum err store_open(const char *path, bool may_create, struct store **store,
                               char problem[256]);
void store_close(struct store *store);
bool store_is_read_only(const struct store *store);
/* Returns why the last call that returned neither OK nor ERR_NOT_FOUND failed: one line for a
 * person, lent. */
const char *store_problem(const struct store *store);
/* Returns the file or the address, for a person. No secret is in it. */
const char *store_path(const struct store *store);
/* True when the file at the path is no longer the one that was opened: removed or replaced. */
bool store_has_moved(struct store *store);

struct store_user {
	char name[STORE_TEXT_MAX];
	char realm[STORE_TEXT_MAX];
	uint8_t key[STORE_KEY_MAX]; /* MD5 key of coturn's hmackey column, 16 bytes */
	size_t key_len;
	uint8_t sha256_key[32]; /* RFC 8489; has_sha256 when the user was made by turnstone */
	bool has_sha256;
};

/* Sets both keys of user, whose name and realm are there, from a password. */
MUST_CHECK enum err store_user_set_password(struct store_user *user, const char *password);

/* ERR_NOT_FOUND also when coturn's row is there but is not one of a key: the log says so. */
MUST_CHECK enum err store_user_find(struct store *store, const char *realm, const char *name,
                                    struct store_user *user);
/* Finds by USERHASH (RFC 8489 section 14.4). */
MUST_CHECK enum err store_user_find_hash(struct store *store, const char *realm,
                                         const uint8_t userhash[32], struct store_user *user);
MUST_CHECK enum err store_user_put(struct store *store, const struct store_user *user);
MUST_CHECK enum err store_user_delete(struct store *store, const char *realm, const char *name);
/* Calls each for every user of realm (NULL: all), in order of realm and name, until it returns false. each
 * does not use the store. */
MUST_CHECK enum err store_user_list(struct store *store, const char *realm,
                                    bool (*each)(const struct store_user *user, void *context),
                                    void *context);

/* A part of that list: the first users behind one, as many as limit, so that a list of any length is read in pages. */
enum { STORE_PAGE_MAX = 1000 };
struct store_user_page {                      /* lent */
	const char *realm;                    /* NULL: all */
	const char *after_realm, *after_name; /* NULL: from the first one on */
	const char *contains; /* of the name; ASCII letters in either case. NULL: all */
	size_t limit;         /* 1 to STORE_PAGE_MAX */
};
/* Gives fewer than limit only where there are no more. each is as in store_user_list. */
MUST_CHECK enum err store_user_page(struct store *store, const struct store_user_page *page,
                                    bool (*each)(const struct store_user *user, void *context),
                                    void *context);
/* Counts the users of some realms, which are in order. Redis counts a few twice while its tables grow. */
MUST_CHECK enum err store_user_counts(struct store *store, const char *const *realms,
                                      size_t realm_count, uint64_t *counts);

MUST_CHECK enum err store_secret_add(struct store *store, const char *realm, const char *secret);
/* secret NULL: all of the realm. */
MUST_CHECK enum err store_secret_delete(struct store *store, const char *realm, const char *secret);
MUST_CHECK enum err store_secret_list(struct store *store, const char *realm,
                                      bool (*each)(const char *realm, const char *secret,
                                                   void *context),
                                      void *context);

/* Realms by the ORIGIN of clients: coturn's turn_origin_to_realm. origin is in the form of
 * stun_origin_normalise, which is coturn's. store_origin_put changes the realm of one that is there. */
MUST_CHECK enum err store_origin_put(struct store *store, const char *origin, const char *realm);
MUST_CHECK enum err store_origin_delete(struct store *store, const char *origin);
/* Calls each for every origin of realm (NULL: all), in order, until it returns false. */
MUST_CHECK enum err store_origin_list(struct store *store, const char *realm,
                                      bool (*each)(const char *origin, const char *realm,
                                                   void *context),
                                      void *context);

/* What a realm has of its own: coturn's turn_realm_option, whose value wins over the configuration's.
 * Options that no program knows are kept and listed; only those of store_realm_option_parse can be put. */
enum { STORE_OPTION_MAX = 32, STORE_VALUE_MAX = 128 };
enum store_realm_option {
	STORE_MAX_BPS,
	STORE_TOTAL_QUOTA,
	STORE_USER_QUOTA,
	STORE_REALM_OPTION_COUNT /* the number of options */
};
/* Returns an option's name, such as "max-bps". */
const char *store_realm_option_name(enum store_realm_option option);
/* Reads an option's name and value, a decimal number; 0 is no limit. ERR_NOT_FOUND: there is no option of
 * that name. ERR_INVALID: not a number, or too large a one. */
MUST_CHECK enum err store_realm_option_parse(const char *name, const char *value,
                                             enum store_realm_option *option, uint64_t *number);
/* Sets an option of a realm, in place of the value that it has. Errors are also those of
 * store_realm_option_parse. */
MUST_CHECK enum err store_realm_option_put(struct store *store, const char *realm, const char *name,
                                           const char *value);
/* name NULL: all of the realm. ERR_NOT_FOUND: it has none. */
MUST_CHECK enum err store_realm_option_delete(struct store *store, const char *realm,
                                              const char *name);
/* Calls each for every option of realm (NULL: all), known or not and as it was written, in order of
 * realm and name, until it returns false. */
MUST_CHECK enum err store_realm_option_list(struct store *store, const char *realm,
                                            bool (*each)(const char *realm, const char *name,
                                                         const char *value, void *context),
                                            void *context);

/* Peers that clients of a realm may reach or may not: coturn's allowed_peer_ip and denied_peer_ip. Realm
 * "" is every realm. */
enum { STORE_RANGE_MAX = 256 };
enum store_peer_list { STORE_ALLOWED_PEERS, STORE_DENIED_PEERS, STORE_PEER_LIST_COUNT };
/* Writes a range in the form in which it is kept. ERR_INVALID: it is none. */
MUST_CHECK enum err store_peer_range_normalise(const char *range, char text[STORE_RANGE_MAX + 1]);
/* Adds a range that addr_range_parse reads: one address, a-b, or a prefix, which is written as a-b, for
 * coturn knows nothing else. ERR_INVALID: it is none of these. ERR_EXISTS: it is there. */
MUST_CHECK enum err store_peer_range_add(struct store *store, enum store_peer_list list,
                                         const char *realm, const char *range);
/* Deletes a range in any of its forms, or one that is malformed by its very text; range NULL: all of the
 * realm. */
MUST_CHECK enum err store_peer_range_delete(struct store *store, enum store_peer_list list,
                                            const char *realm, const char *range);
/* Calls each for every range of realm (NULL: all), malformed ones too and as they were written, in order
 * of realm and text, until it returns false. */
MUST_CHECK enum err store_peer_range_list(
	struct store *store, enum store_peer_list list, const char *realm,
	bool (*each)(const char *realm, const char *range, void *context), void *context);

/* Keys of authorization servers (RFC 7635): coturn's oauth_key. */
enum { STORE_KID_MAX = 128, STORE_ALGORITHM_MAX = 64, STORE_OAUTH_KEY_MAX = 190 };
struct store_oauth_key {
	char kid[STORE_KID_MAX + 1];
	char realm[STORE_TEXT_MAX]; /* "": any */
	char algorithm[STORE_ALGORITHM_MAX + 1];
	uint8_t key[STORE_OAUTH_KEY_MAX]; /* ikm_key, without its base64 */
	size_t key_len;
	uint64_t timestamp,
		lifetime_s; /* valid until their sum, in seconds since 1970; 0: for ever */
};
/* ERR_NOT_FOUND also when the row is there but has no key in base64: the log says so. */
MUST_CHECK enum err store_oauth_key_find(struct store *store, const char *kid,
                                         struct store_oauth_key *key);
MUST_CHECK enum err store_oauth_key_put(struct store *store, const struct store_oauth_key *key);
MUST_CHECK enum err store_oauth_key_delete(struct store *store, const char *kid);
/* Calls each for every key of realm (NULL: all), in order of kid, until it returns false. */
MUST_CHECK enum err store_oauth_key_list(struct store *store, const char *realm,
                                         bool (*each)(const struct store_oauth_key *key,
                                                      void *context),
                                         void *context);

/* Administrators: coturn's admin_user. password is as password_hash.h makes it, or as coturn does. */
enum { STORE_PASSWORD_MAX = 512 };
struct store_administrator {
	char name[STORE_TEXT_MAX];
	char realm[STORE_TEXT_MAX]; /* "": all */
	char password[STORE_PASSWORD_MAX + 1];
};
typedef bool store_each_administrator(const struct store_administrator *administrator,
                                      void *context);
/* ERR_NOT_FOUND also when the row is there but nobody could sign in by it: the log says so. */
MUST_CHECK enum err store_administrator_find(struct store *store, const char *name,
                                             struct store_administrator *administrator);
MUST_CHECK enum err store_administrator_put(struct store *store,
                                            const struct store_administrator *administrator);
MUST_CHECK enum err store_administrator_delete(struct store *store, const char *name);
/* Calls each for every administrator of realm (NULL: all, "": those of all realms), in order of realm
 * and name, until it returns false. */
MUST_CHECK enum err store_administrator_list(struct store *store, const char *realm,
                                             store_each_administrator *each, void *context);

/* Calls each for every realm that has users or secrets, until it returns false. */
MUST_CHECK enum err store_realm_list(struct store *store,
                                     bool (*each)(const char *realm, void *context), void *context);

/* Numbers that are other ones when another program has written: anything that is asked of the store, or
 * what realms have; tenants and their keys; revocations. A store that cannot tell one from the other has the same
 * for all. */
struct store_version {
	int64_t data, realms, tenants, revocations;
};
MUST_CHECK enum err store_version(struct store *store, struct store_version *version);

/* The same on its own thread, for relay threads that never wait. */
struct store_thread;
/* Opens path, and creates it as coturn does, before it returns. Questions wait until it runs. */
MUST_CHECK enum err store_thread_create(const char *path, struct store_thread **thread,
                                        char problem[256]);
/* The same for any store; a Redis server that is away is waited for without end. */
MUST_CHECK enum err store_thread_create_at(const struct store_location *location,
                                           struct store_thread **thread, char problem[256]);
/* Starts its thread, once. On failure it is stopped with store_thread_stop, as it is at the end. */
MUST_CHECK enum err store_thread_run(struct store_thread *thread, char problem[256]);
/* Both. On failure nothing is left. */
MUST_CHECK enum err store_thread_start(const char *path, struct store_thread **thread,
                                       char problem[256]);
void store_thread_stop(struct store_thread *thread); /* answers what is waiting, then ends */

enum store_question {
	STORE_FIND_USER,
	STORE_FIND_USERHASH,
	STORE_LIST_SECRETS,
	STORE_FIND_OAUTH_KEY, /* name is the kid */
};

/* A question and its answer in one letter: the asker allocates, the store fills in and posts it to
 * reply_to, whose owner's deliver frees it. */
struct store_request {
	struct mail mail; /* deliver is set by the asker, for the answer */
	struct mailbox *reply_to;
	enum store_question question;
	char realm[STORE_TEXT_MAX], name[STORE_TEXT_MAX];
	uint8_t userhash[32];
	uint64_t cookie;                                   /* the asker's own */
	void (*answer)(struct mail *mail, void *receiver); /* the store's own */

	enum err result; /* OK, ERR_NOT_FOUND, ERR_UNAVAILABLE */
	struct store_user user;
	char secrets[STORE_SECRETS_MAX][STORE_SECRET_MAX + 1];
	size_t secret_count;
	struct store_oauth_key oauth_key;
};
void store_thread_ask(struct store_thread *thread, struct store_request *request);

/* Gives the clock of its thread's CPU time; false when there is none. */
bool store_thread_clock(const struct store_thread *thread, clockid_t *clock);

/* Asks for nothing but an answer: whether the thread goes on, be the store away or not. */
struct store_ping {
	struct mail mail; /* the store's own, until it is answered */
	struct mailbox *reply_to;
	void (*answered)(struct mail *mail, void *receiver);
};
void store_thread_ping(struct store_thread *thread, struct store_ping *ping);

/* What all realms have, in one letter: a section of rows for each table, rows of texts that each have
 * their end. Only rows that mean something are in it. */
enum store_section {
	STORE_ORIGINS, /* origin, realm */
	STORE_OPTIONS, /* realm, name, value: store_realm_option_parse */
	STORE_ALLOWED, /* realm, range: addr_range_parse */
	STORE_DENIED,
	STORE_NAMES,        /* realm: it has users or secrets */
	STORE_SECTION_COUNT /* the number of sections */
};
struct store_realms {
	struct mail mail;
	void *context; /* of the watch */
	size_t count[STORE_SECTION_COUNT], len;
	char texts[];
};
/* Something was written, be it realms or users: what was remembered may have changed. */
struct store_change {
	struct mail mail;
	void *context; /* of the watch */
};
/* TURN usernames that were revoked, each with its end: all that there are. */
struct store_revocations {
	struct mail mail;
	void *context; /* of the watch */
	size_t count, len;
	char texts[];
};
/* Who wants to know of realms, of writes, of tenants, of revocations, or of several. Filled in by who asks, but for the store's own part;
 * it lives until the store thread was stopped. */
struct store_watch {
	struct mail mail;                                           /* the store's own */
	struct list node;                                           /* the store's own */
	uint64_t told, writes_told, tenants_told, revocations_told; /* the store's own */
	struct mailbox *notify; /* gets the letters, now and after each change */
	void (*deliver)(struct mail *realms, void *receiver); /* frees a store_realms; NULL: none */
	void (*wrote)(struct mail *change, void *receiver);   /* frees a store_change; NULL: none */
	void (*tenants)(struct mail *tenancy,
	                void *receiver); /* frees a struct tenancy; NULL: none */
	const char *realm; /* of tenants: the server's own, the same for all who watch them; lent */
	void (*revoked)(struct mail *revocations,
	                void *receiver); /* frees a store_revocations; NULL: none */
	void *context;
};
/* A change is told of after at most STORE_WATCH_MS. */
enum { STORE_WATCH_MS = 500 };
void store_thread_watch(struct store_thread *thread, struct store_watch *watch);
