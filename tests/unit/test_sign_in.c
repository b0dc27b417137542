/* Who is signed in, for how long, and how often somebody may guess: on a clock of the test's and a store in a file. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "admin/sign_in_parts.h"
#include "admin/totp.h"
#include "store/administrator_password.h"
#include "store/password_hash.h"

#include "tap.h"
#include "test_files.h"

enum { IDLE_S = 600, LIFE_S = 3600, COUNT_MAX = 20, LOOK_MS = 10000 };

static timestamp now = 1000000;
static struct store *store;
static bool store_is_away;
static unsigned asked; /* how often the store was taken */

__attribute__((noreturn)) static void bail_out(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(1);
}

static timestamp clock_of_test(void *context)
{
	(void)context;
	return now;
}
static struct store *take(void *context)
{
	(void)context;
	asked++;
	return store_is_away ? NULL : store;
}
static void release(void *context)
{
	(void)context;
}

static struct sign_in *make(void)
{
	const struct sign_in_settings settings = {
		.idle_s = IDLE_S,
		.life_s = LIFE_S,
		.count_max = COUNT_MAX,
		.take_store = take,
		.release_store = release,
		.clock = clock_of_test,
	};
	struct sign_in *sign_in;

	if (sign_in_create(&settings, &sign_in) != OK)
		bail_out("no memory");
	return sign_in;
}

static struct transport_addr addr(const char *text)
{
	struct transport_addr read;

	if (addr_parse(text, 0, &read) != OK)
		bail_out(text);
	return read;
}

/* ---- guesses ---- */

static struct guesses *guesses;

/* Returns how long there is to wait; counted as a wrong one where there is not. */
static unsigned guess(const char *name, const char *from)
{
	struct transport_addr address = addr(from);
	struct guess made;

	return (unsigned)guesses_begin(guesses, name, &address, now, &made);
}

static void right(const char *name, const char *from)
{
	struct transport_addr address = addr(from);
	struct guess made;

	if (guesses_begin(guesses, name, &address, now, &made) != 0)
		bail_out("it has to wait");
	guesses_right(guesses, &made, now);
}

static void undone(const char *name, const char *from)
{
	struct transport_addr address = addr(from);
	struct guess made;

	if (guesses_begin(guesses, name, &address, now, &made) != 0)
		bail_out("it has to wait");
	guesses_undo(guesses, &made);
}

static void test_guesses_of_name(void)
{
	char from[32];
	unsigned free_ones = 0, wait;

	for (int i = 0; i < 20; i++) {
		snprintf(from, sizeof from, "192.0.2.%d", i);
		free_ones += guess("root", from) == 0;
	}
	is_int(free_ones, GUESSES_OF_NAME, "a name is guessed at a few times, whoever it is");
	is_int(guess("root", "192.0.2.200"), 1000, "then one second passes");
	now += 1000;
	is_int(guess("root", "192.0.2.201"), 0, "and one more is made");
	is_int(guess("root", "192.0.2.202"), 2000, "twice as long");
	now += 1999;
	is_int(guess("root", "192.0.2.203"), 1, "to the end");
	is_int(guess("anna", "192.0.2.203"), 0, "another name is not slowed");
	now += 1;
	for (int i = 0; i < 20; i++) {
		wait = guess("root", "192.0.2.204");
		now += wait;
	}
	is_int(wait, 1000 * GUESSES_WAIT_MAX_S, "it gets no longer than this");
	now += 1000 * (GUESSES_FORGOTTEN_S + GUESSES_WAIT_MAX_S) + 1;
	is_int(guess("root", "192.0.2.205"), 0, "after an hour of peace");
	is_int(guess("root", "192.0.2.205"), 0, "it begins anew");
}

static void test_guesses_of_address(void)
{
	char name[32];
	unsigned free_ones = 0;

	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof name, "name%d", i);
		free_ones += guess(name, "198.51.100.1") == 0;
	}
	is_int(free_ones, GUESSES_OF_ADDRESS, "an address guesses a few times, whatever names");
	ok(guess("other", "198.51.100.1") > 0, "and waits");
	is_int(guess("other", "198.51.100.2"), 0, "another one does not");
	for (int i = 0; i < GUESSES_OF_ADDRESS; i++) {
		snprintf(name, sizeof name, "six%d", i);
		guess(name, "2001:db8::1");
	}
	ok(guess("other6", "2001:db8::2") > 0, "a customer's IPv6 addresses are one");
	is_int(guess("other6", "2001:db8:0:1::2"), 0, "another customer's are not");
}

static void test_guesses_of_owner(void)
{
	char from[32];

	right("eve", "203.0.113.1");
	for (int i = 0; i < 30; i++) {
		snprintf(from, sizeof from, "198.18.0.%d", i);
		guess("eve", from);
	}
	ok(guess("eve", "203.0.113.2") > 0, "a name that is attacked is slowed for strangers");
	is_int(guess("eve", "203.0.113.1"), 0, "not where its owner signed in before");
	for (int i = 0; i < GUESSES_OF_NAME; i++)
		guess("eve", "203.0.113.1");
	ok(guess("eve", "203.0.113.1") > 0, "who has a few attempts as well");
	now += 1000 * GUESSES_WAIT_MAX_S;
	right("eve", "203.0.113.1");
	for (int i = 1; i < GUESSES_OF_NAME; i++)
		is_int(guess("eve", "203.0.113.1"), 0, "and as many after a right one");
	is_int(guess("bob", "203.0.113.1"), 0, "whose address is a stranger to others");
	for (int i = 0; i < 50; i++)
		undone("carl", "203.0.113.9");
	is_int(guess("carl", "203.0.113.9"), 0, "what was no guess does not count");
}

/* There is room for a few thousand names. */
static void test_guesses_are_kept(void)
{
	char name[32], from[32];

	for (int i = 0; i < GUESSES_OF_NAME; i++)
		guess("victim", "198.51.100.77");
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "n%d", i);
		snprintf(from, sizeof from, "10.0.%d.%d", i >> 8, i & 255);
		guess(name, from);
	}
	ok(guess("victim", "198.51.100.78") > 0, "other names do not push out one that is slowed");
}

static void test_guesses(void)
{
	if (guesses_create(&guesses) != OK)
		bail_out("no memory");
	test_guesses_of_name();
	test_guesses_of_address();
	test_guesses_of_owner();
	test_guesses_are_kept();
	guesses_destroy(guesses);
}

/* ---- signing in ---- */

static void administrator_make(const char *name, const char *realm, const char *password)
{
	struct store_administrator administrator = {.name = ""};

	snprintf(administrator.name, sizeof administrator.name, "%s", name);
	snprintf(administrator.realm, sizeof administrator.realm, "%s", realm);
	if (administrator_password_set(store, &administrator, password) != OK)
		bail_out(store_problem(store));
}

struct attempt {
	char cookie[SIGN_IN_COOKIE_SIZE];
	struct principal who;
	unsigned wait_s;
};

static enum err try_code(struct sign_in *sign_in, const char *name, const char *password,
                         const char *code, struct attempt *made)
{
	struct transport_addr from = addr("192.0.2.1");
	const struct sign_in_attempt attempt = {name, password, code, &from};

	return sign_in_try(sign_in, &attempt, made->cookie, &made->who, &made->wait_s);
}

static enum err try(struct sign_in *sign_in, const char *name, const char *password,
                    struct attempt *made)
{
	return try_code(sign_in, name, password, NULL, made);
}

/* Without the slow hash. */
static struct attempt begin(struct sign_in *sign_in, const char *name)
{
	struct store_administrator administrator;
	struct attempt made = {.who = {.kind = NOBODY}};

	if (store_administrator_find(store, name, &administrator) != OK)
		bail_out(name);
	snprintf(made.who.name, sizeof made.who.name, "%s", name);
	snprintf(made.who.realm, sizeof made.who.realm, "%s", administrator.realm);
	if (sign_in_begin(sign_in, &administrator, made.cookie, &made.who) != OK)
		bail_out("no memory");
	return made;
}

static bool stands(struct sign_in *sign_in, const struct attempt *made)
{
	struct principal who;

	return sign_in_find(sign_in, made->cookie, &who);
}

static void test_password(struct sign_in *sign_in)
{
	struct attempt made, second;
	struct principal who;

	is_int(try(sign_in, "anna", "right", &made), OK, "the right password");
	ok(made.who.kind == ADMINISTRATOR && strcmp(made.who.name, "anna") == 0 &&
	           strcmp(made.who.realm, "example.org") == 0 && !made.who.has_totp,
	   "tells who it is");
	is_int(strlen(made.cookie), 64, "the cookie is of 32 bytes");
	is_int(strlen(made.who.csrf), 64, "so is the CSRF token");
	ok(strcmp(made.cookie, made.who.csrf) != 0, "which is another");
	ok(sign_in_find(sign_in, made.cookie, &who) && strcmp(who.csrf, made.who.csrf) == 0,
	   "the cookie is known");
	ok(!sign_in_find(sign_in, made.who.csrf, &who), "no other is");
	ok(!sign_in_find(sign_in, "", &who), "nor none");
	is_int(try(sign_in, "anna", "wrong", &second), ERR_DENIED, "a wrong password");
	is_int(try(sign_in, "nobody", "right", &second), ERR_DENIED, "an unknown name");
	is_int(try(sign_in, "anna", "right", &second), OK, "once more");
	ok(strcmp(made.cookie, second.cookie) != 0, "is another sign-in");
	sign_in_end(sign_in, made.cookie);
	ok(!sign_in_find(sign_in, made.cookie, &who), "one is ended");
	ok(sign_in_find(sign_in, second.cookie, &who), "the other is not");
	sign_in_end_all(sign_in, "anna");
	ok(!sign_in_find(sign_in, second.cookie, &who), "until all are");
}

static void test_slowed(struct sign_in *sign_in)
{
	struct attempt made;
	struct store_administrator administrator;
	struct transport_addr from = addr("192.0.2.66");
	const struct sign_in_attempt wrong = {"mallory", "x", NULL, &from};

	for (int i = 0; i < GUESSES_OF_NAME; i++)
		if (sign_in_prove(sign_in, &wrong, &administrator, &made.wait_s) != ERR_DENIED)
			bail_out("it was not denied");
	asked = 0;
	is_int(sign_in_prove(sign_in, &wrong, &administrator, &made.wait_s), ERR_AGAIN,
	       "who guesses is told to wait");
	is_int(made.wait_s, 1, "for so many seconds");
	is_int(asked, 0, "without the store or a hash");
	is_int(try(sign_in, "anna", "right", &made), OK, "others are not");
}

static void test_codes(struct sign_in *sign_in)
{
	struct store_totp totp = {.secret = "12345678901234567890"};
	char code[TOTP_CODE_SIZE], wrong[TOTP_CODE_SIZE];
	struct attempt made;
	uint64_t step;

	if (store_totp_put(store, "bert", &totp) != OK)
		bail_out(store_problem(store));
	is_int(try(sign_in, "bert", "right", &made), ERR_NOT_FOUND, "a code is asked for");
	is_int(try(sign_in, "bert", "wrong", &made), ERR_DENIED,
	       "of none who has not the password");
	step = timestamp_wall_ms() / 1000 / TOTP_STEP_S;
	if (totp_code(totp.secret, step, code) != OK)
		bail_out("no code");
	snprintf(wrong, sizeof wrong, "%s", code);
	wrong[5] = wrong[5] == '9' ? '0' : (char)(wrong[5] + 1);
	wrong[0] = wrong[0] == '9' ? '0' : (char)(wrong[0] + 1);
	is_int(try_code(sign_in, "bert", "right", wrong, &made), ERR_DENIED, "a wrong one");
	is_int(try_code(sign_in, "bert", "wrong", code, &made), ERR_DENIED,
	       "the right one and a wrong password");
	is_int(try_code(sign_in, "bert", "right", code, &made), OK, "both right");
	ok(made.who.has_totp, "as is told");
	is_int(try_code(sign_in, "bert", "right", code, &made), ERR_DENIED, "a code is good once");
	is_int(try_code(sign_in, "anna", "right", "123456", &made), OK,
	       "whom none is asked for may give one");
}

static void test_wrong_codes_count(struct sign_in *sign_in)
{
	struct attempt made;
	enum err err = ERR_DENIED;
	int count = 0;

	now += 1000 * GUESSES_FORGOTTEN_S + 1;
	sign_in_end_all(sign_in, "bert");
	while (err == ERR_DENIED && count < 20) {
		err = try_code(sign_in, "bert", "right", "00000x", &made);
		count += err == ERR_DENIED;
	}
	is_int(count, GUESSES_OF_NAME, "a wrong code is a wrong attempt");
	is_int(err, ERR_AGAIN, "that is slowed");
}

static void test_renewal(struct sign_in *sign_in)
{
	struct store_administrator old = {.name = "old", .password = "plain text"}, stored;
	struct attempt made, second, before;

	if (store_administrator_put(store, &old) != OK)
		bail_out(store_problem(store));
	before = begin(sign_in, "old");
	is_int(try(sign_in, "old", "plain texT", &made), ERR_DENIED, "a wrong password");
	ok(store_administrator_find(store, "old", &stored) == OK &&
	           strcmp(stored.password, "plain text") == 0,
	   "changes nothing");
	is_int(try(sign_in, "old", "plain text", &made), OK, "the right one");
	ok(store_administrator_find(store, "old", &stored) == OK &&
	           password_hash_strength(stored.password) == PASSWORD_STRONG,
	   "is kept well from now on");
	is_int(try(sign_in, "old", "plain text", &second), OK, "and right");
	now += LOOK_MS;
	ok(stands(sign_in, &made) && stands(sign_in, &before), "sign-ins of before stand");
}

/* ---- how long ---- */

static void test_end_of_time(struct sign_in *sign_in)
{
	struct attempt made = begin(sign_in, "anna");

	now += 1000 * IDLE_S - 1;
	ok(stands(sign_in, &made), "a sign-in that is used goes on");
	now += 1000 * IDLE_S;
	ok(!stands(sign_in, &made), "one that is idle ends");
	made = begin(sign_in, "anna");
	for (int i = 1; i <= LIFE_S / 500; i++) {
		now += 500 * 1000;
		if (!stands(sign_in, &made))
			bail_out("it ended early");
	}
	now += 500 * 1000;
	ok(!stands(sign_in, &made), "and one that is used without end");
}

static void test_counts(struct sign_in *sign_in)
{
	struct attempt made[SIGN_IN_NAME_MAX + 1], others[COUNT_MAX];

	for (int i = 0; i <= SIGN_IN_NAME_MAX; i++)
		made[i] = begin(sign_in, "anna");
	ok(!stands(sign_in, &made[0]), "of one name the oldest makes room");
	ok(stands(sign_in, &made[1]) && stands(sign_in, &made[SIGN_IN_NAME_MAX]),
	   "the others stay");
	for (int i = 0; i < COUNT_MAX - SIGN_IN_NAME_MAX; i++)
		others[i] = begin(sign_in, "bert");
	ok(stands(sign_in, &made[1]), "up to the bound of all");
	others[COUNT_MAX - 1] = begin(sign_in, "bert");
	ok(!stands(sign_in, &made[1]), "the oldest of all makes room");
	ok(stands(sign_in, &others[0]), "the newer ones stay");
	is_int(sign_in->count, COUNT_MAX, "and are so many");
	sign_in_end_all(sign_in, "anna");
	sign_in_end_all(sign_in, "bert");
	is_int(sign_in->count, 0, "none is left");
}

/* ---- changes by others ---- */

static void test_changes(struct sign_in *sign_in)
{
	struct store_administrator administrator;
	struct attempt made = begin(sign_in, "anna"), other;
	struct principal who;

	asked = 0;
	ok(stands(sign_in, &made) && asked == 1,
	   "what changed while the password was hashed is seen with the first request");
	ok(stands(sign_in, &made) && asked == 1, "the store is not asked for each request");
	now += LOOK_MS;
	ok(stands(sign_in, &made) && asked == 2, "but now and then");
	store_is_away = true;
	now += LOOK_MS;
	ok(stands(sign_in, &made), "a store that is away ends nothing");
	store_is_away = false;
	administrator_make("anna", "example.org", "another");
	now += LOOK_MS;
	ok(!stands(sign_in, &made), "a new password by turnadmin ends a sign-in");
	ok(!stands(sign_in, &made), "for good");
	made = begin(sign_in, "anna");
	administrator_make("anna", "other.example", "another");
	now += LOOK_MS;
	ok(!stands(sign_in, &made), "so does another realm");
	administrator_make("anna", "example.org", "right");
	made = begin(sign_in, "anna");
	other = begin(sign_in, "anna");
	if (store_administrator_find(store, "anna", &administrator) != OK ||
	    administrator_password_set(store, &administrator, "right") != OK)
		bail_out("no anna");
	sign_in_end_others(sign_in, made.cookie, &administrator);
	now += LOOK_MS;
	ok(stands(sign_in, &made), "who sets the own password stays");
	ok(!stands(sign_in, &other), "and ends all others");
	if (store_totp_put(store, "anna", &(struct store_totp){.secret = "x"}) != OK)
		bail_out("no codes");
	sign_in_changed(sign_in, "anna");
	ok(sign_in_find(sign_in, made.cookie, &who) && who.has_totp, "codes are seen at once");
	if (store_totp_delete(store, "anna") != OK)
		bail_out("no codes");
	now += LOOK_MS;
	ok(sign_in_find(sign_in, made.cookie, &who) && !who.has_totp, "and their end");
	if (store_administrator_delete(store, "anna") != OK)
		bail_out("no anna");
	now += LOOK_MS;
	ok(!stands(sign_in, &made), "who is removed is out");
	administrator_make("anna", "example.org", "right");
}

static void test_kept_secret(struct sign_in *sign_in)
{
	static const uint8_t secret[TOTP_SECRET_SIZE] = "not yet asked for";
	struct attempt made = begin(sign_in, "anna"), other = begin(sign_in, "anna");
	uint8_t kept[TOTP_SECRET_SIZE];

	ok(!sign_in_kept_secret(sign_in, made.cookie, kept), "no secret is kept");
	ok(sign_in_keep_secret(sign_in, made.cookie, secret) &&
	           sign_in_kept_secret(sign_in, made.cookie, kept),
	   "one is");
	is_bytes(kept, secret, sizeof kept, "as it was");
	ok(!sign_in_kept_secret(sign_in, other.cookie, kept), "and of this sign-in alone");
	ok(!sign_in_keep_secret(sign_in, "none", secret), "nobody keeps one");
}

/* ---- machines ---- */

static void test_machines(struct sign_in *sign_in)
{
	struct store_console_token token = {
		.name = "robot", .realm = "example.org", .areas = scope_bit("users:read")};
	struct store_console_token old = {.name = "old", .areas = 1, .expires_s = 1000};
	char text[CONSOLE_TOKEN_SIZE], old_text[CONSOLE_TOKEN_SIZE];
	struct principal who;

	if (store_console_token_make(&token, text) != OK ||
	    store_console_token_add(store, &token) != OK ||
	    store_console_token_make(&old, old_text) != OK ||
	    store_console_token_add(store, &old) != OK)
		bail_out("no token");
	ok(sign_in_machine(sign_in, store, text, &who), "a token is known");
	ok(who.kind == MACHINE && strcmp(who.name, "robot") == 0 &&
	           strcmp(who.realm, "example.org") == 0 && who.areas == token.areas,
	   "with what it is for");
	ok(!sign_in_machine(sign_in, store, token.hash, &who) && who.kind == NOBODY,
	   "its hash is no token");
	ok(!sign_in_machine(sign_in, store, "", &who), "nor is nothing");
	ok(!sign_in_machine(sign_in, store, old_text, &who), "nor one that has expired");
	ok(store_console_token_find(store, text, &token) == OK && token.used_s != 0,
	   "its use is written down");
	if (store_console_token_delete(store, "robot") != OK)
		bail_out("no robot");
	ok(sign_in_machine(sign_in, store, text, &who), "for a second the store is not asked");
	now += 1000;
	ok(!sign_in_machine(sign_in, store, text, &who), "then it is");
	if (store_console_token_add(store, &token) != OK)
		bail_out("no robot");
	now += 1000;
	ok(sign_in_machine(sign_in, store, text, &who), "it is there again");
	if (store_console_token_delete(store, "robot") != OK)
		bail_out("no robot");
	sign_in_forget_machines(sign_in);
	ok(!sign_in_machine(sign_in, store, text, &who), "and gone at once");
}

/* ---- hashes at one time ---- */

static void *hash_one(void *context)
{
	struct store_administrator administrator = {.name = "x"};
	unsigned wait_s;

	return sign_in_hash(context, "password", &administrator, &wait_s) == OK ? context : NULL;
}

static unsigned waiting(struct sign_in *sign_in)
{
	unsigned count;

	pthread_mutex_lock(&sign_in->hashing_lock);
	count = sign_in->waiting;
	pthread_mutex_unlock(&sign_in->hashing_lock);
	return count;
}

static void test_hashing(struct sign_in *sign_in)
{
	struct store_administrator administrator = {.name = "x"};
	unsigned wait_s = 0;
	pthread_t thread;
	void *result;

	sign_in->hashing = 2; /* as if two others were at it */
	if (pthread_create(&thread, NULL, hash_one, sign_in) != 0)
		bail_out("no thread");
	while (waiting(sign_in) == 0)
		sched_yield();
	ok(true, "a third one waits");
	pthread_mutex_lock(&sign_in->hashing_lock);
	sign_in->hashing--;
	pthread_cond_signal(&sign_in->hashing_ended);
	pthread_mutex_unlock(&sign_in->hashing_lock);
	pthread_join(thread, &result);
	ok(result != NULL, "until one has ended");
	is_int(sign_in->hashing, 1, "and makes room for the next");
	sign_in->hashing = 2;
	sign_in->waiting = 1000;
	is_int(sign_in_hash(sign_in, "password", &administrator, &wait_s), ERR_AGAIN,
	       "where many wait nobody else does");
	ok(wait_s > 0, "but comes again");
	sign_in->hashing = sign_in->waiting = 0;
}

/* ---- scopes ---- */

static const struct {
	const char *area;
} routes[] = {
#define ROUTE(function, method, path, who, area, summary) {area},
#include "admin/routes.def"
};

static uint64_t scopes_wanted;

static void scope_look(const char *name, void *context)
{
	(void)context;
	ok((scope_bit(name) & scopes_wanted) != 0, "the scope %s is of a route", name);
}

static void test_scopes(void)
{
	char name[64];

	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
		if (routes[i].area[0] == '\0')
			continue;
		for (int writes = 0; writes < 2; writes++) {
			snprintf(name, sizeof name, "%s:%s", routes[i].area,
			         writes ? "write" : "read");
			if (scope_bit(name) == 0)
				ok(false, "there is no scope %s", name);
			scopes_wanted |= scope_bit(name);
		}
	}
	ok(scopes_wanted != 0, "routes have scopes");
	scope_names(UINT64_MAX, scope_look, NULL);
}

int main(void)
{
	struct test_files files;
	struct sign_in *sign_in = make();
	char problem[256];

	test_files_init(&files);
	if (store_open(files.database, true, &store, problem) != OK)
		bail_out(problem);
	administrator_make("anna", "example.org", "right");
	administrator_make("bert", "", "right");
	test_guesses();
	test_password(sign_in);
	test_slowed(sign_in);
	test_codes(sign_in);
	test_wrong_codes_count(sign_in);
	test_renewal(sign_in);
	sign_in_destroy(sign_in);
	sign_in = make();
	test_end_of_time(sign_in);
	test_counts(sign_in);
	test_changes(sign_in);
	test_kept_secret(sign_in);
	test_machines(sign_in);
	test_hashing(sign_in);
	test_scopes();
	sign_in_destroy(sign_in);
	store_close(store);
	test_files_deinit(&files);
	return tap_end();
}
