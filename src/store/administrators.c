/* Administrators: coturn's admin_user. What their passwords are made into is password_hash.c's matter. */
#include <string.h>

#include "store/sqlite.h"

#include "base/bytes.h"
#include "base/log.h"

static enum err administrator_read(sqlite3_stmt *statement, struct store_administrator *read);

enum err sqlite_administrator_find(struct store *store, const char *name,
                                   struct store_administrator *administrator)
{
	enum err err = store_find_table(store, "admin_user");
	sqlite3_stmt *statement;
	int result;

	if (err != OK)
		return err;
	statement = store_statement(store, STATEMENT_FIND_ADMINISTRATOR);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	result = sqlite3_step(statement);
	err = store_result(store, result);
	if (result == SQLITE_DONE)
		err = ERR_NOT_FOUND;
	if (err == OK)
		err = administrator_read(statement, administrator);
	statement_done(statement);
	return err == ERR_INVALID ? ERR_NOT_FOUND : err;
}

enum err sqlite_administrator_put(struct store *store,
                                  const struct store_administrator *administrator)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_PUT_ADMINISTRATOR);

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	statement_bind_texts(statement, administrator->name, administrator->realm);
	sqlite3_bind_text(statement, 3, administrator->password, -1, SQLITE_STATIC);
	return store_run(store, statement);
}

enum err sqlite_administrator_delete(struct store *store, const char *name)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_DELETE_ADMINISTRATOR);
	enum err err;

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	err = store_run(store, statement);
	return err == OK && sqlite_changes(store) == 0 ? ERR_NOT_FOUND : err;
}

enum err sqlite_administrator_list(struct store *store, const char *realm,
                                   store_each_administrator *each, void *context)
{
	enum err err = store_find_table(store, "admin_user");
	struct store_administrator administrator;
	sqlite3_stmt *statement;
	int result;

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	statement = store_statement(store, STATEMENT_LIST_ADMINISTRATORS);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_text(statement, 1, realm, -1, SQLITE_STATIC);
	while (err == OK && (result = sqlite3_step(statement)) != SQLITE_DONE) {
		err = store_result(store, result);
		if (err == OK)
			err = administrator_read(statement, &administrator);
		if (err == OK && !each(&administrator, context))
			break;
		if (err == ERR_INVALID)
			err = OK;
	}
	statement_done(statement);
	bytes_wipe(&administrator, sizeof administrator);
	return err;
}

/* ERR_INVALID: the row is not one that anybody could sign in by. */
static enum err administrator_read(sqlite3_stmt *statement, struct store_administrator *read)
{
	memset(read, 0, sizeof *read);
	if (statement_text(statement, 0, read->name, sizeof read->name) == OK &&
	    (sqlite3_column_type(statement, 1) == SQLITE_NULL ||
	     statement_text(statement, 1, read->realm, sizeof read->realm) == OK) &&
	    statement_text(statement, 2, read->password, sizeof read->password) == OK &&
	    read->password[0] != '\0')
		return OK;
	log_warning("administrator skipped: name, realm or password is too long or no text",
	            "name=%s", read->name);
	return ERR_INVALID;
}
