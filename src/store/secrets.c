/* Shared secrets of the TURN REST interface: coturn's turn_secret. A realm has several while one
 * is being replaced by the next. */
#include <string.h>

#include "store/sqlite.h"

#include "base/bytes.h"
#include "base/log.h"

/* To whom a list is given. */
struct receiver {
	bool (*each)(const char *realm, const char *secret, void *context);
	void *context;
};

static sqlite_give_fn secret_give;
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
	struct receiver receiver = {each, context};

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	return sqlite_rows(store, STATEMENT_LIST_SECRETS, realm, secret_give, &receiver);
}

/* Rows have numbers in the order in which they were added, by whatever program; VACUUM leaves that order. */
enum err sqlite_secret_list_by_age(struct store *store, const char *realm,
                                   bool (*each)(const char *realm, const char *secret,
                                                void *context),
                                   void *context)
{
	enum err err = store_find_table(store, "turn_secret");
	struct receiver receiver = {each, context};

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	return sqlite_rows(store, STATEMENT_LIST_SECRETS_BY_AGE, realm, secret_give, &receiver);
}

static enum err secret_give(struct store *store, sqlite3_stmt *statement, void *context,
                            bool *goes_on)
{
	const struct receiver *receiver = context;
	char realm[STORE_TEXT_MAX], secret[STORE_SECRET_MAX + 1];

	if (statement_text(statement, 0, realm, sizeof realm) != OK ||
	    statement_text(statement, 1, secret, sizeof secret) != OK) {
		log_warning("secret skipped",
		            "store=%s reason=\"it is not a text of at most 255 bytes\"",
		            store->path);
		return ERR_INVALID;
	}
	*goes_on = receiver->each(realm, secret, receiver->context);
	bytes_wipe(secret, sizeof secret);
	return OK;
}
