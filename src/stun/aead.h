/* AES in Galois/Counter Mode (RFC 5116 sections 5.1 and 5.2): what is sealed can be neither read nor
 * changed without the key. Mobility tickets (RFC 8016) and access tokens (RFC 7635) are sealed so. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { AEAD_KEY_MAX = 32, AEAD_NONCE_SIZE = 12, AEAD_TAG_SIZE = 16 };

struct aead_key { /* AEAD_AES_128_GCM has 16 bytes, AEAD_AES_256_GCM 32 */
	uint8_t bytes[AEAD_KEY_MAX];
	size_t len;
};

/* Encrypts len bytes of plain into sealed, which has room for AEAD_TAG_SIZE more: the tag ends it.
 * associated is authenticated along with it and not sent. A key never meets a nonce twice. ERR_INVALID
 * for another length of key; ERR_UNAVAILABLE when OpenSSL fails. */
MUST_CHECK enum err aead_seal(const struct aead_key *key, const uint8_t nonce[AEAD_NONCE_SIZE],
                              const void *associated, size_t associated_len, const uint8_t *plain,
                              size_t len, uint8_t *sealed);
/* Decrypts len bytes, tag included, into len - AEAD_TAG_SIZE bytes of plain, which stay undefined on
 * failure. ERR_DENIED when they were not sealed so; ERR_TRUNCATED when they are shorter than a tag. */
MUST_CHECK enum err aead_open(const struct aead_key *key, const uint8_t nonce[AEAD_NONCE_SIZE],
                              const void *associated, size_t associated_len, const uint8_t *sealed,
                              size_t len, uint8_t *plain);
