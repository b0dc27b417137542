/* Realm options and lists of peers in the store: what is written is what coturn reads, what others wrote
 * is listed as it is, and what is no option or range is refused. */
#include <sqlite3.h>
#include <stdlib.h>

#include "store/store.h"

#include "tap.h"
#include "test_files.h"

struct fixture {
	struct test_files files;
	struct store *store;
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

static void sql(const char *path, const char *text)
{
	sqlite3 *database = NULL;

	if (sqlite3_open(path, &database) != SQLITE_OK ||
	    sqlite3_exec(database, text, NULL, NULL, NULL) != SQLITE_OK)
		printf("Bail out! %s: %s\n", text, sqlite3_errmsg(database)), exit(1);
	sqlite3_close(database);
}

static bool add_option(const char *realm, const char *name, const char *value, void *context)
{
	char *text = context;
	size_t len = strlen(text);

	snprintf(text + len, 512 - len, "%s:%s=%s ", realm, name, value);
	return true;
}

static const char *options(struct fixture *fixture, const char *realm, char text[512])
{
	text[0] = '\0';
	is_int(store_realm_option_list(fixture->store, realm, add_option, text), OK,
	       "options are listed");
	return text;
}

static bool add_range(const char *realm, const char *range, void *context)
{
	char *text = context;
	size_t len = strlen(text);

	snprintf(text + len, 512 - len, "%s:%s ", realm, range);
	return true;
}

static const char *ranges(struct fixture *fixture, enum store_peer_list list, const char *realm,
                          char text[512])
{
	text[0] = '\0';
	is_int(store_peer_range_list(fixture->store, list, realm, add_range, text), OK,
	       "ranges are listed");
	return text;
}

static void test_option_values(void)
{
	static const struct {
		const char *name, *value;
		enum err err;
		enum store_realm_option option;
		uint64_t number;
	} cases[] = {
		{"max-bps", "0", OK, STORE_MAX_BPS, 0},
		{"max-bps", "1099511627776", OK, STORE_MAX_BPS, 1099511627776},
		{"max-bps", "1099511627777", ERR_INVALID, 0, 0},
		{"total-quota", "4294967295", OK, STORE_TOTAL_QUOTA, UINT32_MAX},
		{"total-quota", "4294967296", ERR_INVALID, 0, 0},
		{"user-quota", "12", OK, STORE_USER_QUOTA, 12},
		{"user-quota", "99999999999999999999999999", ERR_INVALID, 0, 0},
		{"user-quota", "-1", ERR_INVALID, 0, 0},
		{"user-quota", " 1", ERR_INVALID, 0, 0},
		{"user-quota", "1k", ERR_INVALID, 0, 0},
		{"user-quota", "", ERR_INVALID, 0, 0},
		{"max-pps", "1", ERR_NOT_FOUND, 0, 0},
		{"", "1", ERR_NOT_FOUND, 0, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum store_realm_option option = STORE_REALM_OPTION_COUNT;
		uint64_t number = 77;
		enum err err =
			store_realm_option_parse(cases[i].name, cases[i].value, &option, &number);

		is_int(err, cases[i].err, "%s=%s", cases[i].name, cases[i].value);
		if (err == OK) {
			is_int(option, cases[i].option, "is this option");
			is_int(number, cases[i].number, "of this value");
		}
	}
}

static void test_options(void)
{
	struct fixture fixture;
	char text[512];

	setup(&fixture);
	is_text(options(&fixture, NULL, text), "", "an empty store has none");
	is_int(store_realm_option_put(fixture.store, "red", "max-bps", "64000"), OK, "put");
	is_int(store_realm_option_put(fixture.store, "red", "user-quota", "2"), OK, "put another");
	is_int(store_realm_option_put(fixture.store, "red", "max-bps", "32000"), OK, "put anew");
	is_int(store_realm_option_put(fixture.store, "blue", "max-bps", "1"), OK, "another realm");
	is_int(store_realm_option_put(fixture.store, "red", "max-bps", "lots"), ERR_INVALID,
	       "no number is refused");
	is_int(store_realm_option_put(fixture.store, "red", "max-bsp", "1"), ERR_NOT_FOUND,
	       "a misspelt option is refused");
	sql(fixture.files.database,
	    "INSERT INTO turn_realm_option VALUES ('red', 'colour', 'deep'),"
	    " ('red', 'total-quota', 'many')");
	is_text(options(&fixture, "red", text),
	        "red:colour=deep red:max-bps=32000 red:total-quota=many red:user-quota=2 ",
	        "what others wrote is kept and listed");
	is_text(options(&fixture, NULL, text) + strlen("blue:max-bps=1 "),
	        "red:colour=deep red:max-bps=32000 red:total-quota=many red:user-quota=2 ",
	        "all realms, in order");
	is_int(store_realm_option_delete(fixture.store, "red", "max-bps"), OK, "delete one");
	is_int(store_realm_option_delete(fixture.store, "red", "max-bps"), ERR_NOT_FOUND,
	       "it is gone");
	is_int(store_realm_option_delete(fixture.store, "red", NULL), OK, "delete all");
	is_text(options(&fixture, NULL, text), "blue:max-bps=1 ", "of this realm alone");
	teardown(&fixture);
}

static void test_ranges(void)
{
	static const struct {
		const char *given, *written;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1"},
		{"10.0.0.0/8", "10.0.0.0-10.255.255.255"},
		{"192.0.2.1/32", "192.0.2.1"},
		{"192.0.2.1 - 192.0.2.9", "192.0.2.1-192.0.2.9"},
		{"2001:DB8::/32", "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	static const char *const bad[] = {"",
	                                  "example.org",
	                                  "192.0.2.1-",
	                                  "192.0.2.9-192.0.2.1",
	                                  "192.0.2.1/24",
	                                  "192.0.2.1-2001:db8::1",
	                                  "192.0.2.1:80"};
	enum store_peer_list list = STORE_DENIED_PEERS;
	struct fixture fixture;
	char text[512], want[512];

	setup(&fixture);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *given = cases[i].given;

		snprintf(want, sizeof want, "red:%s ", cases[i].written);
		is_int(store_peer_range_add(fixture.store, list, "red", given), OK, "add %s",
		       given);
		is_text(ranges(&fixture, list, NULL, text), want, "as coturn reads it");
		is_text(ranges(&fixture, STORE_ALLOWED_PEERS, NULL, text), "", "in one list");
		is_int(store_peer_range_add(fixture.store, list, "red", cases[i].written),
		       ERR_EXISTS, "it is there");
		is_int(store_peer_range_delete(fixture.store, list, "blue", given), ERR_NOT_FOUND,
		       "not in another realm");
		is_int(store_peer_range_delete(fixture.store, list, "red", given), OK,
		       "deleted as it was given");
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		is_int(store_peer_range_add(fixture.store, list, "", bad[i]), ERR_INVALID,
		       "\"%s\" is refused", bad[i]);
	is_text(ranges(&fixture, list, NULL, text), "", "nothing is left");
	teardown(&fixture);
}

/* What was written by hand can be seen, and deleted as it stands. */
static void test_foreign_ranges(void)
{
	enum store_peer_list list = STORE_ALLOWED_PEERS;
	struct fixture fixture;
	char text[512];

	setup(&fixture);
	sql(fixture.files.database,
	    "INSERT INTO allowed_peer_ip VALUES ('', 'all of them'), ('', '10.0.0.0/8'),"
	    " ('red', '192.0.2.7'), ('red', '192.0.2.8')");
	is_text(ranges(&fixture, list, "", text), ":10.0.0.0/8 :all of them ", "as they stand");
	is_int(store_peer_range_delete(fixture.store, list, "", "all of them"), OK, "malformed");
	is_int(store_peer_range_delete(fixture.store, list, "", "10.0.0.0/8"), OK, "a prefix");
	is_int(store_peer_range_delete(fixture.store, list, "red", NULL), OK, "a whole realm");
	is_text(ranges(&fixture, list, NULL, text), "", "nothing is left");
	teardown(&fixture);
}

/* Old versions of coturn had lists for all realms together, or none. */
static void test_old_tables(void)
{
	struct fixture fixture;
	char text[512];

	setup(&fixture);
	sql(fixture.files.database, "DROP TABLE denied_peer_ip; DROP TABLE allowed_peer_ip;"
	                            "DROP TABLE turn_realm_option;"
	                            "CREATE TABLE denied_peer_ip (ip_range varchar(256));"
	                            "INSERT INTO denied_peer_ip VALUES ('192.0.2.1')");
	is_text(options(&fixture, NULL, text), "", "no options");
	is_text(ranges(&fixture, STORE_ALLOWED_PEERS, NULL, text), "", "no list");
	is_text(ranges(&fixture, STORE_DENIED_PEERS, NULL, text), "", "a list without realms");
	is_int(store_peer_range_add(fixture.store, STORE_DENIED_PEERS, "", "192.0.2.2"),
	       ERR_UNAVAILABLE, "nothing is added to it");
	ok(strstr(store_problem(fixture.store), "coturn's schema") != NULL, "%s",
	   store_problem(fixture.store));
	teardown(&fixture);
}

static bool add_realm(const char *realm, void *context)
{
	char *text = context;
	size_t len = strlen(text);

	snprintf(text + len, 512 - len, "%s ", realm);
	return true;
}

static void test_realms(void)
{
	struct fixture fixture;
	char text[512] = "";

	setup(&fixture);
	is_int(store_realm_list(fixture.store, add_realm, text), OK, "list");
	is_text(text, "", "an empty store has no realms");
	sql(fixture.files.database,
	    "INSERT INTO turnusers_lt VALUES ('red', 'a', ''), ('red', 'b', ''), ('blue', 'a', '');"
	    "INSERT INTO turn_secret VALUES ('green', 'x'), ('green', 'y')");
	is_int(store_realm_list(fixture.store, add_realm, text), OK, "list");
	is_text(text, "blue red green ", "those of users and those of secrets");
	text[0] = '\0';
	sql(fixture.files.database, "DROP TABLE turn_secret");
	is_int(store_realm_list(fixture.store, add_realm, text), OK, "list without secrets");
	is_text(text, "blue red ", "those of users");
	teardown(&fixture);
}

int main(void)
{
	test_option_values();
	test_options();
	test_ranges();
	test_foreign_ranges();
	test_old_tables();
	test_realms();
	return tap_end();
}
