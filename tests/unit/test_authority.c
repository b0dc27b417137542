/* Who may what: tokens by real keys and the examples of RFC 7515, keys that are taken for others, times, audiences, tenants, API keys, names
 * under a shared secret. */
#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ec.h>

#include "authority_fixture.h"
#include "base/bytes.h"

static const uint64_t now_ms = 1800000000000; /* of all these tests */
enum { MAC_TEXT_SIZE = BASE64_SIZE(EVP_MAX_MD_SIZE) };
#define SECRET "0123456789abcdef0123456789abcdef"

struct pair { /* of a key, in PEM */
	char private[4096], public[2048];
};

static void pem_take(BIO *bio, char *to, size_t size)
{
	char *pem;
	long len = BIO_get_mem_data(bio, &pem);

	if (len <= 0 || (size_t)len >= size)
		give_up("no PEM");
	memcpy(to, pem, (size_t)len);
	to[len] = '\0';
	BIO_free(bio);
}

static void pair_of(EVP_PKEY *key, struct pair *pair)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (key == NULL || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		give_up("no private key");
	pem_take(bio, pair->private, sizeof pair->private);
	bio = BIO_new(BIO_s_mem());
	if (PEM_write_bio_PUBKEY(bio, key) != 1)
		give_up("no public key");
	pem_take(bio, pair->public, sizeof pair->public);
	EVP_PKEY_free(key);
}

/* A token by libjwt's other half. */
static char *token_of(jwt_alg_t algorithm, const char *key, const char *kid, const char *claims)
{
	jwt_t *jwt;
	char *token;

	if (jwt_new(&jwt) != 0 || jwt_add_grants_json(jwt, claims) != 0 ||
	    (kid != NULL && jwt_add_header(jwt, "kid", kid) != 0) ||
	    jwt_set_alg(jwt, algorithm, (const unsigned char *)key,
	                key == NULL ? 0 : (int)strlen(key)) != 0)
		give_up("no token");
	token = jwt_encode_str(jwt);
	jwt_free(jwt);
	if (token == NULL)
		give_up("no token is signed");
	return token;
}

static enum signaling_error identify(const struct authority *authority, enum claim_kind kind,
                                     const char *proof, const char *name, const char *tenant,
                                     struct identity *identity)
{
	struct claim claim = {kind, proof, name, tenant};

	return authority_identify(authority, &claim, now_ms, identity);
}

static enum signaling_error bearer(const struct authority *authority, const char *token,
                                   struct identity *identity)
{
	return identify(authority, CLAIM_BEARER, token, NULL, "", identity);
}

/* The same of a token with these claims under SECRET. */
static enum signaling_error claims(const struct authority *authority, const char *text,
                                   struct identity *identity)
{
	char *token = token_of(JWT_ALG_HS256, SECRET, NULL, text);
	enum signaling_error error = bearer(authority, token, identity);

	free(token);
	return error;
}

/* RFC 7515 appendices A.1 to A.3: their claims are {"iss":"joe","exp":1300819380,...}. */
#define RFC_CLAIMS                                                                                 \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0" \
	"cnVlfQ"
static const char rfc_keys[] =
	"{\"keys\":["
	"{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-"
	"1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"},"
	"{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-"
	"Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_"
	"7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-"
	"UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-"
	"DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"},"
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
	"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_"
	"7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";
static const char *const rfc_tokens[] = {
	"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." RFC_CLAIMS
	".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
	"eyJhbGciOiJSUzI1NiJ9." RFC_CLAIMS
	".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
	"O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
	"nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"
	"eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp"
	"0igcN_IoypGlUPQGe77Rw",
	"eyJhbGciOiJFUzI1NiJ9." RFC_CLAIMS
	".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
};

static void test_rfc_7515(const struct test_files *files)
{
	char path[256], text[512];
	struct authority *authority;
	struct identity identity;

	put_file(files, "jwks.json", rfc_keys, path);
	snprintf(text, sizeof text, "jwks-file=%s\njwt-issuer=joe\n", path);
	authority = sure_authority_of(text, NULL);
	for (size_t i = 0; i < 3; i++) {
		struct claim claim = {CLAIM_BEARER, rfc_tokens[i], NULL, ""};
		char other[1024];

		is_int(authority_identify(authority, &claim, 1300819379000, &identity),
		       SIGNALING_OK, "RFC 7515 appendix A.%zu", i + 1);
		is_int(bearer(authority, rfc_tokens[i], &identity), SIGNALING_EXPIRED,
		       "which expired in 2011");
		snprintf(other, sizeof other, "%s", rfc_tokens[i]);
		other[strlen(other) - 20] ^= 1;
		claim.proof = other;
		is_int(authority_identify(authority, &claim, 1300819379000, &identity),
		       SIGNALING_BAD_PROOF, "a bit of the signature is another");
		snprintf(other, sizeof other, "%s", rfc_tokens[i]);
		strchr(other, '.')[5] ^= 1;
		is_int(authority_identify(authority, &claim, 1300819379000, &identity),
		       SIGNALING_BAD_PROOF, "a bit of the claims is another");
	}
	authority_destroy(authority);
}

static void test_algorithms(const struct test_files *files)
{
	static const char good[] = "{\"sub\":\"anna\",\"exp\":1800000100}";
	char rsa_path[256], ec_path[256], text[1024];
	struct pair rsa, other_rsa, ec, p384;
	struct authority *authority;
	struct identity identity;
	char *token;

	pair_of(EVP_RSA_gen(2048), &rsa);
	pair_of(EVP_RSA_gen(2048), &other_rsa);
	pair_of(EVP_EC_gen("P-256"), &ec);
	pair_of(EVP_EC_gen("P-384"), &p384);
	put_file(files, "rsa.pem", rsa.public, rsa_path);
	put_file(files, "ec.pem", ec.public, ec_path);
	snprintf(text, sizeof text, "jwt-key-file=kid=first %s\njwt-key-file=%s\n", rsa_path,
	         ec_path);
	authority = sure_authority_of(text, NULL);

	const struct {
		jwt_alg_t algorithm;
		const char *key, *kid;
		enum signaling_error error;
		const char *what;
	} rows[] = {
		{JWT_ALG_RS256, rsa.private, NULL, SIGNALING_OK, "RS256"},
		{JWT_ALG_RS256, rsa.private, "first", SIGNALING_OK, "RS256, its kid"},
		{JWT_ALG_RS256, rsa.private, "second", SIGNALING_BAD_PROOF, "another kid"},
		{JWT_ALG_RS256, other_rsa.private, "first", SIGNALING_BAD_PROOF, "another key"},
		{JWT_ALG_ES256, ec.private, NULL, SIGNALING_OK, "ES256"},
		{JWT_ALG_ES256, ec.private, "any", SIGNALING_OK, "a key without kid fits any"},
		{JWT_ALG_ES384, p384.private, NULL, SIGNALING_BAD_PROOF, "ES384"},
		{JWT_ALG_RS384, rsa.private, NULL, SIGNALING_BAD_PROOF, "RS384 by the right key"},
		{JWT_ALG_HS256, rsa.public, NULL, SIGNALING_BAD_PROOF,
	         "the public RSA key as an HMAC secret"},
		{JWT_ALG_HS256, ec.public, NULL, SIGNALING_BAD_PROOF,
	         "the public EC key as an HMAC secret"},
		{JWT_ALG_HS256, rsa.public, "first", SIGNALING_BAD_PROOF, "with its kid"},
		{JWT_ALG_NONE, NULL, NULL, SIGNALING_BAD_PROOF, "none"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		token = token_of(rows[i].algorithm, rows[i].key, rows[i].kid, good);
		is_int(bearer(authority, token, &identity), rows[i].error, "%s", rows[i].what);
		free(token);
	}
	token = token_of(JWT_ALG_RS256, rsa.private, NULL, good);
	is_int(bearer(authority, token, &identity), SIGNALING_OK, "who it is");
	is_text(identity.user, "anna", "is in sub");
	is_text(identity.tenant, TENANT_DEFAULT, "of the default tenant");
	is_int(identity.expires_ms, 1800000130000, "until exp and the leeway");
	is_int(identity.permissions, MAY_ALL_OF_A_PARTICIPANT, "as a participant");
	ok(identity.is_authenticated, "proved");
	free(token);
	authority_destroy(authority);
}

static void test_key_files(const struct test_files *files)
{
	struct pair small, p384, rsa;
	char path[256], text[512], problem[256];
	EVP_PKEY *weak = EVP_RSA_gen(1024);

	pair_of(weak, &small);
	pair_of(EVP_EC_gen("P-384"), &p384);
	pair_of(EVP_RSA_gen(2048), &rsa);
	const struct {
		const char *pem, *what;
	} rows[] = {
		{small.public, "RSA of 1024 bits"},
		{p384.public, "EC of another curve"},
		{rsa.private, "a private key"},
		{"nonsense", "no key"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		put_file(files, "key.pem", rows[i].pem, path);
		snprintf(text, sizeof text, "jwt-key-file=%s\n", path);
		ok(authority_of(text, NULL, problem) == NULL && strstr(problem, "key.pem") != NULL,
		   "%s is refused", rows[i].what);
	}
	static const char *const sets[] = {
		"",
		"[]",
		"{\"keys\":1}",
		"{\"keys\":[]}",
		"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}",
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
		"\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
		"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1\"}]}",
		"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
		"{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS512\",\"k\":"
		"\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T\"}]}",
		"{\"keys\":[{\"kty\":\"oct\",\"use\":\"enc\",\"k\":"
		"\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T\"}]}",
	};
	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
		put_file(files, "keys.json", sets[i], path);
		snprintf(text, sizeof text, "jwks-file=%s\n", path);
		ok(authority_of(text, NULL, problem) == NULL,
		   "a set without a key that is taken: %s", sets[i]);
	}
	ok(authority_of("jwks-file=/nonexistent/keys\n", NULL, problem) == NULL, "no file: %s",
	   problem);
}

static void test_claims(void)
{
	struct authority *authority = sure_authority_of("jwt-secret=" SECRET "\n", NULL);
	struct identity identity;
	static const struct {
		const char *text;
		enum signaling_error error;
		unsigned permissions;
		const char *user, *room;
	} rows[] = {
		{"{\"sub\":\"a\"}", SIGNALING_OK, MAY_ALL_OF_A_PARTICIPANT, "a", ""},
		{"{\"userId\":\"b\",\"roomId\":\"r\"}", SIGNALING_OK, MAY_ALL_OF_A_PARTICIPANT, "b",
	         "r"},
		{"{\"userId\":17}", SIGNALING_OK, MAY_ALL_OF_A_PARTICIPANT, "17", ""},
		{"{\"user\":\"c\",\"room\":\"s\",\"permissions\":[\"join\",\"chat\",\"fly\"]}",
	         SIGNALING_OK, MAY_JOIN | MAY_CHAT, "c", "s"},
		{"{\"sub\":\"d\",\"room\":{\"name\":\"t\",\"permissions\":\"join moderate\"}}",
	         SIGNALING_OK, MAY_JOIN | MAY_MODERATE, "d", "t"},
		{"{\"sub\":\"d\",\"room\":{\"permissions\":\"join\"}}", SIGNALING_BAD_PROOF, 0, "",
	         ""},
		{"{\"sub\":\"d\",\"room\":{}}", SIGNALING_BAD_PROOF, 0, "", ""},
		{"{\"permissions\":[]}", SIGNALING_OK, 0, "", ""},
		{"{\"permissions\":\"all\"}", SIGNALING_OK, MAY_ALL, "", ""},
		{"{\"permissions\":7}", SIGNALING_BAD_PROOF, 0, "", ""},
		{"{\"sub\":[\"a\"]}", SIGNALING_BAD_PROOF, 0, "", ""},
		{"{\"sub\":\"api-key:x\"}", SIGNALING_BAD_PROOF, 0, "", ""},
		{"{\"room\":[\"a\"]}", SIGNALING_BAD_PROOF, 0, "", ""},
		{"{\"exp\":1799999971}", SIGNALING_OK, MAY_ALL_OF_A_PARTICIPANT, "", ""},
		{"{\"exp\":1799999970}", SIGNALING_EXPIRED, 0, "", ""},
		{"{\"exp\":1799999970.5}", SIGNALING_OK, MAY_ALL_OF_A_PARTICIPANT, "", ""},
		{"{\"exp\":0}", SIGNALING_EXPIRED, 0, "", ""},
		{"{\"exp\":\"1900000000\"}", SIGNALING_BAD_PROOF, 0, "", ""},
		{"{\"exp\":-1}", SIGNALING_BAD_PROOF, 0, "", ""},
		{"{\"exp\":null}", SIGNALING_BAD_PROOF, 0, "", ""},
		{"{\"exp\":1e300}", SIGNALING_OK, MAY_ALL_OF_A_PARTICIPANT, "", ""},
		{"{\"nbf\":1800000030}", SIGNALING_OK, MAY_ALL_OF_A_PARTICIPANT, "", ""},
		{"{\"nbf\":1800000031}", SIGNALING_BAD_PROOF, 0, "", ""},
		{"{\"nbf\":[]}", SIGNALING_BAD_PROOF, 0, "", ""},
		{"{\"tenant\":\"elsewhere\"}", SIGNALING_FORBIDDEN, 0, "", ""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		is_int(claims(authority, rows[i].text, &identity), rows[i].error, "%s",
		       rows[i].text);
		is_int(identity.permissions, rows[i].permissions, "its permissions");
		is_text(identity.user, rows[i].user, "its user");
		is_text(identity.room, rows[i].room, "its room");
		ok(identity.is_authenticated == (rows[i].error == SIGNALING_OK), "proved, or not");
	}
	char *unknown = token_of(JWT_ALG_HS256, SECRET "x", NULL, "{}");
	is_int(bearer(authority, unknown, &identity), SIGNALING_BAD_PROOF, "another secret");
	free(unknown);
	is_int(identify(authority, CLAIM_ANYBODY, NULL, NULL, "", &identity),
	       SIGNALING_NOT_AUTHENTICATED, "nobody comes in without one");
	authority_destroy(authority);
}

static void test_audience(void)
{
	struct authority *authority =
		sure_authority_of("jwt-secret=" SECRET "\njwt-audience=calls\n"
	                          "jwt-audience=rooms\njwt-issuer=us\n",
	                          NULL);
	struct identity identity;
	static const struct {
		const char *text;
		enum signaling_error error;
	} rows[] = {
		{"{\"aud\":\"rooms\",\"iss\":\"us\"}", SIGNALING_OK},
		{"{\"aud\":[\"x\",\"calls\"],\"iss\":\"us\"}", SIGNALING_OK},
		{"{\"aud\":[\"x\"],\"iss\":\"us\"}", SIGNALING_BAD_PROOF},
		{"{\"aud\":\"call\",\"iss\":\"us\"}", SIGNALING_BAD_PROOF},
		{"{\"iss\":\"us\"}", SIGNALING_BAD_PROOF},
		{"{\"aud\":\"calls\",\"iss\":\"them\"}", SIGNALING_BAD_PROOF},
		{"{\"aud\":\"calls\",\"iss\":[\"us\"]}", SIGNALING_BAD_PROOF},
		{"{\"aud\":\"calls\"}", SIGNALING_BAD_PROOF},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		is_int(claims(authority, rows[i].text, &identity), rows[i].error, "%s",
		       rows[i].text);
	authority_destroy(authority);
}

/* Texts that are no tokens, and headers that are not to be taken. */
static void test_forms(void)
{
	struct authority *authority = sure_authority_of("jwt-secret=" SECRET "\n", NULL);
	struct identity identity;
	char *good = token_of(JWT_ALG_HS256, SECRET, NULL, "{}"), text[CLAIM_PROOF_MAX + 64];

	is_int(bearer(authority, good, &identity), SIGNALING_OK, "a token");
	for (size_t cut = 1; cut < strlen(good); cut++) {
		snprintf(text, sizeof text, "%.*s", (int)(strlen(good) - cut), good);
		if (bearer(authority, text, &identity) == SIGNALING_OK)
			break;
		if (cut == strlen(good) - 1)
			ok(true, "none that is cut, wherever");
	}
	static const char *const behind[] = {".", "=", "==", " ", "\n", "a", "%"};
	for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++) {
		snprintf(text, sizeof text, "%s%s", good, behind[i]);
		is_int(bearer(authority, text, &identity), SIGNALING_BAD_PROOF,
		       "nothing behind it");
	}
	free(good);
	memset(text, 'A', sizeof text);
	text[sizeof text - 1] = '\0';
	text[5] = text[10] = '.';
	is_int(bearer(authority, text, &identity), SIGNALING_BAD_PROOF, "nor a very long one");
	/* {"alg":"HS256","crit":["x"]} by the right secret (RFC 7515 section 4.1.11). */
	static const char critical[] = "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsieCJdfQ.e30";
	uint8_t mac[32];
	char signature[BASE64_SIZE(32)];
	HMAC(EVP_sha256(), SECRET, strlen(SECRET), (const uint8_t *)critical, strlen(critical), mac,
	     NULL);
	base64_put(mac, sizeof mac, false, signature);
	for (char *c = signature; *c != '\0'; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	snprintf(text, sizeof text, "%s.%s", critical, signature);
	is_int(bearer(authority, text, &identity), SIGNALING_BAD_PROOF,
	       "what a header calls critical is not passed over");
	authority_destroy(authority);
}

static void test_api_keys(void)
{
	static const char config[] = "api-key=backend:key-of-the-backend\n"
				     "api-key=viewer:key-of-the-viewer:join,list\n";
	struct authority *authority = sure_authority_of(config, NULL);
	struct identity identity;
	char problem[256];

	is_int(identify(authority, CLAIM_KEY, "key-of-the-backend", NULL, "", &identity),
	       SIGNALING_OK, "an API key");
	is_text(identity.user, "api-key:backend", "is somebody");
	is_int(identity.permissions, MAY_ALL, "who may all");
	is_int(bearer(authority, "key-of-the-viewer", &identity), SIGNALING_OK, "as a bearer");
	is_int(identity.permissions, MAY_JOIN | MAY_LIST, "with its permissions");
	is_int(bearer(authority, "key-of-the-viewe", &identity), SIGNALING_BAD_PROOF, "a part");
	is_int(bearer(authority, "", &identity), SIGNALING_BAD_PROOF, "nothing");
	is_int(identify(authority, CLAIM_KEY, NULL, NULL, "", &identity), SIGNALING_BAD_PROOF,
	       "none");
	authority_destroy(authority);
	ok(authority_of("api-key=short:abc\n", NULL, problem) == NULL &&
	           strstr(problem, "abc") == NULL,
	   "a short one is refused, and not quoted");
	ok(authority_of("api-key=a:0123456789abcdef:fly\n", NULL, problem) == NULL &&
	           strstr(problem, "0123456789") == NULL,
	   "so is a permission that there is not");
	ok(authority_of("api-key=0123456789abcdef\n", NULL, problem) == NULL,
	   "and one without a name");
}

static void mac_of(const char *secret, const EVP_MD *digest, const char *name,
                   char text[MAC_TEXT_SIZE])
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned len;

	HMAC(digest, secret, (int)strlen(secret), (const uint8_t *)name, strlen(name), mac, &len);
	base64_put(mac, len, true, text);
}

static void test_secret_users(void)
{
	struct authority *authority = sure_authority_of(
		"user-secret=the shared secret\nuser-secret=the secret before\n", NULL);
	static const char name[] = "1800000050:anna:x";
	struct identity identity;
	char mac[MAC_TEXT_SIZE];

	mac_of("the shared secret", EVP_sha256(), name, mac);
	is_int(identify(authority, CLAIM_SECRET_USER, mac, name, "", &identity), SIGNALING_OK,
	       "a name under the secret");
	is_text(identity.user, "anna:x", "is behind the time");
	is_int(identity.expires_ms, 1800000050000, "until then");
	is_int(identify(authority, CLAIM_SECRET_USER, mac, "1800000051:anna:x", "", &identity),
	       SIGNALING_BAD_PROOF, "another time");
	is_int(identify(authority, CLAIM_SECRET_USER, mac, "1800000050:anna:y", "", &identity),
	       SIGNALING_BAD_PROOF, "another name");
	is_int(identify(authority, CLAIM_SECRET_USER, mac, NULL, "", &identity),
	       SIGNALING_BAD_PROOF, "no name");
	is_int(identify(authority, CLAIM_SECRET_USER, mac, name, "other", &identity),
	       SIGNALING_BAD_PROOF, "another tenant");
	mac_of("the shared secret", EVP_sha1(), name, mac);
	is_int(identify(authority, CLAIM_SECRET_USER, mac, name, "", &identity), SIGNALING_OK,
	       "SHA1");
	mac_of("the secret before", EVP_sha256(), name, mac);
	is_int(identify(authority, CLAIM_SECRET_USER, mac, name, "", &identity), SIGNALING_OK,
	       "the secret before");
	mac_of("the shared secret", EVP_sha512(), name, mac);
	is_int(identify(authority, CLAIM_SECRET_USER, mac, name, "", &identity),
	       SIGNALING_BAD_PROOF, "another hash");
	is_int(identify(authority, CLAIM_SECRET_USER, "", name, "", &identity), SIGNALING_BAD_PROOF,
	       "no proof");
	static const char late[] = "1800000000:anna";
	mac_of("the shared secret", EVP_sha256(), late, mac);
	is_int(identify(authority, CLAIM_SECRET_USER, mac, late, "", &identity), SIGNALING_EXPIRED,
	       "it has expired");
	static const char key[] = "1800000050:api-key:backend";
	mac_of("the shared secret", EVP_sha256(), key, mac);
	is_int(identify(authority, CLAIM_SECRET_USER, mac, key, "", &identity), SIGNALING_BAD_PROOF,
	       "nobody is called as an API key is");
	authority_destroy(authority);
}

static void test_anybody(void)
{
	struct authority *authority = sure_authority_of("", NULL);
	struct identity identity;

	is_int(identify(authority, CLAIM_ANYBODY, NULL, NULL, "", &identity),
	       SIGNALING_NOT_AUTHENTICATED, "nobody comes in unless somebody says so");
	authority_destroy(authority);
	authority = sure_authority_of("signaling-anybody=yes\n", NULL);
	is_int(identify(authority, CLAIM_ANYBODY, NULL, NULL, "", &identity), SIGNALING_OK,
	       "signaling-anybody=yes");
	ok(!identity.is_authenticated && identity.permissions == MAY_ALL_OF_A_PARTICIPANT,
	   "as nobody in particular");
	is_int(identify(authority, CLAIM_ANYBODY, NULL, NULL, "other", &identity),
	       SIGNALING_NOT_AUTHENTICATED, "but not to a tenant that there is not");
	authority_destroy(authority);
	authority = sure_authority_of("signaling-anybody=no\n", NULL);
	is_int(identify(authority, CLAIM_ANYBODY, NULL, NULL, "", &identity),
	       SIGNALING_NOT_AUTHENTICATED, "signaling-anybody=no");
	authority_destroy(authority);
	authority = sure_authority_of("signaling-anybody=yes\njwt-secret=" SECRET "\n", NULL);
	is_int(identify(authority, CLAIM_ANYBODY, NULL, NULL, "", &identity), SIGNALING_OK,
	       "signaling-anybody=yes beside a proof");
	authority_destroy(authority);
}

static void test_many_tenants(const struct test_files *files)
{
	enum { MANY = 100 };
	struct store_tenant tenant = {.name = ""};
	struct identity identity;
	struct store *store;
	char problem[256], *token;

	if (store_open(files->database, true, &store, problem) != OK)
		give_up(problem);
	for (int i = 0; i < MANY; i++) {
		snprintf(tenant.name, sizeof tenant.name, "many%02d", i);
		snprintf(tenant.secret, sizeof tenant.secret, "secret of tenant %02d", i);
		if (store_tenant_put(store, &tenant) != OK)
			give_up(store_problem(store));
	}
	struct authority *authority = sure_authority_of("", store);
	token = token_of(JWT_ALG_HS256, "secret of tenant 99", NULL, "{\"tenant\":\"many99\"}");
	is_int(bearer(authority, token, &identity), SIGNALING_OK, "the last of a hundred tenants");
	is_text(identity.tenant, "many99", "by its own key");
	free(token);
	token = token_of(JWT_ALG_HS256, "secret of tenant 98", NULL, "{\"tenant\":\"many99\"}");
	is_int(bearer(authority, token, &identity), SIGNALING_BAD_PROOF,
	       "by another's it is nobody");
	free(token);
	authority_destroy(authority);
	for (int i = 0; i < MANY; i++) {
		snprintf(tenant.name, sizeof tenant.name, "many%02d", i);
		if (store_tenant_delete(store, tenant.name) != OK)
			give_up(store_problem(store));
	}
	store_close(store);
}

/* One that was made before the store said anything. */
static struct authority *changed_authority_of(const char *text, struct store *store)
{
	struct authority *before = sure_authority_of(text, NULL), *authority;
	struct tenancy *tenancy = tenancy_of(store);

	if (authority_change(before, tenancy, &authority) != OK)
		give_up("no memory");
	authority_destroy(before);
	tenancy_destroy(tenancy);
	return authority;
}

static void test_tenants(const struct test_files *files)
{
	struct store *store;
	struct authority *authority;
	struct identity identity;
	char problem[256], key[STORE_API_KEY_SIZE], mac[MAC_TEXT_SIZE], *token;
	struct store_api_key api_key = {
		.tenant = "acme", .name = "k", .permissions = MAY_LIST, .expires_s = 1800000001};

	if (store_open(files->database, true, &store, problem) != OK)
		give_up(problem);
	ok(store_tenant_put(store, &(struct store_tenant){.name = "acme",
	                                                  .secret = "secret of acme !",
	                                                  .realm = "acme.example",
	                                                  .rooms_max = 3}) == OK &&
	           store_tenant_put(store, &(struct store_tenant){.name = "open",
	                                                          .lets_anybody_in = true}) == OK &&
	           store_api_key_make(&api_key, key) == OK &&
	           store_api_key_put(store, &api_key) == OK,
	   "tenants in the store");
	authority = changed_authority_of("jwt-secret=" SECRET "\n", store);
	ok(authority_tenant(authority, "acme") != NULL &&
	           strcmp(authority_tenant(authority, "acme")->realm, "acme.example") == 0 &&
	           authority_tenant(authority, "acme")->rooms_max == 3,
	   "are known with what they have");
	ok(authority_tenant(authority, "none") == NULL && authority_tenant(authority, "") == NULL &&
	           authority_tenant(authority, TENANT_DEFAULT) != NULL,
	   "others are not");
	is_int(claims(authority, "{\"tenant\":\"acme\"}", &identity), SIGNALING_OK,
	       "the operator's key is one for all tenants");
	is_text(identity.tenant, "acme", "the claim says which");
	token = token_of(JWT_ALG_HS256, SECRET, NULL, "{}");
	is_int(identify(authority, CLAIM_BEARER, token, NULL, "acme", &identity), SIGNALING_OK,
	       "a token without it");
	is_text(identity.tenant, TENANT_DEFAULT,
	        "is of the default one, whatever the client wants");
	free(token);
	token = token_of(JWT_ALG_HS256, "secret of acme !", NULL, "{\"sub\":\"x\"}");
	is_int(identify(authority, CLAIM_BEARER, token, NULL, "open", &identity), SIGNALING_OK,
	       "the tenant's own key");
	is_text(identity.tenant, "acme", "is for that tenant");
	free(token);
	token = token_of(JWT_ALG_HS256, "secret of acme !", NULL, "{\"tenant\":\"open\"}");
	is_int(bearer(authority, token, &identity), SIGNALING_BAD_PROOF, "and opens no other");
	free(token);
	is_int(bearer(authority, key, &identity), SIGNALING_OK, "its API key");
	ok(strcmp(identity.tenant, "acme") == 0 && identity.permissions == MAY_LIST, "is its own");
	is_int(authority_identify(authority, &(struct claim){CLAIM_KEY, key, NULL, ""},
	                          1800000001000, &identity),
	       SIGNALING_EXPIRED, "until it expires");
	mac_of("secret of acme !", EVP_sha256(), "1800000050:u", mac);
	is_int(identify(authority, CLAIM_SECRET_USER, mac, "1800000050:u", "acme", &identity),
	       SIGNALING_OK, "a user under its secret");
	is_int(identify(authority, CLAIM_SECRET_USER, mac, "1800000050:u", "", &identity),
	       SIGNALING_BAD_PROOF, "is none of another tenant");
	is_int(identify(authority, CLAIM_ANYBODY, NULL, NULL, "open", &identity), SIGNALING_OK,
	       "one that lets anybody in");
	is_text(identity.tenant, "open", "who then is of that tenant");
	is_int(identify(authority, CLAIM_ANYBODY, NULL, NULL, "acme", &identity),
	       SIGNALING_NOT_AUTHENTICATED, "and one that does not");
	authority_destroy(authority);
	store_close(store);
}

int main(void)
{
	struct test_files files;

	test_files_init(&files);
	test_rfc_7515(&files);
	test_algorithms(&files);
	test_key_files(&files);
	test_claims();
	test_audience();
	test_forms();
	test_api_keys();
	test_secret_users();
	test_anybody();
	test_tenants(&files);
	test_many_tenants(&files);
	test_files_deinit(&files);
	return tap_end();
}
