/* Keys for the core: static users, names under a secret with their vectors, rotation and expiry, and
 * the store behind a cache with a bound. The core is a recorder of the answers. */
#include <poll.h>
#include <stdlib.h>

#include "relay/credentials.h"

#include "base/bytes.h"
#include "relay/credential_cache.h"
#include "relay/realm_secrets.h"
#include "tap.h"
#include "test_files.h"

enum { PATIENCE_MS = 20000 };

enum answer { NO_ANSWER, FOUND, NOT_FOUND, UNAVAILABLE };

/* Stands for the core, which is not linked. */
struct turn_server {
	enum answer answer;
	uint64_t cookie;
	unsigned answers;
	size_t key_count;
	struct turn_key keys[STORE_SECRETS_MAX];
	size_t right; /* which of the keys is right: 1 is the first; 0: none */
	struct turn_token_key token_key;
	uint64_t wall_ms;
};

static void record(struct turn_server *server, enum answer answer, uint64_t cookie)
{
	server->answer = answer;
	server->cookie = cookie;
	server->answers++;
}

void turn_key_found(struct turn_server *server, uint64_t cookie, const struct turn_key *keys,
                    size_t n, timestamp now)
{
	(void)now;
	record(server, FOUND, cookie);
	server->key_count = n;
	memcpy(server->keys, keys, n * sizeof keys[0]);
	if (server->right > 0)
		++*keys[server->right - 1].uses;
}

void turn_token_key_found(struct turn_server *server, uint64_t cookie,
                          const struct turn_token_key *key, uint64_t wall_ms, timestamp now)
{
	(void)now;
	record(server, FOUND, cookie);
	server->token_key = *key;
	server->wall_ms = wall_ms;
}

void turn_key_not_found(struct turn_server *server, uint64_t cookie, timestamp now)
{
	(void)now;
	record(server, NOT_FOUND, cookie);
}

void turn_key_unavailable(struct turn_server *server, uint64_t cookie, timestamp now)
{
	(void)now;
	record(server, UNAVAILABLE, cookie);
}

/* Keys of "alice" with "secret" in "example.org", and her USERHASH, computed with Python. */
static const char alice_md5[] = "543e1aec5d3614f03141652d6ada51b2";
static const char alice_sha256[] =
	"d1659fff7a501be15962adc35514ca6a5868905695f2dd1093741f931e000a1f";
static const char alice_hash[] = "435b7933096a304d3c734cfb833ec9075bd47ab1c0160321aed31c06a8c7009e";
/* "1700000000:alice" under "north": the password is Cd/49soE35ICqcJF/bCTn8Z4OyE=. */
static const char rest_md5[] = "d9a6a3d964467baeffd2fce41704a913";
static const char rest_sha256[] =
	"83d3954925462c35e3434563f6add993af0c083deb1cc493ec1873fb82b0ad1d";
enum { REST_TIME = 1700000000 };

struct fixture {
	struct turn_server server;
	struct credentials *credentials;
	struct test_files files;
	struct store *store; /* for the test to change what the thread reads */
	struct store_thread *thread;
	struct mailbox *mailbox;
};

static void create(struct fixture *fixture, struct credentials_settings settings)
{
	settings.realm = "example.org";
	if (settings.separator == '\0')
		settings.separator = ':';
	fixture->server = (struct turn_server){0};
	if (credentials_create(&settings, &fixture->credentials) != OK)
		printf("Bail out! no credentials\n"), exit(1);
}

static void create_with_store(struct fixture *fixture, struct credentials_settings settings)
{
	char problem[256];

	test_files_init(&fixture->files);
	if (store_open(fixture->files.database, true, &fixture->store, problem) != OK ||
	    store_thread_start(fixture->files.database, &fixture->thread, problem) != OK ||
	    mailbox_create(&fixture->mailbox) != OK)
		printf("Bail out! %s\n", problem), exit(1);
	settings.store = fixture->thread;
	settings.replies = fixture->mailbox;
	create(fixture, settings);
}

static void destroy_with_store(struct fixture *fixture)
{
	store_thread_stop(fixture->thread);
	mailbox_deliver(fixture->mailbox, NULL);
	credentials_destroy(fixture->credentials);
	mailbox_destroy(fixture->mailbox);
	store_close(fixture->store);
	test_files_deinit(&fixture->files);
}

static void user_put(struct fixture *fixture, const char *name, const char *password)
{
	struct store_user user = {.realm = "example.org"};

	snprintf(user.name, sizeof user.name, "%s", name);
	if (store_user_set_password(&user, password) != OK ||
	    store_user_put(fixture->store, &user) != OK)
		printf("Bail out! %s\n", store_problem(fixture->store)), exit(1);
}

struct question {
	const char *name;
	const uint8_t *userhash;
	const char *realm;
	enum stun_password_algorithm algorithm;
	bool is_token;
	timestamp now;
	uint64_t wall_s, cookie;
};

static void ask(struct fixture *fixture, struct question question)
{
	struct turn_action action = {
		.type = TURN_FIND_KEY,
		.cookie = question.cookie,
		.find =
			{
				.is_token = question.is_token,
				.username = question.name,
				.userhash = question.userhash,
				.realm = question.realm != NULL ? question.realm : "example.org",
				.algorithm = question.algorithm != 0 ? question.algorithm
	                                                             : STUN_PASSWORD_MD5,
			},
	};

	fixture->server.answer = NO_ANSWER;
	credentials_find(fixture->credentials, &fixture->server, &action, question.now,
	                 question.wall_s != 0 ? question.wall_s : REST_TIME - 1);
}

/* Asks, and waits for the store when it is asked. */
static enum answer find(struct fixture *fixture, struct question question)
{
	struct pollfd wait;

	ask(fixture, question);
	while (fixture->server.answer == NO_ANSWER) {
		wait = (struct pollfd){.fd = mailbox_fd(fixture->mailbox), .events = POLLIN};
		if (poll(&wait, 1, PATIENCE_MS) != 1)
			printf("Bail out! no answer\n"), exit(1);
		mailbox_deliver(fixture->mailbox, NULL);
	}
	return fixture->server.answer;
}

static void key_is(const struct fixture *fixture, size_t number, const char *want)
{
	const struct turn_key *key = &fixture->server.keys[number];
	char text[2 * STUN_KEY_MAX + 1];

	hex_put(key->key, key->len, text);
	is_text(text, want, "its key is right");
}

static void test_parse(void)
{
	static const struct {
		const char *text, *problem;
	} bad[] = {
		{"alice", "NAME:PASSWORD"},      {":secret", "name before the colon"},
		{"alice:", "password behind"},   {"alice:0x12", "32 hex digits"},
		{"alice:0xzz", "32 hex digits"},
	};
	struct credentials_user user;
	char problem[256], text[1200];

	is_int(credentials_user_parse("alice:sec:ret", &user, problem), OK, "name and password");
	is_text(user.name, "alice", "the name ends at the first colon");
	is_text(user.password, "sec:ret", "the password does not");
	is_int(credentials_user_parse("bob:0x543e1aec5d3614f03141652d6ada51b2", &user, problem), OK,
	       "an MD5 key");
	is_int(user.key_len, 16, "of 16 bytes");
	snprintf(text, sizeof text, "bob:0x%s", alice_sha256);
	is_int(credentials_user_parse(text, &user, problem), OK, "a SHA-256 key");
	is_int(user.key_len, 32, "of 32 bytes");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		is_int(credentials_user_parse(bad[i].text, &user, problem), ERR_INVALID,
		       "refuses %s", bad[i].text);
		ok(strstr(problem, bad[i].problem) != NULL, "and says: %s", problem);
	}
	memset(text, 'a', sizeof text);
	memcpy(text + 600, ":x", 3);
	is_int(credentials_user_parse(text, &user, problem), ERR_INVALID, "a long name");
	memset(text, 'a', sizeof text);
	text[1] = ':';
	text[sizeof text - 1] = '\0';
	is_int(credentials_user_parse(text, &user, problem), ERR_INVALID, "a long password");
	ok(strstr(problem, "aaaa") == NULL, "which is not told to the log");
}

static void test_static_users(void)
{
	struct credentials_user users[4];
	struct fixture fixture;
	uint8_t hash[32];
	char problem[256], text[128];
	size_t len;

	snprintf(text, sizeof text, "carol:0x%s", alice_sha256);
	if (credentials_user_parse("alice:wrong", &users[0], problem) != OK ||
	    credentials_user_parse("bob:0x543e1aec5d3614f03141652d6ada51b2", &users[1], problem) !=
	            OK ||
	    credentials_user_parse(text, &users[2], problem) != OK ||
	    credentials_user_parse("alice:secret", &users[3], problem) != OK ||
	    hex_get(alice_hash, hash, sizeof hash, &len) != OK)
		exit(1);
	create(&fixture, (struct credentials_settings){
				 .users = users, .user_count = 4, .lt_cred_mech = true});
	is_int(find(&fixture, (struct question){.name = "alice", .cookie = 7}), FOUND, "alice");
	is_int(fixture.server.cookie, 7, "by the cookie of the question");
	key_is(&fixture, 0, alice_md5);
	is_int(find(&fixture,
	            (struct question){.name = "alice", .algorithm = STUN_PASSWORD_SHA256}),
	       FOUND, "alice by RFC 8489");
	key_is(&fixture, 0, alice_sha256);
	is_int(find(&fixture, (struct question){.userhash = hash}), FOUND, "alice by USERHASH");
	is_text(fixture.server.keys[0].username, "alice", "with her name");
	key_is(&fixture, 0, alice_md5);
	hash[31] ^= 1;
	is_int(find(&fixture, (struct question){.userhash = hash}), NOT_FOUND, "another hash");
	is_int(find(&fixture, (struct question){.name = "bob", .algorithm = STUN_PASSWORD_SHA256}),
	       FOUND, "bob has an MD5 key alone");
	key_is(&fixture, 0, alice_md5);
	is_int(find(&fixture, (struct question){.name = "carol"}), FOUND,
	       "carol has a SHA-256 key alone");
	key_is(&fixture, 0, alice_sha256);
	is_int(find(&fixture, (struct question){.name = "dave"}), NOT_FOUND, "nobody");
	is_int(find(&fixture, (struct question){.name = ""}), NOT_FOUND, "an empty name");
	is_int(find(&fixture, (struct question){.name = "alice", .realm = "other"}), NOT_FOUND,
	       "another realm");
	is_int(find(&fixture, (struct question){.name = "1700000000:alice"}), NOT_FOUND,
	       "a name for a secret when there is none");
	credentials_destroy(fixture.credentials);
}

static void test_rest(void)
{
	const char *secrets[] = {"south", "north"};
	struct credentials_user alice;
	struct fixture fixture;
	uint8_t hash[32] = {0};
	char problem[256];

	if (credentials_user_parse("alice:secret", &alice, problem) != OK)
		exit(1);
	create(&fixture, (struct credentials_settings){.use_auth_secret = true,
	                                               .secrets = secrets,
	                                               .secret_count = 2,
	                                               .users = &alice,
	                                               .user_count = 1});
	is_int(find(&fixture, (struct question){.name = "1700000000:alice"}), FOUND, "time:name");
	is_int(fixture.server.key_count, 2, "a key for each secret");
	key_is(&fixture, 1, rest_md5);
	is_text(fixture.server.keys[1].username, "1700000000:alice", "under the whole name");
	is_int(find(&fixture, (struct question){.name = "1700000000:alice",
	                                        .algorithm = STUN_PASSWORD_SHA256}),
	       FOUND, "by RFC 8489");
	key_is(&fixture, 1, rest_sha256);
	is_int(find(&fixture, (struct question){.name = "alice:1700000000"}), FOUND, "name:time");
	is_int(find(&fixture, (struct question){.name = "a:b:1700000000"}), FOUND, "a:b:time");
	is_int(find(&fixture, (struct question){.name = "1700000000"}), FOUND, "time alone");
	is_int(find(&fixture, (struct question){.name = "1700000000:a", .wall_s = REST_TIME}),
	       FOUND, "the last second counts");
	is_int(find(&fixture, (struct question){.name = "1700000000:a", .wall_s = REST_TIME + 1}),
	       NOT_FOUND, "the next is too late");
	is_int(find(&fixture, (struct question){.name = "a:1700000000", .wall_s = REST_TIME + 1}),
	       NOT_FOUND, "in either order");
	is_int(find(&fixture, (struct question){.name = "99999999999999999999:a"}), NOT_FOUND,
	       "a time that fits no number");
	is_int(find(&fixture, (struct question){.name = "-1:a"}), NOT_FOUND, "a sign");
	is_int(find(&fixture, (struct question){.name = ":"}), NOT_FOUND, "a separator alone");
	is_int(find(&fixture, (struct question){.name = "bob"}), NOT_FOUND, "no time");
	is_int(find(&fixture, (struct question){.userhash = hash}), NOT_FOUND, "a USERHASH");
	is_int(find(&fixture, (struct question){.name = "alice"}), NOT_FOUND,
	       "a static user without lt-cred-mech");
	credentials_destroy(fixture.credentials);

	create(&fixture, (struct credentials_settings){.use_auth_secret = true,
	                                               .lt_cred_mech = true,
	                                               .secrets = secrets,
	                                               .secret_count = 2,
	                                               .separator = '-',
	                                               .users = &alice,
	                                               .user_count = 1});
	is_int(find(&fixture, (struct question){.name = "alice"}), FOUND, "and with it");
	is_int(find(&fixture, (struct question){.name = "1700000000-a"}), FOUND, "a separator");
	is_int(find(&fixture, (struct question){.name = "1700000000:a"}), NOT_FOUND,
	       "and no other");
	credentials_destroy(fixture.credentials);
}

static void test_no_secrets(void)
{
	struct fixture fixture;

	create(&fixture, (struct credentials_settings){.use_auth_secret = true});
	is_int(find(&fixture, (struct question){.name = "1700000000:alice"}), NOT_FOUND,
	       "no secret, no user");
	credentials_destroy(fixture.credentials);
}

static void test_store_users(void)
{
	struct fixture fixture;
	uint8_t hash[32];
	size_t len;

	if (hex_get(alice_hash, hash, sizeof hash, &len) != OK)
		exit(1);
	create_with_store(&fixture, (struct credentials_settings){.lt_cred_mech = true});
	is_int(find(&fixture, (struct question){.name = "alice"}), NOT_FOUND, "not yet");
	user_put(&fixture, "alice", "secret");
	is_int(find(&fixture, (struct question){.name = "alice", .now = 4999}), NOT_FOUND,
	       "what is not there is remembered for 5 s");
	is_int(find(&fixture, (struct question){.name = "alice", .now = 5000}), FOUND,
	       "and then found");
	key_is(&fixture, 0, alice_md5);
	is_int(find(&fixture, (struct question){.name = "alice",
	                                        .algorithm = STUN_PASSWORD_SHA256,
	                                        .now = 5000}),
	       FOUND, "by RFC 8489 too");
	key_is(&fixture, 0, alice_sha256);
	is_int(find(&fixture, (struct question){.userhash = hash, .now = 5000}), FOUND, "by hash");
	is_text(fixture.server.keys[0].username, "alice", "with her name");
	if (store_user_delete(fixture.store, "example.org", "alice") != OK)
		exit(1);
	is_int(find(&fixture, (struct question){.name = "alice", .now = 64999}), FOUND,
	       "what is there is remembered for 60 s");
	is_int(find(&fixture, (struct question){.name = "alice", .now = 65000}), NOT_FOUND,
	       "and then gone");
	destroy_with_store(&fixture);
}

static void test_store_secrets(void)
{
	const char *secrets[] = {"south"};
	struct fixture fixture;

	create_with_store(&fixture, (struct credentials_settings){.use_auth_secret = true,
	                                                          .secrets = secrets,
	                                                          .secret_count = 1});
	is_int(find(&fixture, (struct question){.name = "1700000000:alice"}), FOUND,
	       "the static secret");
	is_int(fixture.server.key_count, 1, "alone");
	if (store_secret_add(fixture.store, "example.org", "north") != OK ||
	    store_secret_add(fixture.store, "example.net", "west") != OK)
		exit(1);
	is_int(find(&fixture, (struct question){.name = "1700000000:alice", .now = 5000}), FOUND,
	       "and that of the store, 5 s after");
	is_int(fixture.server.key_count, 2, "of this realm");
	key_is(&fixture, 1, rest_md5);
	if (store_secret_delete(fixture.store, "example.org", "north") != OK)
		exit(1);
	is_int(find(&fixture, (struct question){.name = "1700000000:alice", .now = 10000}), FOUND,
	       "when it was removed");
	is_int(fixture.server.key_count, 1, "the static one is left");
	destroy_with_store(&fixture);
}

/* ---- which secret let somebody in ---- */

struct told_uses {
	char text[2048];
};

static void tell_use(const struct credentials_uses *told, void *context)
{
	struct told_uses *all = context;

	for (size_t i = 0; i < told->count; i++) {
		size_t len = strlen(all->text);
		snprintf(all->text + len, sizeof all->text - len, "%s%s %s %s %u %u",
		         len > 0 ? ", " : "", told->is_configured ? "file" : "store", told->realm,
		         told->uses[i].mark, (unsigned)told->uses[i].count,
		         (unsigned)told->uses[i].last_s);
	}
}

static void uses_are(struct fixture *fixture, const char *realm, const char *want, const char *name)
{
	struct told_uses all = {""};

	credentials_tell_uses(fixture->credentials, realm, tell_use, &all);
	is_text(all.text, want, "%s", name);
}

/* Marks by sha256sum: printf 'example.org\0south' | sha256sum | cut -c 1-12 */
#define SOUTH "file example.org 3f9152cd7cfe"
#define NORTH "store example.org 495d132c28cf"

static void use(struct fixture *fixture, size_t right, uint64_t wall_s, timestamp now)
{
	fixture->server.right = right;
	is_int(find(fixture,
	            (struct question){.name = "1700000000:alice", .wall_s = wall_s, .now = now}),
	       FOUND, "asked for");
}

static void test_uses(void)
{
	const char *secrets[] = {"south"};
	const char *both[] = {"east", "south"};
	struct credentials_settings other = {.realm = "example.org",
	                                     .use_auth_secret = true,
	                                     .separator = ':',
	                                     .secrets = both,
	                                     .secret_count = 2};
	struct fixed_credentials *fixed;
	struct fixture fixture;

	create_with_store(&fixture, (struct credentials_settings){.use_auth_secret = true,
	                                                          .secrets = secrets,
	                                                          .secret_count = 1});
	if (store_secret_add(fixture.store, "example.org", "north") != OK)
		exit(1);
	uses_are(&fixture, "example.org", SOUTH " 0 0", "nobody has asked yet");
	use(&fixture, 0, 1000, 0);
	uses_are(&fixture, "example.org", NORTH " 0 0, " SOUTH " 0 0",
	         "a wrong password is no use");
	use(&fixture, 1, 1001, 0);
	use(&fixture, 2, 1002, 0);
	use(&fixture, 2, 1003, 0);
	uses_are(&fixture, "example.org", NORTH " 2 1003, " SOUTH " 1 1001", "each has its own");
	uses_are(&fixture, "example.net", "file example.net cbfc02615763 1 1001",
	         "another realm has that of the configuration, by another mark");
	if (store_secret_add(fixture.store, "example.org", "a-new-one") != OK)
		exit(1);
	use(&fixture, 0, 1004, 5000); /* the store is asked anew */
	is_int(fixture.server.key_count, 3, "a secret more");
	uses_are(&fixture, "example.org",
	         "store example.org 0e047425678c 0 0, " NORTH " 2 1003, " SOUTH " 1 1001",
	         "those before go on");
	if (fixed_credentials_create(&other, &fixed) != OK)
		exit(1);
	credentials_exchange_fixed(fixture.credentials, &fixed);
	fixed_credentials_destroy(fixed);
	uses_are(&fixture, "example.net",
	         "file example.net 9bd8a3e36c77 0 0, file example.net cbfc02615763 1 1001",
	         "through a reload, too");
	uses_are(&fixture, NULL,
	         "store example.org 0e047425678c 0 0, " NORTH " 2 1003, "
	         "file  aff6dcd95ce2 0 0, file  94c12528e8d1 1 1001",
	         "all realms at one time");
	destroy_with_store(&fixture);
}

static void store_lose(struct fixture *fixture)
{
	store_close(fixture->store);
	fixture->store = NULL;
	unlink(fixture->files.database);
}

/* The same name in two realms is two people. */
static void test_realms(void)
{
	const char *secrets[] = {"south"};
	struct credentials_user users[1];
	struct fixture fixture;
	char problem[256];

	if (credentials_user_parse("alice:secret", &users[0], problem) != OK)
		exit(1);
	create_with_store(&fixture, (struct credentials_settings){
					    .lt_cred_mech = true, .users = users, .user_count = 1});
	user_put(&fixture, "bob", "secret");
	is_int(find(&fixture, (struct question){.name = "alice"}), FOUND, "a static user");
	is_int(find(&fixture, (struct question){.name = "alice", .realm = "example.net"}),
	       NOT_FOUND, "is of the default realm alone");
	is_int(find(&fixture, (struct question){.name = "bob"}), FOUND, "a user of the store");
	is_int(find(&fixture, (struct question){.name = "bob", .realm = "example.net"}), NOT_FOUND,
	       "is of his");
	is_int(find(&fixture, (struct question){.name = "bob"}), FOUND, "and stays found there");
	is_int(credentials_cached(fixture.credentials), 3, "each question is remembered by itself");
	destroy_with_store(&fixture);

	create_with_store(&fixture, (struct credentials_settings){.use_auth_secret = true,
	                                                          .secrets = secrets,
	                                                          .secret_count = 1});
	if (store_secret_add(fixture.store, "example.org", "north") != OK ||
	    store_secret_add(fixture.store, "example.net", "west") != OK ||
	    store_secret_add(fixture.store, "example.net", "east") != OK)
		exit(1);
	is_int(find(&fixture, (struct question){.name = "1700000000:alice"}), FOUND, "secrets");
	is_int(fixture.server.key_count, 2, "of the default realm");
	is_int(find(&fixture,
	            (struct question){.name = "1700000000:alice", .realm = "example.net"}),
	       FOUND, "and of another");
	is_int(fixture.server.key_count, 3, "each its own, and the static one");
	is_int(find(&fixture, (struct question){.name = "1700000000:alice"}), FOUND, "again");
	is_int(fixture.server.key_count, 2, "and they are not mixed up");
	key_is(&fixture, 1, rest_md5);
	store_lose(&fixture);
	is_int(find(&fixture, (struct question){.name = "1700000000:alice",
	                                        .realm = "example.net",
	                                        .now = 5000}),
	       FOUND, "a store that is away does not take them back");
	is_int(fixture.server.key_count, 3, "all of them");
	destroy_with_store(&fixture);
}

static void token_key_put(struct fixture *fixture, const char *kid, const char *algorithm,
                          uint64_t made_s, uint64_t lifetime_s)
{
	struct store_oauth_key key = {
		.realm = "crinna.org",
		.key = "0123456789012345678901234567890123456789",
		.key_len = 40,
		.timestamp = made_s,
		.lifetime_s = lifetime_s,
	};

	snprintf(key.kid, sizeof key.kid, "%s", kid);
	snprintf(key.algorithm, sizeof key.algorithm, "%s", algorithm);
	if (store_oauth_key_put(fixture->store, &key) != OK)
		printf("Bail out! %s\n", store_problem(fixture->store)), exit(1);
}

static enum answer find_token_key(struct fixture *fixture, const char *kid, timestamp now)
{
	return find(fixture, (struct question){.name = kid, .is_token = true, .now = now});
}

static void test_token_keys(void)
{
	struct fixture fixture;

	create_with_store(&fixture, (struct credentials_settings){.lt_cred_mech = true});
	is_int(find_token_key(&fixture, "north", 0), NOT_FOUND, "not yet");
	token_key_put(&fixture, "north", "A256GCM", 0, 0);
	is_int(find_token_key(&fixture, "north", 5000), FOUND, "found 5 s after");
	is_int(fixture.server.token_key.key.len, 32, "a key of 256 bits");
	is_bytes(fixture.server.token_key.key.bytes, "01234567890123456789012345678901", 32,
	         "its first ones");
	is_text(fixture.server.token_key.realm, "crinna.org", "for a realm");
	ok(fixture.server.wall_ms == (REST_TIME - 1) * 1000ull, "and the time is told");
	is_int(find(&fixture, (struct question){.name = "north", .now = 5000}), NOT_FOUND,
	       "its kid is no user");
	if (store_oauth_key_delete(fixture.store, "north") != OK)
		exit(1);
	is_int(find_token_key(&fixture, "north", 9999), FOUND, "it is remembered for 5 s");
	is_int(find_token_key(&fixture, "north", 10000), NOT_FOUND, "and then gone");

	token_key_put(&fixture, "union", "a128gcm", REST_TIME - 100, 96);
	is_int(find_token_key(&fixture, "union", 0), FOUND, "one that ends 5 s later, at last");
	is_int(fixture.server.token_key.key.len, 16, "has 128 bits");
	token_key_put(&fixture, "late", "A256GCM", REST_TIME - 100, 94);
	is_int(find_token_key(&fixture, "late", 0), NOT_FOUND, "one that has ended is none");
	is_int(find_token_key(&fixture, "late", 1), NOT_FOUND, "nor when it is remembered");
	token_key_put(&fixture, "odd", "A256CBC-HS512", 0, 0);
	is_int(find_token_key(&fixture, "odd", 0), NOT_FOUND, "nor one of another algorithm");
	is_int(find_token_key(&fixture, "odd", 1), NOT_FOUND, "which is remembered");
	store_lose(&fixture);
	is_int(find_token_key(&fixture, "union", 4999), FOUND,
	       "without the store it is remembered");
	is_int(find_token_key(&fixture, "union", 5000), FOUND,
	       "and the store's thread has it still");
	is_int(find_token_key(&fixture, "none", 5000), UNAVAILABLE,
	       "but not what nobody asked for");
	destroy_with_store(&fixture);

	create(&fixture, (struct credentials_settings){.lt_cred_mech = true});
	ask(&fixture, (struct question){.name = "north", .is_token = true});
	is_int(fixture.server.answer, NOT_FOUND, "without a store there are none");
	credentials_destroy(fixture.credentials);
}

static void test_secrets_bound(void)
{
	struct secrets_table table;
	struct secret secret = {"x"};
	char realm[16];
	unsigned found = 0;

	secrets_table_init(&table);
	for (unsigned i = 0; i < REALM_SECRETS_MAX + 10; i++) {
		snprintf(realm, sizeof realm, "realm%u", i);
		if (secrets_table_set(&table, realm, &secret, 1) != OK)
			exit(1);
		if (secrets_table_set(&table, "often", &secret, 1) != OK)
			exit(1);
	}
	is_int(table.count, REALM_SECRETS_MAX, "secrets of so many realms are kept");
	for (unsigned i = 0; i < REALM_SECRETS_MAX + 10; i++) {
		snprintf(realm, sizeof realm, "realm%u", i);
		found += secrets_table_find(&table, realm) != NULL;
	}
	is_int(found, REALM_SECRETS_MAX - 1, "the last ones");
	ok(secrets_table_find(&table, "realm11") != NULL &&
	           secrets_table_find(&table, "realm10") == NULL,
	   "and no others");
	secrets_table_deinit(&table);
}

static void test_store_away(void)
{
	const char *secrets[] = {"south"};
	struct fixture fixture;

	create_with_store(&fixture, (struct credentials_settings){.lt_cred_mech = true});
	user_put(&fixture, "alice", "secret");
	is_int(find(&fixture, (struct question){.name = "alice"}), FOUND, "before the loss");
	store_lose(&fixture);
	is_int(find(&fixture, (struct question){.name = "alice"}), FOUND, "she is remembered");
	is_int(find(&fixture, (struct question){.name = "bob"}), UNAVAILABLE,
	       "who is not cannot be checked");
	is_int(credentials_cached(fixture.credentials), 1, "and that is not remembered");
	destroy_with_store(&fixture);

	create_with_store(&fixture, (struct credentials_settings){.use_auth_secret = true,
	                                                          .secrets = secrets,
	                                                          .secret_count = 1});
	store_lose(&fixture);
	is_int(find(&fixture, (struct question){.name = "1700000000:alice"}), FOUND,
	       "static secrets hold without the store");
	destroy_with_store(&fixture);

	create_with_store(&fixture, (struct credentials_settings){.use_auth_secret = true});
	store_lose(&fixture);
	is_int(find(&fixture, (struct question){.name = "1700000000:alice"}), UNAVAILABLE,
	       "without any the name cannot be checked");
	destroy_with_store(&fixture);
}

/* Strangers' names neither grow the cache nor push alice out of it. */
static void test_bound(void)
{
	struct fixture fixture;
	char name[32];

	create_with_store(&fixture, (struct credentials_settings){.lt_cred_mech = true});
	user_put(&fixture, "alice", "secret");
	is_int(find(&fixture, (struct question){.name = "alice"}), FOUND, "alice is remembered");
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "stranger%u", i);
		find(&fixture, (struct question){.name = name});
	}
	is_int(credentials_cached(fixture.credentials), 2001, "2,000 strangers and alice");
	if (store_user_delete(fixture.store, "example.org", "alice") != OK)
		exit(1);
	is_int(find(&fixture, (struct question){.name = "alice"}), FOUND, "she still is");
	destroy_with_store(&fixture);
}

/* Users who are there are many, and bounded too: the oldest goes. */
static void test_cache_bound(void)
{
	struct credential_cache cache;
	struct stun_hasher *hasher;
	struct cache_entry *entry;
	struct cache_key key = {.len = sizeof(unsigned)};

	if (stun_hasher_create(&hasher) != OK)
		exit(1);
	credential_cache_init(&cache, hasher);
	for (unsigned i = 0; i <= CACHE_FOUND_MAX; i++) {
		memcpy(key.bytes, &i, sizeof i);
		if (credential_cache_ask(&cache, &key, 0, &entry) != OK)
			exit(1);
		credential_cache_settle(&cache, entry, CACHE_FOUND, 1000);
	}
	is_int(cache.table.count, CACHE_FOUND_MAX, "as many as may be");
	ok(credential_cache_find(&cache, &key, 0) != NULL, "the last one among them");
	memset(key.bytes, 0, sizeof key.bytes);
	ok(credential_cache_find(&cache, &key, 0) == NULL, "but not the first");
	credential_cache_deinit(&cache);
	stun_hasher_destroy(hasher);
}

/* Requests for one name while it is being asked: one question, all answered. */
static void test_shared_question(void)
{
	struct fixture fixture;

	create_with_store(&fixture, (struct credentials_settings){.lt_cred_mech = true});
	user_put(&fixture, "alice", "secret");
	for (unsigned i = 0; i < 10; i++)
		ask(&fixture, (struct question){.name = "alice", .cookie = i});
	is_int(fixture.server.answers, 0, "ten wait");
	is_int(credentials_cached(fixture.credentials), 1, "for one question");
	is_int(find(&fixture, (struct question){.name = "alice", .cookie = 10}), FOUND, "one more");
	is_int(fixture.server.answers, 11, "all have their answer");
	destroy_with_store(&fixture);
}

/* The program ends while questions are under way: each is answered, nothing leaks. */
static void test_destroy_while_asking(void)
{
	struct fixture fixture;
	char name[32];

	create_with_store(&fixture, (struct credentials_settings){.lt_cred_mech = true});
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "user%u", i);
		ask(&fixture, (struct question){.name = name});
	}
	destroy_with_store(&fixture);
	is_int(fixture.server.answers, 100, "all are answered at the end");
}

/* More questions than may be under way. */
static void test_too_many_questions(void)
{
	struct fixture fixture;
	char name[32];
	unsigned refused = 0;

	create_with_store(&fixture, (struct credentials_settings){.lt_cred_mech = true});
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "user%u", i);
		ask(&fixture, (struct question){.name = name});
		refused += fixture.server.answer == UNAVAILABLE;
	}
	is_int(refused, 5000 - 4096, "what is beyond the bound is refused at once");
	destroy_with_store(&fixture);
	is_int(fixture.server.answers, 5000, "and everyone answered");
}

static void test_settings_refused(void)
{
	char realm[TURN_REALM_MAX + 2], long_secret[CREDENTIALS_SECRET_MAX + 2];
	const char *secrets[] = {long_secret};
	struct credentials *credentials = NULL;

	memset(realm, 'r', sizeof realm - 1);
	realm[sizeof realm - 1] = '\0';
	memset(long_secret, 's', sizeof long_secret - 1);
	long_secret[sizeof long_secret - 1] = '\0';
	is_int(credentials_create(&(struct credentials_settings){.realm = realm}, &credentials),
	       ERR_INVALID, "a long realm");
	is_int(credentials_create(&(struct credentials_settings){.realm = "r",
	                                                         .secrets = secrets,
	                                                         .secret_count = 1},
	                          &credentials),
	       ERR_INVALID, "a long secret");
	is_int(credentials_create(&(struct credentials_settings){.realm = "r",
	                                                         .secrets = secrets,
	                                                         .secret_count = 33},
	                          &credentials),
	       ERR_INVALID, "many secrets");
}

int main(void)
{
	test_parse();
	test_static_users();
	test_rest();
	test_no_secrets();
	test_store_users();
	test_store_secrets();
	test_uses();
	test_realms();
	test_token_keys();
	test_secrets_bound();
	test_store_away();
	test_bound();
	test_cache_bound();
	test_shared_question();
	test_destroy_while_asking();
	test_too_many_questions();
	test_settings_refused();
	return tap_end();
}
