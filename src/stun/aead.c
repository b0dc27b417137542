/* AES-GCM by OpenSSL. A context lives for one call: tickets and tokens are rare. */
#include "stun/aead.h"

#include <limits.h>
#include <stdbool.h>

#include <openssl/evp.h>

static const EVP_CIPHER *cipher_for(const struct aead_key *key)
{
	switch (key->len) {
	case 16:
		return EVP_aes_128_gcm();
	case 32:
		return EVP_aes_256_gcm();
	default:
		return NULL;
	}
}

static bool has_room(size_t associated_len, size_t len)
{
	return associated_len <= INT_MAX && len <= INT_MAX;
}

static bool seal(EVP_CIPHER_CTX *context, const void *associated, size_t associated_len,
                 const uint8_t *plain, size_t len, uint8_t *sealed)
{
	int n;

	return EVP_EncryptUpdate(context, NULL, &n, associated, (int)associated_len) == 1 &&
	       EVP_EncryptUpdate(context, sealed, &n, plain, (int)len) == 1 &&
	       EVP_EncryptFinal_ex(context, sealed + n, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, AEAD_TAG_SIZE, sealed + len) == 1;
}

enum err aead_seal(const struct aead_key *key, const uint8_t nonce[AEAD_NONCE_SIZE],
                   const void *associated, size_t associated_len, const uint8_t *plain, size_t len,
                   uint8_t *sealed)
{
	const EVP_CIPHER *cipher = cipher_for(key);

	if (cipher == NULL || !has_room(associated_len, len))
		return ERR_INVALID;

	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	bool is_sealed = context != NULL &&
	                 EVP_EncryptInit_ex2(context, cipher, key->bytes, nonce, NULL) == 1 &&
	                 seal(context, associated, associated_len, plain, len, sealed);
	EVP_CIPHER_CTX_free(context);
	return is_sealed ? OK : ERR_UNAVAILABLE;
}

static bool open_sealed(EVP_CIPHER_CTX *context, const void *associated, size_t associated_len,
                        const uint8_t *sealed, size_t len, uint8_t *plain)
{
	uint8_t none[1];
	void *tag = (void *)(sealed + len); /* OpenSSL reads it */
	int n;

	return EVP_DecryptUpdate(context, NULL, &n, associated, (int)associated_len) == 1 &&
	       EVP_DecryptUpdate(context, plain, &n, sealed, (int)len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, AEAD_TAG_SIZE, tag) == 1 &&
	       EVP_DecryptFinal_ex(context, none, &n) == 1;
}

enum err aead_open(const struct aead_key *key, const uint8_t nonce[AEAD_NONCE_SIZE],
                   const void *associated, size_t associated_len, const uint8_t *sealed, size_t len,
                   uint8_t *plain)
{
	const EVP_CIPHER *cipher = cipher_for(key);

	if (len < AEAD_TAG_SIZE)
		return ERR_TRUNCATED;
	if (cipher == NULL || !has_room(associated_len, len))
		return ERR_INVALID;

	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	if (context == NULL)
		return ERR_UNAVAILABLE;
	bool is_open = EVP_DecryptInit_ex2(context, cipher, key->bytes, nonce, NULL) == 1 &&
	               open_sealed(context, associated, associated_len, sealed, len - AEAD_TAG_SIZE,
	                           plain);
	EVP_CIPHER_CTX_free(context);
	return is_open ? OK : ERR_DENIED;
}
