/* What the console keeps in the store: the audit log, tokens of machines, secrets of codes. With a connection to an empty Redis as its
 * argument it is that store. */
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "store/audit.h"
#include "store/console_tokens.h"
#include "store/scopes.h"

#include "tap.h"
#include "test_files.h"

__attribute__((noreturn)) static void bail_out(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(1);
}

static void sql(const char *path, const char *text)
{
	sqlite3 *database = NULL;

	if (sqlite3_open(path, &database) != SQLITE_OK ||
	    sqlite3_exec(database, text, NULL, NULL, NULL) != SQLITE_OK)
		bail_out(sqlite3_errmsg(database));
	sqlite3_close(database);
}

static struct store *open_store(const char *path, const char *redis)
{
	const struct store_location at = {.file = redis == NULL ? path : NULL, .redis = redis};
	struct store *store;
	char problem[256];

	if (store_open_at(&at, true, &store, problem) != OK)
		bail_out(problem);
	return store;
}

/* ---- audit ---- */

struct seen {
	char text[1024];
	size_t count, max;
	uint64_t last;
};

static bool entry_see(const struct store_audit_entry *entry, void *context)
{
	struct seen *seen = context;
	size_t len = strlen(seen->text);

	if (len < sizeof seen->text - 64)
		snprintf(seen->text + len, sizeof seen->text - len, "%llu:%.20s/%.20s/%.20s ",
		         (unsigned long long)entry->id, entry->who, entry->what, entry->on);
	seen->last = entry->id;
	return ++seen->count != seen->max;
}

static enum err add(struct store *store, const char *who, const char *on)
{
	struct store_audit_entry entry = {.time_ms = 1234567890123, .from = "192.0.2.1"};

	snprintf(entry.who, sizeof entry.who, "%s", who);
	snprintf(entry.what, sizeof entry.what, "user put");
	snprintf(entry.on, sizeof entry.on, "%s", on);
	return store_audit_add(store, &entry);
}

static bool entry_copy(const struct store_audit_entry *entry, void *context)
{
	*(struct store_audit_entry *)context = *entry;
	return false;
}

static void test_audit(struct store *store)
{
	struct store_audit_entry entry = {.id = 0};
	struct seen seen = {.max = 0};

	is_int(store_audit_list(store, 0, entry_see, &seen), OK, "a store without a log");
	is_int(seen.count, 0, "has no entry");
	ok(add(store, "anna", "a") == OK && add(store, "bert", "b") == OK &&
	           add(store, "token t", "c") == OK,
	   "three entries");
	is_int(store_audit_list(store, 0, entry_see, &seen), OK, "are listed");
	is_text(seen.text, "3:token t/user put/c 2:bert/user put/b 1:anna/user put/a ",
	        "the newest first");
	seen = (struct seen){.max = 1};
	is_int(store_audit_list(store, 3, entry_see, &seen), OK, "behind one");
	is_text(seen.text, "2:bert/user put/b ", "one is enough");
	is_int(store_audit_list(store, 0, entry_copy, &entry), OK, "an entry");
	ok(entry.time_ms == 1234567890123 && strcmp(entry.from, "192.0.2.1") == 0,
	   "has its time and address");
	is_int(add(store, "", "a"), ERR_INVALID, "nobody changes nothing");
}

static void test_audit_bound(const char *path)
{
	struct store *store = open_store(path, NULL);
	struct seen seen = {.max = 0};

	if (add(store, "first", "") != OK)
		bail_out("no log");
	sql(path, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)"
	          " INSERT INTO turnstone_audit (time_ms, who, client, what, subject)"
	          " SELECT i, 'x', 'y', 'z', '' FROM n");
	is_int(store_audit_list(store, 0, entry_see, &seen), OK, "a full log");
	is_int(seen.count, AUDIT_ENTRIES_MAX, "has so many entries");
	is_int(add(store, "last", ""), OK, "one more");
	seen = (struct seen){.max = 0};
	is_int(store_audit_list(store, 0, entry_see, &seen), OK, "is there");
	is_int(seen.count, AUDIT_ENTRIES_MAX, "and not more of them");
	is_int(seen.last, 2, "the oldest made room");
	store_close(store);
}

/* ---- tokens ---- */

static bool token_see(const struct store_console_token *token, void *context)
{
	strcat(context, token->name);
	strcat(context, " ");
	return true;
}

static void test_tokens(struct store *store)
{
	struct store_console_token token = {.name = "b-2",
	                                    .realm = "example.org",
	                                    .areas =
	                                            scope_bit("users:read") | scope_bit("log:read"),
	                                    .created_s = 100,
	                                    .expires_s = 200};
	struct store_console_token found;
	char text[CONSOLE_TOKEN_SIZE], other[CONSOLE_TOKEN_SIZE], names[128] = "";

	is_int(store_console_token_find(store, "none", &found), ERR_NOT_FOUND, "there is none");
	is_int(store_console_token_make(&token, text), OK, "one is made");
	is_int(strlen(text), 64, "of 32 bytes");
	ok(strcmp(text, token.hash) != 0, "its hash is another text");
	is_int(store_console_token_add(store, &token), OK, "it is kept");
	is_int(store_console_token_find(store, text, &found), OK, "and found");
	ok(strcmp(found.name, "b-2") == 0 && strcmp(found.realm, "example.org") == 0 &&
	           found.areas == token.areas && found.created_s == 100 && found.expires_s == 200 &&
	           found.used_s == 0,
	   "as it was");
	is_int(store_console_token_find(store, token.hash, &found), ERR_NOT_FOUND,
	       "who has its hash does not have it");
	is_int(store_console_token_make(&token, other), OK, "another");
	is_int(store_console_token_add(store, &token), ERR_EXISTS, "cannot have its name");
	is_int(store_console_token_find(store, text, &found), OK, "the first one stays");
	snprintf(token.name, sizeof token.name, "A.1");
	is_int(store_console_token_add(store, &token), OK, "but a name of its own");
	is_int(store_console_token_list(store, token_see, names), OK, "both");
	is_text(names, "A.1 b-2 ", "are listed by name");
	is_int(store_console_token_used(store, &found, 3 * 86400 + 5), OK, "one is used");
	ok(store_console_token_find(store, text, &found) == OK && found.used_s == 3 * 86400,
	   "which is known by the day");
	is_int(store_console_token_delete(store, "b-2"), OK, "one is removed");
	is_int(store_console_token_find(store, text, &found), ERR_NOT_FOUND, "it is gone");
	is_int(store_console_token_find(store, other, &found), OK, "the other is not");
	is_int(store_console_token_delete(store, "b-2"), ERR_NOT_FOUND, "it was there once");
	snprintf(token.name, sizeof token.name, "a b");
	is_int(store_console_token_add(store, &token), ERR_INVALID, "that is no name");
	token.name[0] = '\0';
	is_int(store_console_token_add(store, &token), ERR_INVALID, "nor is none");
}

static void test_scopes(void)
{
	char text[SCOPES_TEXT_SIZE];
	const char *unknown;
	uint64_t all = 0;

	is_int(scope_bit("users:see"), 0, "no such way");
	is_int(scope_bit("user:read"), 0, "no such area");
	is_int(scope_bit("users"), 0, "half a scope");
	ok(scope_bit("users:read") != scope_bit("users:write"), "to read and to write are two");
	is_text(scopes_put(scope_bit("rooms:write") | scope_bit("users:read"), text),
	        "users:read rooms:write", "words");
	ok(scopes_get("rooms:write, new:read users:read", &unknown) ==
	           (scope_bit("rooms:write") | scope_bit("users:read")),
	   "what a newer version knows is let go");
	ok(strncmp(unknown, "new:read ", 9) == 0, "and told");
	for (unsigned i = 0; i < 20; i++)
		all |= UINT64_C(1) << i;
	ok(scopes_get(scopes_put(all, text), &unknown) == all && unknown == NULL, "all: %s", text);
}

/* ---- codes ---- */

static enum err administrator_put(struct store *store, const char *name)
{
	struct store_administrator administrator = {.password = "x"};

	snprintf(administrator.name, sizeof administrator.name, "%s", name);
	return store_administrator_put(store, &administrator);
}

static void test_totp(struct store *store)
{
	struct store_totp totp = {.secret = "secret of 20 bytes.", .last_step = 7}, found;

	is_int(store_totp_find(store, "anna", &found), ERR_NOT_FOUND, "nobody has codes");
	is_int(store_totp_delete(store, "anna"), ERR_NOT_FOUND, "to end");
	ok(administrator_put(store, "anna") == OK && administrator_put(store, "bert") == OK,
	   "two administrators");
	ok(store_totp_put(store, "anna", &totp) == OK && store_totp_put(store, "bert", &totp) == OK,
	   "are given codes");
	is_int(store_totp_find(store, "anna", &found), OK, "which are there");
	ok(memcmp(&found, &totp, sizeof found) == 0, "as they were");
	totp.last_step = 8;
	ok(store_totp_put(store, "anna", &totp) == OK &&
	           store_totp_find(store, "anna", &found) == OK && found.last_step == 8,
	   "the step goes on");
	is_int(administrator_put(store, "anna"), OK, "a new password");
	is_int(store_totp_find(store, "anna", &found), OK, "leaves them");
	is_int(store_administrator_delete(store, "anna"), OK, "they go with the administrator");
	is_int(store_totp_find(store, "anna", &found), ERR_NOT_FOUND, "who is removed by us");
	is_int(store_totp_find(store, "bert", &found), OK, "another's stay");
	is_int(store_totp_put(store, "carl", &totp), OK, "what a predecessor left there");
	is_int(administrator_put(store, "carl"), OK, "is not for who has the name next");
	is_int(store_totp_find(store, "carl", &found), ERR_NOT_FOUND, "as Redis may have it");
	is_int(store_totp_put(store, "", &totp), ERR_INVALID, "nobody has none");
}

/* coturn's program knows nothing of codes. */
static void test_totp_by_coturn(struct store *store, const char *path)
{
	struct store_totp totp = {.last_step = 1};

	if (administrator_put(store, "dora") != OK || store_totp_put(store, "dora", &totp) != OK)
		bail_out("no codes");
	sql(path, "DELETE FROM admin_user WHERE name = 'dora'");
	is_int(store_totp_find(store, "dora", &totp), ERR_NOT_FOUND,
	       "whoever removes an administrator, the codes go too");
}

int main(int argc, char **argv)
{
	const char *redis = argc > 1 ? argv[1] : NULL;
	struct test_files files;
	struct store *store;

	test_files_init(&files);
	store = open_store(files.database, redis);
	test_audit(store);
	test_tokens(store);
	test_totp(store);
	if (redis == NULL)
		test_totp_by_coturn(store, files.database);
	store_close(store);
	test_files_deinit(&files);
	if (redis == NULL) {
		test_files_init(&files);
		test_audit_bound(files.database);
		test_files_deinit(&files);
	}
	test_scopes();
	return tap_end();
}
