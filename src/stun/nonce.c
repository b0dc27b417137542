/* Making and checking nonces. What is sealed is short and of fixed length:
 *
 *   | security features, 3 | time, 4 | family, 1 | port, 2 | address, 4 or 16 |
 */
#include "stun/nonce.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

static const char cookie[] = "obMatJos2"; /* RFC 8489 section 9.2 */

enum {
	COOKIE_SIZE = sizeof cookie - 1,
	FEATURES_SIZE = 3,
	FEATURES_DIGITS = 4,
	PREFIX_SIZE = COOKIE_SIZE + FEATURES_DIGITS,
	TIME_SIZE = 4,
	MAC_SIZE = 10, /* 80 bits: guessed online or not at all */
	SEALED_SIZE = TIME_SIZE + MAC_SIZE,
	CLOCK_LEEWAY_S = 60,
};
_Static_assert(PREFIX_SIZE + BASE64_SIZE(SEALED_SIZE) - 2 == STUN_NONCE_SIZE,
               "the nonce has the size that its header promises");

static void put_prefix(uint32_t features, char prefix[PREFIX_SIZE + 1]);
static void seal(struct stun_hasher *hasher, const uint8_t secret[STUN_NONCE_SECRET_SIZE],
                 const struct transport_addr *client, uint32_t features, uint32_t issued_s,
                 uint8_t sealed[SEALED_SIZE]);

void stun_nonce_make(struct stun_hasher *hasher, const uint8_t secret[STUN_NONCE_SECRET_SIZE],
                     const struct transport_addr *client, uint32_t features, uint64_t wall_s,
                     char nonce[STUN_NONCE_SIZE])
{
	char text[PREFIX_SIZE + BASE64_SIZE(SEALED_SIZE)];
	uint8_t sealed[SEALED_SIZE];

	put_prefix(features, text);
	seal(hasher, secret, client, features, (uint32_t)wall_s, sealed);
	base64_put(sealed, sizeof sealed, false, text + PREFIX_SIZE);
	memcpy(nonce, text, STUN_NONCE_SIZE);
}

enum stun_nonce_state stun_nonce_check(struct stun_hasher *hasher,
                                       const uint8_t secret[STUN_NONCE_SECRET_SIZE],
                                       const struct transport_addr *client, uint32_t features,
                                       uint64_t wall_s, uint64_t lifetime_s, const uint8_t *nonce,
                                       size_t len)
{
	char prefix[PREFIX_SIZE + 1];
	uint8_t sealed[SEALED_SIZE], right[SEALED_SIZE];
	size_t sealed_len;

	put_prefix(features, prefix);
	if (len != STUN_NONCE_SIZE || memcmp(nonce, prefix, PREFIX_SIZE) != 0)
		return STUN_NONCE_FOREIGN;
	if (base64_get((const char *)nonce + PREFIX_SIZE, len - PREFIX_SIZE, sealed, sizeof sealed,
	               &sealed_len) != OK ||
	    sealed_len != sizeof sealed)
		return STUN_NONCE_FOREIGN;
	uint32_t issued_s = get_u32(sealed);
	seal(hasher, secret, client, features, issued_s, right);
	if (!bytes_equal_secret(sealed, right, sizeof sealed))
		return STUN_NONCE_FOREIGN;
	if (issued_s > wall_s + CLOCK_LEEWAY_S)
		return STUN_NONCE_FOREIGN;
	return lifetime_s != 0 && wall_s > issued_s + lifetime_s ? STUN_NONCE_STALE
	                                                         : STUN_NONCE_FRESH;
}

void stun_nonce_secret(struct stun_hasher *hasher, const char *text,
                       uint8_t secret[STUN_NONCE_SECRET_SIZE])
{
	stun_sha256(hasher, text, strlen(text), secret);
}

/* RFC 8489 section 9.2: the cookie, then the 24 bits in base64. */
static void put_prefix(uint32_t features, char prefix[PREFIX_SIZE + 1])
{
	const uint8_t bits[FEATURES_SIZE] = {(uint8_t)(features >> 16), (uint8_t)(features >> 8),
	                                     (uint8_t)features};

	memcpy(prefix, cookie, COOKIE_SIZE);
	base64_put(bits, sizeof bits, false, prefix + COOKIE_SIZE);
}

static void seal(struct stun_hasher *hasher, const uint8_t secret[STUN_NONCE_SECRET_SIZE],
                 const struct transport_addr *client, uint32_t features, uint32_t issued_s,
                 uint8_t sealed[SEALED_SIZE])
{
	uint8_t text[FEATURES_SIZE + TIME_SIZE + 1 + 2 + 16], mac[STUN_SHA256_SIZE];
	size_t ip_len;
	const uint8_t *ip = addr_ip(client, &ip_len);

	put_u32(text, features << 8); /* the time overwrites the zero byte */
	put_u32(text + 3, issued_s);
	text[7] = (uint8_t)ip_len;
	put_u16(text + 8, addr_port(client));
	memcpy(text + 10, ip, ip_len);
	stun_hmac_sha256(hasher, secret, STUN_NONCE_SECRET_SIZE, text, 10 + ip_len, mac);
	put_u32(sealed, issued_s);
	memcpy(sealed + TIME_SIZE, mac, MAC_SIZE);
}
