/* The audit log in SQLite: a table of ours whose ids are never used twice. */
#include "store/sqlite.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

static const char table[] = "turnstone_audit";

/* To whom a list is given. */
struct receiver {
	store_each_audit_entry *each;
	void *context;
};

static enum err entry_put(struct store *store, const struct store_audit_entry *entry);
static enum err old_delete(struct store *store);
static sqlite_give_fn entry_give;

enum err sqlite_audit_add(struct store *store, const struct store_audit_entry *entry)
{
	enum err err = sqlite_own_tables_make(store);

	if (err == OK)
		err = store_begin(store);
	if (err != OK)
		return err;
	err = entry_put(store, entry);
	if (err == OK)
		err = old_delete(store);
	return store_commit(store, err);
}

enum err sqlite_audit_list(struct store *store, uint64_t before, store_each_audit_entry *each,
                           void *context)
{
	struct receiver receiver = {each, context};
	enum err err = store_find_table(store, table);
	char id[24];

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	snprintf(id, sizeof id, "%" PRIu64, before > INT64_MAX ? INT64_MAX : before);
	return sqlite_rows(store, STATEMENT_LIST_AUDIT, before != 0 ? id : NULL, entry_give,
	                   &receiver);
}

static enum err entry_put(struct store *store, const struct store_audit_entry *entry)
{
	const char *const texts[] = {entry->who, entry->from, entry->what, entry->on};
	sqlite3_stmt *statement = store_statement(store, STATEMENT_ADD_AUDIT);

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_int64(statement, 1, (int64_t)entry->time_ms);
	for (int i = 0; i < 4; i++)
		sqlite3_bind_text(statement, 2 + i, texts[i], -1, SQLITE_STATIC);
	return store_run(store, statement);
}

static enum err old_delete(struct store *store)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_DELETE_OLD_AUDIT);

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_int64(statement, 1, AUDIT_ENTRIES_MAX);
	return store_run(store, statement);
}

static enum err entry_give(struct store *store, sqlite3_stmt *statement, void *context,
                           bool *goes_on)
{
	const struct receiver *receiver = context;
	struct store_audit_entry entry = {
		.id = (uint64_t)sqlite3_column_int64(statement, 0),
		.time_ms = (uint64_t)sqlite3_column_int64(statement, 1),
	};

	if (statement_text(statement, 2, entry.who, sizeof entry.who) != OK ||
	    statement_text(statement, 3, entry.from, sizeof entry.from) != OK ||
	    statement_text(statement, 4, entry.what, sizeof entry.what) != OK ||
	    statement_text(statement, 5, entry.on, sizeof entry.on) != OK) {
		log_warning("row skipped", "store=%s table=%s reason=\"a text is too long\"",
		            store->path, table);
		return ERR_INVALID;
	}
	*goes_on = receiver->each(&entry, receiver->context);
	return OK;
}
