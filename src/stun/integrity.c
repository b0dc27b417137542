/* Digests and MACs over pieces, so that no message is copied to be checked. Should OpenSSL fail, a
 * result is random bytes: it matches nothing, and whoever asked is refused. */
#include "stun/integrity.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/random.h"
#include "stun/walk.h"

enum { BLOCK_SIZE = 64 }; /* of MD5, SHA-1 and SHA-256 alike */

struct digest {
	EVP_MD *method;      /* owned */
	EVP_MD_CTX *context; /* owned */
	size_t size;
};

struct stun_hasher {
	struct digest md5, sha1, sha256;
};

struct piece {
	const void *bytes;
	size_t len;
};

static enum err digest_init(struct digest *digest, const char *name);
static void digest_deinit(struct digest *digest);
static void digest_pieces(struct digest *digest, const struct piece *pieces, size_t n,
                          uint8_t *result);
static void hmac_pieces(struct digest *digest, struct piece key, const struct piece message[2],
                        uint8_t *mac);
static void length_up_to(const uint8_t *bytes, size_t end, uint8_t start[4]);
static uint32_t crc32_add(uint32_t crc, const uint8_t *bytes, size_t len);

enum err stun_hasher_create(struct stun_hasher **hasher)
{
	struct stun_hasher *created = calloc(1, sizeof *created);

	if (created == NULL)
		return ERR_NO_MEMORY;
	if (digest_init(&created->md5, "MD5") != OK || digest_init(&created->sha1, "SHA1") != OK ||
	    digest_init(&created->sha256, "SHA256") != OK) {
		stun_hasher_destroy(created);
		return ERR_UNAVAILABLE;
	}
	*hasher = created;
	return OK;
}

void stun_hasher_destroy(struct stun_hasher *hasher)
{
	if (hasher == NULL)
		return;
	digest_deinit(&hasher->sha256);
	digest_deinit(&hasher->sha1);
	digest_deinit(&hasher->md5);
	free(hasher);
}

static enum err digest_init(struct digest *digest, const char *name)
{
	digest->method = EVP_MD_fetch(NULL, name, NULL);
	digest->context = EVP_MD_CTX_new();
	if (digest->method == NULL || digest->context == NULL)
		return ERR_UNAVAILABLE;
	digest->size = (size_t)EVP_MD_get_size(digest->method);
	return OK;
}

static void digest_deinit(struct digest *digest)
{
	EVP_MD_CTX_free(digest->context);
	EVP_MD_free(digest->method);
}

size_t stun_long_term_key(struct stun_hasher *hasher, enum stun_password_algorithm algorithm,
                          const char *username, const char *realm, const char *password,
                          uint8_t key[STUN_KEY_MAX])
{
	struct digest *digest = algorithm == STUN_PASSWORD_SHA256 ? &hasher->sha256 : &hasher->md5;
	const struct piece pieces[] = {
		{username, strlen(username)}, {":", 1}, {realm, strlen(realm)}, {":", 1},
		{password, strlen(password)},
	};

	digest_pieces(digest, pieces, sizeof pieces / sizeof *pieces, key);
	return digest->size;
}

void stun_userhash(struct stun_hasher *hasher, const uint8_t *username, size_t len,
                   const char *realm, uint8_t hash[STUN_USERHASH_SIZE])
{
	const struct piece pieces[] = {{username, len}, {":", 1}, {realm, strlen(realm)}};

	digest_pieces(&hasher->sha256, pieces, sizeof pieces / sizeof *pieces, hash);
}

void stun_sha256(struct stun_hasher *hasher, const void *bytes, size_t len,
                 uint8_t hash[STUN_SHA256_SIZE])
{
	digest_pieces(&hasher->sha256, &(struct piece){bytes, len}, 1, hash);
}

void stun_hmac_sha1(struct stun_hasher *hasher, const uint8_t *key, size_t key_len,
                    const void *bytes, size_t len, uint8_t mac[STUN_SHA1_SIZE])
{
	const struct piece message[2] = {{bytes, len}};

	hmac_pieces(&hasher->sha1, (struct piece){key, key_len}, message, mac);
}

void stun_hmac_sha256(struct stun_hasher *hasher, const uint8_t *key, size_t key_len,
                      const void *bytes, size_t len, uint8_t mac[STUN_SHA256_SIZE])
{
	const struct piece message[2] = {{bytes, len}};

	hmac_pieces(&hasher->sha256, (struct piece){key, key_len}, message, mac);
}

bool stun_integrity_is_right(struct stun_hasher *hasher, const struct stun_message *message,
                             enum stun_attribute attribute, const uint8_t *key, size_t key_len)
{
	bool is_sha256 = attribute == STUN_ATTR_MESSAGE_INTEGRITY_SHA256;
	struct digest *digest = is_sha256 ? &hasher->sha256 : &hasher->sha1;
	uint8_t start[4], mac[EVP_MAX_MD_SIZE];
	size_t len;
	const uint8_t *value = stun_get(message, attribute, &len);

	assert(is_sha256 || attribute == STUN_ATTR_MESSAGE_INTEGRITY);
	/* RFC 8489 section 14.6: at most the whole, at least 16 bytes, a multiple of four. */
	if (value == NULL || len % 4 != 0 || len > digest->size)
		return false;
	size_t end = (size_t)(value - message->bytes);
	size_t covered = end - STUN_ATTRIBUTE_HEADER_SIZE;
	length_up_to(message->bytes, end + len, start);
	const struct piece pieces[2] = {
		{start, sizeof start},
		{message->bytes + sizeof start, covered - sizeof start},
	};
	hmac_pieces(digest, (struct piece){key, key_len}, pieces, mac);
	return bytes_equal_secret(mac, value, len);
}

/* RFC 8489 section 14.5: what is checked is a message that ends with the attribute that checks it.
 * Writes the type and the length that such a message starts with. */
static void length_up_to(const uint8_t *bytes, size_t end, uint8_t start[4])
{
	memcpy(start, bytes, 2);
	put_u16(start + 2, (uint16_t)(end - STUN_HEADER_SIZE));
}

static void digest_pieces(struct digest *digest, const struct piece *pieces, size_t n,
                          uint8_t *result)
{
	bool is_done = EVP_DigestInit_ex2(digest->context, digest->method, NULL) == 1;

	for (size_t i = 0; i < n && is_done; i++)
		is_done = EVP_DigestUpdate(digest->context, pieces[i].bytes, pieces[i].len) == 1;
	if (!is_done || EVP_DigestFinal_ex(digest->context, result, NULL) != 1)
		random_bytes(result, digest->size);
}

/* RFC 2104 over the digest that is there already: two thirds of what an EVP_MAC takes for a message
 * of 100 bytes. */
static void hmac_pieces(struct digest *digest, struct piece key, const struct piece message[2],
                        uint8_t *mac)
{
	uint8_t block[BLOCK_SIZE] = {0}, inner[EVP_MAX_MD_SIZE];

	if (key.len > sizeof block)
		digest_pieces(digest, &key, 1, block);
	else if (key.len > 0)
		memcpy(block, key.bytes, key.len);
	for (size_t i = 0; i < sizeof block; i++)
		block[i] ^= 0x36;
	const struct piece inside[] = {{block, sizeof block}, message[0], message[1]};
	digest_pieces(digest, inside, 3, inner);
	for (size_t i = 0; i < sizeof block; i++)
		block[i] ^= 0x36 ^ 0x5C;
	const struct piece outside[] = {{block, sizeof block}, {inner, digest->size}};
	digest_pieces(digest, outside, 2, mac);
	bytes_wipe(block, sizeof block);
}

uint32_t stun_fingerprint(const uint8_t *bytes, size_t len)
{
	return ~crc32_add(UINT32_MAX, bytes, len) ^ STUN_FINGERPRINT_XOR;
}

uint32_t stun_message_fingerprint(const uint8_t *bytes, size_t offset)
{
	uint8_t start[4];

	length_up_to(bytes, offset + STUN_ATTRIBUTE_HEADER_SIZE + 4, start);
	uint32_t crc = crc32_add(UINT32_MAX, start, sizeof start);
	crc = crc32_add(crc, bytes + sizeof start, offset - sizeof start);
	return ~crc ^ STUN_FINGERPRINT_XOR;
}

/* Eight bytes at a time. Table n says what a byte does to the CRC when n more bytes follow it. A CRC
 * is linear: the entry of a byte is the sum of the entries of its bits, and those eight are all that
 * has to be written down. */
#define BIT(i, n, entry) ((i) >> (n)&1 ? (entry) : 0)
#define ENTRY(i, b0, b1, b2, b3, b4, b5, b6, b7)                                         \
	(BIT(i, 0, b0) ^ BIT(i, 1, b1) ^ BIT(i, 2, b2) ^ BIT(i, 3, b3) ^ BIT(i, 4, b4) ^ \
	 BIT(i, 5, b5) ^ BIT(i, 6, b6) ^ BIT(i, 7, b7))
#define ENTRIES_4(i, ...)                                                                  \
	ENTRY((i), __VA_ARGS__), ENTRY((i) + 1, __VA_ARGS__), ENTRY((i) + 2, __VA_ARGS__), \
		ENTRY((i) + 3, __VA_ARGS__)
#define ENTRIES_16(i, ...)                                            \
	ENTRIES_4((i), __VA_ARGS__), ENTRIES_4((i) + 4, __VA_ARGS__), \
		ENTRIES_4((i) + 8, __VA_ARGS__), ENTRIES_4((i) + 12, __VA_ARGS__)
#define ENTRIES_64(i, ...)                                               \
	ENTRIES_16((i), __VA_ARGS__), ENTRIES_16((i) + 16, __VA_ARGS__), \
		ENTRIES_16((i) + 32, __VA_ARGS__), ENTRIES_16((i) + 48, __VA_ARGS__)
#define TABLE(...)                                                                 \
	{                                                                          \
		ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__),           \
			ENTRIES_64(128, __VA_ARGS__), ENTRIES_64(192, __VA_ARGS__) \
	}

static const uint32_t crc32_tables[8][256] = {
	TABLE(0x77073096, 0xEE0E612C, 0x076DC419, 0x0EDB8832, 0x1DB71064, 0x3B6E20C8, 0x76DC4190,
              0xEDB88320),
	TABLE(0x191B3141, 0x32366282, 0x646CC504, 0xC8D98A08, 0x4AC21251, 0x958424A2, 0xF0794F05,
              0x3B83984B),
	TABLE(0x01C26A37, 0x0384D46E, 0x0709A8DC, 0x0E1351B8, 0x1C26A370, 0x384D46E0, 0x709A8DC0,
              0xE1351B80),
	TABLE(0xB8BC6765, 0xAA09C88B, 0x8F629757, 0xC5B428EF, 0x5019579F, 0xA032AF3E, 0x9B14583D,
              0xED59B63B),
	TABLE(0x3D6029B0, 0x7AC05360, 0xF580A6C0, 0x30704BC1, 0x60E09782, 0xC1C12F04, 0x58F35849,
              0xB1E6B092),
	TABLE(0xCB5CD3A5, 0x4DC8A10B, 0x9B914216, 0xEC53826D, 0x03D6029B, 0x07AC0536, 0x0F580A6C,
              0x1EB014D8),
	TABLE(0xA6770BB4, 0x979F1129, 0xF44F2413, 0x33EF4E67, 0x67DE9CCE, 0xCFBD399C, 0x440B7579,
              0x8816EAF2),
	TABLE(0xCCAA009E, 0x4225077D, 0x844A0EFA, 0xD3E51BB5, 0x7CBB312B, 0xF9766256, 0x299DC2ED,
              0x533B85DA),
};

static uint32_t crc32_add(uint32_t crc, const uint8_t *bytes, size_t len)
{
	for (; len >= 8; len -= 8, bytes += 8) {
		uint32_t next = 0;

		for (unsigned i = 0; i < 4; i++) {
			next ^= crc32_tables[7 - i][bytes[i] ^ (crc >> 8 * i & 0xFF)];
			next ^= crc32_tables[3 - i][bytes[4 + i]];
		}
		crc = next;
	}
	for (; len > 0; len--, bytes++)
		crc = crc >> 8 ^ crc32_tables[0][(crc ^ *bytes) & 0xFF];
	return crc;
}
