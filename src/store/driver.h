/* What a kind of store is: a row of functions, one for each of store.h, which store.c calls through.
 * SQLite's are in sqlite.c, Redis's in redis.c. Private to the folder. */
#pragma once

#include "store/audit.h"
#include "store/records.h"
#include "store/store.h"

struct store_driver {
	void (*close)(struct store *store);
	bool (*has_moved)(struct store *store); /* NULL: it cannot */
	/* Sends a question whose answer the function for it is to give, before other questions were
	 * answered; those asked ahead are answered in their order and before any other. ERR_INVALID: not
	 * one that can be. NULL: none can. */
	enum err (*ask_ahead)(struct store *store, const struct store_request *request);
	enum err (*version)(struct store *store, struct store_version *version);

	enum err (*user_find)(struct store *store, const char *realm, const char *name,
	                      struct store_user *user);
	enum err (*user_find_hash)(struct store *store, const char *realm,
	                           const uint8_t userhash[32], struct store_user *user);
	enum err (*user_put)(struct store *store, const struct store_user *user);
	enum err (*user_delete)(struct store *store, const char *realm, const char *name);
	enum err (*user_list)(struct store *store, const char *realm,
	                      bool (*each)(const struct store_user *user, void *context),
	                      void *context);
	enum err (*user_page)(struct store *store, const struct store_user_page *page,
	                      bool (*each)(const struct store_user *user, void *context),
	                      void *context);
	enum err (*user_counts)(struct store *store, const char *const *realms, size_t realm_count,
	                        uint64_t *counts);

	enum err (*secret_add)(struct store *store, const char *realm, const char *secret);
	enum err (*secret_delete)(struct store *store, const char *realm, const char *secret);
	enum err (*secret_list)(struct store *store, const char *realm,
	                        bool (*each)(const char *realm, const char *secret, void *context),
	                        void *context);

	enum err (*origin_put)(struct store *store, const char *origin, const char *realm);
	enum err (*origin_delete)(struct store *store, const char *origin);
	enum err (*origin_list)(struct store *store, const char *realm,
	                        bool (*each)(const char *origin, const char *realm, void *context),
	                        void *context);

	/* The option is one that there is, and its value one that it can have. */
	enum err (*realm_option_put)(struct store *store, const char *realm, const char *name,
	                             const char *value);
	enum err (*realm_option_delete)(struct store *store, const char *realm, const char *name);
	enum err (*realm_option_list)(struct store *store, const char *realm,
	                              bool (*each)(const char *realm, const char *name,
	                                           const char *value, void *context),
	                              void *context);

	/* The range is in the form in which it is kept. */
	enum err (*peer_range_add)(struct store *store, enum store_peer_list list,
	                           const char *realm, const char *range);
	/* canonical is the range in that form; NULL: it is none, or range is NULL. */
	enum err (*peer_range_delete)(struct store *store, enum store_peer_list list,
	                              const char *realm, const char *range, const char *canonical);
	enum err (*peer_range_list)(
		struct store *store, enum store_peer_list list, const char *realm,
		bool (*each)(const char *realm, const char *range, void *context), void *context);

	enum err (*oauth_key_find)(struct store *store, const char *kid,
	                           struct store_oauth_key *key);
	enum err (*oauth_key_put)(struct store *store, const struct store_oauth_key *key);
	enum err (*oauth_key_delete)(struct store *store, const char *kid);
	enum err (*oauth_key_list)(struct store *store, const char *realm,
	                           bool (*each)(const struct store_oauth_key *key, void *context),
	                           void *context);

	enum err (*administrator_find)(struct store *store, const char *name,
	                               struct store_administrator *administrator);
	enum err (*administrator_put)(struct store *store,
	                              const struct store_administrator *administrator);
	enum err (*administrator_delete)(struct store *store, const char *name);
	enum err (*administrator_list)(struct store *store, const char *realm,
	                               store_each_administrator *each, void *context);
	/* NULL: it cannot tell. */
	enum err (*realm_list)(struct store *store, bool (*each)(const char *realm, void *context),
	                       void *context);

	/* What is in records.c. record is one of that kind, keys its first columns. first NULL: all. */
	enum err (*record_put)(struct store *store, enum record_kind kind, const void *record);
	enum err (*record_delete)(struct store *store, enum record_kind kind,
	                          const char *const *keys);
	enum err (*record_list)(struct store *store, enum record_kind kind, const char *first,
	                        record_each *each, void *context);
	/* A revocation that is put so is gone when it has expired. */
	enum err (*revoke)(struct store *store, const struct store_revocation *revocation,
	                   uint64_t now_s);
	enum err (*audit_add)(struct store *store, const struct store_audit_entry *entry);
	enum err (*audit_list)(struct store *store, uint64_t before, store_each_audit_entry *each,
	                       void *context);
	enum err (*secret_list_by_age)(struct store *store, const char *realm,
	                               bool (*each)(const char *realm, const char *secret,
	                                            void *context),
	                               void *context);
};

/* The beginning of each driver's own struct. */
struct store {
	const struct store_driver *driver;
	bool is_read_only;
	char path[256]; /* by which people know it; no secret is in it */
	char problem[256];
};

/* What each driver opens its stores by, as store_open_at. */
MUST_CHECK enum err sqlite_store_open(const char *path, bool may_create, bool is_checked,
                                      struct store **store, char problem[256]);
MUST_CHECK enum err redis_store_open(const char *connection, bool is_patient, struct store **store,
                                     char problem[256]);
/* As a member of driver says. */
MUST_CHECK enum err store_ask_ahead(struct store *store, const struct store_request *request);
