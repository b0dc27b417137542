/* A sorted array of the first eight bytes of each hash with the row it is in: 16 bytes a user. The
 * row is read and its hash compared whole before it is believed. */
#include "store/userhash_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"

enum { INDEX_USERS_MAX = 1000000 };

struct index_entry {
	uint64_t hash; /* its first eight bytes */
	int64_t row;
};

struct userhash_index {
	int64_t data_version;
	size_t count;
	struct index_entry entries[];
};

static enum err index_refresh(struct store *store);
static enum err index_build(struct store *store, int64_t version);
static enum err index_read_rows(struct store *store, sqlite3_stmt *statement, int64_t version);
static enum err index_add(struct store *store, size_t *capacity, sqlite3_stmt *statement);
static int compare_entries(const void *a, const void *b);
static const struct index_entry *index_first(const struct userhash_index *index, uint64_t hash);
static enum err row_match(struct store *store, int64_t row, const char *realm,
                          const uint8_t userhash[STUN_USERHASH_SIZE], char *name, size_t size);

enum err userhash_index_find(struct store *store, const char *realm,
                             const uint8_t userhash[STUN_USERHASH_SIZE], char *name, size_t size)
{
	uint64_t hash = get_u64(userhash);
	const struct index_entry *entry, *end;
	enum err err = index_refresh(store);

	if (err != OK)
		return err;
	end = sqlite_of(store)->index->entries + sqlite_of(store)->index->count;
	for (entry = index_first(sqlite_of(store)->index, hash); entry < end && entry->hash == hash;
	     entry++) {
		err = row_match(store, entry->row, realm, userhash, name, size);
		if (err != ERR_NOT_FOUND)
			return err;
	}
	return ERR_NOT_FOUND;
}

void userhash_index_forget(struct store *store)
{
	free(sqlite_of(store)->index);
	sqlite_of(store)->index = NULL;
}

static enum err index_refresh(struct store *store)
{
	struct store_version version;
	enum err err = store_version(store, &version);

	if (err != OK)
		return err;
	if (sqlite_of(store)->index != NULL &&
	    sqlite_of(store)->index->data_version == version.data)
		return OK;
	userhash_index_forget(store);
	err = index_build(store, version.data);
	if (err != OK)
		userhash_index_forget(store);
	return err;
}

static enum err index_build(struct store *store, int64_t version)
{
	enum err err = store_find_own_table(store);
	sqlite3_stmt *statement;

	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	statement =
		store_statement(store, err == OK ? STATEMENT_INDEX_COTURN : STATEMENT_INDEX_ALL);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_int(statement, 1, INDEX_USERS_MAX + 1);
	err = index_read_rows(store, statement, version);
	statement_done(statement);
	if (err == OK)
		qsort(sqlite_of(store)->index->entries, sqlite_of(store)->index->count,
		      sizeof(struct index_entry), compare_entries);
	return err;
}

static enum err index_read_rows(struct store *store, sqlite3_stmt *statement, int64_t version)
{
	size_t capacity = 0;
	enum err err;
	int result;

	err = index_add(store, &capacity, NULL);
	while (err == OK && (result = sqlite3_step(statement)) != SQLITE_DONE) {
		err = store_result(store, result);
		if (err == OK && sqlite_of(store)->index->count == INDEX_USERS_MAX) {
			log_warning("users not found by USERHASH",
			            "store=%s value=%d reason=\"there are more than that\"",
			            store->path, INDEX_USERS_MAX);
			break;
		}
		if (err == OK)
			err = index_add(store, &capacity, statement);
	}
	if (err == OK)
		sqlite_of(store)->index->data_version = version;
	return err;
}

/* Adds the row the statement is at, with room made first; NULL: only the room. */
static enum err index_add(struct store *store, size_t *capacity, sqlite3_stmt *statement)
{
	struct userhash_index *index = sqlite_of(store)->index;
	char realm[STORE_TEXT_MAX], name[STORE_TEXT_MAX];
	uint8_t userhash[STUN_USERHASH_SIZE];

	if (index == NULL || index->count == *capacity) {
		size_t wanted = index == NULL ? 64 : *capacity * 2;

		index = realloc(index, sizeof *index + wanted * sizeof index->entries[0]);
		if (index == NULL)
			return ERR_NO_MEMORY;
		if (sqlite_of(store)->index == NULL)
			*index = (struct userhash_index){0};
		sqlite_of(store)->index = index;
		*capacity = wanted;
	}
	if (statement == NULL || statement_text(statement, 1, realm, sizeof realm) != OK ||
	    statement_text(statement, 2, name, sizeof name) != OK)
		return OK;
	stun_userhash(sqlite_of(store)->hasher, (const uint8_t *)name, strlen(name), realm,
	              userhash);
	index->entries[index->count++] = (struct index_entry){
		.hash = get_u64(userhash),
		.row = sqlite3_column_int64(statement, 0),
	};
	return OK;
}

static int compare_entries(const void *a, const void *b)
{
	uint64_t left = ((const struct index_entry *)a)->hash;
	uint64_t right = ((const struct index_entry *)b)->hash;

	return left < right ? -1 : left > right;
}

/* Returns the first entry that is not less than hash; the end when there is none. */
static const struct index_entry *index_first(const struct userhash_index *index, uint64_t hash)
{
	size_t low = 0, high = index->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (index->entries[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return index->entries + low;
}

static enum err row_match(struct store *store, int64_t row, const char *realm,
                          const uint8_t userhash[STUN_USERHASH_SIZE], char *name, size_t size)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_FIND_ROW);
	uint8_t found[STUN_USERHASH_SIZE];
	char found_realm[STORE_TEXT_MAX];
	enum err err = ERR_NOT_FOUND;
	int result;

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_int64(statement, 1, row);
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW &&
	    statement_text(statement, 0, found_realm, sizeof found_realm) == OK &&
	    statement_text(statement, 1, name, size) == OK && strcmp(realm, found_realm) == 0) {
		stun_userhash(sqlite_of(store)->hasher, (const uint8_t *)name, strlen(name), realm,
		              found);
		if (memcmp(found, userhash, sizeof found) == 0)
			err = OK;
	}
	statement_done(statement);
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		return store_result(store, result);
	return err;
}
