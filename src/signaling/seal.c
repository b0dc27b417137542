/* Sealed names: AES for what must come back, HMAC-SHA256 for what must not be forged, SipHash for tables. */
#include "signaling/seal.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/bytes.h"
#include "base/random.h"

enum { BLOCK_SIZE = 16, KEY_SIZE = 32, TOKEN_BYTES_MAX = BLOCK_SIZE + 8 + SEAL_MAC_SIZE };

struct seal {
	EVP_CIPHER_CTX *encrypt, *decrypt; /* owned */
	uint8_t token_key[KEY_SIZE], attestation_key[KEY_SIZE];
	uint64_t hash_key[2];
};

static EVP_CIPHER_CTX *cipher_create(const uint8_t key[KEY_SIZE], int is_encrypting);
static void mac(const uint8_t key[KEY_SIZE], const uint8_t *bytes, size_t len,
                uint8_t result[SEAL_MAC_SIZE]);
static size_t base64url_put(const uint8_t *bytes, size_t len, char *text);
static enum err base64url_get(const char *text, uint8_t *bytes, size_t len);

enum err seal_create(const uint8_t key[KEY_SIZE], struct seal **seal)
{
	struct seal *made = calloc(1, sizeof *made);
	uint8_t derived[KEY_SIZE];

	if (made == NULL)
		return ERR_NO_MEMORY;
	seal_derive_key(key, "session id", derived);
	made->encrypt = cipher_create(derived, 1);
	made->decrypt = cipher_create(derived, 0);
	seal_derive_key(key, "tables", derived);
	made->hash_key[0] = get_u64(derived);
	made->hash_key[1] = get_u64(derived + 8);
	bytes_wipe(derived, sizeof derived);
	seal_derive_key(key, "resume token", made->token_key);
	seal_derive_key(key, "attestation", made->attestation_key);
	if (made->encrypt == NULL || made->decrypt == NULL) {
		seal_destroy(made);
		return ERR_NO_MEMORY;
	}
	*seal = made;
	return OK;
}

void seal_destroy(struct seal *seal)
{
	if (seal == NULL)
		return;
	EVP_CIPHER_CTX_free(seal->encrypt);
	EVP_CIPHER_CTX_free(seal->decrypt);
	bytes_wipe(seal, sizeof *seal);
	free(seal);
}

/* One key for each use, so that no result of one says anything of another. */
void seal_derive_key(const uint8_t key[KEY_SIZE], const char *use, uint8_t derived[KEY_SIZE])
{
	unsigned len = KEY_SIZE;

	if (HMAC(EVP_sha256(), key, KEY_SIZE, (const uint8_t *)use, strlen(use), derived, &len) ==
	    NULL)
		random_bytes(derived, KEY_SIZE);
}

/* One block of AES is a permutation; no mode is needed where no two blocks meet. */
static EVP_CIPHER_CTX *cipher_create(const uint8_t key[KEY_SIZE], int is_encrypting)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();

	if (cipher == NULL ||
	    EVP_CipherInit_ex(cipher, EVP_aes_256_ecb(), NULL, key, NULL, is_encrypting) != 1 ||
	    EVP_CIPHER_CTX_set_padding(cipher, 0) != 1) {
		EVP_CIPHER_CTX_free(cipher);
		return NULL;
	}
	return cipher;
}

static void put_id(const uint8_t block[BLOCK_SIZE], char id[SESSION_ID_SIZE])
{
	hex_put(block, BLOCK_SIZE, id);
	for (char *c = id; *c != '\0'; c++)
		if (*c >= 'a')
			*c = (char)(*c - 'a' + 'A');
}

void seal_make_id(struct seal *seal, const struct hub_place *place, char id[SESSION_ID_SIZE])
{
	uint8_t plain[BLOCK_SIZE], block[BLOCK_SIZE];
	int len;

	put_u32(plain, place->node);
	put_u16(plain + 4, place->worker);
	random_bytes(plain + 6, sizeof plain - 6);
	if (EVP_CipherUpdate(seal->encrypt, block, &len, plain, sizeof plain) != 1)
		random_bytes(block, sizeof block); /* it will be found nowhere */
	put_id(block, id);
}

static enum err get_block(const char *id, uint8_t block[BLOCK_SIZE])
{
	size_t len;

	if (strnlen(id, SESSION_ID_SIZE) != SESSION_ID_SIZE - 1 ||
	    hex_get(id, block, BLOCK_SIZE, &len) != OK || len != BLOCK_SIZE)
		return ERR_INVALID;
	return OK;
}

enum err seal_open_id(struct seal *seal, const char *id, struct hub_place *place)
{
	uint8_t plain[BLOCK_SIZE], block[BLOCK_SIZE];
	int len;

	if (get_block(id, block) != OK ||
	    EVP_CipherUpdate(seal->decrypt, plain, &len, block, sizeof block) != 1)
		return ERR_INVALID;
	*place = (struct hub_place){.node = get_u32(plain), .worker = get_u16(plain + 4)};
	return OK;
}

void seal_make_token(struct seal *seal, const char *id, char token[RESUME_TOKEN_SIZE])
{
	uint8_t bytes[BLOCK_SIZE + SEAL_MAC_SIZE];

	token[0] = '\0';
	if (get_block(id, bytes) != OK)
		return;
	mac(seal->token_key, bytes, BLOCK_SIZE, bytes + BLOCK_SIZE);
	base64url_put(bytes, sizeof bytes, token);
}

enum err seal_open_token(struct seal *seal, const char *token, char id[SESSION_ID_SIZE])
{
	uint8_t bytes[BLOCK_SIZE + SEAL_MAC_SIZE], wanted[SEAL_MAC_SIZE];

	if (base64url_get(token, bytes, sizeof bytes) != OK)
		return ERR_DENIED;
	mac(seal->token_key, bytes, BLOCK_SIZE, wanted);
	if (!bytes_equal_secret(bytes + BLOCK_SIZE, wanted, sizeof wanted))
		return ERR_DENIED;
	put_id(bytes, id);
	return OK;
}

void seal_make_attestation(struct seal *seal, const char *id, uint64_t until_ms,
                           char attestation[ATTESTATION_SIZE])
{
	uint8_t bytes[TOKEN_BYTES_MAX];

	attestation[0] = '\0';
	if (get_block(id, bytes) != OK)
		return;
	put_u64(bytes + BLOCK_SIZE, until_ms);
	mac(seal->attestation_key, bytes, BLOCK_SIZE + 8, bytes + BLOCK_SIZE + 8);
	base64url_put(bytes, sizeof bytes, attestation);
}

enum err seal_open_attestation(struct seal *seal, const char *attestation, uint64_t wall_ms,
                               char id[SESSION_ID_SIZE])
{
	uint8_t bytes[TOKEN_BYTES_MAX], wanted[SEAL_MAC_SIZE];

	if (base64url_get(attestation, bytes, sizeof bytes) != OK)
		return ERR_DENIED;
	mac(seal->attestation_key, bytes, BLOCK_SIZE + 8, wanted);
	if (!bytes_equal_secret(bytes + BLOCK_SIZE + 8, wanted, sizeof wanted) ||
	    get_u64(bytes + BLOCK_SIZE) < wall_ms)
		return ERR_DENIED;
	put_id(bytes, id);
	return OK;
}

static void mac(const uint8_t key[KEY_SIZE], const uint8_t *bytes, size_t len,
                uint8_t result[SEAL_MAC_SIZE])
{
	uint8_t whole[EVP_MAX_MD_SIZE];
	unsigned whole_len;

	if (HMAC(EVP_sha256(), key, KEY_SIZE, bytes, len, whole, &whole_len) == NULL)
		random_bytes(whole, sizeof whole); /* nothing matches it */
	memcpy(result, whole, SEAL_MAC_SIZE);
}

/* RFC 4648 section 5, without padding: it stands in URLs as it is. */
static size_t base64url_put(const uint8_t *bytes, size_t len, char *text)
{
	size_t text_len = base64_put(bytes, len, false, text);

	for (char *c = text; *c != '\0'; c++)
		*c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
	return text_len;
}

static enum err base64url_get(const char *text, uint8_t *bytes, size_t len)
{
	char plain[BASE64_SIZE(TOKEN_BYTES_MAX)];
	size_t text_len = strnlen(text, sizeof plain), got;

	if (text_len == sizeof plain || memchr(text, '+', text_len) != NULL ||
	    memchr(text, '/', text_len) != NULL)
		return ERR_INVALID;
	for (size_t i = 0; i < text_len; i++)
		plain[i] = (char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
	if (base64_get(plain, text_len, bytes, len, &got) != OK || got != len)
		return ERR_INVALID;
	return OK;
}

/* SipHash-2-4 (Aumasson, Bernstein). */

static uint64_t rotate(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], unsigned rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
}

uint64_t seal_hash(const struct seal *seal, struct slice bytes)
{
	uint64_t v[4] = {
		seal->hash_key[0] ^ 0x736f6d6570736575, seal->hash_key[1] ^ 0x646f72616e646f6d,
		seal->hash_key[0] ^ 0x6c7967656e657261, seal->hash_key[1] ^ 0x7465646279746573};
	uint64_t word = (uint64_t)bytes.len << 56;
	size_t at = 0;

	for (; bytes.len - at >= 8; at += 8) {
		uint64_t whole = 0;
		for (unsigned i = 0; i < 8; i++)
			whole |= (uint64_t)(uint8_t)bytes.at[at + i] << 8 * i;
		sip_word(v, whole);
	}
	for (unsigned i = 0; at + i < bytes.len; i++)
		word |= (uint64_t)(uint8_t)bytes.at[at + i] << 8 * i;
	sip_word(v, word);
	v[2] ^= 0xFF;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
