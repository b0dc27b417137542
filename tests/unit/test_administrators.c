/* Administrators in the store, and their passwords: ours, coturn's, and what is none. */
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>

#include "store/administrator_password.h"
#include "store/password_hash.h"

#include "tap.h"
#include "test_files.h"

/* RFC 7914 section 12, its first 32 bytes. */
#define RFC_7914                                    \
	"$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU" \
	"$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI"
/* As coturn's turnadmin -P makes it of "secret". */
#define COTURN                 \
	"$5$0123456789abcdef$" \
	"3f31df887921ef69cdab71e136dcbb0e71522db73c8c977afb8b7b9c6a0ef322"

static void test_scrypt(void)
{
	char hash[PASSWORD_HASH_SIZE], other[PASSWORD_HASH_SIZE];

	is_int(password_hash_check(RFC_7914, "pleaseletmein"), OK, "the vector of RFC 7914");
	is_int(password_hash_check(RFC_7914, "pleaseletmeinn"), ERR_DENIED, "another password");
	is_int(password_hash_strength(RFC_7914), PASSWORD_AGED,
	       "its parameters are of another day");
	is_int(password_hash_make("secret", hash), OK, "a hash is made");
	is_int(password_hash_make("secret", other), OK, "another one");
	ok(strcmp(hash, other) != 0, "two of one password differ");
	ok(strlen(hash) <= 127, "it fits coturn's column: %zu", strlen(hash));
	ok(strncmp(hash, "$scrypt$ln=15,r=8,p=3$", 22) == 0, "its parameters are in it: %s", hash);
	is_int(password_hash_strength(hash), PASSWORD_STRONG, "it is strong");
	is_int(password_hash_check(hash, "secret"), OK, "the password is right");
	is_int(password_hash_check(hash, "Secret"), ERR_DENIED, "another is not");
	is_int(password_hash_check(hash, ""), ERR_DENIED, "nor none");
	hash[strlen(hash) - 5] ^= 1;
	is_int(password_hash_check(hash, "secret"), ERR_DENIED, "nor when the hash is another");
	is_int(password_hash_check(NULL, ""), ERR_DENIED, "nothing is right to no hash");
}

static void test_coturn(void)
{
	char hash[PASSWORD_HASH_SIZE];

	is_int(password_hash_strength(COTURN), PASSWORD_ONE_ROUND, "coturn's is known");
	is_int(password_hash_check(COTURN, "secret"), OK, "and right");
	is_int(password_hash_check(COTURN, "secrets"), ERR_DENIED, "or not");
	is_int(password_hash_make_coturn("geheim", hash), OK, "one is made");
	is_int(strlen(hash), 84, "as long as coturn's");
	is_int(password_hash_check(hash, "geheim"), OK, "and right");
	is_int(password_hash_strength("geheim"), PASSWORD_PLAIN_TEXT, "a plain text");
	is_int(password_hash_check("geheim", "geheim"), OK, "is right as well");
	is_int(password_hash_check("geheim", "geheim2"), ERR_DENIED, "and no other");
	is_int(password_hash_check("$ecret", "$ecret"), OK, "with a $ too");
}

/* As the text console has it: one password, and no name. */
static void test_alone(void)
{
	static const struct {
		const char *hash, *password;
		enum err err;
		const char *what;
	} rows[] = {
		{"secret", "secret", OK, "the password itself"},
		{"secret", "secreT", ERR_DENIED, "another"},
		{"secret", "", ERR_DENIED, "none"},
		{"secret", "secret ", ERR_DENIED, "a longer one"},
		{"secret", "secre", ERR_DENIED, "a shorter one"},
		{COTURN, "secret", OK, "coturn's hash of it"},
		{COTURN, "Secret", ERR_DENIED, "and of no other"},
		{COTURN, COTURN, ERR_DENIED, "a hash is no password"},
		{RFC_7914, "pleaseletmein", OK, "scrypt's hash of it"},
		{RFC_7914, "pleaseletmeout", ERR_DENIED, "and of no other"},
		{RFC_7914, RFC_7914, ERR_DENIED, "a hash is no password"},
		{"$5$short", "$5$short", ERR_DENIED, "what begins as a hash is no password"},
		{"$scrypt$short", "$scrypt$short", ERR_DENIED, "what begins as ours is none"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		is_int(password_hash_check_alone(rows[i].hash, rows[i].password), rows[i].err, "%s",
		       rows[i].what);
}

static void test_unreadable(void)
{
	static const char *const hashes[] = {
		"$scrypt$",
		"$scrypt$ln=15,r=8,p=3$",
		"$scrypt$ln=15,r=8,p=3$$",
		"$scrypt$ln=15,r=8,p=3$c2FsdA$c2hvcnQ",
		"$scrypt$ln=0,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/"
		"2o+7qQT44+qbVD9lRdofI",
		"$scrypt$ln=63,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/"
		"2o+7qQT44+qbVD9lRdofI",
		"$scrypt$ln=20,r=32,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/"
		"2o+7qQT44+qbVD9lRdofI",
		"$scrypt$ln=15,r=0,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/"
		"2o+7qQT44+qbVD9lRdofI",
		"$scrypt$ln=15,r=8,p=4294967297$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/"
		"2o+7qQT44+qbVD9lRdofI",
		"$scrypt$ln=15,r=8,p=-1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/"
		"2o+7qQT44+qbVD9lRdofI",
		"$scrypt$r=8,ln=15,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/"
		"2o+7qQT44+qbVD9lRdofI",
		"$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/"
		"2o+7qQT44+qbVD9lRdofIAAA",
		"$5$",
		"$5$0123456789abcdef$",
		"$5$0123456789abcdeg$"
		"9b87ed0f73c2ba12c50b8d9d5d39ad4ab0aafdcc1b3e6d8ac7ab6ee8f0e0a4e8",
		"$5$salt$9b87ed0f73c2ba12c50b8d9d5d39ad4ab0aafdcc1b3e6d8ac7ab6ee8f0e0a4e8",
	};

	for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++)
		is_int(password_hash_strength(hashes[i]), PASSWORD_UNREADABLE, "%.40s", hashes[i]);
	is_int(password_hash_check("$5$", "$5$"), ERR_DENIED, "nothing matches it");
	is_int(password_hash_check("$scrypt$", "$scrypt$"), ERR_DENIED, "neither this one");
}

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

static void sql(const struct fixture *fixture, const char *text)
{
	sqlite3 *database = NULL;

	if (sqlite3_open(fixture->files.database, &database) != SQLITE_OK ||
	    sqlite3_exec(database, text, NULL, NULL, NULL) != SQLITE_OK)
		printf("Bail out! %s: %s\n", text, sqlite3_errmsg(database)), exit(1);
	sqlite3_close(database);
}

static bool add(const struct store_administrator *administrator, void *context)
{
	char *text = context;
	size_t len = strlen(text);

	snprintf(text + len, 512 - len, "%s@%s ", administrator->name, administrator->realm);
	return true;
}

static void is_list(struct fixture *fixture, const char *realm, const char *want, const char *name)
{
	char text[512] = "";

	is_int(store_administrator_list(fixture->store, realm, add, text), OK, "listed: %s", name);
	is_text(text, want, "%s", name);
}

static void test_rows(void)
{
	struct store_administrator anna = {.name = "anna", .realm = "north", .password = "x"};
	struct store_administrator root = {.name = "root", .password = "y"}, found;
	struct fixture fixture;

	setup(&fixture);
	is_int(store_administrator_find(fixture.store, "anna", &found), ERR_NOT_FOUND,
	       "nobody yet");
	is_int(store_administrator_put(fixture.store, &anna), OK, "one of a realm");
	is_int(store_administrator_put(fixture.store, &root), OK, "one of all");
	sql(&fixture, "INSERT INTO admin_user VALUES ('null', NULL, 'z'), ('nopass', 'r', NULL),"
	              " ('empty', 'r', '')");
	is_list(&fixture, NULL, "null@ root@ anna@north ", "in order of realm and name");
	is_list(&fixture, "north", "anna@north ", "those of a realm");
	is_list(&fixture, "", "null@ root@ ", "those of all");
	is_int(store_administrator_find(fixture.store, "nopass", &found), ERR_NOT_FOUND,
	       "a row without a password is nobody");
	is_int(store_administrator_find(fixture.store, "anna", &found), OK, "found");
	is_text(found.realm, "north", "with its realm");
	is_text(found.password, "x", "and what was stored");
	is_int(store_administrator_delete(fixture.store, "anna"), OK, "deleted");
	is_int(store_administrator_delete(fixture.store, "anna"), ERR_NOT_FOUND, "once");
	sql(&fixture, "DROP TABLE admin_user");
	is_list(&fixture, NULL, "", "databases of old versions have no such table");
	is_int(store_administrator_find(fixture.store, "root", &found), ERR_NOT_FOUND,
	       "nor anybody");
	teardown(&fixture);
}

static void test_sign_in(void)
{
	struct store_administrator who, coturns = {.name = "old", .password = COTURN};
	struct fixture fixture;

	setup(&fixture);
	is_int(store_administrator_put(fixture.store, &coturns), OK, "a row of coturn's");
	is_int(administrator_password_check(fixture.store, "old", "secret", &who), OK, "signs in");
	is_int(administrator_password_renew(fixture.store, &who, "secret"), OK, "and is renewed");
	is_int(store_administrator_find(fixture.store, "old", &who), OK, "the row");
	is_int(password_hash_strength(who.password), PASSWORD_STRONG, "is strong now");
	strcpy(coturns.password, who.password);
	is_int(administrator_password_check(fixture.store, "old", "secret", &who), OK,
	       "and signs in");
	is_int(administrator_password_renew(fixture.store, &who, "secret"), OK, "what is strong");
	is_text(who.password, coturns.password, "stays as it is");
	is_int(administrator_password_check(fixture.store, "old", "Secret", &who), ERR_DENIED,
	       "another password");
	is_text(who.password, "", "gives nothing away");
	is_int(administrator_password_check(fixture.store, "new", "secret", &who), ERR_DENIED,
	       "another name");
	teardown(&fixture);
}

static double seconds_of_check(struct store *store, const char *name)
{
	struct store_administrator who;
	struct timespec from, to;
	double best = 1e9;

	for (int i = 0; i < 2; i++) {
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
		is_int(administrator_password_check(store, name, "wrong", &who), ERR_DENIED, "%s",
		       name);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
		double seconds = (double)(to.tv_sec - from.tv_sec) +
		                 (double)(to.tv_nsec - from.tv_nsec) / 1e9;
		best = seconds < best ? seconds : best;
	}
	return best;
}

/* In CPU time, of which the hash is nearly all: whether there is such a name makes no difference. */
static void test_time(void)
{
	struct store_administrator strong = {.name = "strong"}, weak = {.name = "weak"};
	struct fixture fixture;

	setup(&fixture);
	is_int(administrator_password_set(fixture.store, &strong, "x"), OK, "a strong row");
	strcpy(weak.password, COTURN);
	is_int(store_administrator_put(fixture.store, &weak), OK, "a weak row");
	double known = seconds_of_check(fixture.store, "strong");
	double quick = seconds_of_check(fixture.store, "weak");
	double unknown = seconds_of_check(fixture.store, "nobody");
	ok(unknown > known / 2 && unknown < known * 2, "unknown %.3f s, known %.3f s", unknown,
	   known);
	ok(quick > known / 2 && quick < known * 2, "weak %.3f s, strong %.3f s", quick, known);
	teardown(&fixture);
}

int main(void)
{
	test_scrypt();
	test_coturn();
	test_alone();
	test_unreadable();
	test_rows();
	test_sign_in();
	test_time();
	return tap_end();
}
