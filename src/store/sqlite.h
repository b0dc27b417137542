/* What the files of the store share: the open database, its prepared statements, and the one way in
 * which a failure of SQLite becomes an error of ours with words. */
#pragma once

#include <sqlite3.h>

#include "store/driver.h"
#include "store/records.h"
#include "stun/integrity.h"

/* Statements are prepared when first used; values are bound, never written into the text. */
enum store_statement {
#define STATEMENT(name, sql) STATEMENT_##name,
#include "store/statements.def"
#undef STATEMENT
	STATEMENT_COUNT /* the number of statements */
};

struct userhash_index;

/* That have to be there for turnstone_version to tell all. */
enum { SQLITE_CHANGE_TRIGGERS = 30 };

struct sqlite_store {
	struct store store;
	sqlite3 *database;                         /* owned */
	sqlite3_stmt *statements[STATEMENT_COUNT]; /* owned; NULL: not prepared yet */
	struct stun_hasher *hasher;                /* owned */
	struct userhash_index *index;              /* owned; NULL: not made yet */
	bool has_own_keys;                         /* turnstone_user_key was seen */
	bool is_immutable;                         /* read as a file that nobody can change */
	bool has_written;                          /* or was about to: the schema is the newest */
	bool has_version;                          /* the next two are there */
	int64_t version_seen;         /* SQLite's own: another one when the file was written */
	struct store_version version; /* as it was told last */
	bool has_warned;              /* of an oauth_key that lacks columns */
	bool has_warned_of_ranges;    /* of a list of peers that lacks them */
};

static inline struct sqlite_store *sqlite_of(struct store *store)
{
	return CONTAINER_OF(store, struct sqlite_store, store);
}

/* Returns how many rows the last statement that writes has changed. */
static inline int sqlite_changes(struct store *store)
{
	return sqlite3_changes(sqlite_of(store)->database);
}

/* Gives a statement ready to be bound; NULL when it cannot be, and store_problem says why. Whoever
 * asks for it gives it back with statement_done. */
sqlite3_stmt *store_statement(struct store *store, enum store_statement which);
/* Ends the reads of a statement and forgets what was bound. */
void statement_done(sqlite3_stmt *statement);
/* Binds the texts in order; they live until statement_done. NULL is bound as SQL's NULL. */
void statement_bind_texts(sqlite3_stmt *statement, const char *first, const char *second);

/* Turns SQLite's result into ours: OK for a row or an end, else the error, with words. */
MUST_CHECK enum err store_result(struct store *store, int result);
/* Reads the row that a statement is at. ERR_INVALID: it is not one that can be used; the log says so. */
typedef enum err sqlite_read_fn(struct store *store, sqlite3_stmt *statement, void *row);
/* Runs a bound statement that gives one row at most, and gives it back. ERR_NOT_FOUND: there is none that can
 * be used. */
MUST_CHECK enum err sqlite_row(struct store *store, sqlite3_stmt *statement, sqlite_read_fn *read,
                               void *row);
/* Reads the row so, and gives it on: goes_on says whether more is wanted. */
typedef enum err sqlite_give_fn(struct store *store, sqlite3_stmt *statement, void *context,
                                bool *goes_on);
/* Runs a statement whose first parameter is that text, if not NULL, and has each row given that can be used. */
MUST_CHECK enum err sqlite_rows(struct store *store, enum store_statement which, const char *first,
                                sqlite_give_fn *give, void *context);
/* The same of a bound statement, which it gives back. */
MUST_CHECK enum err sqlite_rows_of(struct store *store, sqlite3_stmt *statement,
                                   sqlite_give_fn *give, void *context);
/* Runs a statement that gives no rows, and gives it back. */
MUST_CHECK enum err store_run(struct store *store, sqlite3_stmt *statement);

/* A transaction that writes. store_commit ends it either way: with err other than OK it undoes all
 * and returns err. */
MUST_CHECK enum err store_begin(struct store *store);
MUST_CHECK enum err store_commit(struct store *store, enum err err);

/* ERR_NOT_FOUND when there is no such table: databases of old versions of coturn lack some. */
MUST_CHECK enum err store_find_table(struct store *store, const char *name);
/* The same of a column. */
MUST_CHECK enum err store_find_column(struct store *store, const char *table, const char *name);

/* True when the table of our own keys is there; once seen it is not looked for again. */
MUST_CHECK enum err store_find_own_table(struct store *store);
/* Makes our own tables, or those of an older version into ours, inside a transaction. */
MUST_CHECK enum err store_make_own_table(struct store *store);

/* Looks at the version of the tables, and makes them in an empty file when it may; nothing else in a file that
 * is a database already is changed. */
MUST_CHECK enum err sqlite_schema_open(struct store *store, bool may_create);
/* Before the first write, outside of a transaction: adds what a database of an old coturn lacks, and has
 * readers no longer wait for writers. */
MUST_CHECK enum err sqlite_schema_prepare(struct store *store);

/* A step from the version of our own tables before it to the next. */
struct sqlite_migration {
	const char *sql;
};
/* Takes the tables through those steps that they have not taken, inside a transaction: all or none. */
MUST_CHECK enum err sqlite_migrate(struct store *store, const struct sqlite_migration *steps,
                                   int count);

/* Runs one of our own constant texts. */
MUST_CHECK enum err store_execute(struct store *store, const char *sql);
/* Reads the number that a constant text gives. */
MUST_CHECK enum err store_number(struct store *store, const char *sql, int *number);
/* Keeps words for store_problem, and returns err. */
enum err store_say(struct store *store, enum err err, const char *words);

/* Copies a column that is a text of at most size - 1 bytes. ERR_INVALID for anything else. */
MUST_CHECK enum err statement_text(sqlite3_stmt *statement, int column, char *text, size_t size);

/* SQLite's row of the driver's functions. */
MUST_CHECK enum err sqlite_user_find(struct store *store, const char *realm, const char *name,
                                     struct store_user *user);
MUST_CHECK enum err sqlite_user_find_hash(struct store *store, const char *realm,
                                          const uint8_t userhash[32], struct store_user *user);
MUST_CHECK enum err sqlite_user_put(struct store *store, const struct store_user *user);
MUST_CHECK enum err sqlite_user_delete(struct store *store, const char *realm, const char *name);
MUST_CHECK enum err sqlite_user_page(struct store *store, const struct store_user_page *page,
                                     bool (*each)(const struct store_user *user, void *context),
                                     void *context);
MUST_CHECK enum err sqlite_user_counts(struct store *store, const char *const *realms,
                                       size_t realm_count, uint64_t *counts);
MUST_CHECK enum err sqlite_user_list(struct store *store, const char *realm,
                                     bool (*each)(const struct store_user *user, void *context),
                                     void *context);

MUST_CHECK enum err sqlite_secret_add(struct store *store, const char *realm, const char *secret);
MUST_CHECK enum err sqlite_secret_delete(struct store *store, const char *realm,
                                         const char *secret);
MUST_CHECK enum err sqlite_secret_list(struct store *store, const char *realm,
                                       bool (*each)(const char *realm, const char *secret,
                                                    void *context),
                                       void *context);
MUST_CHECK enum err sqlite_secret_list_by_age(struct store *store, const char *realm,
                                              bool (*each)(const char *realm, const char *secret,
                                                           void *context),
                                              void *context);

MUST_CHECK enum err sqlite_origin_put(struct store *store, const char *origin, const char *realm);
MUST_CHECK enum err sqlite_origin_delete(struct store *store, const char *origin);
MUST_CHECK enum err sqlite_origin_list(struct store *store, const char *realm,
                                       bool (*each)(const char *origin, const char *realm,
                                                    void *context),
                                       void *context);

MUST_CHECK enum err sqlite_oauth_key_find(struct store *store, const char *kid,
                                          struct store_oauth_key *key);
MUST_CHECK enum err sqlite_oauth_key_put(struct store *store, const struct store_oauth_key *key);
MUST_CHECK enum err sqlite_oauth_key_delete(struct store *store, const char *kid);
MUST_CHECK enum err sqlite_oauth_key_list(struct store *store, const char *realm,
                                          bool (*each)(const struct store_oauth_key *key,
                                                       void *context),
                                          void *context);

MUST_CHECK enum err sqlite_realm_option_put(struct store *store, const char *realm,
                                            const char *name, const char *value);
MUST_CHECK enum err sqlite_realm_option_delete(struct store *store, const char *realm,
                                               const char *name);
MUST_CHECK enum err sqlite_realm_option_list(struct store *store, const char *realm,
                                             bool (*each)(const char *realm, const char *name,
                                                          const char *value, void *context),
                                             void *context);

MUST_CHECK enum err sqlite_peer_range_add(struct store *store, enum store_peer_list list,
                                          const char *realm, const char *range);
MUST_CHECK enum err sqlite_peer_range_delete(struct store *store, enum store_peer_list list,
                                             const char *realm, const char *range,
                                             const char *canonical);
MUST_CHECK enum err sqlite_peer_range_list(
	struct store *store, enum store_peer_list list, const char *realm,
	bool (*each)(const char *realm, const char *range, void *context), void *context);
MUST_CHECK enum err sqlite_administrator_find(struct store *store, const char *name,
                                              struct store_administrator *administrator);
MUST_CHECK enum err sqlite_administrator_put(struct store *store,
                                             const struct store_administrator *administrator);
MUST_CHECK enum err sqlite_administrator_delete(struct store *store, const char *name);
MUST_CHECK enum err sqlite_administrator_list(struct store *store, const char *realm,
                                              store_each_administrator *each, void *context);
MUST_CHECK enum err sqlite_realm_list(struct store *store,
                                      bool (*each)(const char *realm, void *context),
                                      void *context);
/* sqlite_records.c */
MUST_CHECK enum err sqlite_record_put(struct store *store, enum record_kind kind,
                                      const void *record);
MUST_CHECK enum err sqlite_record_delete(struct store *store, enum record_kind kind,
                                         const char *const *keys);
MUST_CHECK enum err sqlite_record_list(struct store *store, enum record_kind kind,
                                       const char *first, record_each *each, void *context);
MUST_CHECK enum err sqlite_revoke(struct store *store, const struct store_revocation *revocation,
                                  uint64_t now_s);
/* Makes our own tables where they are not there. */
MUST_CHECK enum err sqlite_own_tables_make(struct store *store);
/* sqlite_audit.c */
MUST_CHECK enum err sqlite_audit_add(struct store *store, const struct store_audit_entry *entry);
MUST_CHECK enum err sqlite_audit_list(struct store *store, uint64_t before,
                                      store_each_audit_entry *each, void *context);
/* sqlite_version.c */
MUST_CHECK enum err sqlite_version(struct store *store, struct store_version *version);
