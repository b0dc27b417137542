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

static enum err number_parse(const char *text, uint64_t most, uint64_t *number);

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
	char row_realm[STORE_TEXT_MAX], name[STORE_OPTION_MAX + 1], value[STORE_VALUE_MAX + 1];
	sqlite3_stmt *statement;
	int result;

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	statement = store_statement(store, STATEMENT_LIST_REALM_OPTIONS);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_text(statement, 1, realm, -1, SQLITE_STATIC);
	while (err == OK && (result = sqlite3_step(statement)) != SQLITE_DONE) {
		err = store_result(store, result);
		if (err != OK)
			break;
		if (statement_text(statement, 0, row_realm, sizeof row_realm) != OK ||
		    statement_text(statement, 1, name, sizeof name) != OK ||
		    statement_text(statement, 2, value, sizeof value) != OK) {
			log_warning("realm option skipped: it or its value is too long, or no text",
			            "store=%s", store->path);
			continue;
		}
		if (!each(row_realm, name, value, context))
			break;
	}
	statement_done(statement);
	return err;
}
