/* Access tokens (RFC 7635 section 6.2): what an authorization server gives to a client, sealed so
 * that the STUN server alone reads it.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |        nonce length = 12      |       nonce ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |         key length            |       mac_key ...             |  \
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+  | sealed, with
 *   |                         timestamp (64)                        |  | the server's name
 *   |                                                               |  | as associated data
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+  |
 *   |                          lifetime                             |  /
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                     tag of AES-GCM (128)                      |
 */
#pragma once

#include <stdbool.h>

#include "stun/aead.h"
#include "stun/integrity.h"

enum {
	ACCESS_TOKEN_SHA1_KEY = 20, /* every server has to take keys of this length */
	ACCESS_TOKEN_SHA256_KEY = 32,
	ACCESS_TOKEN_MAC_KEY_MAX = ACCESS_TOKEN_SHA256_KEY,
	ACCESS_TOKEN_BLOCK_MAX = 2 + ACCESS_TOKEN_MAC_KEY_MAX + 8 + 4, /* before it is sealed */
	ACCESS_TOKEN_MAX = 2 + AEAD_NONCE_SIZE + ACCESS_TOKEN_BLOCK_MAX + AEAD_TAG_SIZE,
	ACCESS_TOKEN_DELTA_MS = 5000, /* section 7: how far clocks may differ */
};

struct access_token {
	uint8_t mac_key
		[ACCESS_TOKEN_MAC_KEY_MAX]; /* of MESSAGE-INTEGRITY, as long as it is valid */
	size_t mac_key_len;                 /* 20 or 32 */
	uint64_t timestamp;                 /* seconds since 1970 << 16 | 1/64000 seconds */
	uint32_t lifetime_s;
};

/* Makes the key that authorization server and STUN server share, K of section 4.1, of what the two
 * agreed on: its first bytes, as many as the algorithm takes. The algorithm is A256GCM or A128GCM, in
 * any case. ERR_INVALID for another one, or where the bytes are too few. */
MUST_CHECK enum err access_token_key(const char *algorithm, const uint8_t *bytes, size_t len,
                                     struct aead_key *key);

/* Writes a token for the server of this name. A key never meets a nonce twice. */
MUST_CHECK enum err access_token_seal(const struct aead_key *key, const char *server_name,
                                      const uint8_t nonce[AEAD_NONCE_SIZE],
                                      const struct access_token *token,
                                      uint8_t sealed[ACCESS_TOKEN_MAX], size_t *len);
/* Reads one. ERR_TRUNCATED or ERR_INVALID when its lengths do not fit together, ERR_DENIED when it
 * was not sealed so; then token holds nothing. Whether it is still valid is another question. */
MUST_CHECK enum err access_token_open(const struct aead_key *key, const char *server_name,
                                      const uint8_t *sealed, size_t len,
                                      struct access_token *token);

/* Gives for how many milliseconds the token is valid from wall_ms on, the time since 1970: lifetime +
 * Delta - abs(now - timestamp) (section 9). 0: it is not. */
uint64_t access_token_remaining_ms(const struct access_token *token, uint64_t wall_ms);
