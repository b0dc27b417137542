/* JSON Web Tokens (RFC 7519) that are signed (RFC 7515). What is not known before the signature was checked is used for
 * nothing but to find the key. */
#include <jwt.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/authority_private.h"
#include "signaling/json_text.h"

enum { HEADER_MAX = 2048, TRIES_MAX = 64 };

static const struct {
	const char *name;
	jwt_alg_t value;
} algorithms[JWT_ALGORITHMS] = {
	[JWT_HS256] = {"HS256", JWT_ALG_HS256},
	[JWT_RS256] = {"RS256", JWT_ALG_RS256},
	[JWT_ES256] = {"ES256", JWT_ALG_ES256},
};

struct jwt_head {
	enum jwt_algorithm algorithm;
	char kid[JWT_KID_MAX + 1];        /* "": none */
	char tenant[TENANT_NAME_MAX + 1]; /* that the claims name; "": none */
};

static bool head_read(const char *token, struct jwt_head *head);
static void tenant_read(const char *token, struct jwt_head *head);
static bool key_fits(const struct jwt_key *key, const struct jwt_head *head);
static jwt_t *token_verify(const struct jwt_key *key, const char *token);

bool jwt_has_form(const char *proof)
{
	static const char base64url[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	for (int part = 0; part < 3; part++) {
		size_t len = strspn(proof, base64url);

		/* The last part of one with "none" is empty: it has the form, and no key fits it. */
		if ((len == 0 && part < 2) || proof[len] != (part < 2 ? '.' : '\0'))
			return false;
		proof += len + 1;
	}
	return true;
}

enum signaling_error jwt_identify(const struct authority *authority, const char *token,
                                  uint64_t wall_ms, struct identity *identity)
{
	enum signaling_error error = SIGNALING_BAD_PROOF;
	struct jwt_head head;
	unsigned tries = 0;

	if (!head_read(token, &head))
		return SIGNALING_BAD_PROOF;
	tenant_read(token, &head);
	for (size_t i = 0; i < authority->jwt_key_count && tries < TRIES_MAX; i++) {
		const struct jwt_key *key = &authority->jwt_keys[i];
		jwt_t *jwt;

		if (!key_fits(key, &head))
			continue;
		tries++;
		jwt = token_verify(key, token);
		if (jwt == NULL)
			continue;
		char *claims = jwt_get_grants_json(jwt, NULL);
		jwt_free(jwt);
		if (claims == NULL)
			return SIGNALING_BAD_PROOF;
		error = claims_identify(authority, slice_of(claims), key->tenant, wall_ms,
		                        identity);
		free(claims);
		break;
	}
	return error;
}

/* RFC 7515 section 4.1: alg has to be there; crit names what has to be understood, and nothing of it is. */
static bool head_read(const char *token, struct jwt_head *head)
{
	uint8_t bytes[HEADER_MAX];
	char name[16];
	struct slice text = {(const char *)bytes, 0};

	if (base64url_get((struct slice){token, strcspn(token, ".")}, bytes, sizeof bytes,
	                  &text.len) != OK ||
	    json_check(text) != OK || json_kind(text) != JSON_KIND_OBJECT ||
	    !slice_is_empty(json_member(text, "crit")) ||
	    json_get_text(json_member(text, "kid"), head->kid, sizeof head->kid) != OK ||
	    json_get_string(json_member(text, "alg"), name, sizeof name) != OK)
		return false;
	for (head->algorithm = 0; head->algorithm < JWT_ALGORITHMS; head->algorithm++)
		if (strcmp(name, algorithms[head->algorithm].name) == 0)
			return true;
	return false;
}

/* Those of other tenants need no try then, and may be more than there are tries. */
static void tenant_read(const char *token, struct jwt_head *head)
{
	const char *claims = strchr(token, '.') + 1;
	uint8_t bytes[CLAIM_PROOF_MAX];
	struct slice text = {(const char *)bytes, 0};

	head->tenant[0] = '\0';
	if (base64url_get((struct slice){claims, strcspn(claims, ".")}, bytes, sizeof bytes,
	                  &text.len) != OK ||
	    json_check(text) != OK || !claims_tenant(text, head->tenant))
		head->tenant[0] = '\0';
}

/* The algorithm is the key's; a token of another is none of its. A tenant's own key opens no other tenant. */
static bool key_fits(const struct jwt_key *key, const struct jwt_head *head)
{
	return key->algorithm == head->algorithm &&
	       (key->tenant[0] == '\0' || head->tenant[0] == '\0' ||
	        strcmp(key->tenant, head->tenant) == 0) &&
	       (key->kid[0] == '\0' || head->kid[0] == '\0' || strcmp(key->kid, head->kid) == 0);
}

static jwt_t *token_verify(const struct jwt_key *key, const char *token)
{
	jwt_t *jwt = NULL;

	if (jwt_decode(&jwt, token, key->bytes, (int)key->len) != 0)
		return NULL;
	if (jwt_get_alg(jwt) == algorithms[key->algorithm].value)
		return jwt;
	jwt_free(jwt);
	return NULL;
}
