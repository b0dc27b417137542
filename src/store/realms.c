/* Which realms there are: those with users, and those with secrets. */
#include "store/sqlite.h"

/* To whom the list is given. */
struct receiver {
	bool (*each)(const char *realm, void *context);
	void *context;
	bool goes_on;
};

static sqlite_give_fn realm_give;

enum err sqlite_realm_list(struct store *store, bool (*each)(const char *realm, void *context),
                           void *context)
{
	struct receiver receiver = {each, context, true};
	enum err err = sqlite_rows(store, STATEMENT_LIST_USER_REALMS, NULL, realm_give, &receiver);

	if (err == OK)
		err = store_find_table(store, "turn_secret");
	if (err == OK && receiver.goes_on)
		err = sqlite_rows(store, STATEMENT_LIST_SECRET_REALMS, NULL, realm_give, &receiver);
	return err == ERR_NOT_FOUND ? OK : err;
}

static enum err realm_give(struct store *store, sqlite3_stmt *statement, void *context,
                           bool *goes_on)
{
	struct receiver *receiver = context;
	char realm[STORE_TEXT_MAX];

	(void)store;
	if (statement_text(statement, 0, realm, sizeof realm) != OK)
		return ERR_INVALID;
	*goes_on = receiver->goes_on = receiver->each(realm, receiver->context);
	return OK;
}
