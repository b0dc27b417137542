/* Nonces without state (RFC 8489 sections 9.2 and 18.1): what a nonce says is sealed into it.
 *
 *   obMatJos2 ffff  tttttt mmmmmmmmmmmmm
 *   cookie    the security feature bits, time of issue and MAC over them and the client's
 *             transport address
 *
 * 32 characters, so that a 401 stays small. A fleet that shares the secret accepts each other's
 * nonces. */
#pragma once

#include "stun/integrity.h"

enum { STUN_NONCE_SIZE = 32, STUN_NONCE_SECRET_SIZE = 32 };

/* RFC 8489 section 18.1; bit 0 is the least significant (erratum 6290). */
enum stun_security_feature {
	STUN_FEATURE_PASSWORD_ALGORITHMS = 1 << 0,
	STUN_FEATURE_USERNAME_ANONYMITY = 1 << 1,
};

enum stun_nonce_state {
	STUN_NONCE_FRESH,
	STUN_NONCE_STALE,   /* ours, and too old */
	STUN_NONCE_FOREIGN, /* not issued to this address with this secret and these features */
};

/* Writes STUN_NONCE_SIZE characters and no end. wall_s is seconds since 1970. */
void stun_nonce_make(struct stun_hasher *hasher, const uint8_t secret[STUN_NONCE_SECRET_SIZE],
                     const struct transport_addr *client, uint32_t features, uint64_t wall_s,
                     char nonce[STUN_NONCE_SIZE]);
/* Checks one. lifetime_s 0: they never go stale. A time of issue more than 60 seconds ahead is
 * FOREIGN (clocks of a fleet differ). */
enum stun_nonce_state stun_nonce_check(struct stun_hasher *hasher,
                                       const uint8_t secret[STUN_NONCE_SECRET_SIZE],
                                       const struct transport_addr *client, uint32_t features,
                                       uint64_t wall_s, uint64_t lifetime_s, const uint8_t *nonce,
                                       size_t len);
/* Makes a secret of the right size out of an operator's text, any length: SHA-256. */
void stun_nonce_secret(struct stun_hasher *hasher, const char *text,
                       uint8_t secret[STUN_NONCE_SECRET_SIZE]);
