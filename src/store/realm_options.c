/* What a realm has of its own instead of the configuration's: coturn's turn_realm_option. */
#include <string.h>

#include "store/sqlite.h"

#include "base/log.h"

/* Of the numbers config/options.def allows, for a realm's option is the option of that name. */
static const struct {
	const char *name;
	uint64_t most;
} options[STORE_REALM_OPTION_COUNT] = {
	[STORE_MAX_BPS] = {"max-bps", UINT64_C(1) << 40},
	[STORE_TOTAL_QUOTA] = {"total-quota", UINT32_MAX},
	[STORE_USER_QUOTA] = {"user-quota", UINT32_MAX},
};

/* To whom a list is given. */
struct receiver {
	bool (*each)(const char *realm, const char *name, const char *value, void *context);
	void *context;
};

static enum err number_parse(const char *text, uint64_t most, uint64_t *number);
static sqlite_give_fn option_give;

const char *store_realm_option_name(enum store_realm_option option)
{
	return options[option].name;
}

enum err store_realm_option_parse(const char *name, const char *value,
                                  enum store_realm_option *option, uint64_t *number)
{
	for (size_t i = 0; i < STORE_REALM_OPTION_COUNT; i++) {
		if (strcmp(options[i].name, name) != 0)
			continue;
		*option = (enum store_realm_option)i;
		return number_parse(value, options[i].most, number);
	}
	return ERR_NOT_FOUND;
}

static enum err number_parse(const char *text, uint64_t most, uint64_t *number)
{
	uint64_t read = 0;

	if (text[0] == '\0')
		return ERR_INVALID;
	for (; *text >= '0' && *text <= '9'; text++) {
		read = 10 * read + (uint64_t)(*text - '0');
		if (read > most)
			return ERR_INVALID;
	}
	if (*text != '\0')
		return ERR_INVALID;
	*number = read;
	return OK;
}

enum err sqlite_realm_option_put(struct store *store, const char *realm, const char *name,
                                 const char *value)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_PUT_REALM_OPTION);

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	statement_bind_texts(statement, realm, name);
	sqlite3_bind_text(statement, 3, value, -1, SQLITE_STATIC);
	return store_run(store, statement);
}

enum err sqlite_realm_option_delete(struct store *store, const char *realm, const char *name)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_DELETE_REALM_OPTION);
	enum err err;

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	statement_bind_texts(statement, realm, name);
	err = store_run(store, statement);
	return err == OK && sqlite_changes(store) == 0 ? ERR_NOT_FOUND : err;
}

enum err sqlite_realm_option_list(struct store *store, const char *realm,
                                  bool (*each)(const char *realm, const char *name,
                                               const char *value, void *context),
                                  void *context)
{
	enum err err = store_find_table(store, "turn_realm_option");
	struct receiver receiver = {each, context};

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	return sqlite_rows(store, STATEMENT_LIST_REALM_OPTIONS, realm, option_give, &receiver);
}

static enum err option_give(struct store *store, sqlite3_stmt *statement, void *context,
                            bool *goes_on)
{
	const struct receiver *receiver = context;
	char realm[STORE_TEXT_MAX], name[STORE_OPTION_MAX + 1], value[STORE_VALUE_MAX + 1];

	if (statement_text(statement, 0, realm, sizeof realm) != OK ||
	    statement_text(statement, 1, name, sizeof name) != OK ||
	    statement_text(statement, 2, value, sizeof value) != OK) {
		log_warning("realm option skipped",
		            "store=%s reason=\"it or its value is too long, or no text\"",
		            store->path);
		return ERR_INVALID;
	}
	*goes_on = receiver->each(realm, name, value, receiver->context);
	return OK;
}
