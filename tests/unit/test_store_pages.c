/* Users by pages, and how many a realm has: the same of both drivers. With an argument, coturn's connection string of an empty Redis, it is
 * Redis that is tested; tests/system/redis.py does so. */
#include <sqlite3.h>
#include <stdlib.h>

#include "store/store.h"
#include "tap.h"
#include "test_files.h"

struct fixture {
	struct test_files files;
	struct store *store;
	bool is_redis;
};

enum { NAMES_SIZE = 4096 };
struct given {
	char names[NAMES_SIZE]; /* "realm/name " of each */
	char last_realm[STORE_TEXT_MAX], last_name[STORE_TEXT_MAX];
	size_t count, wanted; /* each returns false at the last one; 0: never */
};

static const char *const people[][2] = {
	{"b.org", "zoe"},    {"a.org", "Anna"}, {"a.org", "bob"},          {"a b.org", "eve"},
	{"a.org", "b%b"},    {"a.org", "_b_"},  {"a.org", "\xc3\xa9mile"}, {"b.org", "anna"},
	{"a.org", "x/y z*"}, {"c.org", "carl"},
};
enum { PEOPLE = sizeof people / sizeof people[0] };

static void add(struct store *store, const char *realm, const char *name)
{
	struct store_user user = {.name = ""};

	snprintf(user.realm, sizeof user.realm, "%s", realm);
	snprintf(user.name, sizeof user.name, "%s", name);
	if (store_user_set_password(&user, "p") != OK || store_user_put(store, &user) != OK)
		printf("Bail out! %s\n", store_problem(store)), exit(1);
}

static void setup(struct fixture *fixture, const char *redis)
{
	struct store_location at = {.redis = redis};
	char problem[256];

	test_files_init(&fixture->files);
	fixture->is_redis = redis != NULL;
	at.file = redis == NULL ? fixture->files.database : NULL;
	if (store_open_at(&at, true, &fixture->store, problem) != OK)
		printf("Bail out! %s\n", problem), exit(1);
	for (size_t i = 0; i < PEOPLE; i++)
		add(fixture->store, people[i][0], people[i][1]);
}

static void teardown(struct fixture *fixture)
{
	store_close(fixture->store);
	test_files_deinit(&fixture->files);
}

static bool give(const struct store_user *user, void *context)
{
	struct given *given = context;
	size_t len = strlen(given->names);

	snprintf(given->names + len, sizeof given->names - len, "%s/%s ", user->realm, user->name);
	snprintf(given->last_realm, sizeof given->last_realm, "%s", user->realm);
	snprintf(given->last_name, sizeof given->last_name, "%s", user->name);
	given->count++;
	return given->count != given->wanted;
}

/* Reads all pages, one after the other. */
static unsigned read_pages(struct store *store, const char *realm, size_t limit,
                           struct given *given)
{
	unsigned pages = 0;
	size_t before;

	*given = (struct given){.count = 0};
	do {
		struct store_user_page page = {.realm = realm, .limit = limit};
		before = given->count;
		if (before > 0) {
			page.after_realm = given->last_realm;
			page.after_name = given->last_name;
		}
		if (store_user_page(store, &page, give, given) != OK)
			printf("Bail out! %s\n", store_problem(store)), exit(1);
		pages++;
	} while (given->count == before + limit);
	return pages;
}

static void test_all_pages(struct store *store)
{
	struct given list = {.count = 0}, given;

	is_int(store_user_list(store, NULL, give, &list), OK, "the list is read");
	is_int(list.count, PEOPLE, "with all users");
	for (size_t limit = 1; limit <= PEOPLE + 1; limit++) {
		read_pages(store, NULL, limit, &given);
		is_text(given.names, list.names, "the same by pages of %zu", limit);
	}
	is_int(read_pages(store, NULL, 4, &given), 3, "pages of 4");
}

static void test_realm(struct store *store)
{
	struct given list = {.count = 0}, given;

	is_int(store_user_list(store, "a.org", give, &list), OK, "the list of a realm");
	is_int(list.count, 6, "has its users");
	read_pages(store, "a.org", 2, &given);
	is_text(given.names, list.names, "the same by pages");
	read_pages(store, "nobody.org", 2, &given);
	is_int(given.count, 0, "a realm without users");
	read_pages(store, "*", 2, &given);
	is_int(given.count, 0, "a realm is no pattern");
}

static void expect_found(struct store *store, const char *contains, const char *names)
{
	const struct store_user_page page = {.contains = contains, .limit = 10};
	struct given given = {.count = 0};

	is_int(store_user_page(store, &page, give, &given), OK, "users with %s are looked for",
	       contains);
	is_text(given.names, names, "and found");
}

static void test_contains(struct store *store)
{
	expect_found(store, "ANN", "a.org/Anna b.org/anna ");
	expect_found(store, "%", "a.org/b%b ");
	expect_found(store, "_", "a.org/_b_ ");
	expect_found(store, "*", "a.org/x/y z* ");
	expect_found(store, "\xc3\xa9", "a.org/\xc3\xa9mile ");
	expect_found(store, "org", "");
	expect_found(store, "' OR 1 --", "");
}

static void test_bounds(struct store *store)
{
	struct store_user_page page = {.limit = 0};
	struct given given = {.wanted = 3};

	is_int(store_user_page(store, &page, give, &given), ERR_INVALID, "no user at all");
	page.limit = STORE_PAGE_MAX + 1;
	is_int(store_user_page(store, &page, give, &given), ERR_INVALID, "too many");
	page.limit = STORE_PAGE_MAX;
	is_int(store_user_page(store, &page, give, &given), OK, "as many as there may be");
	is_int(given.count, 3, "no more are given than are wanted");
	page = (struct store_user_page){
		.after_realm = "a.org", .after_name = "gone", .limit = STORE_PAGE_MAX};
	given = (struct given){.count = 0};
	is_int(store_user_page(store, &page, give, &given), OK, "behind one who is gone");
	is_text(given.names, "a.org/x/y z* a.org/\xc3\xa9mile b.org/anna b.org/zoe c.org/carl ",
	        "are those behind his place");
}

static void test_counts(struct store *store)
{
	const char *const realms[] = {"a b.org", "a.org", "b.org", "nobody.org"};
	uint64_t counts[4] = {9, 9, 9, 9};

	is_int(store_user_counts(store, realms, 4, counts), OK, "users are counted");
	is_int(counts[0], 1, "one");
	is_int(counts[1], 6, "six");
	is_int(counts[2], 2, "two");
	is_int(counts[3], 0, "none");
	is_int(store_user_counts(store, realms + 1, 1, counts), OK, "those of one realm");
	is_int(counts[0], 6, "alone");
	is_int(store_user_counts(store, realms, 0, counts), OK, "or of none");
}

/* What coturn's table has, and is no key. */
static void damage(const struct fixture *fixture, const char *name)
{
	sqlite3 *database = NULL;
	char text[256];

	snprintf(text, sizeof text, "UPDATE turnusers_lt SET hmackey = 'x' WHERE name = '%s'",
	         name);
	if (sqlite3_open(fixture->files.database, &database) != SQLITE_OK ||
	    sqlite3_exec(database, text, NULL, NULL, NULL) != SQLITE_OK)
		printf("Bail out! %s\n", sqlite3_errmsg(database)), exit(1);
	sqlite3_close(database);
}

static void test_skipped(const struct fixture *fixture)
{
	const struct store_user_page page = {.realm = "a.org", .limit = 2};
	struct given given = {.count = 0};

	damage(fixture, "_b_");
	is_int(store_user_page(fixture->store, &page, give, &given), OK,
	       "a page with a damaged row");
	is_text(given.names, "a.org/Anna a.org/b%b ", "has the next one instead");
}

int main(int argc, char **argv)
{
	struct fixture fixture;

	setup(&fixture, argc > 1 ? argv[1] : NULL);
	test_all_pages(fixture.store);
	test_realm(fixture.store);
	test_contains(fixture.store);
	test_bounds(fixture.store);
	test_counts(fixture.store);
	if (!fixture.is_redis)
		test_skipped(&fixture);
	teardown(&fixture);
	return tap_end();
}
