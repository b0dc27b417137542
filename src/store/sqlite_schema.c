/* The tables: coturn's, and beside them our own, whose version stands in PRAGMA user_version, which coturn
 * leaves at 0. A step to another version is one transaction, the number in it with the rest: whoever is
 * interrupted has done all of it or nothing. */
#include <stdio.h>

#include "store/sqlite.h"

/* Names, columns and types are coturn's, so that each server opens the other's file. */
static const char coturn_schema[] =
	"CREATE TABLE IF NOT EXISTS turnusers_lt (realm varchar(127) default '',"
	" name varchar(512), hmackey char(128), PRIMARY KEY (realm,name));"
	"CREATE TABLE IF NOT EXISTS turn_secret (realm varchar(127) default '',"
	" value varchar(127), primary key (realm,value));"
	"CREATE TABLE IF NOT EXISTS allowed_peer_ip (realm varchar(127) default '',"
	" ip_range varchar(256), primary key (realm,ip_range));"
	"CREATE TABLE IF NOT EXISTS denied_peer_ip (realm varchar(127) default '',"
	" ip_range varchar(256), primary key (realm,ip_range));"
	"CREATE TABLE IF NOT EXISTS turn_origin_to_realm (origin varchar(127),"
	" realm varchar(127), primary key (origin));"
	"CREATE TABLE IF NOT EXISTS turn_realm_option (realm varchar(127) default '',"
	" opt varchar(32), value varchar(128), primary key (realm,opt));"
	"CREATE TABLE IF NOT EXISTS oauth_key (kid varchar(128), ikm_key varchar(256),"
	" timestamp bigint default 0, lifetime integer default 0,"
	" as_rs_alg varchar(64) default '', realm varchar(127) default '', primary key (kid));"
	"CREATE TABLE IF NOT EXISTS admin_user (name varchar(32), realm varchar(127),"
	" password varchar(127), primary key (name));";

/* Whoever has the file open is told by SQLite that something was written to it, and by these numbers what: a room
 * that comes and goes is nothing to those who remember users. coturn's programs count as well: triggers are the
 * file's. */
#define COUNT_CHANGE(table, event, column)                                               \
	"CREATE TRIGGER turnstone_changed_" table "_" event " AFTER " event " ON " table \
	" BEGIN UPDATE turnstone_version SET " column " = " column " + 1; END;"
#define COUNT_CHANGES(table, column)          \
	COUNT_CHANGE(table, "INSERT", column) \
	COUNT_CHANGE(table, "UPDATE", column) COUNT_CHANGE(table, "DELETE", column)
_Static_assert(SQLITE_CHANGE_TRIGGERS == 10 * 3, "tables that are counted, by events");

/* Each begins where the one before it ended; none is ever changed once it was published. */
static const struct sqlite_migration migrations[] = {
	{"CREATE TABLE IF NOT EXISTS turnstone_user_key (realm TEXT NOT NULL, name TEXT NOT NULL,"
         " userhash BLOB NOT NULL, md5_key BLOB NOT NULL, sha256_key BLOB,"
         " PRIMARY KEY (realm, name)) WITHOUT ROWID;"
         "CREATE INDEX IF NOT EXISTS turnstone_userhash ON turnstone_user_key (userhash);"},
	{"CREATE TABLE turnstone_tenant (name TEXT PRIMARY KEY, realm TEXT NOT NULL, secret TEXT "
         "NOT NULL,"
         " lets_anybody_in INTEGER NOT NULL, is_relay_only INTEGER NOT NULL, sessions_max INTEGER "
         "NOT NULL,"
         " rooms_max INTEGER NOT NULL, room_capacity INTEGER NOT NULL, credentials_ttl_s INTEGER "
         "NOT NULL);"
         "CREATE TABLE turnstone_api_key (tenant TEXT NOT NULL, name TEXT NOT NULL, hash TEXT NOT "
         "NULL,"
         " permissions INTEGER NOT NULL, created_s INTEGER NOT NULL, expires_s INTEGER NOT NULL,"
         " PRIMARY KEY (tenant, name));"
         "CREATE TABLE turnstone_room (tenant TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT "
         "NULL,"
         " owner TEXT NOT NULL, has_pin INTEGER NOT NULL, is_locked INTEGER NOT NULL,"
         " is_relay_only INTEGER NOT NULL, pin_salt TEXT NOT NULL, pin_hash TEXT NOT NULL,"
         " capacity INTEGER NOT NULL, created_ms INTEGER NOT NULL, empty_s INTEGER NOT NULL,"
         " PRIMARY KEY (tenant, type, name));"
         "CREATE TABLE turnstone_revoked (username TEXT PRIMARY KEY, expires_s INTEGER NOT NULL);"
         "CREATE TABLE turnstone_version (data INTEGER NOT NULL, tenants INTEGER NOT NULL,"
         " revocations INTEGER NOT NULL);"
         "INSERT INTO turnstone_version VALUES (0, 0, 0);" COUNT_CHANGES("turnusers_lt", "data")
                 COUNT_CHANGES("turn_secret", "data") COUNT_CHANGES(
			 "allowed_peer_ip", "data") COUNT_CHANGES("denied_peer_ip", "data")
                         COUNT_CHANGES("turn_origin_to_realm", "data") COUNT_CHANGES(
				 "turn_realm_option", "data") COUNT_CHANGES("oauth_key", "data")
                                 COUNT_CHANGES("turnstone_tenant", "tenants")
                                         COUNT_CHANGES("turnstone_api_key", "tenants")
                                                 COUNT_CHANGES("turnstone_revoked", "revocations")},
	{"CREATE TABLE turnstone_room_kicks (tenant TEXT NOT NULL, type TEXT NOT NULL, name TEXT "
         "NOT NULL,"
         " kicked TEXT NOT NULL, PRIMARY KEY (tenant, type, name));"},
	/* coturn's programs remove administrators too: the codes go with them whoever does. */
	{"CREATE TABLE turnstone_audit (id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT "
         "NULL, who TEXT NOT NULL, client TEXT NOT NULL, what TEXT NOT NULL, subject TEXT NOT "
         "NULL);"
         "CREATE TABLE turnstone_console_token (hash TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
         " realm TEXT NOT NULL, areas TEXT NOT NULL, created_s INTEGER NOT NULL,"
         " expires_s INTEGER NOT NULL, used_s INTEGER NOT NULL);"
         "CREATE TABLE turnstone_totp (administrator TEXT PRIMARY KEY, secret TEXT NOT NULL,"
         " last_step INTEGER NOT NULL);"
         "CREATE TRIGGER turnstone_codes_end AFTER DELETE ON admin_user BEGIN"
         " DELETE FROM turnstone_totp WHERE administrator = OLD.name; END;"},
};
enum { SCHEMA_VERSION = sizeof migrations / sizeof migrations[0] };

static enum err schema_make(struct store *store);
static void log_mode_set(struct store *store);

enum err sqlite_schema_open(struct store *store, bool may_create)
{
	int version = 0, tables = 0, users = 0;
	enum err err = store_number(store, "PRAGMA user_version", &version);

	if (err == OK)
		err = store_number(store, "SELECT count(*) FROM sqlite_master WHERE type = 'table'",
		                   &tables);
	if (err == OK)
		err = store_number(store,
		                   "SELECT count(*) FROM sqlite_master"
		                   " WHERE type = 'table' AND name = 'turnusers_lt'",
		                   &users);
	if (err != OK)
		return err;
	if (version > SCHEMA_VERSION)
		return store_say(store, ERR_INVALID,
		                 "was made by a newer turnstone: install that version");
	if (tables > 0 && users == 0)
		return store_say(store, ERR_INVALID,
		                 "is a database, but has no table turnusers_lt: name a turndb");
	if (users > 0)
		return OK;
	if (!may_create || store->is_read_only)
		return store_say(store, ERR_INVALID, "has no tables yet: add a user to make them");
	return sqlite_schema_prepare(store);
}

/* A file of coturn's stays as it is until somebody writes to it through us. */
enum err sqlite_schema_prepare(struct store *store)
{
	struct sqlite_store *sqlite = sqlite_of(store);
	enum err err;

	if (sqlite->has_written || store->is_read_only ||
	    sqlite3_get_autocommit(sqlite->database) == 0)
		return OK;
	log_mode_set(store);
	err = store_execute(store, "BEGIN IMMEDIATE");
	if (err == OK)
		err = store_commit(store, schema_make(store));
	sqlite->has_written = err == OK;
	return err;
}

/* Readers do not wait for writers then. Another program that has the file open can keep us from it; it
 * works as well without. What was written is on the disk before turnadmin says so: it is rare, and a
 * user who was told of his password shall have it after a power cut, for which WAL mode alone
 * would not do. */
static void log_mode_set(struct store *store)
{
	sqlite3 *database = sqlite_of(store)->database;

	sqlite3_exec(database, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	sqlite3_exec(database, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
}

/* Our own tables are made with the first user who has a row in them; those that there are become the
 * newest. */
static enum err schema_make(struct store *store)
{
	int version = 0;
	enum err err = store_execute(store, coturn_schema);

	if (err == OK)
		err = store_number(store, "PRAGMA user_version", &version);
	return err != OK || version == 0 ? err : store_make_own_table(store);
}

enum err store_make_own_table(struct store *store)
{
	return sqlite_migrate(store, migrations, SCHEMA_VERSION);
}

enum err sqlite_migrate(struct store *store, const struct sqlite_migration *steps, int count)
{
	char version_sql[64];
	int version = 0;
	enum err err = store_number(store, "PRAGMA user_version", &version);

	if (err != OK || version >= count)
		return err;
	for (int i = version; err == OK && i < count; i++)
		err = store_execute(store, steps[i].sql);
	snprintf(version_sql, sizeof version_sql, "PRAGMA user_version = %d", count);
	return err != OK ? err : store_execute(store, version_sql);
}
