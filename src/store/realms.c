/* Which realms there are: those with users, and those with secrets. */
#include "store/sqlite.h"

static enum err realms_give(struct store *store, enum store_statement which, bool *is_wanted,
                            bool (*each)(const char *realm, void *context), void *context);

enum err sqlite_realm_list(struct store *store, bool (*each)(const char *realm, void *context),
                           void *context)
{
	bool is_wanted = true;
	enum err err = realms_give(store, STATEMENT_LIST_USER_REALMS, &is_wanted, each, context);

	if (err == OK)
		err = store_find_table(store, "turn_secret");
	if (err == OK && is_wanted)
		err = realms_give(store, STATEMENT_LIST_SECRET_REALMS, &is_wanted, each, context);
	return err == ERR_NOT_FOUND ? OK : err;
}

static enum err realms_give(struct store *store, enum store_statement which, bool *is_wanted,
                            bool (*each)(const char *realm, void *context), void *context)
{
	sqlite3_stmt *statement = store_statement(store, which);
	char realm[STORE_TEXT_MAX];
	enum err err = OK;
	int result;

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	while (err == OK && *is_wanted && (result = sqlite3_step(statement)) != SQLITE_DONE) {
		err = store_result(store, result);
		if (err == OK && statement_text(statement, 0, realm, sizeof realm) == OK)
			*is_wanted = each(realm, context);
	}
	statement_done(statement);
	return err;
}
