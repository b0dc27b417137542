/* Keys of tokens out of the configuration: secrets, and public keys in PEM. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "config/whole_file.h"
#include "signaling/authority_private.h"

enum { KEY_FILE_MAX = 64 * 1024, RSA_BITS_MIN = 2048 };

static EVP_PKEY *public_key_read(const char *bytes, size_t len);
static enum err key_add(struct authority *authority, enum jwt_algorithm algorithm, const char *kid,
                        const void *bytes, size_t len, struct jwt_key **added);
static bool is_p256(EVP_PKEY *key);

enum err authority_add_secret(struct authority *authority, const char *tenant, const char *kid,
                              const void *secret, size_t len)
{
	struct jwt_key *key;
	enum err err = key_add(authority, JWT_HS256, kid, secret, len, &key);

	if (err == OK)
		snprintf(key->tenant, sizeof key->tenant, "%s", tenant);
	return err;
}

enum err authority_add_key_file(struct authority *authority, const char *text, char problem[256])
{
	char kid[JWT_KID_MAX + 1] = "", words[WHOLE_FILE_PROBLEM_SIZE], *bytes;
	const char *file = text;
	EVP_PKEY *key;
	size_t len;
	enum err err;

	if (strncmp(text, "kid=", 4) == 0) {
		size_t kid_len = strcspn(text + 4, " ");

		if (kid_len == 0 || kid_len > JWT_KID_MAX || text[4 + kid_len] == '\0') {
			snprintf(problem, 256, "jwt-key-file: give kid=ID, a space and the file");
			return ERR_INVALID;
		}
		memcpy(kid, text + 4, kid_len);
		file += 4 + kid_len + strspn(text + 4 + kid_len, " ");
	}
	err = whole_file_read(file, KEY_FILE_MAX, &bytes, &len, words);
	if (err != OK) {
		snprintf(problem, 256, "jwt-key-file: %.235s", words);
		return ERR_INVALID;
	}
	key = public_key_read(bytes, len);
	bytes_wipe(bytes, len);
	free(bytes);
	err = key == NULL ? ERR_INVALID : authority_add_public_key(authority, kid, key);
	EVP_PKEY_free(key);
	if (err == ERR_INVALID)
		snprintf(problem, 256,
		         "jwt-key-file %.150s: is no public key in PEM, RSA of at least %d bits or "
		         "EC of P-256",
		         file, RSA_BITS_MIN);
	return err;
}

enum err authority_add_public_key(struct authority *authority, const char *kid, EVP_PKEY *key)
{
	bool is_rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
	struct jwt_key *added;
	char *pem;
	long len;
	BIO *bio;
	enum err err = ERR_NO_MEMORY;

	if (is_rsa ? EVP_PKEY_get_bits(key) < RSA_BITS_MIN : !is_p256(key))
		return ERR_INVALID;
	bio = BIO_new(BIO_s_mem());
	if (bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1) {
		len = BIO_get_mem_data(bio, &pem);
		err = key_add(authority, is_rsa ? JWT_RS256 : JWT_ES256, kid, pem, (size_t)len,
		              &added);
	}
	BIO_free(bio);
	return err;
}

/* A public key, or a certificate's. A private key is refused: it does not belong here. */
static EVP_PKEY *public_key_read(const char *bytes, size_t len)
{
	BIO *bio = BIO_new_mem_buf(bytes, (int)len);
	EVP_PKEY *key = NULL;
	X509 *certificate = NULL;

	if (bio == NULL)
		return NULL;
	key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	if (key == NULL && BIO_reset(bio) == 1) {
		certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		if (certificate != NULL)
			key = X509_get_pubkey(certificate);
	}
	X509_free(certificate);
	BIO_free(bio);
	return key;
}

static enum err key_add(struct authority *authority, enum jwt_algorithm algorithm, const char *kid,
                        const void *bytes, size_t len, struct jwt_key **added)
{
	unsigned char *copy = malloc(len + 1); /* with an end: PEM is read as a text */
	struct jwt_key *key;

	if (copy == NULL)
		return ERR_NO_MEMORY;
	key = authority_grow(&authority->jwt_keys, &authority->jwt_key_count, sizeof *key,
	                     JWT_KEYS_MAX + TENANTS_MAX);
	if (key == NULL) {
		free(copy);
		return ERR_NO_MEMORY;
	}
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	*key = (struct jwt_key){.algorithm = algorithm, .bytes = copy, .len = len};
	snprintf(key->kid, sizeof key->kid, "%s", kid);
	*added = key;
	return OK;
}

/* RFC 7518 section 3.4: ES256 is on this curve and no other. */
static bool is_p256(EVP_PKEY *key)
{
	char group[32] = "";

	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	       EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
	       (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}
