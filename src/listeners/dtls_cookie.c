/* Cookies of DTLS: a hash over the client's address and a secret, so that nothing is kept for a client
 * that has not shown one. When a cookie is asked for is left to dtls_door.c. */
#include "listeners/dtls_cookie.h"

#include <openssl/hmac.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"

enum { SECRET_LIFETIME_MS = 60 * 1000 }; /* a cookie is good for one to two of these */

static void secrets_rotate(struct dtls_cookies *cookies, timestamp now);
static bool cookie_of(const struct dtls_cookies *cookies, int generation,
                      const struct transport_addr *client, uint8_t cookie[DTLS_COOKIE_SIZE]);

void dtls_cookies_init(struct dtls_cookies *cookies, timestamp now)
{
	random_bytes(cookies->secrets, sizeof cookies->secrets);
	cookies->secret_since = now;
}

void dtls_cookies_deinit(struct dtls_cookies *cookies)
{
	bytes_wipe(cookies->secrets, sizeof cookies->secrets);
}

bool dtls_cookie_make(struct dtls_cookies *cookies, const struct transport_addr *client,
                      timestamp now, uint8_t cookie[DTLS_COOKIE_SIZE])
{
	secrets_rotate(cookies, now);
	return cookie_of(cookies, 0, client, cookie);
}

bool dtls_cookie_is_ours(struct dtls_cookies *cookies, const struct transport_addr *client,
                         timestamp now, const uint8_t *cookie, size_t len)
{
	uint8_t ours[DTLS_COOKIE_SIZE];
	bool is_ours = false;

	secrets_rotate(cookies, now);
	for (int generation = 0; generation < 2 && len == DTLS_COOKIE_SIZE; generation++)
		if (cookie_of(cookies, generation, client, ours))
			is_ours |= bytes_equal_secret(ours, cookie, DTLS_COOKIE_SIZE);
	return is_ours;
}

static void secrets_rotate(struct dtls_cookies *cookies, timestamp now)
{
	timestamp age = now - cookies->secret_since;

	if (age < SECRET_LIFETIME_MS)
		return;
	cookies->secrets[1] = cookies->secrets[0];
	random_bytes(&cookies->secrets[0], sizeof cookies->secrets[0]);
	if (age >= 2 * SECRET_LIFETIME_MS)
		random_bytes(&cookies->secrets[1], sizeof cookies->secrets[1]);
	cookies->secret_since = now;
}

/* RFC 6347 section 4.2.1: HMAC(secret, client's address). */
static bool cookie_of(const struct dtls_cookies *cookies, int generation,
                      const struct transport_addr *client, uint8_t cookie[DTLS_COOKIE_SIZE])
{
	uint8_t text[16 + 2];
	size_t ip_len;
	const uint8_t *ip = addr_ip(client, &ip_len);
	unsigned len = DTLS_COOKIE_SIZE;

	memcpy(text, ip, ip_len);
	put_u16(text + ip_len, addr_port(client));
	return HMAC(EVP_sha256(), cookies->secrets[generation].bytes, DTLS_COOKIE_SECRET_SIZE, text,
	            ip_len + 2, cookie, &len) != NULL;
}
