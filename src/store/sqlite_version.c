/* Whether another program has written, and what: by SQLite's own number alone, or with the numbers of
 * turnstone_version, where all of the triggers that count are there. */
#include "store/sqlite.h"

static enum err version_seen(struct store *store, int64_t *seen);
static enum err counts_read(struct store *store, struct store_version *version);
static sqlite_read_fn counts_get;

enum err sqlite_version(struct store *store, struct store_version *version)
{
	struct sqlite_store *sqlite = sqlite_of(store);
	int64_t seen = 0;
	enum err err = version_seen(store, &seen);

	if (err != OK)
		return err;
	if (!sqlite->has_version || sqlite->version_seen != seen) {
		/* Numbers of the one kind are never those of the other. */
		sqlite->version = (struct store_version){seen, seen, seen, seen};
		err = counts_read(store, &sqlite->version);
		if (err != OK && err != ERR_NOT_FOUND)
			return err;
		sqlite->version_seen = seen;
		sqlite->has_version = true;
	}
	*version = sqlite->version;
	return OK;
}

static enum err version_seen(struct store *store, int64_t *seen)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_DATA_VERSION);
	int result;

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		*seen = sqlite3_column_int64(statement, 0);
	statement_done(statement);
	return store_result(store, result);
}

/* ERR_NOT_FOUND: they are not there, or somebody took a trigger away. */
static enum err counts_read(struct store *store, struct store_version *version)
{
	enum err err = store_find_table(store, "turnstone_version");
	sqlite3_stmt *statement;

	if (err != OK)
		return err;
	statement = store_statement(store, STATEMENT_FIND_VERSION);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	return sqlite_row(store, statement, counts_get, version);
}

static enum err counts_get(struct store *store, sqlite3_stmt *statement, void *row)
{
	struct store_version *version = row;

	(void)store;
	if (sqlite3_column_int(statement, 3) != SQLITE_CHANGE_TRIGGERS)
		return ERR_INVALID;
	version->data = version->realms = -1 - sqlite3_column_int64(statement, 0);
	version->tenants = -1 - sqlite3_column_int64(statement, 1);
	version->revocations = -1 - sqlite3_column_int64(statement, 2);
	return OK;
}
