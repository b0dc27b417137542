/* What coturn's turnadmin -P writes is SHA-256 over 8 bytes of salt and the password, both in hexadecimal. */
#include "relay/console_password.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

enum { SALT_SIZE = 8, HASH_SIZE = 32, TEXT_SIZE = 3 + 2 * SALT_SIZE + 1 + 2 * HASH_SIZE };

static bool hash(const uint8_t *salt, size_t salt_len, const char *text, uint8_t out[HASH_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned len = 0;
	bool is_done = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
	               EVP_DigestUpdate(context, salt, salt_len) == 1 &&
	               EVP_DigestUpdate(context, text, strlen(text)) == 1 &&
	               EVP_DigestFinal_ex(context, out, &len) == 1 && len == HASH_SIZE;

	EVP_MD_CTX_free(context);
	return is_done;
}

/* Reads salt and hash, both as long as they have to be. */
static bool parse(const char *configured, uint8_t salt[SALT_SIZE], uint8_t wanted[HASH_SIZE])
{
	char digits[2 * SALT_SIZE + 1];
	size_t salt_len, hash_len;

	if (strlen(configured) != TEXT_SIZE || strncmp(configured, "$5$", 3) != 0 ||
	    configured[3 + 2 * SALT_SIZE] != '$')
		return false;
	memcpy(digits, configured + 3, 2 * SALT_SIZE);
	digits[2 * SALT_SIZE] = 0;
	return hex_get(digits, salt, SALT_SIZE, &salt_len) == OK &&
	       hex_get(configured + 3 + 2 * SALT_SIZE + 1, wanted, HASH_SIZE, &hash_len) == OK &&
	       salt_len == SALT_SIZE && hash_len == HASH_SIZE;
}

/* A plain password is hashed as well, so that the comparison tells nothing of its length. */
bool console_password_fits(const char *configured, const char *text)
{
	uint8_t salt[SALT_SIZE] = {0}, wanted[HASH_SIZE], got[HASH_SIZE];
	bool is_known =
		parse(configured, salt, wanted) || hash(salt, SALT_SIZE, configured, wanted);
	bool fits = is_known && hash(salt, SALT_SIZE, text, got) &&
	            bytes_equal_secret(got, wanted, HASH_SIZE);

	bytes_wipe(wanted, sizeof wanted);
	bytes_wipe(got, sizeof got);
	return fits;
}
