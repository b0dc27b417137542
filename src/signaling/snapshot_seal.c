#include "signaling/snapshot_seal.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/random.h"

enum { NONCE_SIZE = 12, TAG_SIZE = 16 };

struct snapshot_seal {
	EVP_CIPHER_CTX *cipher; /* owned */
	uint8_t key[32];
};

enum err snapshot_seal_create(const uint8_t key[32], struct snapshot_seal **result)
{
	struct snapshot_seal *seal = calloc(1, sizeof *seal);

	if (seal == NULL)
		return ERR_NO_MEMORY;
	memcpy(seal->key, key, sizeof seal->key);
	seal->cipher = EVP_CIPHER_CTX_new();
	if (seal->cipher == NULL) {
		snapshot_seal_destroy(seal);
		return ERR_NO_MEMORY;
	}
	*result = seal;
	return OK;
}

void snapshot_seal_destroy(struct snapshot_seal *seal)
{
	if (seal == NULL)
		return;
	EVP_CIPHER_CTX_free(seal->cipher);
	bytes_wipe(seal, sizeof *seal);
	free(seal);
}

static bool begin(struct snapshot_seal *seal, const char *id, const uint8_t *nonce, int is_closing)
{
	int len;

	return EVP_CipherInit_ex(seal->cipher, EVP_aes_256_gcm(), NULL, seal->key, nonce,
	                         is_closing) == 1 &&
	       EVP_CipherUpdate(seal->cipher, NULL, &len, (const uint8_t *)id, (int)strlen(id)) ==
	               1;
}

static bool encrypt(struct snapshot_seal *seal, const char *id, struct slice plain, uint8_t *bytes)
{
	uint8_t *at = bytes + NONCE_SIZE, *tag = at + plain.len;
	int len, rest;

	random_bytes(bytes, NONCE_SIZE);
	return begin(seal, id, bytes, 1) &&
	       EVP_CipherUpdate(seal->cipher, at, &len, (const uint8_t *)plain.at,
	                        (int)plain.len) == 1 &&
	       EVP_CipherFinal_ex(seal->cipher, at + len, &rest) == 1 &&
	       EVP_CIPHER_CTX_ctrl(seal->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag) == 1;
}

void snapshot_seal_close(struct snapshot_seal *seal, const char *id, struct slice plain,
                         struct text *sealed)
{
	size_t len = NONCE_SIZE + plain.len + TAG_SIZE;
	bool is_small = plain.len <= SNAPSHOT_MAX;
	uint8_t *bytes = is_small ? malloc(len) : NULL;
	char *text = is_small ? malloc(BASE64_SIZE(len)) : NULL;

	if (bytes != NULL && text != NULL && encrypt(seal, id, plain, bytes))
		text_put(sealed, (struct slice){text, base64_put(bytes, len, false, text)});
	else
		sealed->has_failed = true;
	free(bytes);
	free(text);
}

static bool decrypt(struct snapshot_seal *seal, const char *id, uint8_t *bytes, size_t len)
{
	size_t plain = len - NONCE_SIZE - TAG_SIZE;
	uint8_t *at = bytes + NONCE_SIZE;
	int done, rest;

	return begin(seal, id, bytes, 0) &&
	       EVP_CipherUpdate(seal->cipher, at, &done, at, (int)plain) == 1 &&
	       EVP_CIPHER_CTX_ctrl(seal->cipher, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, at + plain) ==
	               1 &&
	       EVP_CipherFinal_ex(seal->cipher, at + done, &rest) == 1;
}

enum err snapshot_seal_open(struct snapshot_seal *seal, const char *id, struct slice sealed,
                            struct text *plain)
{
	enum err err = ERR_INVALID;
	uint8_t *bytes;
	size_t len;

	if (sealed.len > BASE64_SIZE(SNAPSHOT_MAX + NONCE_SIZE + TAG_SIZE))
		return ERR_INVALID;
	bytes = malloc(sealed.len + 1);
	if (bytes == NULL)
		return ERR_NO_MEMORY;
	if (base64_get(sealed.at, sealed.len, bytes, sealed.len + 1, &len) == OK &&
	    len >= NONCE_SIZE + TAG_SIZE) {
		err = decrypt(seal, id, bytes, len) ? OK : ERR_DENIED;
		len -= NONCE_SIZE + TAG_SIZE;
		if (err == OK)
			text_put(plain, (struct slice){(char *)bytes + NONCE_SIZE, len});
		bytes_wipe(bytes + NONCE_SIZE, len);
	}
	free(bytes);
	return err == OK && plain->has_failed ? ERR_NO_MEMORY : err;
}
