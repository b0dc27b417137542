/* Nonces: only who got one, from this secret, with these features, in time, may use it. */
#include "tap.h"

#include <stdlib.h>

#include "stun/nonce.h"

static struct stun_hasher *hasher;
static uint8_t secret[STUN_NONCE_SECRET_SIZE];
static struct transport_addr client;

enum { NOW = 1795000000, LIFETIME = 600 };

static const uint32_t features = STUN_FEATURE_PASSWORD_ALGORITHMS | STUN_FEATURE_USERNAME_ANONYMITY;

static enum stun_nonce_state check(const char *nonce, uint64_t wall_s)
{
	return stun_nonce_check(hasher, secret, &client, features, wall_s, LIFETIME,
	                        (const uint8_t *)nonce, STUN_NONCE_SIZE);
}

static void test_form(void)
{
	char nonce[STUN_NONCE_SIZE + 1];

	memset(nonce, '~', sizeof nonce);
	stun_nonce_make(hasher, secret, &client, features, NOW, nonce);
	is_int(nonce[STUN_NONCE_SIZE], '~', "no byte too many");
	/* RFC 8489 section 9.2, with the bits as appendix B.1 and erratum 6290 have them. */
	is_bytes(nonce, "obMatJos2AAAD", 13, "cookie and features");
	stun_nonce_make(hasher, secret, &client, STUN_FEATURE_USERNAME_ANONYMITY, NOW, nonce);
	is_bytes(nonce, "obMatJos2AAAC", 13, "as in RFC 8489 appendix B.1");
	is_int(strcspn(nonce, "\"\\~"), STUN_NONCE_SIZE, "printable without quotes");
}

static void test_time(void)
{
	char nonce[STUN_NONCE_SIZE];

	stun_nonce_make(hasher, secret, &client, features, NOW, nonce);
	is_int(check(nonce, NOW), STUN_NONCE_FRESH, "fresh at once");
	is_int(check(nonce, NOW + LIFETIME), STUN_NONCE_FRESH, "fresh at the end of its life");
	is_int(check(nonce, NOW + LIFETIME + 1), STUN_NONCE_STALE, "stale a second later");
	is_int(check(nonce, NOW - 60), STUN_NONCE_FRESH, "a minute from the future is fine");
	is_int(check(nonce, NOW - 61), STUN_NONCE_FOREIGN, "more is not");
	is_int(stun_nonce_check(hasher, secret, &client, features, NOW + 100000000, 0,
	                        (const uint8_t *)nonce, sizeof nonce),
	       STUN_NONCE_FRESH, "without a lifetime it never goes stale");
}

static void test_foreign(void)
{
	struct transport_addr other;
	uint8_t other_secret[STUN_NONCE_SECRET_SIZE];
	char nonce[STUN_NONCE_SIZE + 1] = {0};
	unsigned missed = 0;

	stun_nonce_make(hasher, secret, &client, features, NOW, nonce);
	for (size_t i = 0; i < STUN_NONCE_SIZE; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			nonce[i] ^= (char)(1 << bit);
			missed += check(nonce, NOW) != STUN_NONCE_FOREIGN;
			nonce[i] ^= (char)(1 << bit);
		}
	is_int(missed, 0, "a change of any bit is seen");
	for (size_t len = 0; len <= STUN_NONCE_SIZE + 1; len++)
		if (len != STUN_NONCE_SIZE)
			missed +=
				stun_nonce_check(hasher, secret, &client, features, NOW, LIFETIME,
			                         (const uint8_t *)nonce, len) != STUN_NONCE_FOREIGN;
	is_int(missed, 0, "and any other length");
	is_int(stun_nonce_check(hasher, secret, &client, 0, NOW, LIFETIME, (const uint8_t *)nonce,
	                        STUN_NONCE_SIZE),
	       STUN_NONCE_FOREIGN, "other features");
	stun_nonce_secret(hasher, "another", other_secret);
	is_int(stun_nonce_check(hasher, other_secret, &client, features, NOW, LIFETIME,
	                        (const uint8_t *)nonce, STUN_NONCE_SIZE),
	       STUN_NONCE_FOREIGN, "another secret");
	static const char *const others[] = {"192.0.2.2:5000", "192.0.2.1:5001",
	                                     "[::ffff:192.0.2.1]:5000"};
	for (unsigned i = 0; i < 3; i++) {
		if (addr_parse(others[i], 0, &other) != OK)
			abort();
		is_int(stun_nonce_check(hasher, secret, &other, features, NOW, LIFETIME,
		                        (const uint8_t *)nonce, STUN_NONCE_SIZE),
		       STUN_NONCE_FOREIGN, "from %s", others[i]);
	}
}

static void test_ipv6(void)
{
	struct transport_addr ipv4 = client;
	char nonce[STUN_NONCE_SIZE];

	if (addr_parse("[2001:db8::1]:5000", 0, &client) != OK)
		abort();
	stun_nonce_make(hasher, secret, &client, features, NOW, nonce);
	is_int(check(nonce, NOW), STUN_NONCE_FRESH, "IPv6");
	client.v6.sin6_addr.s6_addr[15] ^= 1;
	is_int(check(nonce, NOW), STUN_NONCE_FOREIGN, "its last byte counts");
	client = ipv4;
}

int main(void)
{
	if (stun_hasher_create(&hasher) != OK || addr_parse("192.0.2.1:5000", 0, &client) != OK)
		abort();
	stun_nonce_secret(hasher, "a secret of any length", secret);
	test_form();
	test_time();
	test_foreign();
	test_ipv6();
	stun_hasher_destroy(hasher);
	return tap_end();
}
