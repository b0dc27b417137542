/* Cookies of DTLS: a hash over the client's address, the minute and a secret, so that nothing is kept
 * for a client that has not shown one, and that threads which share the secret need not agree on
 * anything else. When a cookie is asked for is left to dtls_door.c. */
#include "listeners/dtls_cookie.h"

#include <openssl/hmac.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"

enum { MINUTE_MS = 60 * 1000 }; /* a cookie is good for one to two of these */

static bool cookie_of(const struct dtls_cookies *cookies, const struct transport_addr *client,
                      uint64_t minute, uint8_t cookie[DTLS_COOKIE_SIZE]);

void dtls_cookies_init(struct dtls_cookies *cookies, const uint8_t *secret)
{
	if (secret != NULL)
		memcpy(cookies->secret, secret, sizeof cookies->secret);
	else
		random_bytes(cookies->secret, sizeof cookies->secret);
}

void dtls_cookies_deinit(struct dtls_cookies *cookies)
{
	bytes_wipe(cookies->secret, sizeof cookies->secret);
}

bool dtls_cookie_make(const struct dtls_cookies *cookies, const struct transport_addr *client,
                      timestamp now, uint8_t cookie[DTLS_COOKIE_SIZE])
{
	return cookie_of(cookies, client, now / MINUTE_MS, cookie);
}

bool dtls_cookie_is_ours(const struct dtls_cookies *cookies, const struct transport_addr *client,
                         timestamp now, const uint8_t *cookie, size_t len)
{
	uint8_t ours[DTLS_COOKIE_SIZE];
	bool is_ours = false;

	for (uint64_t age = 0; age < 2 && len == DTLS_COOKIE_SIZE; age++)
		if (cookie_of(cookies, client, now / MINUTE_MS - age, ours))
			is_ours |= bytes_equal_secret(ours, cookie, DTLS_COOKIE_SIZE);
	return is_ours;
}

/* RFC 6347 section 4.2.1: HMAC(secret, client's address). The minute has the place of a secret that
 * changes, so that cookies cannot be collected. */
static bool cookie_of(const struct dtls_cookies *cookies, const struct transport_addr *client,
                      uint64_t minute, uint8_t cookie[DTLS_COOKIE_SIZE])
{
	uint8_t text[8 + 2 + 16];
	size_t ip_len;
	const uint8_t *ip = addr_ip(client, &ip_len);
	unsigned len = DTLS_COOKIE_SIZE;

	put_u64(text, minute);
	put_u16(text + 8, addr_port(client));
	memcpy(text + 10, ip, ip_len);
	return HMAC(EVP_sha256(), cookies->secret, DTLS_COOKIE_SECRET_SIZE, text, 10 + ip_len,
	            cookie, &len) != NULL;
}
