/* Keys and checksums of STUN: long-term credentials (RFC 8489 sections 9.2.2, 14.5, 14.6), USERHASH
 * (14.4), FINGERPRINT (14.7). Pure functions over a set of OpenSSL contexts that are made once. */
#pragma once

#include "stun/message.h"

enum {
	STUN_KEY_MAX = 64,
	STUN_MD5_KEY_SIZE = 16,
	STUN_SHA256_KEY_SIZE = 32,
	STUN_SHA1_SIZE = 20,
	STUN_SHA256_SIZE = 32,
	STUN_USERHASH_SIZE = 32,
	STUN_FINGERPRINT_XOR = 0x5354554E,
};

/* RFC 8489 section 18.5. */
enum stun_password_algorithm { STUN_PASSWORD_MD5 = 1, STUN_PASSWORD_SHA256 = 2 };

/* The digests and MACs of one thread, fetched once: looking them up costs more than using them. */
struct stun_hasher;
MUST_CHECK enum err stun_hasher_create(struct stun_hasher **hasher);
void stun_hasher_destroy(struct stun_hasher *hasher);

/* The long-term key: MD5 or SHA-256 of username ":" realm ":" password (section 18.5.1). The
 * caller has applied OpaqueString where it matters; bytes are taken as they are. Writes 16 or 32
 * bytes and returns how many. */
size_t stun_long_term_key(struct stun_hasher *hasher, enum stun_password_algorithm algorithm,
                          const char *username, const char *realm, const char *password,
                          uint8_t key[STUN_KEY_MAX]);
/* SHA-256 of username ":" realm (section 14.4). username need not end with a zero. */
void stun_userhash(struct stun_hasher *hasher, const uint8_t *username, size_t len,
                   const char *realm, uint8_t hash[STUN_USERHASH_SIZE]);
/* SHA-256 of any bytes. */
void stun_sha256(struct stun_hasher *hasher, const void *bytes, size_t len,
                 uint8_t hash[STUN_SHA256_SIZE]);
/* HMAC-SHA1 or HMAC-SHA256 of any bytes, as REST credentials and nonces need them. */
void stun_hmac_sha1(struct stun_hasher *hasher, const uint8_t *key, size_t key_len,
                    const void *bytes, size_t len, uint8_t mac[STUN_SHA1_SIZE]);
void stun_hmac_sha256(struct stun_hasher *hasher, const uint8_t *key, size_t key_len,
                      const void *bytes, size_t len, uint8_t mac[STUN_SHA256_SIZE]);

/* True when the message carries this attribute (MESSAGE_INTEGRITY or MESSAGE_INTEGRITY_SHA256) and
 * it is right under key. A truncated SHA-256 is at least 16 bytes and a multiple of four. Takes
 * the same time wherever the difference is. */
bool stun_integrity_is_right(struct stun_hasher *hasher, const struct stun_message *message,
                             enum stun_attribute attribute, const uint8_t *key, size_t key_len);

/* CRC-32 of len bytes, XOR-ed with STUN_FINGERPRINT_XOR. */
uint32_t stun_fingerprint(const uint8_t *bytes, size_t len);
/* The same for a message whose FINGERPRINT attribute starts at offset: its length counts up to the
 * end of that attribute, whatever the header says. */
uint32_t stun_message_fingerprint(const uint8_t *bytes, size_t offset);
