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

/* To whom a list is given. */
struct receiver {
	const char *table;
	bool (*each)(const char *realm, const char *range, void *context);
	void *context;
};

static enum err table_check(struct store *store, const char *table);
static sqlite_give_fn range_give;

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
	struct receiver receiver = {tables[list].name, each, context};

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	return sqlite_rows(store, tables[list].list, realm, range_give, &receiver);
}

static enum err range_give(struct store *store, sqlite3_stmt *statement, void *context,
                           bool *goes_on)
{
	const struct receiver *receiver = context;
	char realm[STORE_TEXT_MAX], range[STORE_RANGE_MAX + 1];

	if (statement_text(statement, 0, realm, sizeof realm) != OK ||
	    statement_text(statement, 1, range, sizeof range) != OK) {
		log_warning("peer range skipped",
		            "store=%s table=%s reason=\"it or its realm is too long, or no text\"",
		            store->path, receiver->table);
		return ERR_INVALID;
	}
	*goes_on = receiver->each(realm, range, receiver->context);
	return OK;
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
		log_warning("peer ranges not used",
		            "store=%s table=%s reason=\"their table has no column realm\" "
		            "advice=\"add it, as in coturn's newest schema\"",
		            store->path, table);
	}
	return err;
}
