/* Realms by the ORIGIN of clients: coturn's turn_origin_to_realm. */
#include "store/sqlite.h"

#include "base/log.h"

enum err sqlite_origin_put(struct store *store, const char *origin, const char *realm)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_PUT_ORIGIN);

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	statement_bind_texts(statement, origin, realm);
	return store_run(store, statement);
}

enum err sqlite_origin_delete(struct store *store, const char *origin)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_DELETE_ORIGIN);
	enum err err;

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_text(statement, 1, origin, -1, SQLITE_STATIC);
	err = store_run(store, statement);
	return err == OK && sqlite_changes(store) == 0 ? ERR_NOT_FOUND : err;
}

enum err sqlite_origin_list(struct store *store, const char *realm,
                            bool (*each)(const char *origin, const char *realm, void *context),
                            void *context)
{
	enum err err = store_find_table(store, "turn_origin_to_realm");
	char origin[STORE_TEXT_MAX], row_realm[STORE_TEXT_MAX];
	sqlite3_stmt *statement;
	int result;

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	statement = store_statement(store, STATEMENT_LIST_ORIGINS);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_text(statement, 1, realm, -1, SQLITE_STATIC);
	while (err == OK && (result = sqlite3_step(statement)) != SQLITE_DONE) {
		err = store_result(store, result);
		if (err != OK)
			break;
		if (statement_text(statement, 0, origin, sizeof origin) != OK ||
		    statement_text(statement, 1, row_realm, sizeof row_realm) != OK) {
			log_warning("origin skipped",
			            "store=%s reason=\"it or its realm is not a text of at most "
			            "767 bytes\"",
			            store->path);
			continue;
		}
		if (!each(origin, row_realm, context))
			break;
	}
	statement_done(statement);
	return err;
}
