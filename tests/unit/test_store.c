/* The store on SQLite: what coturn writes is read, what we write coturn reads, nothing a name
 * contains is more than a name, and what is wrong with a file is said. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"

#include "stun/integrity.h"
#include "tap.h"
#include "test_files.h"

#define COTURN_ADMIN "/usr/bin/turnadmin"

struct fixture {
	struct test_files files;
	struct store *store;
};

struct listed {
	size_t count;
	char names[256];
};

static void setup(struct fixture *fixture)
{
	char problem[256];

	test_files_init(&fixture->files);
	if (store_open(fixture->files.database, true, &fixture->store, problem) != OK)
		printf("Bail out! %s\n", problem), exit(1);
}

static void teardown(struct fixture *fixture)
{
	store_close(fixture->store);
	test_files_deinit(&fixture->files);
}

static void user_add(struct store *store, const char *realm, const char *name, const char *password)
{
	struct store_user user = {0};

	snprintf(user.realm, sizeof user.realm, "%s", realm);
	snprintf(user.name, sizeof user.name, "%s", name);
	if (store_user_set_password(&user, password) != OK || store_user_put(store, &user) != OK)
		printf("Bail out! %s\n", store_problem(store)), exit(1);
}

static void sql(const char *path, const char *text)
{
	sqlite3 *database = NULL;

	if (sqlite3_open(path, &database) != SQLITE_OK ||
	    sqlite3_exec(database, text, NULL, NULL, NULL) != SQLITE_OK)
		printf("Bail out! %s: %s\n", text, sqlite3_errmsg(database)), exit(1);
	sqlite3_close(database);
}

static void listed_add(struct listed *listed, const char *text)
{
	size_t len = strlen(listed->names);

	snprintf(listed->names + len, sizeof listed->names - len, "%s ", text);
	listed->count++;
}

static bool add_name(const struct store_user *user, void *context)
{
	listed_add(context, user->name);
	return true;
}

static bool add_secret(const char *realm, const char *secret, void *context)
{
	(void)realm;
	listed_add(context, secret);
	return true;
}

/* Keys of "alice" with "secret" in "example.org", computed with coreutils. */
static const uint8_t alice_md5[16] = {0x54, 0x3e, 0x1a, 0xec, 0x5d, 0x36, 0x14, 0xf0,
                                      0x31, 0x41, 0x65, 0x2d, 0x6a, 0xda, 0x51, 0xb2};

static void test_users(void)
{
	struct fixture fixture;
	struct store_user user;
	struct listed listed = {0};
	struct stat status;

	setup(&fixture);
	stat(fixture.files.database, &status);
	is_int(status.st_mode & 0777, 0600, "a database of ours is its owner's alone");
	is_int(store_user_find(fixture.store, "example.org", "alice", &user), ERR_NOT_FOUND,
	       "nobody is in an empty store");
	user_add(fixture.store, "example.org", "alice", "secret");
	user_add(fixture.store, "example.org", "bob", "secret");
	user_add(fixture.store, "example.net", "alice", "secret");
	is_int(store_user_find(fixture.store, "example.org", "alice", &user), OK, "alice is found");
	is_int(user.key_len, 16, "with a key of 16 bytes");
	is_bytes(user.key, alice_md5, 16, "which is MD5 of name, realm and password");
	ok(user.has_sha256, "and a SHA-256 key");
	is_int(store_user_find(fixture.store, "example.com", "alice", &user), ERR_NOT_FOUND,
	       "not in another realm");
	is_int(store_user_list(fixture.store, "example.org", add_name, &listed), OK, "list");
	is_text(listed.names, "alice bob ", "of one realm, in order");
	listed = (struct listed){0};
	is_int(store_user_list(fixture.store, NULL, add_name, &listed), OK, "list of all");
	is_text(listed.names, "alice alice bob ", "all realms");
	is_int(store_user_delete(fixture.store, "example.org", "alice"), OK, "delete");
	is_int(store_user_find(fixture.store, "example.org", "alice", &user), ERR_NOT_FOUND,
	       "alice is gone");
	is_int(store_user_find(fixture.store, "example.net", "alice", &user), OK,
	       "the other alice is not");
	is_int(store_user_delete(fixture.store, "example.org", "alice"), ERR_NOT_FOUND,
	       "nobody is deleted twice");
	teardown(&fixture);
}

/* What a name contains stays a name. */
static void test_injection(void)
{
	static const char *const names[] = {
		"'; DROP TABLE turnusers_lt; --",
		"\" OR 1=1 --",
		"%",
		"_",
		"alice' OR '1'='1",
		"\xff\xfe not UTF-8",
		"?1",
	};
	struct fixture fixture;
	struct store_user user;

	setup(&fixture);
	user_add(fixture.store, "r", "victim", "secret");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		is_int(store_user_find(fixture.store, "r", names[i], &user), ERR_NOT_FOUND,
		       "name %zu finds nobody", i);
		is_int(store_user_find(fixture.store, names[i], "victim", &user), ERR_NOT_FOUND,
		       "realm %zu finds nobody", i);
		user_add(fixture.store, "r", names[i], "x");
		is_int(store_user_find(fixture.store, "r", names[i], &user), OK,
		       "name %zu is a user when it was added", i);
		is_text(user.name, names[i], "under this very name");
		is_int(store_user_delete(fixture.store, "r", names[i]), OK, "and goes");
	}
	is_int(store_user_find(fixture.store, "r", "victim", &user), OK, "no one else did");
	teardown(&fixture);
}

static void test_secrets(void)
{
	struct fixture fixture;
	struct listed listed = {0};

	setup(&fixture);
	is_int(store_secret_add(fixture.store, "r", "one"), OK, "add");
	is_int(store_secret_add(fixture.store, "r", "one"), ERR_EXISTS, "twice");
	is_int(store_secret_add(fixture.store, "r", "two"), OK, "another");
	is_int(store_secret_add(fixture.store, "other", "three"), OK, "in another realm");
	is_int(store_secret_list(fixture.store, "r", add_secret, &listed), OK, "list");
	is_text(listed.names, "one two ", "those of the realm");
	is_int(store_secret_delete(fixture.store, "r", "one"), OK, "delete one");
	is_int(store_secret_delete(fixture.store, "r", "one"), ERR_NOT_FOUND, "once");
	is_int(store_secret_delete(fixture.store, "r", NULL), OK, "delete all of the realm");
	listed = (struct listed){0};
	is_int(store_secret_list(fixture.store, NULL, add_secret, &listed), OK, "list all");
	is_text(listed.names, "three ", "the other realm keeps its own");
	teardown(&fixture);
}

static bool add_origin(const char *origin, const char *realm, void *context)
{
	struct listed *listed = context;
	size_t len = strlen(listed->names);

	listed->count++;
	snprintf(listed->names + len, sizeof listed->names - len, "%s=%s ", origin, realm);
	return listed->count < 3;
}

static void test_origins(void)
{
	struct fixture fixture;
	struct listed listed = {0};

	setup(&fixture);
	is_int(store_origin_put(fixture.store, "https://a:443", "r"), OK, "add");
	is_int(store_origin_put(fixture.store, "https://c:443", "r"), OK, "another");
	is_int(store_origin_put(fixture.store, "https://b:443", "other"), OK, "of another realm");
	is_int(store_origin_put(fixture.store, "https://a:443", "new"), OK, "and change the first");
	is_int(store_origin_list(fixture.store, NULL, add_origin, &listed), OK, "list");
	is_text(listed.names, "https://a:443=new https://b:443=other https://c:443=r ",
	        "in their order");
	listed = (struct listed){0};
	is_int(store_origin_list(fixture.store, "r", add_origin, &listed), OK, "those of a realm");
	is_text(listed.names, "https://c:443=r ", "alone");
	is_int(store_origin_delete(fixture.store, "https://c:443"), OK, "delete");
	is_int(store_origin_delete(fixture.store, "https://c:443"), ERR_NOT_FOUND, "once");
	sql(fixture.files.database, "INSERT INTO turn_origin_to_realm VALUES (x'00ff', 'r'),"
	                            " ('https://x:443', NULL), (NULL, 'r')");
	listed = (struct listed){0};
	is_int(store_origin_list(fixture.store, NULL, add_origin, &listed), OK, "bad rows");
	is_int(listed.count, 2, "are skipped");
	teardown(&fixture);
}

static bool add_kid(const struct store_oauth_key *key, void *context)
{
	struct listed *listed = context;
	size_t len = strlen(listed->names);

	listed->count++;
	snprintf(listed->names + len, sizeof listed->names - len, "%s ", key->kid);
	return true;
}

static void test_oauth_keys(void)
{
	struct store_oauth_key key = {.kid = "north",
	                              .realm = "r",
	                              .algorithm = "A256GCM",
	                              .key = "a key",
	                              .key_len = 5,
	                              .timestamp = 1700000000,
	                              .lifetime_s = 3600},
			       found;
	struct fixture fixture;
	struct listed listed = {0};

	setup(&fixture);
	is_int(store_oauth_key_find(fixture.store, "north", &found), ERR_NOT_FOUND, "not yet");
	is_int(store_oauth_key_put(fixture.store, &key), OK, "add");
	is_int(store_oauth_key_find(fixture.store, "north", &found), OK, "find");
	is_bytes((const uint8_t *)&found, (const uint8_t *)&key, sizeof key, "what was put");
	memset(key.key, 0xff, sizeof key.key);
	key.key_len = sizeof key.key;
	is_int(store_oauth_key_put(fixture.store, &key), OK, "the longest key in its place");
	is_int(store_oauth_key_find(fixture.store, "north", &found), OK, "is found");
	is_bytes((const uint8_t *)&found, (const uint8_t *)&key, sizeof key, "as it is");
	key.key_len = 0;
	is_int(store_oauth_key_put(fixture.store, &key), ERR_INVALID, "no key is none");
	sql(fixture.files.database,
	    "INSERT INTO oauth_key (kid, ikm_key) VALUES ('bare', 'YWJj'), ('bad', '%%%'),"
	    " ('empty', ''), ('null', NULL), (NULL, 'YWJj');"
	    "INSERT INTO oauth_key VALUES ('past', 'YWJj', -1, -1, 'A256GCM', 'other')");
	is_int(store_oauth_key_find(fixture.store, "bare", &found), OK, "a row of defaults");
	ok(found.key_len == 3 && found.realm[0] == 0 && found.lifetime_s == 0, "has them");
	is_int(store_oauth_key_find(fixture.store, "bad", &found), ERR_NOT_FOUND, "no base64");
	is_int(store_oauth_key_find(fixture.store, "empty", &found), ERR_NOT_FOUND, "no key");
	is_int(store_oauth_key_find(fixture.store, "null", &found), ERR_NOT_FOUND, "nothing");
	is_int(store_oauth_key_find(fixture.store, "past", &found), OK, "numbers below zero");
	ok(found.timestamp == 0 && found.lifetime_s == 0, "are zero");
	is_int(store_oauth_key_list(fixture.store, NULL, add_kid, &listed), OK, "list");
	is_text(listed.names, "bare north past ", "those that are keys");
	listed = (struct listed){0};
	is_int(store_oauth_key_list(fixture.store, "other", add_kid, &listed), OK, "of a realm");
	is_text(listed.names, "past ", "alone");
	is_int(store_oauth_key_delete(fixture.store, "north"), OK, "delete");
	is_int(store_oauth_key_delete(fixture.store, "north"), ERR_NOT_FOUND, "once");
	teardown(&fixture);
}

/* Databases of old versions have users and secrets alone. */
static void test_old_database(void)
{
	struct test_files files;
	struct store *store = NULL;
	struct store_oauth_key key;
	struct listed listed = {0};
	char problem[256];

	test_files_init(&files);
	sql(files.database, "CREATE TABLE turnusers_lt (realm varchar(127) default '',"
	                    " name varchar(512), hmackey char(128), PRIMARY KEY (realm,name))");
	is_int(store_open(files.database, false, &store, problem), OK, "an old database opens");
	is_int(store_origin_list(store, NULL, add_origin, &listed), OK, "it has no origins");
	is_int(store_oauth_key_find(store, "north", &key), ERR_NOT_FOUND, "and no keys");
	is_int(store_oauth_key_list(store, NULL, add_kid, &listed), OK, "to list");
	is_int(store_secret_list(store, NULL, add_secret, &listed), OK, "nor secrets");
	is_int(listed.count, 0, "at all");
	sql(files.database, "CREATE TABLE oauth_key (kid varchar(128), ikm_key varchar(256),"
	                    " timestamp bigint, lifetime integer, as_rs_alg varchar(64));"
	                    "INSERT INTO oauth_key VALUES ('north', 'YWJj', 0, 0, 'A256GCM')");
	is_int(store_oauth_key_find(store, "north", &key), ERR_NOT_FOUND, "no keys of no realm");
	is_int(store_oauth_key_list(store, NULL, add_kid, &listed), OK, "to list");
	sql(files.database, "ALTER TABLE oauth_key ADD COLUMN realm varchar(127)");
	is_int(store_oauth_key_find(store, "north", &key), OK, "until the column is there");
	ok(key.key_len == 3 && key.realm[0] == 0, "and NULL");
	store_close(store);
	test_files_deinit(&files);
}

static void userhash(const char *realm, const char *name, uint8_t hash[32])
{
	struct stun_hasher *hasher;

	if (stun_hasher_create(&hasher) != OK)
		exit(1);
	stun_userhash(hasher, (const uint8_t *)name, strlen(name), realm, hash);
	stun_hasher_destroy(hasher);
}

/* RFC 8489 section 14.4, for our users and for those that only coturn's table has. */
static void test_userhash(void)
{
	struct fixture fixture;
	struct store_user user;
	uint8_t alice[32], carol[32], dave[32];

	setup(&fixture);
	userhash("example.org", "alice", alice);
	userhash("example.org", "carol", carol);
	userhash("example.org", "dave", dave);
	sql(fixture.files.database, "INSERT INTO turnusers_lt VALUES ('example.org', 'carol',"
	                            " '543e1aec5d3614f03141652d6ada51b2')");
	is_int(store_user_find_hash(fixture.store, "example.org", carol, &user), OK,
	       "coturn's user is found while we have no table");
	is_text(user.name, "carol", "by her name");
	ok(!user.has_sha256, "without a SHA-256 key");
	user_add(fixture.store, "example.org", "alice", "secret");
	is_int(store_user_find_hash(fixture.store, "example.org", alice, &user), OK,
	       "our user is found");
	is_text(user.name, "alice", "by her name");
	is_int(store_user_find_hash(fixture.store, "example.org", carol, &user), OK,
	       "coturn's user is found beside our table");
	is_int(store_user_find_hash(fixture.store, "example.net", alice, &user), ERR_NOT_FOUND,
	       "not in another realm");
	is_int(store_user_find_hash(fixture.store, "example.org", dave, &user), ERR_NOT_FOUND,
	       "dave is unknown");
	sql(fixture.files.database, "INSERT INTO turnusers_lt VALUES ('example.org', 'dave',"
	                            " '543e1aec5d3614f03141652d6ada51b2')");
	is_int(store_user_find_hash(fixture.store, "example.org", dave, &user), OK,
	       "until another program adds him");
	sql(fixture.files.database, "DELETE FROM turnusers_lt");
	is_int(store_user_find_hash(fixture.store, "example.org", alice, &user), ERR_NOT_FOUND,
	       "a user whom coturn deletes is gone, whatever our table says");
	is_int(store_user_find_hash(fixture.store, "example.org", dave, &user), ERR_NOT_FOUND,
	       "and so is his");
	teardown(&fixture);
}

/* coturn's turnadmin changes a password and does not know of our keys. */
static void test_stale_sha256(void)
{
	struct fixture fixture;
	struct store_user user;

	setup(&fixture);
	user_add(fixture.store, "example.org", "alice", "secret");
	sql(fixture.files.database,
	    "UPDATE turnusers_lt SET hmackey = '00112233445566778899aabbccddeeff'");
	is_int(store_user_find(fixture.store, "example.org", "alice", &user), OK,
	       "a user whose password coturn changed");
	ok(!user.has_sha256, "has no SHA-256 key of the old password");
	teardown(&fixture);
}

static void test_bad_rows(void)
{
	struct fixture fixture;
	struct store_user user;
	struct listed listed = {0};

	setup(&fixture);
	sql(fixture.files.database,
	    "INSERT INTO turnusers_lt VALUES ('r', 'short', '00'),"
	    " ('r', 'odd', '543e1aec5d3614f03141652d6ada51b'), ('r', 'null', NULL),"
	    " ('r', 'plain', 'password'), ('r', 'long', '" /* 64 digits */
	    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'),"
	    " ('r', 'fine', '543E1AEC5D3614F03141652D6ADA51B2'), ('r', NULL, '00')");
	is_int(store_user_find(fixture.store, "r", "short", &user), ERR_NOT_FOUND, "short key");
	is_int(store_user_find(fixture.store, "r", "odd", &user), ERR_NOT_FOUND, "odd key");
	is_int(store_user_find(fixture.store, "r", "null", &user), ERR_NOT_FOUND, "no key");
	is_int(store_user_find(fixture.store, "r", "plain", &user), ERR_NOT_FOUND, "no hex");
	is_int(store_user_find(fixture.store, "r", "long", &user), ERR_NOT_FOUND, "64 digits");
	is_int(store_user_find(fixture.store, "r", "fine", &user), OK, "capital digits");
	is_bytes(user.key, alice_md5, 16, "are the same key");
	is_int(store_user_list(fixture.store, "r", add_name, &listed), OK, "the list");
	is_text(listed.names, "fine ", "skips what cannot be used");
	teardown(&fixture);
}

static void opens_not(const char *path, bool may_create, enum err want, const char *words)
{
	struct store *store = NULL;
	char problem[256];
	enum err err = store_open(path, may_create, &store, problem);

	ok(err == want, "does not open: %s", words);
	ok(strstr(problem, words) != NULL && strchr(problem, '\n') == NULL, "says: %s", words);
	if (err != want || strstr(problem, words) == NULL)
		printf("# got %s, %s\n", err_string(err), problem);
	if (err == OK)
		store_close(store);
}

static void file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		printf("Bail out! %s\n", path), exit(1);
}

static void test_problems(void)
{
	struct test_files files;
	char path[512];

	test_files_init(&files);
	snprintf(path, sizeof path, "%s/none/turndb", files.directory);
	opens_not(path, true, ERR_NOT_FOUND, "there is no directory");
	opens_not(files.database, false, ERR_NOT_FOUND, "no such file");
	opens_not(files.directory, true, ERR_INVALID, "is not a file");
	file_write(files.database,
	           "this is a text, and long enough that SQLite looks at all of its header: it has "
	           "a hundred bytes.\n");
	opens_not(files.database, true, ERR_UNAVAILABLE, "is not an SQLite database");
	file_write(files.database, "");
	opens_not(files.database, false, ERR_INVALID, "has no tables yet");
	sql(files.database, "CREATE TABLE bookmarks (url TEXT)");
	opens_not(files.database, true, ERR_INVALID, "has no table turnusers_lt");
	sql(files.database, "CREATE TABLE turnusers_lt (realm, name, hmackey);"
	                    "PRAGMA user_version = 99");
	opens_not(files.database, true, ERR_INVALID, "was made by a newer turnstone");
	test_files_deinit(&files);
}

static void test_locked(void)
{
	struct fixture fixture;
	struct store_user user = {.name = "bob", .realm = "r"};
	sqlite3 *other = NULL;

	setup(&fixture);
	user_add(fixture.store, "r", "alice", "secret");
	sqlite3_open(fixture.files.database, &other);
	sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL);
	if (store_user_set_password(&user, "x") != OK)
		exit(1);
	is_int(store_user_put(fixture.store, &user), ERR_UNAVAILABLE, "a locked file");
	ok(strstr(store_problem(fixture.store), "is locked by another program") != NULL,
	   "is said to be locked");
	is_int(store_user_find(fixture.store, "r", "alice", &user), OK,
	       "can be read meanwhile: the log is written ahead");
	sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(other);
	snprintf(user.name, sizeof user.name, "bob");
	is_int(store_user_put(fixture.store, &user), OK, "is written once it is free");
	teardown(&fixture);
}

/* In a child that is nobody: permissions do not stop root. */
static int read_only_child(const struct test_files *files)
{
	struct store_user user = {.name = "bob", .realm = "r"};
	struct store *store = NULL;
	char problem[256];

	if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
		return 10;
	if (store_open(files->database, true, &store, problem) != OK)
		return 11;
	if (!store_is_read_only(store))
		return 12;
	if (store_user_find(store, "r", "alice", &user) != OK)
		return 13;
	if (store_user_put(store, &user) != ERR_DENIED)
		return 14;
	if (strstr(store_problem(store), "cannot be written") == NULL)
		return 15;
	store_close(store);
	return 0;
}

static void test_read_only(void)
{
	struct fixture fixture;
	int status = 0;
	pid_t child;

	setup(&fixture);
	user_add(fixture.store, "r", "alice", "secret");
	store_close(fixture.store);
	fixture.store = NULL;
	sql(fixture.files.database, "PRAGMA journal_mode = DELETE");
	chmod(fixture.files.database, 0444);
	chmod(fixture.files.directory, 0755);
	child = fork();
	if (child == 0)
		_exit(read_only_child(&fixture.files));
	waitpid(child, &status, 0);
	is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0,
	       "a read-only file is read, and its writing refused with words");
	teardown(&fixture);
}

static void test_moved(void)
{
	struct fixture fixture;

	setup(&fixture);
	ok(!store_has_moved(fixture.store), "the file is where it was");
	unlink(fixture.files.database);
	ok(store_has_moved(fixture.store), "it is noticed when it is not");
	teardown(&fixture);
}

static bool coturn(const struct test_files *files, const char *arguments, char *output, size_t size)
{
	char command[1024];
	FILE *pipe;
	size_t len;

	/* It leaves a log behind and says where. */
	snprintf(command, sizeof command,
	         "cd %s && said=$(" COTURN_ADMIN " -b %s %s 2>&1); status=$?; echo \"$said\"; "
	         "rm -f \"$(echo \"$said\" | sed -n 's/.*log file opened: //p')\"; exit $status",
	         files->directory, files->database, arguments);
	pipe = popen(command, "r");
	if (pipe == NULL)
		return false;
	len = fread(output, 1, size - 1, pipe);
	output[len] = '\0';
	return pclose(pipe) == 0;
}

static void test_coturn_made(void)
{
	struct test_files files;
	struct store *store = NULL;
	struct store_user user;
	struct listed listed = {0};
	char output[4096], problem[256];

	test_files_init(&files);
	ok(coturn(&files, "-a -u alice -r example.org -p secret", output, sizeof output) &&
	           coturn(&files, "-s topsecret -r example.org", output, sizeof output),
	   "coturn's turnadmin makes a database");
	is_int(store_open(files.database, false, &store, problem), OK, "it opens as it is");
	is_int(store_user_find(store, "example.org", "alice", &user), OK, "its user is found");
	is_bytes(user.key, alice_md5, 16, "with the key");
	is_int(store_secret_list(store, "example.org", add_secret, &listed), OK, "its secrets");
	is_text(listed.names, "topsecret ", "are read");
	user_add(store, "example.org", "bob", "hunter2");
	ok(coturn(&files, "-O -o HTTPS://Blue.Example/x -r blue.example", output, sizeof output),
	   "coturn adds an origin");
	listed = (struct listed){0};
	is_int(store_origin_list(store, NULL, add_origin, &listed), OK, "which is listed");
	is_text(listed.names, "https://blue.example:443=blue.example ", "as we would write it");
	store_close(store);
	ok(coturn(&files, "-l", output, sizeof output) &&
	           strstr(output, "alice[example.org]") != NULL &&
	           strstr(output, "bob[example.org]") != NULL,
	   "coturn lists its user and the one that we added");
	test_files_deinit(&files);
}

static void test_coturn_reads(void)
{
	struct fixture fixture;
	struct store_user user;
	char output[4096];

	setup(&fixture);
	user_add(fixture.store, "example.org", "alice", "secret");
	if (store_secret_add(fixture.store, "example.org", "topsecret") != OK)
		exit(1);
	ok(coturn(&fixture.files, "-l", output, sizeof output) &&
	           strstr(output, "alice[example.org]") != NULL,
	   "coturn lists the user of a database of ours");
	ok(coturn(&fixture.files, "-S -r example.org", output, sizeof output) &&
	           strstr(output, "topsecret[example.org]") != NULL,
	   "and its secret");
	ok(coturn(&fixture.files, "-a -u alice -r example.org -p changed", output, sizeof output),
	   "and changes the password");
	is_int(store_user_find(fixture.store, "example.org", "alice", &user), OK,
	       "which we see at once");
	ok(memcmp(user.key, alice_md5, 16) != 0 && !user.has_sha256,
	   "as another key, without one of the old password");
	ok(coturn(&fixture.files, "-d -u alice -r example.org", output, sizeof output),
	   "and deletes");
	is_int(store_user_find(fixture.store, "example.org", "alice", &user), ERR_NOT_FOUND,
	       "the user");
	teardown(&fixture);
}

int main(void)
{
	test_users();
	test_injection();
	test_secrets();
	test_origins();
	test_oauth_keys();
	test_old_database();
	test_userhash();
	test_stale_sha256();
	test_bad_rows();
	test_problems();
	test_locked();
	test_read_only();
	test_moved();
	if (access(COTURN_ADMIN, X_OK) == 0) {
		test_coturn_made();
		test_coturn_reads();
	} else {
		ok(true, "the files of coturn # SKIP " COTURN_ADMIN " is not installed");
	}
	return tap_end();
}
