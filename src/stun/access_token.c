/* Reading and writing access tokens. Strangers send them: every length is checked against what there
 * is before it is used, and nothing longer than a token can be is decrypted at all. */
#include "stun/access_token.h"

#include <string.h>
#include <strings.h>

#include "base/bytes.h"

enum {
	NONCE_AT = 2,
	BLOCK_AT = NONCE_AT + AEAD_NONCE_SIZE,
	MS_PER_S = 1000,
	FRACTIONS_PER_MS = 64,
};

static bool is_mac_key_len(size_t len);
static size_t block_put(const struct access_token *token, uint8_t block[ACCESS_TOKEN_BLOCK_MAX]);
static enum err block_get(const uint8_t *block, size_t len, struct access_token *token);

enum err access_token_key(const char *algorithm, const uint8_t *bytes, size_t len,
                          struct aead_key *key)
{
	static const struct {
		const char *name;
		size_t len;
	} algorithms[] = {{"A256GCM", 32}, {"A128GCM", 16}};

	for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
		if (strcasecmp(algorithm, algorithms[i].name) != 0)
			continue;
		if (len < algorithms[i].len)
			return ERR_INVALID;
		key->len = algorithms[i].len;
		memcpy(key->bytes, bytes, key->len);
		return OK;
	}
	return ERR_INVALID;
}

enum err access_token_seal(const struct aead_key *key, const char *server_name,
                           const uint8_t nonce[AEAD_NONCE_SIZE], const struct access_token *token,
                           uint8_t sealed[ACCESS_TOKEN_MAX], size_t *len)
{
	uint8_t block[ACCESS_TOKEN_BLOCK_MAX];

	if (!is_mac_key_len(token->mac_key_len))
		return ERR_INVALID;
	size_t block_len = block_put(token, block);
	put_u16(sealed, AEAD_NONCE_SIZE);
	memcpy(sealed + NONCE_AT, nonce, AEAD_NONCE_SIZE);
	*len = BLOCK_AT + block_len + AEAD_TAG_SIZE;
	enum err err = aead_seal(key, nonce, server_name, strlen(server_name), block, block_len,
	                         sealed + BLOCK_AT);
	bytes_wipe(block, sizeof block);
	return err;
}

enum err access_token_open(const struct aead_key *key, const char *server_name,
                           const uint8_t *sealed, size_t len, struct access_token *token)
{
	uint8_t block[ACCESS_TOKEN_BLOCK_MAX];

	memset(token, 0, sizeof *token);
	if (len < BLOCK_AT + AEAD_TAG_SIZE)
		return ERR_TRUNCATED;
	/* RFC 5116 section 5: AES-GCM has nonces of this length alone. */
	if (get_u16(sealed) != AEAD_NONCE_SIZE || len > ACCESS_TOKEN_MAX)
		return ERR_INVALID;
	enum err err = aead_open(key, sealed + NONCE_AT, server_name, strlen(server_name),
	                         sealed + BLOCK_AT, len - BLOCK_AT, block);
	if (err == OK)
		err = block_get(block, len - BLOCK_AT - AEAD_TAG_SIZE, token);
	bytes_wipe(block, sizeof block);
	return err;
}

uint64_t access_token_remaining_ms(const struct access_token *token, uint64_t wall_ms)
{
	uint64_t made_ms = (token->timestamp >> 16) * MS_PER_S +
	                   (token->timestamp & 0xFFFF) / FRACTIONS_PER_MS;
	uint64_t allowed_ms = (uint64_t)token->lifetime_s * MS_PER_S + ACCESS_TOKEN_DELTA_MS;
	uint64_t apart_ms = wall_ms > made_ms ? wall_ms - made_ms : made_ms - wall_ms;

	return allowed_ms > apart_ms ? allowed_ms - apart_ms : 0;
}

static bool is_mac_key_len(size_t len)
{
	return len == ACCESS_TOKEN_SHA1_KEY || len == ACCESS_TOKEN_SHA256_KEY;
}

static size_t block_put(const struct access_token *token, uint8_t block[ACCESS_TOKEN_BLOCK_MAX])
{
	size_t at = 2 + token->mac_key_len;

	put_u16(block, (uint16_t)token->mac_key_len);
	memcpy(block + 2, token->mac_key, token->mac_key_len);
	put_u64(block + at, token->timestamp);
	put_u32(block + at + 8, token->lifetime_s);
	return at + 12;
}

static enum err block_get(const uint8_t *block, size_t len, struct access_token *token)
{
	if (len < 2)
		return ERR_TRUNCATED;
	size_t key_len = get_u16(block), at = 2 + key_len;
	if (!is_mac_key_len(key_len) || len != at + 12)
		return ERR_INVALID;
	memcpy(token->mac_key, block + 2, key_len);
	token->mac_key_len = key_len;
	token->timestamp = get_u64(block + at);
	token->lifetime_s = get_u32(block + at + 8);
	return OK;
}
