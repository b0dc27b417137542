/* Tenants, API keys, rooms, revocations, and whether who watches is told of what was written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "store/tenants.h"

#include "tap.h"
#include "test_files.h"

__attribute__((noreturn)) static void bail_out(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(1);
}

/* As a program does that knows nothing of turnstone. */
static void sql(const char *path, const char *text)
{
	sqlite3 *database = NULL;

	if (sqlite3_open(path, &database) != SQLITE_OK ||
	    sqlite3_exec(database, text, NULL, NULL, NULL) != SQLITE_OK)
		bail_out(text);
	sqlite3_close(database);
}

static struct store *open_store(const char *path)
{
	struct store *store;
	char problem[256];

	if (store_open(path, true, &store, problem) != OK)
		bail_out(problem);
	return store;
}

static bool tenant_name(const struct store_tenant *tenant, void *context)
{
	strcat(context, tenant->name);
	strcat(context, " ");
	return true;
}
static bool key_name(const struct store_api_key *key, void *context)
{
	strcat(context, key->tenant);
	strcat(context, "/");
	strcat(context, key->name);
	strcat(context, " ");
	return true;
}
static bool room_copy(const struct store_room *room, void *context)
{
	*(struct store_room *)context = *room;
	return true;
}
static bool room_count(const struct store_room *room, void *context)
{
	(void)room;
	++*(int *)context;
	return true;
}
static bool kicks_text(const struct store_room_kicks *kicks, void *context)
{
	snprintf(context, 4096, "%s/%s/%s=%s", kicks->tenant, kicks->type, kicks->name,
	         kicks->kicked);
	return true;
}
static bool kicks_len(const struct store_room_kicks *kicks, void *context)
{
	*(size_t *)context = strlen(kicks->kicked);
	return true;
}
static bool revocation_name(const struct store_revocation *revocation, void *context)
{
	strcat(context, revocation->username);
	strcat(context, " ");
	return true;
}

static void test_tenants(struct store *store)
{
	const struct store_tenant acme = {.name = "acme",
	                                  .realm = "acme.example",
	                                  .secret = "of acme",
	                                  .is_relay_only = true,
	                                  .rooms_max = 7,
	                                  .credentials_ttl_s = 4294967295u};
	struct store_tenant found, other = {.name = "b-2", .lets_anybody_in = true};
	char names[256] = "";

	is_int(store_tenant_list(store, tenant_name, names), OK, "a store without tenants");
	is_text(names, "", "has none");
	is_int(store_tenant_find(store, "acme", &found), ERR_NOT_FOUND, "nor is one found");
	is_int(store_tenant_put(store, &acme), OK, "one is put");
	is_int(store_tenant_put(store, &other), OK, "and another");
	is_int(store_tenant_find(store, "acme", &found), OK, "it is found");
	ok(memcmp(&found, &acme, sizeof found) == 0, "with all that it has");
	other.sessions_max = 3;
	ok(store_tenant_put(store, &other) == OK && store_tenant_find(store, "b-2", &found) == OK &&
	           found.sessions_max == 3 && found.lets_anybody_in,
	   "one that is there is changed");
	is_int(store_tenant_list(store, tenant_name, names), OK, "all");
	is_text(names, "acme b-2 ", "in order");
	other.name[0] = '/';
	is_int(store_tenant_put(store, &other), ERR_INVALID, "no name with a slash");
	other.name[0] = '\0';
	is_int(store_tenant_put(store, &other), ERR_INVALID, "nor an empty one");
}

static void test_api_keys(struct store *store)
{
	struct store_api_key key = {.tenant = "acme",
	                            .name = "backend",
	                            .permissions = 511,
	                            .created_s = 5,
	                            .expires_s = 9};
	char text[STORE_API_KEY_SIZE], again[STORE_API_KEY_SIZE], names[256] = "";
	uint8_t hash[STORE_HASH_SIZE];

	is_int(store_api_key_make(&key, text), OK, "a key is made");
	memcpy(hash, key.hash, sizeof hash);
	ok(store_api_key_make(&key, again) == OK && strcmp(text, again) != 0 &&
	           memcmp(hash, key.hash, sizeof hash) != 0,
	   "and no other is like it");
	is_int(store_api_key_put(store, &key), OK, "its hash is kept");
	memcpy(key.tenant, "b-2", 4);
	is_int(store_api_key_put(store, &key), OK, "another tenant has one of that name");
	is_int(store_api_key_list(store, NULL, key_name, names), OK, "all keys");
	is_text(names, "acme/backend b-2/backend ", "are there");
	names[0] = '\0';
	is_int(store_api_key_list(store, "acme", key_name, names), OK, "those of a tenant");
	is_text(names, "acme/backend ", "are there alone");
	is_int(store_api_key_delete(store, "acme", "none"), ERR_NOT_FOUND,
	       "none that is not there");
	is_int(store_api_key_delete(store, "b-2", "backend"), OK, "one is deleted");
}

static void test_rooms(struct store *store)
{
	struct store_room room = {.tenant = "acme",
	                          .type = "room",
	                          .name = "a/b 'c' *",
	                          .owner = "anna",
	                          .capacity = 4,
	                          .is_locked = true,
	                          .created_ms = 1700000000123},
			  found;
	int count = 0;

	is_int(store_room_set_pin(&room, "1234", 4), OK, "a PIN");
	is_int(store_room_put(store, &room), OK, "a room");
	is_int(store_room_list(store, NULL, room_copy, &found), OK, "is read");
	ok(memcmp(&found, &room, sizeof found) == 0, "as it was");
	ok(store_room_pin_is(&found, "1234", 4), "its PIN");
	ok(!store_room_pin_is(&found, "1235", 4) && !store_room_pin_is(&found, "123", 3) &&
	           !store_room_pin_is(&found, "", 0),
	   "and no other");
	ok(store_room_set_pin(&found, "", 0) == OK && !found.has_pin &&
	           !store_room_pin_is(&found, "", 0),
	   "no PIN is none that fits");
	is_int(store_room_delete(store, "acme", "room", "a"), ERR_NOT_FOUND,
	       "another is not there");
	for (int i = 0; i < 300; i++) {
		snprintf(room.name, sizeof room.name, "%d", i);
		if (store_room_put(store, &room) != OK)
			bail_out("a room is not put");
	}
	is_int(store_tenant_delete(store, "acme"), OK, "the tenant goes");
	is_int(store_room_list(store, NULL, room_count, &count), OK, "rooms");
	is_int(count, 0, "with all its rooms, be they many");
	char names[256] = "";
	is_int(store_api_key_list(store, NULL, key_name, names), OK, "keys");
	is_text(names, "", "and its keys");
	is_int(store_tenant_delete(store, "acme"), ERR_NOT_FOUND, "once");
}

static void test_room_kicks(struct store *store)
{
	struct store_room room = {.tenant = "acme", .type = "room", .name = "a/b"};
	struct store_room_kicks kicks = {
		.tenant = "acme", .type = "room", .name = "a/b", .kicked = "anna 'b'"};
	char found[4096] = "", *large = malloc(200001);
	size_t len = 0;

	if (large == NULL)
		bail_out("no memory");
	memset(large, 'x', 200000);
	large[200000] = '\0';
	is_int(store_room_kicks_list(store, NULL, kicks_text, found), OK, "no kicks");
	is_text(found, "", "are none");
	ok(store_room_put(store, &room) == OK && store_room_kicks_put(store, &kicks) == OK,
	   "a room with kicks");
	is_int(store_room_kicks_list(store, "acme", kicks_text, found), OK, "is read");
	is_text(found, "acme/room/a/b=anna 'b'", "as it was");
	kicks.kicked = large;
	ok(store_room_kicks_put(store, &kicks) == OK &&
	           store_room_kicks_list(store, NULL, kicks_len, &len) == OK && len == 200000,
	   "there may be many");
	kicks.kicked = "";
	found[0] = '\0';
	ok(store_room_kicks_put(store, &kicks) == OK && store_room_kicks_put(store, &kicks) == OK &&
	           store_room_kicks_list(store, NULL, kicks_text, found) == OK && found[0] == '\0',
	   "a room that has none any more");
	kicks.kicked = "bert";
	ok(store_room_kicks_put(store, &kicks) == OK &&
	           store_room_delete(store, "acme", "room", "a/b") == OK &&
	           store_room_kicks_list(store, NULL, kicks_text, found) == OK && found[0] == '\0',
	   "they go with the room");
	ok(store_tenant_put(store, &(struct store_tenant){.name = "acme"}) == OK &&
	           store_room_kicks_put(store, &kicks) == OK &&
	           store_tenant_delete(store, "acme") == OK &&
	           store_room_kicks_list(store, NULL, kicks_text, found) == OK && found[0] == '\0',
	   "and with its tenant");
	kicks.name[0] = '\0';
	is_int(store_room_kicks_put(store, &kicks), ERR_INVALID, "those of no room are not taken");
	free(large);
}

/* One of the version before has no table for them until something is written. */
static void test_older(const char *path)
{
	struct store *store = open_store(path);
	struct store_room room = {.tenant = "t", .type = "room", .name = "r"};
	struct store_room_kicks kicks = {
		.tenant = "t", .type = "room", .name = "r", .kicked = "anna"};
	char found[4096] = "";
	int count = 0;

	if (store_room_put(store, &room) != OK)
		bail_out("no tables");
	store_close(store);
	sql(path, "DROP TABLE turnstone_room_kicks; DROP TABLE turnstone_audit;"
	          "DROP TABLE turnstone_console_token; DROP TRIGGER turnstone_codes_end;"
	          "DROP TABLE turnstone_totp; PRAGMA user_version = 2");
	store = open_store(path);
	ok(store_room_kicks_list(store, NULL, kicks_text, found) == OK && found[0] == '\0',
	   "a file of the version before has no kicks");
	ok(store_room_list(store, NULL, room_count, &count) == OK && count == 1, "but its rooms");
	ok(store_room_kicks_put(store, &kicks) == OK &&
	           store_room_kicks_list(store, NULL, kicks_text, found) == OK,
	   "and takes some");
	is_text(found, "t/room/r=anna", "as a new one does");
	store_close(store);
}

static void test_revocations(struct store *store)
{
	char names[256] = "";

	is_int(store_revoke(store, &(struct store_revocation){"100:a", 100}, 50), OK, "one");
	is_int(store_revoke(store, &(struct store_revocation){"200:b", 200}, 50), OK, "two");
	is_int(store_revoke(store, &(struct store_revocation){"40:c", 40}, 50), OK,
	       "one that has expired");
	is_int(store_revocation_list(store, revocation_name, names), OK, "list");
	is_text(names, "100:a 200:b ", "has those that count");
	is_int(store_revoke(store, &(struct store_revocation){"300:d", 300}, 150), OK, "later");
	names[0] = '\0';
	is_int(store_revocation_list(store, revocation_name, names), OK, "list");
	is_text(names, "200:b 300:d ", "what has expired is gone");
}

/* Which of the four numbers are other ones: bits from the first. */
static unsigned changed(struct store *store, struct store_version *before)
{
	struct store_version now;
	unsigned bits;

	if (store_version(store, &now) != OK)
		bail_out("no version");
	bits = (now.data != before->data) | (now.realms != before->realms) << 1 |
	       (now.tenants != before->tenants) << 2 |
	       (now.revocations != before->revocations) << 3;
	*before = now;
	return bits;
}

struct ages {
	size_t count;
	char secrets[4][STORE_SECRET_MAX + 1];
};

static bool age_take(const char *realm, const char *secret, void *context)
{
	struct ages *ages = context;

	(void)realm;
	snprintf(ages->secrets[ages->count++], sizeof ages->secrets[0], "%s", secret);
	return ages->count < 4;
}

static void test_versions(const char *path)
{
	struct store *writer = open_store(path), *watcher = open_store(path);
	struct store_version version = {0};
	struct store_room room = {.tenant = "t", .type = "room", .name = "r"};
	struct ages ages = {.count = 0};

	if (store_room_put(writer, &room) != OK)
		bail_out("no table is made");
	changed(watcher, &version);
	is_int(changed(watcher, &version), 0, "nothing was written");
	ok(store_room_put(writer, &room) == OK, "a room is written");
	is_int(changed(watcher, &version), 0, "which is nothing to anybody");
	ok(store_tenant_put(writer, &(struct store_tenant){.name = "t"}) == OK, "a tenant");
	is_int(changed(watcher, &version), 4, "is told as one");
	ok(store_secret_add(writer, "realm", "z first") == OK &&
	           store_secret_add(writer, "realm", "a last") == OK,
	   "secrets");
	is_int(changed(watcher, &version), 3, "are data, and what realms have");
	ok(store_secret_list_by_age(watcher, "realm", age_take, &ages) == OK && ages.count == 2 &&
	           strcmp(ages.secrets[0], "a last") == 0,
	   "the first is the one that was added last");
	ok(store_secret_list_by_age(watcher, "other", age_take, &ages) == OK && ages.count == 2,
	   "another realm has none");
	ok(store_secret_delete(writer, "realm", "z first") == OK &&
	           store_secret_add(writer, "realm", "z first") == OK,
	   "one that is added again");
	ages.count = 0;
	ok(store_secret_list_by_age(watcher, "realm", age_take, &ages) == OK &&
	           strcmp(ages.secrets[0], "z first") == 0,
	   "is the newest");
	sql(path, "VACUUM");
	ages.count = 0;
	ok(store_secret_list_by_age(watcher, "realm", age_take, &ages) == OK &&
	           strcmp(ages.secrets[0], "z first") == 0,
	   "also when the file was packed");
	changed(watcher, &version);
	ok(store_revoke(writer, &(struct store_revocation){"9:x", 9}, 1) == OK, "a revocation");
	is_int(changed(watcher, &version), 8, "is one");
	sql(path, "INSERT INTO turn_secret VALUES ('r', 's')");
	is_int(changed(watcher, &version), 3, "who knows nothing of the numbers is noticed");
	sql(path, "DROP TRIGGER turnstone_changed_turn_secret_INSERT");
	changed(watcher, &version);
	ok(store_room_put(writer, &room) == OK, "without one of the triggers a room is written");
	is_int(changed(watcher, &version), 15, "which may then be anything");
	store_close(writer);
	store_close(watcher);
}

int main(void)
{
	struct test_files files;
	struct store *store;

	test_files_init(&files);
	store = open_store(files.database);
	test_tenants(store);
	test_api_keys(store);
	test_rooms(store);
	test_room_kicks(store);
	test_revocations(store);
	store_close(store);
	test_files_deinit(&files);
	test_files_init(&files);
	test_versions(files.database);
	test_files_deinit(&files);
	test_files_init(&files);
	test_older(files.database);
	test_files_deinit(&files);
	return tap_end();
}
