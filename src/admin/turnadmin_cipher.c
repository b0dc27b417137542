/* AES-128-CTR by OpenSSL. */
#include "admin/turnadmin_cipher.h"

#include <openssl/evp.h>

enum err turnadmin_cipher(const uint8_t key[TURNADMIN_KEY_SIZE], const uint8_t *from, size_t len,
                          uint8_t *to)
{
	static const uint8_t counter[16];
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int written = 0;
	bool is_done = context != NULL &&
	               EVP_EncryptInit_ex(context, EVP_aes_128_ctr(), NULL, key, counter) == 1 &&
	               EVP_EncryptUpdate(context, to, &written, from, (int)len) == 1;

	EVP_CIPHER_CTX_free(context);
	return is_done && written == (int)len ? OK : ERR_NO_MEMORY;
}
