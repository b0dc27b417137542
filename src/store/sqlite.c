/* Opening and creating the database, and what all its statements need. What is in the tables is
 * users.c's and secrets.c's matter. */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"

enum {
	BUSY_TIMEOUT_MS = 1000, /* another program's transaction lasts milliseconds */
};

static const char *const statement_sql[STATEMENT_COUNT] = {
#define STATEMENT(name, sql) [STATEMENT_##name] = sql,
#include "store/statements.def"
#undef STATEMENT
};

static void sqlite_close(struct store *store);
static bool sqlite_has_moved(struct store *store);
static enum err file_check(const char *path, bool may_create, char problem[256]);
static enum err directory_check(const char *path, struct stat *status, char problem[256]);
static enum err file_create(const char *path, const struct stat *directory, char problem[256]);
static enum err database_open(struct store *store);
static enum err database_open_as(struct store *store, const char *name, int flags);
static bool may_be_immutable(const char *path);
static bool is_on_read_only_disk(const char *path);
static enum err database_open_immutable(struct store *store);
static enum err database_inspect(struct store *store);
static bool is_writing(const char *sql);
static enum err row_find(struct store *store, enum store_statement which, const char *first,
                         const char *second);

static const struct store_driver driver = {
	.close = sqlite_close,
	.has_moved = sqlite_has_moved,
	.version = sqlite_version,
	.user_find = sqlite_user_find,
	.user_find_hash = sqlite_user_find_hash,
	.user_put = sqlite_user_put,
	.user_delete = sqlite_user_delete,
	.user_list = sqlite_user_list,
	.user_page = sqlite_user_page,
	.user_counts = sqlite_user_counts,
	.secret_add = sqlite_secret_add,
	.secret_delete = sqlite_secret_delete,
	.secret_list = sqlite_secret_list,
	.origin_put = sqlite_origin_put,
	.origin_delete = sqlite_origin_delete,
	.origin_list = sqlite_origin_list,
	.realm_option_put = sqlite_realm_option_put,
	.realm_option_delete = sqlite_realm_option_delete,
	.realm_option_list = sqlite_realm_option_list,
	.peer_range_add = sqlite_peer_range_add,
	.peer_range_delete = sqlite_peer_range_delete,
	.peer_range_list = sqlite_peer_range_list,
	.oauth_key_find = sqlite_oauth_key_find,
	.oauth_key_put = sqlite_oauth_key_put,
	.oauth_key_delete = sqlite_oauth_key_delete,
	.oauth_key_list = sqlite_oauth_key_list,
	.administrator_find = sqlite_administrator_find,
	.administrator_put = sqlite_administrator_put,
	.administrator_delete = sqlite_administrator_delete,
	.administrator_list = sqlite_administrator_list,
	.realm_list = sqlite_realm_list,
	.record_put = sqlite_record_put,
	.record_delete = sqlite_record_delete,
	.record_list = sqlite_record_list,
	.revoke = sqlite_revoke,
	.audit_add = sqlite_audit_add,
	.audit_list = sqlite_audit_list,
	.secret_list_by_age = sqlite_secret_list_by_age,
};

enum err sqlite_store_open(const char *path, bool may_create, bool is_checked,
                           struct store **store_out, char problem[256])
{
	struct sqlite_store *sqlite;
	struct store *store;
	enum err err;

	problem[0] = '\0';
	err = file_check(path, may_create, problem);
	if (err != OK)
		return err;
	sqlite = calloc(1, sizeof *sqlite);
	if (sqlite == NULL)
		return ERR_NO_MEMORY;
	store = &sqlite->store;
	store->driver = &driver;
	snprintf(store->path, sizeof store->path, "%s", path);
	err = stun_hasher_create(&sqlite->hasher);
	if (err == OK)
		err = database_open(store);
	if (err == OK)
		err = sqlite_schema_open(store, may_create);
	if (err == ERR_UNAVAILABLE && may_be_immutable(path)) {
		sqlite3_close(sqlite->database);
		err = database_open_immutable(store);
		if (err == OK)
			err = sqlite_schema_open(store, false);
	}
	if (err == OK && is_checked)
		err = database_inspect(store);
	if (err != OK) {
		snprintf(problem, 256, "%s", store->problem);
		sqlite_close(store);
		return err;
	}
	*store_out = store;
	return OK;
}

static void sqlite_close(struct store *store)
{
	struct sqlite_store *sqlite = sqlite_of(store);

	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(sqlite->statements[i]);
	/* A copy of the file alone is whole then, and one that is put in its place does not meet what was
	 * written to this one. */
	if (sqlite->has_written)
		sqlite3_wal_checkpoint_v2(sqlite->database, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
		                          NULL);
	sqlite3_close(sqlite->database);
	stun_hasher_destroy(sqlite->hasher);
	free(sqlite->index);
	free(sqlite);
}

static bool sqlite_has_moved(struct store *store)
{
	int has_moved = 0;

	if (sqlite_of(store)->is_immutable && !is_on_read_only_disk(store->path)) {
		(void)store_say(store, ERR_UNAVAILABLE, "its disk can be written to again");
		return true;
	}
	sqlite3_file_control(sqlite_of(store)->database, "main", SQLITE_FCNTL_HAS_MOVED,
	                     &has_moved);
	if (has_moved == 0)
		return false;
	(void)store_say(store, ERR_UNAVAILABLE, "was removed or replaced: put it back");
	return true;
}

/* Looks at the file before SQLite does, which has fewer words for what is wrong with it. */
static enum err file_check(const char *path, bool may_create, char problem[256])
{
	struct stat status; /* of the file, then of its directory */

	if (strlen(path) >= sizeof((struct store *)NULL)->path) {
		snprintf(problem, 256, "%.150s...: the path is too long: use a shorter one", path);
		return ERR_INVALID;
	}
	if (stat(path, &status) == 0) {
		if (S_ISREG(status.st_mode))
			return OK;
		snprintf(problem, 256, "%.150s: is not a file: name a file in it instead", path);
		return ERR_INVALID;
	}
	if (errno != ENOENT) {
		snprintf(problem, 256, "%.150s: %s: correct the path or its permissions", path,
		         strerror(errno));
		return ERR_SYSTEM;
	}
	if (directory_check(path, &status, problem) != OK)
		return ERR_NOT_FOUND;
	if (may_create)
		return file_create(path, &status, problem);
	snprintf(problem, 256, "%.150s: no such file: correct the path, or add a user to create it",
	         path);
	return ERR_NOT_FOUND;
}

static enum err directory_check(const char *path, struct stat *status, char problem[256])
{
	const char *slash = strrchr(path, '/');
	int len = slash == NULL || slash == path ? 1 : (int)(slash - path);
	char directory[256];

	snprintf(directory, sizeof directory, "%.*s", len, slash == NULL ? "." : path);
	if (stat(directory, status) == 0 && S_ISDIR(status->st_mode))
		return OK;
	snprintf(problem, 256, "%.100s: there is no directory %.80s: make it or correct the path",
	         path, directory);
	return ERR_NOT_FOUND;
}

/* Keys and secrets are in it: it is its owner's alone. An empty file is an empty database. */
static enum err file_create(const char *path, const struct stat *directory, char problem[256])
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0) {
		/* What root makes in the server's directory, the server has to be able to read. */
		if (geteuid() == 0 && fchown(fd, directory->st_uid, directory->st_gid) != 0)
			log_warning(
				"database stays root's",
				"store=%s reason=\"%s\" advice=\"give it to the server's user\"",
				path, strerror(errno));
		close(fd);
		return OK;
	}
	if (errno == EEXIST) /* another program was faster */
		return OK;
	snprintf(problem, 256,
	         "%.150s: cannot be created: %s: change the directory's owner or mode", path,
	         strerror(errno));
	return ERR_SYSTEM;
}

static enum err database_open(struct store *store)
{
	/* It falls back to reading alone by itself. */
	return database_open_as(store, store->path, SQLITE_OPEN_READWRITE);
}

static enum err database_open_as(struct store *store, const char *name, int flags)
{
	struct sqlite_store *sqlite = sqlite_of(store);
	/* One thread at a time: no mutex. */
	int result = sqlite3_open_v2(name, &sqlite->database, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (result != SQLITE_OK)
		return store_result(store, result);
	sqlite3_extended_result_codes(sqlite->database, 1);
	sqlite3_busy_timeout(sqlite->database, BUSY_TIMEOUT_MS);
	sqlite3_db_config(sqlite->database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(sqlite->database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	store->is_read_only = sqlite3_db_readonly(sqlite->database, "main") == 1;
	return OK;
}

/* In WAL mode even readers make a file beside it, which they cannot on a disk that is read alone. There
 * nobody writes either, so that the file may be read as one that never changes, unless a log that is
 * not empty holds a part of it. */
static bool may_be_immutable(const char *path)
{
	char log[sizeof((struct store *)NULL)->path + sizeof "-wal"];
	struct stat status;

	snprintf(log, sizeof log, "%s-wal", path);
	return is_on_read_only_disk(path) && (stat(log, &status) != 0 || status.st_size == 0);
}

static bool is_on_read_only_disk(const char *path)
{
	struct statvfs status;

	return statvfs(path, &status) == 0 && (status.f_flag & ST_RDONLY) != 0;
}

static enum err database_open_immutable(struct store *store)
{
	static const char before[] = "file:", behind[] = "?immutable=1";
	char uri[sizeof before + 3 * sizeof store->path + sizeof behind];
	char *at = stpcpy(uri, before);

	for (const char *from = store->path; *from != '\0'; from++)
		at += snprintf(at, 4, strchr("%?#", *from) != NULL ? "%%%02X" : "%c", *from);
	memcpy(at, behind, sizeof behind);
	sqlite_of(store)->is_immutable = true;
	return database_open_as(store, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

/* What is damaged is no store, even where a part of it can still be read: whoever is in the other part
 * would be told that he does not exist. */
static enum err database_inspect(struct store *store)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(sqlite_of(store)->database, "PRAGMA quick_check(1)", -1,
	                                &statement, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW &&
	    strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		result = SQLITE_CORRUPT;
	sqlite3_finalize(statement);
	sqlite3_db_release_memory(sqlite_of(store)->database); /* all pages were read */
	return store_result(store, result);
}

enum err store_number(struct store *store, const char *sql, int *number)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(sqlite_of(store)->database, sql, -1, &statement, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		*number = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return store_result(store, result);
}

sqlite3_stmt *store_statement(struct store *store, enum store_statement which)
{
	sqlite3_stmt **statement = &sqlite_of(store)->statements[which];
	int result;

	if (*statement != NULL)
		return *statement;
	if (is_writing(statement_sql[which]) && sqlite_schema_prepare(store) != OK)
		return NULL;
	result = sqlite3_prepare_v3(sqlite_of(store)->database, statement_sql[which], -1,
	                            SQLITE_PREPARE_PERSISTENT, statement, NULL);
	return store_result(store, result) == OK ? *statement : NULL;
}

static bool is_writing(const char *sql)
{
	return strncmp(sql, "INSERT", 6) == 0 || strncmp(sql, "DELETE", 6) == 0;
}

void statement_done(sqlite3_stmt *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

void statement_bind_texts(sqlite3_stmt *statement, const char *first, const char *second)
{
	sqlite3_bind_text(statement, 1, first, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, second, -1, SQLITE_STATIC);
}

enum err statement_text(sqlite3_stmt *statement, int column, char *text, size_t size)
{
	const unsigned char *value = sqlite3_column_text(statement, column);
	size_t len = (size_t)sqlite3_column_bytes(statement, column);

	if (value == NULL || len >= size || memchr(value, 0, len) != NULL)
		return ERR_INVALID;
	memcpy(text, value, len);
	text[len] = '\0';
	return OK;
}

/* Primary result codes of SQLite, what they mean to us, and how a person mends it. */
static const struct {
	int result;
	enum err err;
	const char *words;
} failures[] = {
	{SQLITE_ERROR, ERR_UNAVAILABLE,
         "has a table that is not as coturn's schema makes it: compare them"},
	{SQLITE_NOMEM, ERR_NO_MEMORY, "out of memory"},
	{SQLITE_NOTADB, ERR_UNAVAILABLE,
         "is not an SQLite database: move it away or name another file"},
	{SQLITE_CORRUPT, ERR_UNAVAILABLE, "is damaged: restore it from a backup"},
	{SQLITE_BUSY, ERR_UNAVAILABLE, "is locked by another program: stop it or try again"},
	{SQLITE_LOCKED, ERR_UNAVAILABLE, "is locked by another program: stop it or try again"},
	{SQLITE_READONLY_DBMOVED, ERR_UNAVAILABLE, "was removed or replaced: try again"},
	{SQLITE_READONLY, ERR_DENIED,
         "cannot be written: change the owner or mode of the file and its directory"},
	{SQLITE_PERM, ERR_DENIED, "may not be opened: change its owner or mode"},
	{SQLITE_CANTOPEN, ERR_UNAVAILABLE,
         "cannot be opened: change the owner or mode of the file and its directory"},
	{SQLITE_FULL, ERR_UNAVAILABLE, "the disk is full: make room"},
	{SQLITE_IOERR, ERR_UNAVAILABLE, "cannot be read or written: look at the disk"},
	{SQLITE_CONSTRAINT, ERR_EXISTS, "has that already"},
};

static bool is_want_of_room(struct store *store, int result);

enum err store_result(struct store *store, int result)
{
	if (result == SQLITE_OK || result == SQLITE_ROW || result == SQLITE_DONE)
		return OK;
	result = is_want_of_room(store, result) ? SQLITE_FULL : result;
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
		if (failures[i].result == result || failures[i].result == (result & 0xff))
			return store_say(store, failures[i].err, failures[i].words);
	return store_say(store, ERR_UNAVAILABLE, sqlite3_errstr(result));
}

/* Room is also what lacks when the files beside the database cannot be made or grow. */
static bool is_want_of_room(struct store *store, int result)
{
	return result == SQLITE_IOERR_SHMSIZE ||
	       ((result & 0xff) == SQLITE_IOERR &&
	        sqlite3_system_errno(sqlite_of(store)->database) == ENOSPC);
}

enum err store_say(struct store *store, enum err err, const char *words)
{
	snprintf(store->problem, sizeof store->problem, "%.150s: %s", store->path, words);
	return err;
}

enum err store_run(struct store *store, sqlite3_stmt *statement)
{
	int result = sqlite3_step(statement);

	statement_done(statement);
	return store_result(store, result);
}

enum err sqlite_row(struct store *store, sqlite3_stmt *statement, sqlite_read_fn *read, void *row)
{
	int result = sqlite3_step(statement);
	enum err err = result == SQLITE_DONE ? ERR_NOT_FOUND : store_result(store, result);

	if (err == OK)
		err = read(store, statement, row);
	statement_done(statement);
	return err == ERR_INVALID ? ERR_NOT_FOUND : err;
}

enum err sqlite_rows(struct store *store, enum store_statement which, const char *first,
                     sqlite_give_fn *give, void *context)
{
	sqlite3_stmt *statement = store_statement(store, which);

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	if (first != NULL)
		sqlite3_bind_text(statement, 1, first, -1, SQLITE_STATIC);
	return sqlite_rows_of(store, statement, give, context);
}

enum err sqlite_rows_of(struct store *store, sqlite3_stmt *statement, sqlite_give_fn *give,
                        void *context)
{
	bool goes_on = true;
	enum err err = OK;
	int result;

	while (err == OK && goes_on && (result = sqlite3_step(statement)) != SQLITE_DONE) {
		err = store_result(store, result);
		if (err != OK)
			break;
		err = give(store, statement, context, &goes_on);
		if (err == ERR_INVALID)
			err = OK;
	}
	statement_done(statement);
	return err;
}

/* Runs one of our own constant texts. */
enum err store_execute(struct store *store, const char *sql)
{
	return store_result(store, sqlite3_exec(sqlite_of(store)->database, sql, NULL, NULL, NULL));
}

enum err store_begin(struct store *store)
{
	enum err err = sqlite_schema_prepare(store);

	return err != OK ? err : store_execute(store, "BEGIN IMMEDIATE");
}

enum err store_commit(struct store *store, enum err err)
{
	if (err == OK)
		err = store_execute(store, "COMMIT");
	if (err != OK)
		sqlite3_exec(sqlite_of(store)->database, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

enum err store_find_table(struct store *store, const char *name)
{
	return row_find(store, STATEMENT_FIND_TABLE, name, NULL);
}

enum err store_find_column(struct store *store, const char *table, const char *name)
{
	return row_find(store, STATEMENT_FIND_COLUMN, table, name);
}

static enum err row_find(struct store *store, enum store_statement which, const char *first,
                         const char *second)
{
	sqlite3_stmt *statement = store_statement(store, which);
	int result;

	if (statement == NULL)
		return ERR_UNAVAILABLE;
	sqlite3_bind_text(statement, 1, first, -1, SQLITE_STATIC);
	if (second != NULL)
		sqlite3_bind_text(statement, 2, second, -1, SQLITE_STATIC);
	result = sqlite3_step(statement);
	statement_done(statement);
	return result == SQLITE_DONE ? ERR_NOT_FOUND : store_result(store, result);
}

enum err store_find_own_table(struct store *store)
{
	sqlite3_stmt *statement;
	int result;

	if (sqlite_of(store)->has_own_keys)
		return OK;
	statement = store_statement(store, STATEMENT_FIND_OWN_TABLE);
	if (statement == NULL)
		return ERR_UNAVAILABLE;
	result = sqlite3_step(statement);
	statement_done(statement);
	sqlite_of(store)->has_own_keys = result == SQLITE_ROW;
	return result == SQLITE_DONE ? ERR_NOT_FOUND : store_result(store, result);
}
