/* Versions of our own tables, and files that are damaged: what is half done is undone, and what is half
 * readable is refused where that matters. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite.h"

#include "tap.h"
#include "test_files.h"

enum { USERS = 3000 };

static void sql(const char *path, const char *text)
{
	sqlite3 *database = NULL;

	if (sqlite3_open(path, &database) != SQLITE_OK ||
	    sqlite3_exec(database, text, NULL, NULL, NULL) != SQLITE_OK)
		printf("Bail out! %s: %s\n", text, sqlite3_errmsg(database)), exit(1);
	sqlite3_close(database);
}

static struct store *open_store(const struct test_files *files)
{
	struct store *store = NULL;
	char problem[256];

	if (store_open(files->database, true, &store, problem) != OK)
		printf("Bail out! %s\n", problem), exit(1);
	return store;
}

static int number(struct store *store, const char *text)
{
	int read = -1;

	if (store_number(store, text, &read) != OK)
		printf("# %s\n", store_problem(store));
	return read;
}

static const struct sqlite_migration steps[] = {
	{"CREATE TABLE one (a); INSERT INTO one VALUES (1);"},
	{"ALTER TABLE one ADD b; UPDATE one SET b = 2;"},
	{"CREATE TABLE three (a); INSERT INTO none VALUES (1);"}, /* there is no such table */
};

static enum err migrate(struct store *store, int count)
{
	enum err err = store_begin(store);

	return err != OK ? err : store_commit(store, sqlite_migrate(store, steps, count));
}

static void test_migrations(void)
{
	static const char three[] = "SELECT count(*) FROM sqlite_master WHERE name = 'three'";
	struct test_files files;
	struct store *store;

	test_files_init(&files);
	store = open_store(&files);
	is_int(number(store, "PRAGMA user_version"), 0, "a file without tables of ours");
	is_int(migrate(store, 1), OK, "one step");
	is_int(number(store, "PRAGMA user_version"), 1, "is version 1");
	is_int(migrate(store, 2), OK, "the next");
	is_int(number(store, "SELECT b FROM one"), 2, "goes on from there");
	is_int(migrate(store, 2), OK, "nothing to do");
	is_int(number(store, "SELECT count(*) FROM one"), 1, "is not done again");
	ok(migrate(store, 3) != OK, "a step that fails");
	is_int(number(store, "PRAGMA user_version"), 2, "leaves the version");
	is_int(number(store, three), 0, "and nothing of what it did before");
	is_int(migrate(store, 1), OK, "an older program finds nothing to do");
	is_int(number(store, "PRAGMA user_version"), 2, "and leaves the version");
	store_close(store);
	test_files_deinit(&files);
}

/* A file of coturn's is one byte for byte until it is written to. */
static void test_foreign_file(void)
{
	struct store_user user = {.realm = "r", .name = "new"};
	struct test_files files;
	struct store *store;

	test_files_init(&files);
	sql(files.database, "CREATE TABLE turnusers_lt (realm varchar(127) default '',"
	                    " name varchar(512), hmackey char(128), PRIMARY KEY (realm,name))");
	store = open_store(&files);
	is_int(store_user_find(store, "r", "new", &user), ERR_NOT_FOUND, "it is read");
	is_int(number(store, "SELECT count(*) FROM sqlite_master WHERE type = 'table'"), 1,
	       "what it lacks is not added");
	is_int(store_secret_add(store, "r", "secret"), OK, "until something is written");
	is_int(number(store, "SELECT count(*) FROM sqlite_master WHERE type = 'table'"), 8,
	       "then all of coturn's tables are there");
	is_int(number(store, "PRAGMA user_version"), 0, "and none of ours");
	snprintf(user.name, sizeof user.name, "new");
	snprintf(user.realm, sizeof user.realm, "r");
	ok(store_user_set_password(&user, "p") == OK && store_user_put(store, &user) == OK,
	   "which come with the first user");
	is_int(number(store, "PRAGMA user_version"), 4, "and a version");
	is_int(number(store, "PRAGMA synchronous"), 2, "what was written is on the disk");
	store_close(store);
	test_files_deinit(&files);
}

static void fill(const struct test_files *files)
{
	char text[256];

	snprintf(text, sizeof text,
	         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	         " INSERT INTO turn_secret SELECT 'r' || i, hex(randomblob(60)) FROM n;"
	         "PRAGMA wal_checkpoint(TRUNCATE)",
	         USERS);
	sql(files->database, text);
}

static void spoil_end(const struct test_files *files)
{
	int fd = open(files->database, O_RDWR | O_CLOEXEC);
	uint8_t garbage[8192];
	struct stat status;

	memset(garbage, 0x55, sizeof garbage);
	if (fd < 0 || fstat(fd, &status) != 0 ||
	    pwrite(fd, garbage, sizeof garbage, status.st_size - (off_t)sizeof garbage) < 0)
		printf("Bail out! it cannot be spoilt\n"), exit(1);
	close(fd);
}

static void test_checked(void)
{
	struct test_files files;
	struct store *store;
	char problem[256];

	test_files_init(&files);
	store_close(open_store(&files));
	fill(&files);
	struct store_location location = {.file = files.database, .is_checked = true};
	is_int(store_open_at(&location, false, &store, problem), OK, "a file that is whole");
	store_close(store);
	spoil_end(&files);
	is_int(store_open_at(&location, false, &store, problem), ERR_UNAVAILABLE,
	       "one that is damaged at its end");
	ok(strstr(problem, "is damaged: restore it from a backup") != NULL, "%s", problem);
	location.is_checked = false;
	is_int(store_open_at(&location, false, &store, problem), OK, "unless nobody looks");
	store_close(store);
	test_files_deinit(&files);
}

int main(void)
{
	test_migrations();
	test_foreign_file();
	test_checked();
	return tap_end();
}
