/* The spool's SQLite file. A fact is written once; a row of pending for each sink that has yet to take it. */
#include "signaling/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/file_refusal.h"
#include "signaling/parcel.h"

/* EXCLUSIVE: two processes would send everything twice. FULL: a commit reaches the disk; commits are of groups, so that costs little. */
static const char schema[] =
	"PRAGMA locking_mode=EXCLUSIVE;"
	"PRAGMA journal_mode=WAL;"
	"PRAGMA synchronous=FULL;"
	"PRAGMA journal_size_limit=16777216;"
	"BEGIN IMMEDIATE;"
	"CREATE TABLE IF NOT EXISTS fact(id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL,"
	" tenant TEXT NOT NULL, room TEXT NOT NULL, sequence INTEGER NOT NULL,"
	" wall_ms INTEGER NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL);"
	"CREATE INDEX IF NOT EXISTS fact_of_room ON fact(tenant, room, id);"
	"CREATE TABLE IF NOT EXISTS sink(id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE IF NOT EXISTS pending(sink INTEGER NOT NULL, fact INTEGER NOT NULL,"
	" tried INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(sink, fact)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS pending_of_fact ON pending(fact);"
	"COMMIT;";

enum statement {
	BEGIN,
	COMMIT,
	PUT,
	PUT_PENDING,
	DELETE_PENDING,
	DELETE_FACT,
	DROP_SINK,
	DELETE_ORPHANS,
	NEXT,
	NEXT_OF_ROOM,
	MARK_TRIED,
	CLEAN_SINKS,
	INHERIT,
	FIND_SINK,
	ADD_SINK,
	KEEP_SINKS,
	BYTES,
	WAITING,
	STATEMENTS /* the count */
};
#define FACT_COLUMNS "f.id, p.tried, f.key, f.tenant, f.room, f.sequence, f.wall_ms, f.body"
static const char *const statement_sql[STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[PUT] = "INSERT INTO fact(key, tenant, room, sequence, wall_ms, size, body)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[PUT_PENDING] = "INSERT INTO pending(sink, fact) VALUES(?1, ?2)",
	[DELETE_PENDING] = "DELETE FROM pending WHERE sink = ?1 AND fact = ?2",
	[DELETE_FACT] = "DELETE FROM fact WHERE id = ?1 AND NOT EXISTS"
			" (SELECT 1 FROM pending WHERE fact = ?1) RETURNING size",
	[DROP_SINK] = "DELETE FROM pending WHERE sink = ?1",
	[DELETE_ORPHANS] = "DELETE FROM fact WHERE NOT EXISTS"
			   " (SELECT 1 FROM pending WHERE fact = fact.id) RETURNING size",
	[NEXT] = "SELECT " FACT_COLUMNS " FROM pending p JOIN fact f ON f.id = p.fact"
		 " WHERE p.sink = ?1 AND p.fact > ?2 ORDER BY p.fact LIMIT 1",
	[NEXT_OF_ROOM] = "SELECT " FACT_COLUMNS " FROM fact f CROSS JOIN pending p"
			 " WHERE f.tenant = ?2 AND f.room = ?3 AND p.fact = f.id AND p.sink = ?1"
			 " ORDER BY f.id LIMIT 1",
	[MARK_TRIED] = "UPDATE pending SET tried = 1 WHERE sink = ?1 AND fact = ?2 AND tried = 0",
	/* ?1: the names that stay, each between line feeds. */
	[CLEAN_SINKS] = "DELETE FROM sink WHERE instr(?1, char(10) || name || char(10)) = 0"
			" AND NOT EXISTS (SELECT 1 FROM pending WHERE sink = sink.id)",
	[INHERIT] =
		"UPDATE sink SET name = ?2 WHERE NOT EXISTS (SELECT 1 FROM sink WHERE name = ?2)"
		" AND id = (SELECT id FROM sink WHERE instr(?1, char(10) || name || char(10)) = 0"
		" AND substr(name, 1, instr(name || ' ', ' ')) = substr(?2, 1, instr(?2 || ' ', ' "
		"'))"
		" ORDER BY id LIMIT 1)",
	[FIND_SINK] = "SELECT id FROM sink WHERE name = ?1",
	[ADD_SINK] = "INSERT OR IGNORE INTO sink(name) VALUES(?1)",
	/* ?1: the ids that stay, in commas. */
	[KEEP_SINKS] = "DELETE FROM pending WHERE instr(?1, ',' || sink || ',') = 0",
	[BYTES] = "SELECT ifnull(sum(size), 0) FROM fact",
	[WAITING] = "SELECT count(*) FROM pending WHERE sink = ?1",
};

struct spool {
	sqlite3 *database;
	sqlite3_stmt *statements[STATEMENTS];
	int64_t sinks[SPOOL_SINKS_MAX]; /* their ids; 0: gone */
	size_t sink_count;
	uint64_t waiting[SPOOL_SINKS_MAX];
	struct { /* when the transaction began */
		int64_t sinks[SPOOL_SINKS_MAX];
		size_t sink_count;
		uint64_t waiting[SPOOL_SINKS_MAX];
	} before;
	char problem[256];
};

static enum err fail(struct spool *spool)
{
	snprintf(spool->problem, sizeof spool->problem, "%s", sqlite3_errmsg(spool->database));
	return ERR_UNAVAILABLE;
}

/* SQLite would make a file that everyone may read; facts have addresses of people in them. */
static enum err make_file(const char *path, char problem[256])
{
	char refusal[FILE_REFUSAL_SIZE];
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0) {
		close(fd);
		return OK;
	}
	snprintf(problem, 256, "event-spool %.80s: %.150s", path,
	         file_refusal(path, W_OK, errno, refusal));
	return ERR_UNAVAILABLE;
}

static enum err prepare_all(struct spool *spool)
{
	for (size_t i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(spool->database, statement_sql[i], -1,
		                       SQLITE_PREPARE_PERSISTENT, &spool->statements[i],
		                       NULL) != SQLITE_OK)
			return fail(spool);
	return OK;
}

static enum err open_database(struct spool *spool, const char *path)
{
	if (sqlite3_open_v2(path, &spool->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
	                    NULL) != SQLITE_OK ||
	    sqlite3_exec(spool->database, schema, NULL, NULL, NULL) != SQLITE_OK)
		return fail(spool);
	return prepare_all(spool);
}

enum err spool_open(const char *path, struct spool **spool_out, char problem[256])
{
	enum err err = make_file(path, problem);

	if (err != OK)
		return err;
	struct spool *spool = calloc(1, sizeof *spool);
	if (spool == NULL)
		return ERR_NO_MEMORY;
	err = open_database(spool, path);
	if (err != OK) {
		bool is_busy = sqlite3_errcode(spool->database) == SQLITE_BUSY;
		snprintf(problem, 256, "event-spool: %.120s: %.100s", path,
		         is_busy ? "another process has it open" : spool->problem);
		spool_close(spool);
		return err;
	}
	*spool_out = spool;
	return OK;
}

void spool_close(struct spool *spool)
{
	if (spool == NULL)
		return;
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(spool->statements[i]);
	sqlite3_close(spool->database);
	free(spool);
}

const char *spool_problem(const struct spool *spool)
{
	return spool->problem;
}

/* Runs a statement that has its values, and gives the sum of what rows it returns. */
static enum err run_sum(struct spool *spool, enum statement which, uint64_t *sum)
{
	sqlite3_stmt *statement = spool->statements[which];
	int step;

	while ((step = sqlite3_step(statement)) == SQLITE_ROW)
		if (sum != NULL)
			*sum += (uint64_t)sqlite3_column_int64(statement, 0);
	enum err err = step == SQLITE_DONE ? OK : fail(spool);
	sqlite3_reset(statement);
	return err;
}

static enum err run(struct spool *spool, enum statement which)
{
	return run_sum(spool, which, NULL);
}

static sqlite3_stmt *bind_ids(struct spool *spool, enum statement which, int64_t first,
                              int64_t second)
{
	sqlite3_stmt *statement = spool->statements[which];

	/* They fail for numbers that the statement does not have, which is no matter. */
	sqlite3_bind_int64(statement, 1, first);
	sqlite3_bind_int64(statement, 2, second);
	return statement;
}

static void bind_text(sqlite3_stmt *statement, int number, const char *text)
{
	sqlite3_bind_text(statement, number, text, -1, SQLITE_STATIC);
}

static enum err find_sink(struct spool *spool, const char *name, int64_t *id)
{
	uint64_t found = 0;

	bind_text(spool->statements[ADD_SINK], 1, name);
	bind_text(spool->statements[FIND_SINK], 1, name);
	enum err err = run(spool, ADD_SINK);
	if (err == OK)
		err = run_sum(spool, FIND_SINK, &found);
	*id = (int64_t)found;
	return err;
}

/* A webhook whose URL has changed: what waits for it is not lost. */
static enum err inherit(struct spool *spool, const char *names, const char *name)
{
	bind_text(spool->statements[INHERIT], 1, names);
	bind_text(spool->statements[INHERIT], 2, name);
	return run(spool, INHERIT);
}

static enum err find_sinks(struct spool *spool, const char *const *names, size_t count)
{
	char all[SPOOL_SINKS_MAX * (SPOOL_NAME_MAX + 1) + 2] = "\n";
	size_t len = 1;
	enum err err;

	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(all + len, sizeof all - len, "%.*s\n", SPOOL_NAME_MAX,
		                        names[i]);
	bind_text(spool->statements[CLEAN_SINKS], 1, all);
	err = run(spool, CLEAN_SINKS);
	for (size_t i = 0; err == OK && i < count; i++) {
		err = inherit(spool, all, names[i]);
		if (err == OK)
			err = find_sink(spool, names[i], &spool->sinks[i]);
	}
	return err;
}

static enum err keep_sinks(struct spool *spool, struct spool_forgotten *forgotten)
{
	char kept[SPOOL_SINKS_MAX * 21 + 2] = ",";
	size_t len = 1;
	enum err err;

	for (size_t i = 0; i < spool->sink_count; i++)
		len += (size_t)snprintf(kept + len, sizeof kept - len, "%lld,",
		                        (long long)spool->sinks[i]);
	bind_text(spool->statements[KEEP_SINKS], 1, kept);
	err = run(spool, KEEP_SINKS);
	if (err == OK)
		forgotten->events = (uint64_t)sqlite3_changes(spool->database);
	return err == OK ? run_sum(spool, DELETE_ORPHANS, &forgotten->bytes) : err;
}

static enum err set_sinks(struct spool *spool, const char *const *names, size_t count,
                          struct spool_forgotten *forgotten)
{
	enum err err = find_sinks(spool, names, count);

	spool->sink_count = count;
	memset(spool->waiting, 0, sizeof spool->waiting);
	if (err == OK)
		err = keep_sinks(spool, forgotten);
	for (size_t i = 0; err == OK && i < count; i++) {
		bind_ids(spool, WAITING, spool->sinks[i], 0);
		err = run_sum(spool, WAITING, &spool->waiting[i]);
	}
	return err;
}

enum err spool_set_sinks(struct spool *spool, const char *const *names, size_t count,
                         struct spool_forgotten *forgotten)
{
	*forgotten = (struct spool_forgotten){.events = 0};
	if (count > SPOOL_SINKS_MAX)
		return ERR_FULL;
	enum err err = spool_begin(spool);
	if (err != OK)
		return err;
	err = set_sinks(spool, names, count, forgotten);
	if (err == OK)
		return spool_commit(spool);
	spool_undo(spool);
	return err;
}

uint64_t spool_bytes(struct spool *spool)
{
	uint64_t bytes = 0;

	return run_sum(spool, BYTES, &bytes) == OK ? bytes : 0;
}

uint64_t spool_waiting(const struct spool *spool, unsigned sink)
{
	return spool->waiting[sink];
}

enum err spool_begin(struct spool *spool)
{
	memcpy(spool->before.sinks, spool->sinks, sizeof spool->sinks);
	memcpy(spool->before.waiting, spool->waiting, sizeof spool->waiting);
	spool->before.sink_count = spool->sink_count;
	return run(spool, BEGIN);
}

enum err spool_commit(struct spool *spool)
{
	/* A row that is lent would keep the log of what was written from being taken into the file. */
	sqlite3_reset(spool->statements[NEXT]);
	sqlite3_reset(spool->statements[NEXT_OF_ROOM]);
	enum err err = run(spool, COMMIT);

	if (err != OK)
		spool_undo(spool);
	return err;
}

void spool_undo(struct spool *spool)
{
	memcpy(spool->sinks, spool->before.sinks, sizeof spool->sinks);
	memcpy(spool->waiting, spool->before.waiting, sizeof spool->waiting);
	spool->sink_count = spool->before.sink_count;
	/* SQLite has undone it already where the disk is full. */
	if (!sqlite3_get_autocommit(spool->database))
		sqlite3_exec(spool->database, "ROLLBACK", NULL, NULL, NULL);
}

static enum err put_fact(struct spool *spool, const struct fact *fact)
{
	sqlite3_stmt *statement = spool->statements[PUT];

	bind_text(statement, 1, fact->key);
	bind_text(statement, 2, fact->tenant);
	bind_text(statement, 3, fact->room);
	sqlite3_bind_int64(statement, 4, (int64_t)fact->sequence);
	sqlite3_bind_int64(statement, 5, (int64_t)fact->wall_ms);
	sqlite3_bind_int64(statement, 6, (int64_t)fact_size(fact));
	if (sqlite3_bind_blob64(statement, 7, fact->body.len == 0 ? "" : fact->body.at,
	                        fact->body.len, SQLITE_STATIC) != SQLITE_OK)
		return fail(spool);
	return run(spool, PUT);
}

static bool has_sinks(const struct spool *spool)
{
	for (size_t i = 0; i < spool->sink_count; i++)
		if (spool->sinks[i] != 0)
			return true;
	return false;
}

enum err spool_put(struct spool *spool, const struct fact *fact, uint64_t *bytes)
{
	if (!has_sinks(spool)) {
		*bytes += fact_size(fact);
		return OK;
	}
	enum err err = put_fact(spool, fact);
	int64_t id = sqlite3_last_insert_rowid(spool->database);

	for (size_t i = 0; err == OK && i < spool->sink_count; i++)
		if (spool->sinks[i] != 0) {
			bind_ids(spool, PUT_PENDING, spool->sinks[i], id);
			err = run(spool, PUT_PENDING);
			spool->waiting[i]++;
		}
	return err;
}

enum err spool_done(struct spool *spool, unsigned sink, int64_t id, uint64_t *bytes)
{
	bind_ids(spool, DELETE_PENDING, spool->sinks[sink], id);
	enum err err = run(spool, DELETE_PENDING);
	if (err != OK)
		return err;
	spool->waiting[sink] -= (uint64_t)sqlite3_changes(spool->database);
	bind_ids(spool, DELETE_FACT, id, 0);
	return run_sum(spool, DELETE_FACT, bytes);
}

enum err spool_drop_sink(struct spool *spool, unsigned sink, uint64_t *bytes)
{
	bind_ids(spool, DROP_SINK, spool->sinks[sink], 0);
	enum err err = run(spool, DROP_SINK);
	if (err != OK)
		return err;
	spool->sinks[sink] = 0;
	spool->waiting[sink] = 0;
	return run_sum(spool, DELETE_ORPHANS, bytes);
}

static const char *column_text(sqlite3_stmt *statement, int number)
{
	const char *text = (const char *)sqlite3_column_text(statement, number);

	return text == NULL ? "" : text;
}

static void read_row(sqlite3_stmt *row, struct spooled *spooled)
{
	spooled->id = sqlite3_column_int64(row, 0);
	spooled->was_tried = sqlite3_column_int(row, 1) != 0;
	spooled->fact = (struct fact){
		.key = column_text(row, 2),
		.tenant = column_text(row, 3),
		.room = column_text(row, 4),
		.sequence = (uint64_t)sqlite3_column_int64(row, 5),
		.wall_ms = (uint64_t)sqlite3_column_int64(row, 6),
		.body = {sqlite3_column_blob(row, 7), (size_t)sqlite3_column_bytes(row, 7)},
	};
}

/* Leaves the row where it is until the statement is used again: what it points at is lent. */
static enum err first_row(struct spool *spool, sqlite3_stmt *statement, struct spooled *spooled)
{
	int step = sqlite3_step(statement);

	if (step == SQLITE_ROW) {
		read_row(statement, spooled);
		return OK;
	}
	enum err err = step == SQLITE_DONE ? ERR_NOT_FOUND : fail(spool);
	sqlite3_reset(statement);
	return err;
}

enum err spool_next(struct spool *spool, unsigned sink, int64_t after, struct spooled *spooled)
{
	sqlite3_reset(spool->statements[NEXT]);
	return first_row(spool, bind_ids(spool, NEXT, spool->sinks[sink], after), spooled);
}

enum err spool_next_of_room(struct spool *spool, unsigned sink, const char *tenant,
                            const char *room, struct spooled *spooled)
{
	sqlite3_stmt *statement = spool->statements[NEXT_OF_ROOM];

	sqlite3_reset(statement);
	sqlite3_bind_int64(statement, 1, spool->sinks[sink]);
	sqlite3_bind_text(statement, 2, tenant, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(statement, 3, room, -1, SQLITE_TRANSIENT);
	return first_row(spool, statement, spooled);
}

enum err spool_mark_tried(struct spool *spool, unsigned sink, int64_t id)
{
	bind_ids(spool, MARK_TRIED, spool->sinks[sink], id);
	return run(spool, MARK_TRIED);
}
