/* Administrators: coturn's admin_user. What their passwords are made into is password_hash.c's matter. */
#include <string.h>

#include "store/sqlite.h"

#include "base/bytes.h"
#include "base/log.h"

/* To whom a list is given. */
struct receiver {
	store_each_administrator *each;
	void *context;
};

static sqlite_read_fn administrator_read;
static sqlite_give_fn administrator_give;

enum err sqlite_administrator_find(struct store *store, const char *name,
                                   struct store_administrator *administrator)
{
	enum err err = store_find_table(store, "admin_user");
	sqlite3_stmt *statement;

	if (err != OK)
		return err;
	statement = store_statement(store, STATEMENT_FIND_ADMINISTRATOR);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	return sqlite_row(store, statement, administrator_read, administrator);
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
	struct receiver receiver = {each, context};

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	return sqlite_rows(store, STATEMENT_LIST_ADMINISTRATORS, realm, administrator_give,
	                   &receiver);
}

static enum err administrator_give(struct store *store, sqlite3_stmt *statement, void *context,
                                   bool *goes_on)
{
	const struct receiver *receiver = context;
	struct store_administrator administrator;
	enum err err = administrator_read(store, statement, &administrator);

	if (err == OK)
		*goes_on = receiver->each(&administrator, receiver->context);
	bytes_wipe(&administrator, sizeof administrator);
	return err;
}

/* ERR_INVALID: nobody could sign in by it. */
static enum err administrator_read(struct store *store, sqlite3_stmt *statement, void *row)
{
	struct store_administrator *read = row;

	(void)store;
	memset(read, 0, sizeof *read);
	if (statement_text(statement, 0, read->name, sizeof read->name) == OK &&
	    (sqlite3_column_type(statement, 1) == SQLITE_NULL ||
	     statement_text(statement, 1, read->realm, sizeof read->realm) == OK) &&
	    statement_text(statement, 2, read->password, sizeof read->password) == OK &&
	    read->password[0] != '\0')
		return OK;
	log_warning("administrator skipped",
	            "name=%s reason=\"name, realm or password is too long or no text\"",
	            read->name);
	return ERR_INVALID;
}
