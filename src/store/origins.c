/* Realms by the ORIGIN of clients: coturn's turn_origin_to_realm. */
#include "store/sqlite.h"

#include "base/log.h"

/* To whom a list is given. */
struct receiver {
	bool (*each)(const char *origin, const char *realm, void *context);
	void *context;
};

static sqlite_give_fn origin_give;

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
	struct receiver receiver = {each, context};

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	return sqlite_rows(store, STATEMENT_LIST_ORIGINS, realm, origin_give, &receiver);
}

static enum err origin_give(struct store *store, sqlite3_stmt *statement, void *context,
                            bool *goes_on)
{
	const struct receiver *receiver = context;
	char origin[STORE_TEXT_MAX], realm[STORE_TEXT_MAX];

	if (statement_text(statement, 0, origin, sizeof origin) != OK ||
	    statement_text(statement, 1, realm, sizeof realm) != OK) {
		log_warning("origin skipped",
		            "store=%s reason=\"it or its realm is not a text of at most "
		            "767 bytes\"",
		            store->path);
		return ERR_INVALID;
	}
	*goes_on = receiver->each(origin, realm, receiver->context);
	return OK;
}
