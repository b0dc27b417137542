/* Shared secrets of the TURN REST interface: coturn's turn_secret. A realm has several while one
 * is being replaced by the next. */
#include <string.h>

#include "store/sqlite.h"

#include "base/bytes.h"
#include "base/log.h"

static enum err change(struct store *store, enum store_statement which, const char *realm,
                       const char *secret, enum err if_nothing_changed);

enum err sqlite_secret_add(struct store *store, const char *realm, const char *secret)
{
	return change(store, STATEMENT_ADD_SECRET, realm, secret, ERR_EXISTS);
}

enum err sqlite_secret_delete(struct store *store, const char *realm, const char *secret)
{
	return change(store, STATEMENT_DELETE_SECRET, realm, secret, ERR_NOT_FOUND);
}

static enum err change(struct store *store, enum store_statement which, const char *realm,
                       const char *secret, enum err if_nothing_changed)
{
	sqlite3_stmt *statement = store_statement(store, which);
	enum err err;

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	statement_bind_texts(statement, realm, secret);
	err = store_run(store, statement);
	return err == OK && sqlite_changes(store) == 0 ? if_nothing_changed : err;
}

enum err sqlite_secret_list(struct store *store, const char *realm,
                            bool (*each)(const char *realm, const char *secret, void *context),
                            void *context)
{
	enum err err = store_find_table(store, "turn_secret");
	char row_realm[STORE_TEXT_MAX], secret[STORE_SECRET_MAX + 1];
	sqlite3_stmt *statement;
	int result;

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	statement = store_statement(store, STATEMENT_LIST_SECRETS);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_text(statement, 1, realm, -1, SQLITE_STATIC);
	while (err == OK && (result = sqlite3_step(statement)) != SQLITE_DONE) {
		err = store_result(store, result);
		if (err != OK)
			break;
		if (statement_text(statement, 0, row_realm, sizeof row_realm) != OK ||
		    statement_text(statement, 1, secret, sizeof secret) != OK) {
			log_warning("secret skipped",
			            "store=%s reason=\"it is not a text of at most 255 bytes\"",
			            store->path);
			continue;
		}
		if (!each(row_realm, secret, context))
			break;
	}
	statement_done(statement);
	bytes_wipe(secret, sizeof secret);
	return err;
}
