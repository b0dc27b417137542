/* scrypt and coturn's one round of SHA-256, by OpenSSL. */
#include "store/password_hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/bytes.h"
#include "base/random.h"

enum {
	/* As strong as N = 2^17 and p = 1 would be, in a quarter of the memory. */
	DEFAULT_LN = 15,
	DEFAULT_R = 8,
	DEFAULT_P = 3,
	/* Of a row that another has written: 256 MiB, and some seconds. */
	LN_MAX = 20,
	R_MAX = 32,
	P_MAX = 32,
	BLOCKS_MAX = 1 << 21, /* N * r, of 128 bytes each */
	WORK_MAX = 1 << 24,   /* N * r * p */

	SALT_SIZE = 16,
	SALT_MAX = 48,
	HASH_SIZE = 32,
	SHA256_SIZE = 32,
	COTURN_SALT_SIZE = 8,
};

struct scrypt {
	unsigned ln, r, p;
	uint8_t salt[SALT_MAX];
	size_t salt_len;
	uint8_t hash[HASH_SIZE];
};
struct coturn {
	uint8_t salt[COTURN_SALT_SIZE];
	uint8_t hash[SHA256_SIZE];
};

static const char scrypt_prefix[] = "$scrypt$", coturn_prefix[] = "$5$";

static enum err scrypt_run(const struct scrypt *scrypt, const char *password,
                           uint8_t hash[HASH_SIZE]);
static bool scrypt_parse(const char *text, struct scrypt *scrypt);
static bool scrypt_is_bounded(const struct scrypt *scrypt);
static bool number_parse(const char **text, const char *name, char end, unsigned *number);
static bool coturn_parse(const char *text, struct coturn *coturn);
static enum err one_round(const void *salt, size_t salt_len, const char *text,
                          uint8_t hash[SHA256_SIZE]);
static enum err weak_check(const char *hash, const char *password, bool *is_right);
static bool begins(const char *text, const char *with);

enum err password_hash_make(const char *password, char hash[PASSWORD_HASH_SIZE])
{
	struct scrypt scrypt = {
		.ln = DEFAULT_LN, .r = DEFAULT_R, .p = DEFAULT_P, .salt_len = SALT_SIZE};
	char salt_text[BASE64_SIZE(SALT_SIZE)], hash_text[BASE64_SIZE(HASH_SIZE)];
	enum err err;

	random_bytes(scrypt.salt, scrypt.salt_len);
	err = scrypt_run(&scrypt, password, scrypt.hash);
	if (err != OK)
		return err;
	base64_put(scrypt.salt, scrypt.salt_len, false, salt_text);
	base64_put(scrypt.hash, sizeof scrypt.hash, false, hash_text);
	snprintf(hash, PASSWORD_HASH_SIZE, "%sln=%u,r=%u,p=%u$%s$%s", scrypt_prefix, scrypt.ln,
	         scrypt.r, scrypt.p, salt_text, hash_text);
	return OK;
}

enum err password_hash_make_coturn(const char *password, char hash[PASSWORD_HASH_SIZE])
{
	char salt_text[2 * COTURN_SALT_SIZE + 1], hash_text[2 * SHA256_SIZE + 1];
	struct coturn coturn;
	enum err err;

	random_bytes(coturn.salt, sizeof coturn.salt);
	err = one_round(coturn.salt, sizeof coturn.salt, password, coturn.hash);
	if (err != OK)
		return err;
	hex_put(coturn.salt, sizeof coturn.salt, salt_text);
	hex_put(coturn.hash, sizeof coturn.hash, hash_text);
	snprintf(hash, PASSWORD_HASH_SIZE, "%s%s$%s", coturn_prefix, salt_text, hash_text);
	return OK;
}

enum password_strength password_hash_strength(const char *hash)
{
	struct scrypt scrypt;
	struct coturn coturn;

	if (begins(hash, coturn_prefix))
		return coturn_parse(hash, &coturn) ? PASSWORD_ONE_ROUND : PASSWORD_UNREADABLE;
	if (!begins(hash, scrypt_prefix))
		return PASSWORD_PLAIN_TEXT;
	if (!scrypt_parse(hash, &scrypt))
		return PASSWORD_UNREADABLE;
	if (scrypt.ln < DEFAULT_LN || scrypt.r < DEFAULT_R || scrypt.p < DEFAULT_P)
		return PASSWORD_AGED;
	return PASSWORD_STRONG;
}

const char *password_strength_name(enum password_strength strength)
{
	static const char *const names[] = {
		[PASSWORD_STRONG] = "scrypt",
		[PASSWORD_AGED] = "scrypt, weaker than new ones",
		[PASSWORD_ONE_ROUND] = "SHA-256 once: weak",
		[PASSWORD_PLAIN_TEXT] = "plain text: weak",
		[PASSWORD_UNREADABLE] = "unreadable",
	};

	return names[strength];
}

enum err password_hash_check(const char *hash, const char *password)
{
	/* What is computed when there is nothing to compute. */
	struct scrypt scrypt = {
		.ln = DEFAULT_LN, .r = DEFAULT_R, .p = DEFAULT_P, .salt_len = SALT_SIZE};
	bool is_ours = hash != NULL && scrypt_parse(hash, &scrypt), is_right = false;
	uint8_t computed[HASH_SIZE];
	enum err err = scrypt_run(&scrypt, password, computed);

	if (err == OK && is_ours)
		is_right = bytes_equal_secret(computed, scrypt.hash, sizeof computed);
	else if (err == OK && hash != NULL)
		err = weak_check(hash, password, &is_right);
	bytes_wipe(computed, sizeof computed);
	if (err != OK)
		return err;
	return is_right ? OK : ERR_DENIED;
}

enum err password_hash_check_alone(const char *hash, const char *password)
{
	bool is_right = false;
	enum err err;

	if (begins(hash, scrypt_prefix))
		return password_hash_check(hash, password);
	err = weak_check(hash, password, &is_right);
	if (err != OK)
		return err;
	return is_right ? OK : ERR_DENIED;
}

/* ---- scrypt ---- */

static enum err scrypt_run(const struct scrypt *scrypt, const char *password,
                           uint8_t hash[HASH_SIZE])
{
	uint64_t n = UINT64_C(1) << scrypt->ln;
	uint64_t memory_max = 128 * (n + scrypt->p + 2) * scrypt->r + 4096;
	uint32_t r = scrypt->r, p = scrypt->p;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)password,
	                                          strlen(password)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)scrypt->salt,
	                                          scrypt->salt_len),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory_max),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
	EVP_KDF_CTX *context = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	int result = context != NULL ? EVP_KDF_derive(context, hash, HASH_SIZE, params) : 0;

	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
	return result == 1 ? OK : ERR_NO_MEMORY;
}

/* Reads the whole text, or leaves scrypt as it was. */
static bool scrypt_parse(const char *text, struct scrypt *scrypt)
{
	struct scrypt read;
	const char *dollar;
	size_t len;

	if (!begins(text, scrypt_prefix))
		return false;
	text += strlen(scrypt_prefix);
	if (!number_parse(&text, "ln=", ',', &read.ln) ||
	    !number_parse(&text, "r=", ',', &read.r) || !number_parse(&text, "p=", '$', &read.p) ||
	    !scrypt_is_bounded(&read))
		return false;
	dollar = strchr(text, '$');
	if (dollar == NULL || base64_get(text, (size_t)(dollar - text), read.salt, sizeof read.salt,
	                                 &read.salt_len) != OK)
		return false;
	text = dollar + 1;
	if (base64_get(text, strlen(text), read.hash, sizeof read.hash, &len) != OK ||
	    len != sizeof read.hash || read.salt_len == 0)
		return false;
	*scrypt = read;
	return true;
}

static bool scrypt_is_bounded(const struct scrypt *scrypt)
{
	uint64_t blocks;

	if (scrypt->ln < 1 || scrypt->ln > LN_MAX || scrypt->r < 1 || scrypt->r > R_MAX ||
	    scrypt->p < 1 || scrypt->p > P_MAX)
		return false;
	blocks = (UINT64_C(1) << scrypt->ln) * scrypt->r;
	return blocks <= BLOCKS_MAX && blocks * scrypt->p <= WORK_MAX;
}

/* Reads NAME, a few digits and what ends them. */
static bool number_parse(const char **text, const char *name, char end, unsigned *number)
{
	enum { DIGITS_MAX = 3 };
	const char *p = *text;
	size_t digits;

	if (!begins(p, name))
		return false;
	p += strlen(name);
	digits = strspn(p, "0123456789");
	if (digits == 0 || digits > DIGITS_MAX || p[digits] != end)
		return false;
	*number = 0;
	for (size_t i = 0; i < digits; i++)
		*number = *number * 10 + (unsigned)(p[i] - '0');
	*text = p + digits + 1;
	return true;
}

/* ---- coturn's ---- */

static bool coturn_parse(const char *text, struct coturn *coturn)
{
	char salt[2 * COTURN_SALT_SIZE + 1];
	size_t salt_len = 0, hash_len = 0;
	const char *hash;

	text += strlen(coturn_prefix);
	if (strlen(text) != sizeof salt + 2 * SHA256_SIZE || text[sizeof salt - 1] != '$')
		return false;
	memcpy(salt, text, sizeof salt - 1);
	salt[sizeof salt - 1] = '\0';
	hash = text + sizeof salt;
	return hex_get(salt, coturn->salt, sizeof coturn->salt, &salt_len) == OK &&
	       hex_get(hash, coturn->hash, sizeof coturn->hash, &hash_len) == OK &&
	       salt_len == sizeof coturn->salt && hash_len == sizeof coturn->hash;
}

static enum err one_round(const void *salt, size_t salt_len, const char *text,
                          uint8_t hash[SHA256_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool is_done = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
	               EVP_DigestUpdate(context, salt, salt_len) == 1 &&
	               EVP_DigestUpdate(context, text, strlen(text)) == 1 &&
	               EVP_DigestFinal_ex(context, hash, NULL) == 1;

	EVP_MD_CTX_free(context);
	return is_done ? OK : ERR_NO_MEMORY;
}

/* Plain texts are compared by their hashes, so that the time does not tell how far they are the same. */
static enum err weak_check(const char *hash, const char *password, bool *is_right)
{
	enum password_strength strength = password_hash_strength(hash);
	uint8_t computed[SHA256_SIZE];
	struct coturn coturn;
	enum err err;

	if (strength != PASSWORD_ONE_ROUND && strength != PASSWORD_PLAIN_TEXT)
		return OK;
	if (strength == PASSWORD_ONE_ROUND && coturn_parse(hash, &coturn)) {
		err = one_round(coturn.salt, sizeof coturn.salt, password, computed);
	} else {
		err = one_round("", 0, hash, coturn.hash);
		if (err == OK)
			err = one_round("", 0, password, computed);
	}
	*is_right = err == OK && bytes_equal_secret(computed, coturn.hash, sizeof computed);
	bytes_wipe(computed, sizeof computed);
	return err;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}
