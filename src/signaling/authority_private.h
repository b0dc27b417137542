/* What the files of the authority share. Private to authority*.c. */
#pragma once

#include <stddef.h>

#include "base/slice.h"
#include "signaling/authority.h"
#include "store/tenancy.h"

enum { JWT_KID_MAX = 128, JWT_KEYS_MAX = 256, API_KEYS_MAX = 100000, TENANTS_MAX = 100000 };

/* What a key is for stands with the key, never in a token: a public key is no secret of an HMAC. */
enum jwt_algorithm { JWT_HS256, JWT_RS256, JWT_ES256, JWT_ALGORITHMS /* the count */ };

struct jwt_key {
	enum jwt_algorithm algorithm;
	char kid[JWT_KID_MAX + 1];        /* "": any token */
	char tenant[TENANT_NAME_MAX + 1]; /* "": of any, as the token says */
	unsigned char *bytes;             /* owned: a secret, or a public key in PEM */
	size_t len;
};
struct user_secret { /* of names EXPIRY:USER */
	char tenant[TENANT_NAME_MAX + 1];
	char secret[STORE_SECRET_MAX + 1];
};

struct authority {
	struct tenant *tenants; /* owned, sorted by name */
	size_t tenant_count;
	struct jwt_key *jwt_keys; /* owned */
	size_t jwt_key_count;
	struct user_secret *user_secrets; /* owned */
	size_t user_secret_count;
	struct store_api_key *api_keys; /* owned */
	size_t api_key_count;
	struct { /* of each the first are the configuration's, the others tenants' */
		size_t jwt_keys, user_secrets, api_keys;
	} configured;
	char anybody[8];             /* signaling-anybody */
	char **audiences, **issuers; /* owned; none: any */
	size_t audience_count, issuer_count;
	uint64_t leeway_ms;
	struct unused_keys { /* of key sets: how many, and the first of them */
		unsigned count;
		size_t number;
		const char *reason; /* static */
		char file[192];
	} unused;
};

/* Make a list longer by one zeroed item, and give it. NULL: no memory, or it has max. */
void *authority_grow(void *list_pointer, size_t *count, size_t size, size_t max);

/* authority_keys.c. ERR_INVALID: problem says why. */
MUST_CHECK enum err authority_add_secret(struct authority *authority, const char *tenant,
                                         const char *kid, const void *secret, size_t len);
/* "[kid=ID ]FILE" */
MUST_CHECK enum err authority_add_key_file(struct authority *authority, const char *text,
                                           char problem[256]);
struct evp_pkey_st;
/* Takes RSA of 2048 bits at least, and EC of P-256. ERR_INVALID: it is neither. */
MUST_CHECK enum err authority_add_public_key(struct authority *authority, const char *kid,
                                             struct evp_pkey_st *key);
/* authority_jwks.c */
MUST_CHECK enum err authority_add_jwks_file(struct authority *authority, const char *file,
                                            char problem[256]);
/* The same of a text; name is for the log. For the fuzzer. */
MUST_CHECK enum err authority_add_jwks(struct authority *authority, struct slice text,
                                       const char *name, char problem[256]);
/* RFC 7515 section 2: base64url without padding, nothing else. ERR_INVALID, ERR_FULL. */
MUST_CHECK enum err base64url_get(struct slice text, uint8_t *bytes, size_t size, size_t *len);

/* authority_jwt.c. Whether it has the form of a token: three parts in base64url. */
bool jwt_has_form(const char *proof);
enum signaling_error jwt_identify(const struct authority *authority, const char *token,
                                  uint64_t wall_ms, struct identity *identity);
/* authority_claims.c. Gives the tenant that claims name; "" where they name none. False: it cannot be one. */
bool claims_tenant(struct slice claims, char tenant[TENANT_NAME_MAX + 1]);
/* Who the claims of a token that was verified say it is of. tenant: that the key is of, or "". */
enum signaling_error claims_identify(const struct authority *authority, struct slice claims,
                                     const char *tenant, uint64_t wall_ms,
                                     struct identity *identity);
