/* A JSON Web Key Set (RFC 7517) as keys of tokens. Keys that cannot be used are passed over, one by one: sets of identity
 * providers have all kinds. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "config/whole_file.h"
#include "signaling/authority_private.h"
#include "signaling/json_text.h"

enum {
	JWKS_FILE_MAX = 1024 * 1024,
	MODULUS_MAX = 1024, /* bytes: RSA of 8192 bits */
	COORDINATE_SIZE = 32,
	SECRET_SIZE_MIN = 16,
};

static void key_is_unused(struct unused_keys *unused, const char *file, size_t number,
                          const char *reason);
static const char *key_add(struct authority *authority, struct slice key);
static const char *secret_add(struct authority *authority, struct slice key, const char *kid);
static EVP_PKEY *rsa_make(struct slice key);
static EVP_PKEY *p256_make(struct slice key);
static EVP_PKEY *pkey_make(const char *type, OSSL_PARAM_BLD *build);
static enum err bytes_member(struct slice key, const char *name, uint8_t *bytes, size_t size,
                             size_t *len);
static bool member_is(struct slice key, const char *name, const char *value);

enum err authority_add_jwks_file(struct authority *authority, const char *file, char problem[256])
{
	char words[WHOLE_FILE_PROBLEM_SIZE], *bytes;
	size_t len;
	enum err err = whole_file_read(file, JWKS_FILE_MAX, &bytes, &len, words);

	if (err != OK) {
		snprintf(problem, 256, "jwks-file: %.240s", words);
		return ERR_INVALID;
	}
	err = authority_add_jwks(authority, (struct slice){bytes, len}, file, problem);
	bytes_wipe(bytes, len);
	free(bytes);
	return err;
}

enum err authority_add_jwks(struct authority *authority, struct slice text, const char *name,
                            char problem[256])
{
	struct slice keys, key;
	size_t position = 0, count = 0, used = 0;

	snprintf(problem, 256,
	         "jwks-file %.150s: is no JSON Web Key Set with a key for HS256, "
	         "RS256 or ES256",
	         name);
	if (json_check(text) != OK)
		return ERR_INVALID;
	keys = json_member(text, "keys");
	if (json_kind(keys) != JSON_KIND_ARRAY)
		return ERR_INVALID;
	while (json_next_element(keys, &position, &key) && count++ < JWT_KEYS_MAX) {
		const char *why = key_add(authority, key);

		used += why == NULL;
		if (why != NULL)
			key_is_unused(&authority->unused, name, count, why);
	}
	return used > 0 ? OK : ERR_INVALID;
}

static void key_is_unused(struct unused_keys *unused, const char *file, size_t number,
                          const char *reason)
{
	if (unused->count++ > 0)
		return;
	unused->number = number;
	unused->reason = reason;
	snprintf(unused->file, sizeof unused->file, "%s", file);
}

/* Returns why it is not used; NULL: it is. */
static const char *key_add(struct authority *authority, struct slice key)
{
	char kid[JWT_KID_MAX + 1];
	EVP_PKEY *made = NULL;
	enum err err;

	if (json_kind(key) != JSON_KIND_OBJECT ||
	    json_get_text(json_member(key, "kid"), kid, sizeof kid) != OK)
		return "it is no object, or has a kid that is none";
	if (!slice_is_empty(json_member(key, "use")) && !member_is(key, "use", "sig"))
		return "it is not for signatures";
	if (member_is(key, "kty", "oct"))
		return secret_add(authority, key, kid);
	if (member_is(key, "kty", "RSA") &&
	    (slice_is_empty(json_member(key, "alg")) || member_is(key, "alg", "RS256")))
		made = rsa_make(key);
	else if (member_is(key, "kty", "EC") && member_is(key, "crv", "P-256") &&
	         (slice_is_empty(json_member(key, "alg")) || member_is(key, "alg", "ES256")))
		made = p256_make(key);
	else
		return "its type, curve or algorithm is none of those that are taken";
	err = made == NULL ? ERR_INVALID : authority_add_public_key(authority, kid, made);
	EVP_PKEY_free(made);
	return err == OK ? NULL : "its numbers are no key, or too short a one";
}

static const char *secret_add(struct authority *authority, struct slice key, const char *kid)
{
	uint8_t secret[MODULUS_MAX];
	size_t len;
	enum err err;

	if (!slice_is_empty(json_member(key, "alg")) && !member_is(key, "alg", "HS256"))
		return "its algorithm is none of those that are taken";
	if (bytes_member(key, "k", secret, sizeof secret, &len) != OK || len < SECRET_SIZE_MIN)
		return "its secret is none, or shorter than 16 bytes";
	err = authority_add_secret(authority, "", kid, secret, len);
	bytes_wipe(secret, sizeof secret);
	return err == OK ? NULL : "out of memory";
}

/* RFC 7518 section 6.3.1. */
static EVP_PKEY *rsa_make(struct slice key)
{
	uint8_t n[MODULUS_MAX], e[8];
	size_t n_len, e_len;
	BIGNUM *modulus = NULL, *exponent = NULL;
	OSSL_PARAM_BLD *build = NULL;
	EVP_PKEY *made = NULL;

	if (bytes_member(key, "n", n, sizeof n, &n_len) != OK ||
	    bytes_member(key, "e", e, sizeof e, &e_len) != OK)
		return NULL;
	modulus = BN_bin2bn(n, (int)n_len, NULL);
	exponent = BN_bin2bn(e, (int)e_len, NULL);
	build = OSSL_PARAM_BLD_new();
	if (modulus != NULL && exponent != NULL && build != NULL && BN_is_odd(exponent) &&
	    !BN_is_one(exponent) && BN_is_odd(modulus) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
		made = pkey_make("RSA", build);
	OSSL_PARAM_BLD_free(build);
	BN_free(exponent);
	BN_free(modulus);
	return made;
}

/* RFC 7518 section 6.2.1: both coordinates have all their bytes. OpenSSL checks that the point is on the curve. */
static EVP_PKEY *p256_make(struct slice key)
{
	uint8_t point[1 + 2 * COORDINATE_SIZE] = {0x04}; /* uncompressed */
	OSSL_PARAM_BLD *build;
	EVP_PKEY *made = NULL;
	size_t x_len, y_len;

	if (bytes_member(key, "x", point + 1, COORDINATE_SIZE, &x_len) != OK ||
	    bytes_member(key, "y", point + 1 + COORDINATE_SIZE, COORDINATE_SIZE, &y_len) != OK ||
	    x_len != COORDINATE_SIZE || y_len != COORDINATE_SIZE)
		return NULL;
	build = OSSL_PARAM_BLD_new();
	if (build != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) ==
	            1 &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) ==
	            1)
		made = pkey_make("EC", build);
	OSSL_PARAM_BLD_free(build);
	return made;
}

static EVP_PKEY *pkey_make(const char *type, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	return key;
}

static enum err bytes_member(struct slice key, const char *name, uint8_t *bytes, size_t size,
                             size_t *len)
{
	struct slice raw = json_member(key, name);
	enum err err;

	/* base64url has nothing that is escaped in JSON: what lies between the quotes is it. */
	if (json_kind(raw) != JSON_KIND_STRING)
		return ERR_INVALID;
	err = base64url_get((struct slice){raw.at + 1, raw.len - 2}, bytes, size, len);
	return err == OK && *len == 0 ? ERR_INVALID : err;
}

static bool member_is(struct slice key, const char *name, const char *value)
{
	char text[32];

	return json_get_string(json_member(key, name), text, sizeof text) == OK &&
	       strcmp(text, value) == 0;
}

enum err base64url_get(struct slice text, uint8_t *bytes, size_t size, size_t *len)
{
	enum { TEXT_MAX = CLAIM_PROOF_MAX };
	char standard[TEXT_MAX];

	if (text.len > sizeof standard)
		return ERR_FULL;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (c == '+' || c == '/' || c == '=')
			return ERR_INVALID;
		standard[i] = c == '-' ? '+' : c == '_' ? '/' : c;
	}
	return base64_get(standard, text.len, bytes, size, len);
}
