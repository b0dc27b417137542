/* Peers that clients of a realm may reach or may not: coturn's allowed_peer_ip and denied_peer_ip. */
#include <string.h>

#include "store/sqlite.h"

#include "base/log.h"

/* coturn has a table for each list; what is done to them is the same. */
static const struct {
	const char *name;
	enum store_statement add, delete, list;
} tables[STORE_PEER_LIST_COUNT] = {
	[STORE_ALLOWED_PEERS] = {"allowed_peer_ip", STATEMENT_ADD_ALLOWED_PEER,
                                 STATEMENT_DELETE_ALLOWED_PEER, STATEMENT_LIST_ALLOWED_PEERS},
	[STORE_DENIED_PEERS] = {"denied_peer_ip", STATEMENT_ADD_DENIED_PEER,
                                STATEMENT_DELETE_DENIED_PEER, STATEMENT_LIST_DENIED_PEERS},
};

static enum err table_check(struct store *store, const char *table);

enum err sqlite_peer_range_add(struct store *store, enum store_peer_list list, const char *realm,
                               const char *range)
{
	sqlite3_stmt *statement = store_statement(store, tables[list].add);
	enum err err;

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	statement_bind_texts(statement, realm, range);
	err = store_run(store, statement);
	return err == OK && sqlite_changes(store) == 0 ? ERR_EXISTS : err;
}

enum err sqlite_peer_range_delete(struct store *store, enum store_peer_list list, const char *realm,
                                  const char *range, const char *canonical)
{
	sqlite3_stmt *statement = store_statement(store, tables[list].delete);
	enum err err;

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	statement_bind_texts(statement, realm, range);
	sqlite3_bind_text(statement, 3, canonical, -1, SQLITE_STATIC);
	err = store_run(store, statement);
	return err == OK && sqlite_changes(store) == 0 ? ERR_NOT_FOUND : err;
}

enum err sqlite_peer_range_list(struct store *store, enum store_peer_list list, const char *realm,
                                bool (*each)(const char *realm, const char *range, void *context),
                                void *context)
{
	enum err err = table_check(store, tables[list].name);
	char row_realm[STORE_TEXT_MAX], range[STORE_RANGE_MAX + 1];
	sqlite3_stmt *statement;
	int result;

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	statement = store_statement(store, tables[list].list);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_text(statement, 1, realm, -1, SQLITE_STATIC);
	while (err == OK && (result = sqlite3_step(statement)) != SQLITE_DONE) {
		err = store_result(store, result);
		if (err != OK)
			break;
		if (statement_text(statement, 0, row_realm, sizeof row_realm) != OK ||
		    statement_text(statement, 1, range, sizeof range) != OK) {
			log_warning("peer range skipped: it or its realm is too long, or no text",
			            "store=%s table=%s", store->path, tables[list].name);
			continue;
		}
		if (!each(row_realm, range, context))
			break;
	}
	statement_done(statement);
	return err;
}

/* ERR_NOT_FOUND: there is none, or one of a version of coturn that knew of no realms here. What cannot be
 * read must not make the store as a whole look broken. */
static enum err table_check(struct store *store, const char *table)
{
	enum err err = store_find_table(store, table);

	if (err == OK)
		err = store_find_column(store, table, "realm");
	else
		return err;
	if (err == ERR_NOT_FOUND && !sqlite_of(store)->has_warned_of_ranges) {
		sqlite_of(store)->has_warned_of_ranges = true;
		log_warning("peer ranges not used: their table has no column realm: add it, as in "
		            "coturn's newest schema",
		            "store=%s table=%s", store->path, table);
	}
	return err;
}
