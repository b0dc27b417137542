/* The cookies by which a DTLS client shows that it is where it says (RFC 6347 section 4.2.1), and the
 * secrets behind them, which rotate. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/timestamp.h"

enum {
	DTLS_COOKIE_SIZE = 32,
	DTLS_COOKIE_SECRET_SIZE = 32,
};

struct dtls_cookies {
	struct {
		uint8_t bytes[DTLS_COOKIE_SECRET_SIZE];
	} secrets[2]; /* the present one and the one before */
	timestamp secret_since;
};

void dtls_cookies_init(struct dtls_cookies *cookies, timestamp now);
void dtls_cookies_deinit(struct dtls_cookies *cookies);

/* Makes the client's cookie with the present secret. False when the hash fails. */
MUST_CHECK bool dtls_cookie_make(struct dtls_cookies *cookies, const struct transport_addr *client,
                                 timestamp now, uint8_t cookie[DTLS_COOKIE_SIZE]);
/* Says whether we made this cookie for the client, with the present secret or the one before. */
bool dtls_cookie_is_ours(struct dtls_cookies *cookies, const struct transport_addr *client,
                         timestamp now, const uint8_t *cookie, size_t len);
