/* Keys of authorization servers (RFC 7635): coturn's oauth_key, whose ikm_key is base64. */
#include <limits.h>
#include <string.h>

#include "store/sqlite.h"

#include "base/bytes.h"
#include "base/log.h"

/* To whom a list is given. */
struct receiver {
	bool (*each)(const struct store_oauth_key *key, void *context);
	void *context;
};

enum { COLUMN_KID, COLUMN_KEY, COLUMN_TIMESTAMP, COLUMN_LIFETIME, COLUMN_ALGORITHM, COLUMN_REALM };

static enum err table_check(struct store *store);
static sqlite_read_fn key_read;
static sqlite_give_fn key_give;
static enum err text_or_empty(sqlite3_stmt *statement, int column, char *text, size_t size);
static uint64_t number_or_zero(sqlite3_stmt *statement, int column);

enum err sqlite_oauth_key_find(struct store *store, const char *kid, struct store_oauth_key *key)
{
	enum err err = table_check(store);
	sqlite3_stmt *statement;

	if (err != OK)
		return err;
	statement = store_statement(store, STATEMENT_FIND_OAUTH_KEY);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_text(statement, 1, kid, -1, SQLITE_STATIC);
	return sqlite_row(store, statement, key_read, key);
}

enum err sqlite_oauth_key_put(struct store *store, const struct store_oauth_key *key)
{
	char ikm_key[BASE64_SIZE(STORE_OAUTH_KEY_MAX)];
	sqlite3_stmt *statement = store_statement(store, STATEMENT_PUT_OAUTH_KEY);
	enum err err;

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	if (key->key_len == 0 || key->key_len > STORE_OAUTH_KEY_MAX || key->timestamp > INT64_MAX ||
	    key->lifetime_s > UINT32_MAX)
		return ERR_INVALID;
	base64_put(key->key, key->key_len, true, ikm_key);
	statement_bind_texts(statement, key->kid, ikm_key);
	sqlite3_bind_int64(statement, 3, (int64_t)key->timestamp);
	sqlite3_bind_int64(statement, 4, (int64_t)key->lifetime_s);
	sqlite3_bind_text(statement, 5, key->algorithm, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 6, key->realm, -1, SQLITE_STATIC);
	err = store_run(store, statement);
	bytes_wipe(ikm_key, sizeof ikm_key);
	return err;
}

enum err sqlite_oauth_key_delete(struct store *store, const char *kid)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_DELETE_OAUTH_KEY);
	enum err err;

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_text(statement, 1, kid, -1, SQLITE_STATIC);
	err = store_run(store, statement);
	return err == OK && sqlite_changes(store) == 0 ? ERR_NOT_FOUND : err;
}

enum err sqlite_oauth_key_list(struct store *store, const char *realm,
                               bool (*each)(const struct store_oauth_key *key, void *context),
                               void *context)
{
	enum err err = table_check(store);
	struct receiver receiver = {each, context};

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	return sqlite_rows(store, STATEMENT_LIST_OAUTH_KEYS, realm, key_give, &receiver);
}

static enum err key_give(struct store *store, sqlite3_stmt *statement, void *context, bool *goes_on)
{
	const struct receiver *receiver = context;
	struct store_oauth_key key;
	enum err err = key_read(store, statement, &key);

	if (err == OK)
		*goes_on = receiver->each(&key, receiver->context);
	bytes_wipe(&key, sizeof key);
	return err;
}

/* ERR_NOT_FOUND: there is no table, or one that cannot be read. A stranger who names a kid shall not make
 * the store as a whole look broken by that, nor fill the log. */
static enum err table_check(struct store *store)
{
	enum { COLUMNS = 6 };
	sqlite3_stmt *statement = store_statement(store, STATEMENT_COUNT_OAUTH_COLUMNS);
	int columns = 0, known = 0, result;

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW) {
		columns = sqlite3_column_int(statement, 0);
		known = sqlite3_column_int(statement, 1);
	}
	statement_done(statement);
	if (result != SQLITE_ROW)
		return store_result(store, result);
	if (columns > 0 && known < COLUMNS && !sqlite_of(store)->has_warned) {
		sqlite_of(store)->has_warned = true;
		log_warning("OAuth keys not used",
		            "store=%s reason=\"oauth_key lacks columns\" advice=\"add those of "
		            "coturn's newest schema, realm and as_rs_alg among them\"",
		            store->path);
	}
	return known == COLUMNS ? OK : ERR_NOT_FOUND;
}

static enum err key_read(struct store *store, sqlite3_stmt *statement, void *row)
{
	struct store_oauth_key *key = row;
	char ikm_key[BASE64_SIZE(STORE_OAUTH_KEY_MAX)];

	(void)store;
	memset(key, 0, sizeof *key);
	if (statement_text(statement, COLUMN_KID, key->kid, sizeof key->kid) != OK ||
	    text_or_empty(statement, COLUMN_ALGORITHM, key->algorithm, sizeof key->algorithm) !=
	            OK ||
	    text_or_empty(statement, COLUMN_REALM, key->realm, sizeof key->realm) != OK)
		return ERR_INVALID;
	enum err err = statement_text(statement, COLUMN_KEY, ikm_key, sizeof ikm_key);
	if (err == OK)
		err = base64_get(ikm_key, strlen(ikm_key), key->key, sizeof key->key,
		                 &key->key_len);
	bytes_wipe(ikm_key, sizeof ikm_key);
	if (err != OK || key->key_len == 0) {
		log_warning("OAuth key skipped",
		            "kid=%s reason=\"ikm_key is not base64 of 1 to 190 bytes\"", key->kid);
		return ERR_INVALID;
	}
	key->timestamp = number_or_zero(statement, COLUMN_TIMESTAMP);
	key->lifetime_s = number_or_zero(statement, COLUMN_LIFETIME);
	return OK;
}

static enum err text_or_empty(sqlite3_stmt *statement, int column, char *text, size_t size)
{
	text[0] = '\0';
	return sqlite3_column_type(statement, column) == SQLITE_NULL
	               ? OK
	               : statement_text(statement, column, text, size);
}

static uint64_t number_or_zero(sqlite3_stmt *statement, int column)
{
	int64_t number = sqlite3_column_int64(statement, column);

	return number > 0 ? (uint64_t)number : 0;
}
