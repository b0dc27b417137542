/* The cookies by which a DTLS client shows that it is where it says (RFC 6347 section 4.2.1). Whoever
 * has the secret accepts the cookies that another made with it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/timestamp.h"

enum {
	DTLS_COOKIE_SIZE = 32,
	DTLS_COOKIE_SECRET_SIZE = 32,
};

struct dtls_cookies {
	uint8_t secret[DTLS_COOKIE_SECRET_SIZE];
};

/* secret may be NULL: one is drawn. */
void dtls_cookies_init(struct dtls_cookies *cookies, const uint8_t *secret);
void dtls_cookies_deinit(struct dtls_cookies *cookies);

/* Makes the client's cookie of this minute. False when the hash fails. */
MUST_CHECK bool dtls_cookie_make(const struct dtls_cookies *cookies,
                                 const struct transport_addr *client, timestamp now,
                                 uint8_t cookie[DTLS_COOKIE_SIZE]);
/* Says whether this cookie was made for the client in this minute or the one before. */
bool dtls_cookie_is_ours(const struct dtls_cookies *cookies, const struct transport_addr *client,
                         timestamp now, const uint8_t *cookie, size_t len);
