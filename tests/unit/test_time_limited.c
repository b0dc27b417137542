/* Names and passwords of the TURN REST draft, what secrets and OAuth keys are made as, and by what mark a secret is known. */
#include <stdlib.h>

#include "store/oauth_key.h"
#include "store/shared_secret.h"
#include "store/time_limited.h"
#include "tap.h"

static struct stun_hasher *hasher;

/* printf 1700000000:anna | openssl dgst -sha1 -hmac north -binary | base64 */
static void test_password(void)
{
	char password[TIME_LIMITED_PASSWORD_SIZE];

	time_limited_password(hasher, "north", "1700000000:anna", password);
	is_text(password, "WS1fjjHj2gNlXzhc/ZcwmC3ofIo=", "a password is HMAC-SHA1 in base64");
	time_limited_password(hasher, "south", "1700000000:anna", password);
	ok(strcmp(password, "WS1fjjHj2gNlXzhc/ZcwmC3ofIo=") != 0, "another secret makes another");
}

static const char *name_of(const char *user, const char *session, const char *realm)
{
	static char username[STORE_USERNAME_MAX + 1];
	const struct time_limited_name name = {.expires_s = 1700000000,
	                                       .separator = ':',
	                                       .user = user,
	                                       .session = session,
	                                       .realm = realm};

	time_limited_username(&name, username);
	return username;
}

static void test_username(void)
{
	char user[400], session[80], realm[300];

	is_text(name_of("anna", NULL, ""), "1700000000:anna", "a user of the server's own realm");
	is_text(name_of("anna", "s1", "b.org"), "1700000000:anna:s1@b.org", "of another one");
	is_text(name_of("anna@c.org", "", "b.org"), "1700000000:anna%40c.org@b.org",
	        "an @ of the user's names no realm");
	memset(user, 'u', sizeof user - 1);
	user[sizeof user - 1] = '\0';
	memset(session, 's', sizeof session - 1);
	session[sizeof session - 1] = '\0';
	memset(realm, 'r', sizeof realm - 1);
	realm[STORE_TENANT_REALM_MAX] = '\0';
	ok(strlen(name_of(user, session, realm)) < STORE_USERNAME_MAX,
	   "the longest of each fit a username");
	ok(strstr(name_of(user, session, realm), realm) != NULL, "with the realm whole");
	for (size_t i = 0; i + 1 < sizeof user; i += 2)
		memcpy(user + i, "\xc3\xa9", 2);
	user[sizeof user - 2] = '\0';
	ok(strlen(name_of(user, NULL, "")) % 2 == 1, "no character is cut in two");
}

static void test_which_secret(void)
{
	char *fixed[] = {"first", "second"};
	struct config config = {.static_auth_secret = {.item = fixed, .count = 0}};

	is_text(time_limited_secret(&config, NULL, true), "", "no secret");
	is_text(time_limited_secret(&config, "stored", true), "stored", "one of the store");
	config.static_auth_secret.count = 2;
	is_text(time_limited_secret(&config, "stored", true), "first",
	        "the first static one, in the server's own realm");
	is_text(time_limited_secret(&config, "stored", false), "stored",
	        "the store's in another realm");
	is_text(time_limited_secret(&config, NULL, false), "first", "which may have none");
}

static void test_own_realm(void)
{
	struct config config = {.realm = "example.org"};
	char realm[STORE_TEXT_MAX];

	time_limited_own_realm(&config, realm, sizeof realm);
	is_text(realm, "example.org", "the realm that is configured");
	config.realm = NULL;
	time_limited_own_realm(&config, realm, sizeof realm);
	ok(realm[0] != '\0', "or the host's name: %s", realm);
}

/* printf 'example.org\0north' | sha256sum */
static void test_mark(void)
{
	char mark[SECRET_MARK_SIZE], longest[STORE_SECRET_MAX + 1], realm[STORE_TEXT_MAX];

	secret_mark(hasher, "example.org", "north", mark);
	is_text(mark, "495d132c28cf", "a mark");
	secret_mark(hasher, "example.or", "gnorth", mark);
	ok(strcmp(mark, "495d132c28cf") != 0, "where the realm ends makes a difference");
	memset(longest, 's', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	memset(realm, 'r', sizeof realm - 1);
	realm[sizeof realm - 1] = '\0';
	secret_mark(hasher, realm, longest, mark);
	is_int(strlen(mark), 12, "of the longest texts");
}

static void test_generated(void)
{
	char secret[SECRET_GENERATED_SIZE], other[SECRET_GENERATED_SIZE];

	secret_generate(secret);
	secret_generate(other);
	is_int(strlen(secret), 64, "a secret of 256 bits");
	is_int(strspn(secret, "0123456789abcdef"), 64, "in hex digits");
	ok(strcmp(secret, other) != 0, "each is another");
}

static void test_oauth_keys(void)
{
	struct store_oauth_key key = {.kid = "k"}, again = {.kid = "k"};
	char text[OAUTH_KEY_TEXT_SIZE];

	snprintf(key.algorithm, sizeof key.algorithm, "%s", OAUTH_KEY_ALGORITHM);
	oauth_key_generate(&key);
	ok(oauth_key_is_usable(&key), "a key that is made can be used");
	oauth_key_write(&key, text);
	is_int(oauth_key_read(&again, text), OK, "what is told of it can be read");
	ok(again.key_len == key.key_len && memcmp(again.key, key.key, key.key_len) == 0,
	   "as the same key");
	is_int(oauth_key_read(&again, "MTIz"), OK, "a short key");
	snprintf(again.algorithm, sizeof again.algorithm, "A128GCM");
	ok(!oauth_key_is_usable(&again), "cannot be used");
	snprintf(key.algorithm, sizeof key.algorithm, "A512GCM");
	ok(!oauth_key_is_usable(&key), "nor can one of no algorithm");
	ok(oauth_key_read(&again, "no base64!") != OK, "what is no base64 is refused");
	oauth_key_start(&key, 60, 1000);
	ok(key.timestamp == 1000 && key.lifetime_s == 60, "it is valid from now on");
	oauth_key_start(&key, 0, 1000);
	ok(key.timestamp == 0, "or for ever");
}

int main(void)
{
	if (stun_hasher_create(&hasher) != OK)
		return EXIT_FAILURE;
	test_password();
	test_username();
	test_which_secret();
	test_own_realm();
	test_mark();
	test_generated();
	test_oauth_keys();
	stun_hasher_destroy(hasher);
	return tap_end();
}
