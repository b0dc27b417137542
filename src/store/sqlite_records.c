/* Tenants, API keys, rooms, revocations, and what the console keeps, in SQLite: a table of ours for each, made with the first row of any. */
#include "store/sqlite.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "store/records.h"

static const struct {
	enum store_statement put, delete, list;
} statements[RECORD_KINDS] = {
	[RECORD_TENANT] = {STATEMENT_PUT_TENANT, STATEMENT_DELETE_TENANT, STATEMENT_LIST_TENANTS},
	[RECORD_API_KEY] = {STATEMENT_PUT_API_KEY, STATEMENT_DELETE_API_KEY,
                            STATEMENT_LIST_API_KEYS},
	[RECORD_ROOM] = {STATEMENT_PUT_ROOM, STATEMENT_DELETE_ROOM, STATEMENT_LIST_ROOMS},
	[RECORD_ROOM_KICKS] = {STATEMENT_PUT_ROOM_KICKS, STATEMENT_DELETE_ROOM_KICKS,
                               STATEMENT_LIST_ROOM_KICKS},
	[RECORD_REVOCATION] = {STATEMENT_PUT_REVOCATION, STATEMENT_DELETE_REVOCATION,
                               STATEMENT_LIST_REVOCATIONS},
	[RECORD_CONSOLE_TOKEN] = {STATEMENT_PUT_CONSOLE_TOKEN, STATEMENT_DELETE_CONSOLE_TOKEN,
                                  STATEMENT_LIST_CONSOLE_TOKENS},
	[RECORD_TOTP] = {STATEMENT_PUT_TOTP, STATEMENT_DELETE_TOTP, STATEMENT_LIST_TOTPS},
};

/* To whom a list is given. */
struct receiver {
	enum record_kind kind;
	record_each *each;
	void *context;
};

static enum err row_put(struct store *store, enum record_kind kind, const void *record);
static sqlite_give_fn row_give;

enum err sqlite_record_put(struct store *store, enum record_kind kind, const void *record)
{
	enum err err = sqlite_own_tables_make(store);

	return err == OK ? row_put(store, kind, record) : err;
}

enum err sqlite_record_delete(struct store *store, enum record_kind kind, const char *const *keys)
{
	sqlite3_stmt *statement;
	enum err err = store_find_table(store, record_kinds[kind].table);

	if (err != OK)
		return err;
	statement = store_statement(store, statements[kind].delete);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	for (size_t i = 0; i < record_kinds[kind].key_count; i++)
		sqlite3_bind_text(statement, (int)i + 1, keys[i], -1, SQLITE_STATIC);
	err = store_run(store, statement);
	return err == OK && sqlite_changes(store) == 0 ? ERR_NOT_FOUND : err;
}

enum err sqlite_record_list(struct store *store, enum record_kind kind, const char *first,
                            record_each *each, void *context)
{
	struct receiver receiver = {kind, each, context};
	enum err err = store_find_table(store, record_kinds[kind].table);

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	return sqlite_rows(store, statements[kind].list, first, row_give, &receiver);
}

/* Those that have expired go with it: the table stays as small as what counts. */
enum err sqlite_revoke(struct store *store, const struct store_revocation *revocation,
                       uint64_t now_s)
{
	sqlite3_stmt *statement;
	enum err err = sqlite_record_put(store, RECORD_REVOCATION, revocation);

	if (err != OK)
		return err;
	statement = store_statement(store, STATEMENT_DELETE_EXPIRED);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_int64(statement, 1, (int64_t)now_s);
	return store_run(store, statement);
}

/* They are the newest version's, and all made at once: one that is there tells of all. */
enum err sqlite_own_tables_make(struct store *store)
{
	enum err err = store_find_table(store, record_kinds[RECORD_TOTP].table);

	if (err != ERR_NOT_FOUND)
		return err;
	err = store_begin(store);
	return err == OK ? store_commit(store, store_make_own_table(store)) : err;
}

static enum err row_put(struct store *store, enum record_kind kind, const void *row)
{
	const struct record *record = &record_kinds[kind];
	sqlite3_stmt *statement = store_statement(store, statements[kind].put);
	char text[RECORD_VALUE_SIZE];

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	for (size_t i = 0; i < record->field_count; i++) {
		sqlite3_bind_text(statement, (int)i + 1,
		                  record_field_put(&record->fields[i], row, text), -1,
		                  SQLITE_TRANSIENT);
	}
	bytes_wipe(text, sizeof text);
	return store_run(store, statement);
}

/* Gives a column as a text: in this room, or SQLite's own until the next step. */
static enum err column_get(sqlite3_stmt *statement, int column, const struct record_field *field,
                           char room[RECORD_VALUE_SIZE], const char **text)
{
	*text = room;
	if (field->type != RECORD_LENT)
		return statement_text(statement, column, room, RECORD_VALUE_SIZE);
	*text = (const char *)sqlite3_column_text(statement, column);
	return *text == NULL ? ERR_INVALID : OK;
}

static enum err row_give(struct store *store, sqlite3_stmt *statement, void *context, bool *goes_on)
{
	const struct receiver *receiver = context;
	const struct record *record = &record_kinds[receiver->kind];
	char room[RECORD_VALUE_SIZE];
	union record_room row;
	const char *text;
	enum err err = OK;

	memset(&row, 0, sizeof row);
	for (size_t i = 0; err == OK && i < record->field_count; i++) {
		err = column_get(statement, (int)i, &record->fields[i], room, &text);
		if (err == OK)
			err = record_field_get(&record->fields[i], text, &row);
		if (err != OK)
			log_warning("row skipped", "store=%s table=%s reason=\"column %s\"",
			            store->path, record->table, record->fields[i].name);
	}
	if (err == OK)
		*goes_on = receiver->each(&row, receiver->context);
	bytes_wipe(room, sizeof room);
	bytes_wipe(&row, sizeof row);
	return err;
}
