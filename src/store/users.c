/* Users with long-term credentials: coturn's turnusers_lt, whose key is the MD5 one, and beside it
 * our turnstone_user_key with what RFC 8489 adds: the SHA-256 key and the USERHASH. */
#include <stdlib.h>
#include <string.h>

#include "store/sqlite.h"
#include "store/userhash_index.h"

#include "base/bytes.h"
#include "base/log.h"

/* To whom a list is given. */
struct receiver {
	bool (*each)(const struct store_user *user, void *context);
	void *context;
};

static sqlite_read_fn user_read;
static sqlite_give_fn user_give;
static enum err user_read_own_key(struct store *store, struct store_user *user);
static enum err own_key_put(struct store *store, const struct store_user *user);
static enum err own_name_find(struct store *store, const char *realm, const uint8_t userhash[32],
                              char *name, size_t size);

enum err sqlite_user_find(struct store *store, const char *realm, const char *name,
                          struct store_user *user)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_FIND_USER);

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	statement_bind_texts(statement, realm, name);
	return sqlite_row(store, statement, user_read, user);
}

enum err sqlite_user_find_hash(struct store *store, const char *realm, const uint8_t userhash[32],
                               struct store_user *user)
{
	char name[STORE_TEXT_MAX];
	enum err err = own_name_find(store, realm, userhash, name, sizeof name);

	if (err == ERR_NOT_FOUND)
		err = userhash_index_find(store, realm, userhash, name, sizeof name);
	return err != OK ? err : sqlite_user_find(store, realm, name, user);
}

enum err sqlite_user_put(struct store *store, const struct store_user *user)
{
	char hmackey[2 * STUN_MD5_KEY_SIZE + 1];
	sqlite3_stmt *statement;
	enum err err;

	if (user->key_len != STUN_MD5_KEY_SIZE)
		return ERR_INVALID;
	err = store_begin(store);
	if (err != OK)
		return err;
	hex_put(user->key, user->key_len, hmackey);
	statement = store_statement(store, STATEMENT_PUT_USER);
	err = ERR_UNAVAILABLE;
	if (statement != NULL) {
		statement_bind_texts(statement, user->realm, user->name);
		sqlite3_bind_text(statement, 3, hmackey, -1, SQLITE_STATIC);
		err = store_run(store, statement);
	}
	if (err == OK)
		err = own_key_put(store, user);
	bytes_wipe(hmackey, sizeof hmackey);
	userhash_index_forget(store);
	return store_commit(store, err);
}

enum err sqlite_user_delete(struct store *store, const char *realm, const char *name)
{
	static const enum store_statement both[] = {STATEMENT_DELETE_OWN_KEY,
	                                            STATEMENT_DELETE_USER};
	enum err own = store_find_own_table(store), err = store_begin(store);

	if (err != OK)
		return err;
	for (size_t i = own == OK ? 0 : 1; err == OK && i < 2; i++) {
		sqlite3_stmt *statement = store_statement(store, both[i]);

		if (statement == NULL)
			return store_commit(store, ERR_UNAVAILABLE);
		statement_bind_texts(statement, realm, name);
		err = store_run(store, statement);
	}
	if (err == OK && sqlite_changes(store) == 0)
		err = ERR_NOT_FOUND;
	userhash_index_forget(store);
	return store_commit(store, err);
}

enum err sqlite_user_list(struct store *store, const char *realm,
                          bool (*each)(const struct store_user *user, void *context), void *context)
{
	struct receiver receiver = {each, context};

	return sqlite_rows(store, STATEMENT_LIST_USERS, realm, user_give, &receiver);
}

/* A receiver of as many as there is room for. */
struct page_receiver {
	struct receiver receiver;
	size_t left;
};

static enum err page_give(struct store *store, sqlite3_stmt *statement, void *context,
                          bool *goes_on)
{
	struct page_receiver *page = context;
	enum err err = user_give(store, statement, &page->receiver, goes_on);

	if (err == OK && --page->left == 0)
		*goes_on = false;
	return err;
}

/* A realm has its own statement: with one for both, the last page of a realm would look through all realms behind it. */
enum err sqlite_user_page(struct store *store, const struct store_user_page *page,
                          bool (*each)(const struct store_user *user, void *context), void *context)
{
	struct page_receiver receiver = {{each, context}, page->limit};
	bool has_realm = page->realm != NULL, has_after = page->after_name != NULL;
	sqlite3_stmt *statement = store_statement(store, has_realm ? STATEMENT_PAGE_REALM_USERS
	                                                           : STATEMENT_PAGE_USERS);

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	statement_bind_texts(statement,
	                     has_realm   ? page->realm
	                     : has_after ? page->after_realm
	                                 : "",
	                     has_after ? page->after_name : "");
	sqlite3_bind_text(statement, 3, page->contains, -1, SQLITE_STATIC);
	return sqlite_rows_of(store, statement, page_give, &receiver);
}

static enum err count_read(struct store *store, sqlite3_stmt *statement, void *row)
{
	(void)store;
	*(uint64_t *)row = (uint64_t)sqlite3_column_int64(statement, 0);
	return OK;
}

enum err sqlite_user_counts(struct store *store, const char *const *realms, size_t realm_count,
                            uint64_t *counts)
{
	enum err err = OK;

	for (size_t i = 0; i < realm_count && err == OK; i++) {
		sqlite3_stmt *statement = store_statement(store, STATEMENT_COUNT_USERS);

		if (statement == NULL)
			return ERR_UNAVAILABLE;
		sqlite3_bind_text(statement, 1, realms[i], -1, SQLITE_STATIC);
		err = sqlite_row(store, statement, count_read, &counts[i]);
	}
	return err;
}

static enum err user_give(struct store *store, sqlite3_stmt *statement, void *context,
                          bool *goes_on)
{
	const struct receiver *receiver = context;
	struct store_user user;
	enum err err = user_read(store, statement, &user);

	if (err == OK)
		*goes_on = receiver->each(&user, receiver->context);
	bytes_wipe(&user, sizeof user);
	return err;
}

/* Of realm, name, hmackey. */
static enum err user_read(struct store *store, sqlite3_stmt *statement, void *row)
{
	struct store_user *user = row;
	const char *hmackey = (const char *)sqlite3_column_text(statement, 2);

	memset(user, 0, sizeof *user);
	if (statement_text(statement, 0, user->realm, sizeof user->realm) != OK ||
	    statement_text(statement, 1, user->name, sizeof user->name) != OK)
		return ERR_INVALID;
	if (hmackey == NULL ||
	    hex_get(hmackey, user->key, sizeof user->key, &user->key_len) != OK ||
	    user->key_len != STUN_MD5_KEY_SIZE) {
		log_warning("user skipped",
		            "user=%s realm=%s reason=\"hmackey is not 32 hex digits\"", user->name,
		            user->realm);
		return ERR_INVALID;
	}
	return user_read_own_key(store, user);
}

static enum err user_read_own_key(struct store *store, struct store_user *user)
{
	enum err err = store_find_own_table(store);
	sqlite3_stmt *statement;
	int result;

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	statement = store_statement(store, STATEMENT_FIND_OWN_KEY);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	statement_bind_texts(statement, user->realm, user->name);
	sqlite3_bind_blob(statement, 3, user->key, (int)user->key_len, SQLITE_STATIC);
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW &&
	    sqlite3_column_bytes(statement, 0) == (int)sizeof user->sha256_key) {
		memcpy(user->sha256_key, sqlite3_column_blob(statement, 0),
		       sizeof user->sha256_key);
		user->has_sha256 = true;
	}
	statement_done(statement);
	return store_result(store, result);
}

/* The row of a user without a SHA-256 key has its USERHASH all the same. */
static enum err own_key_put(struct store *store, const struct store_user *user)
{
	uint8_t userhash[STUN_USERHASH_SIZE];
	sqlite3_stmt *statement;
	enum err err = store_make_own_table(store);

	if (err != OK)
		return err;
	statement = store_statement(store, STATEMENT_PUT_OWN_KEY);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	stun_userhash(sqlite_of(store)->hasher, (const uint8_t *)user->name, strlen(user->name),
	              user->realm, userhash);
	statement_bind_texts(statement, user->realm, user->name);
	sqlite3_bind_blob(statement, 3, userhash, sizeof userhash, SQLITE_STATIC);
	sqlite3_bind_blob(statement, 4, user->key, (int)user->key_len, SQLITE_STATIC);
	if (user->has_sha256)
		sqlite3_bind_blob(statement, 5, user->sha256_key, sizeof user->sha256_key,
		                  SQLITE_STATIC);
	return store_run(store, statement);
}

static enum err own_name_find(struct store *store, const char *realm, const uint8_t userhash[32],
                              char *name, size_t size)
{
	enum err err = store_find_own_table(store);
	sqlite3_stmt *statement;
	int result;

	if (err != OK)
		return err;
	statement = store_statement(store, STATEMENT_FIND_USERHASH);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_text(statement, 1, realm, -1, SQLITE_STATIC);
	sqlite3_bind_blob(statement, 2, userhash, STUN_USERHASH_SIZE, SQLITE_STATIC);
	result = sqlite3_step(statement);
	err = store_result(store, result);
	if (result == SQLITE_DONE || (err == OK && statement_text(statement, 0, name, size) != OK))
		err = ERR_NOT_FOUND;
	statement_done(statement);
	return err;
}
