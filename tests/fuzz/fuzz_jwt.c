/* Proofs and keys that strangers write: a token, a JSON Web Key Set, and the answer of a TURN service. The first octet says which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "signaling/authority.h"
#include "signaling/authority_private.h"
#include "signaling/turn_source_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct authority *authority_with_keys(void)
{
	static const char text[] = "jwt-secret=0123456789abcdef0123456789abcdef\n";
	static const char keys[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
				   "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
				   "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
	struct config_report report = {0};
	struct authority *authority;
	struct config *config;
	char problem[256];

	if (config_create(CONFIG_TURNSIGNAL, &config) != OK ||
	    config_read_bytes(config, "fuzz", text, sizeof text - 1, &report) != OK ||
	    authority_create(config, NULL, &authority, problem) != OK ||
	    authority_add_jwks(authority, SLICE(keys), "fuzz", problem) != OK)
		abort();
	config_destroy(config);
	config_report_deinit(&report);
	return authority;
}

/* No token is made here: none may be let in. */
static void try_token(const char *token)
{
	struct authority *authority = authority_with_keys();
	const struct claim claim = {CLAIM_BEARER, token, "", ""};
	struct identity identity;

	if (authority_identify(authority, &claim, 1800000000000, &identity) == SIGNALING_OK)
		abort();
	authority_destroy(authority);
}

/* What a token says of itself, as if it were signed. */
static void try_claims(struct slice text)
{
	struct authority *authority = authority_with_keys();
	struct identity identity = {.user = ""};

	if (claims_identify(authority, text, "", 1800000000000, &identity) == SIGNALING_OK &&
	    (identity.permissions & ~(unsigned)MAY_ALL) != 0)
		abort();
	authority_destroy(authority);
}

static void try_keys(struct slice text)
{
	struct authority *authority = authority_with_keys();
	char problem[256];

	if (authority_add_jwks(authority, text, "fuzz", problem) != OK && problem[0] == '\0')
		abort();
	authority_destroy(authority);
}

static void try_answer(struct slice text)
{
	char session[TURN_SERVICE_SESSION_MAX + 1];
	struct turn_credentials_room room;
	struct identity identity = {.tenant = "default"};
	struct turn_source *source, *copy;
	uint32_t ttl_s;

	if (turn_service_answer(text, "nonce", 1000000, &source, &ttl_s, session) != OK)
		return;
	if (turn_source_copy(source, NULL, &copy) != OK)
		abort();
	if (ttl_s >= 10 && (turn_source_issue(copy, &identity, "", "", 1000000, &room) != OK ||
	                    room.credentials.zone_count == 0))
		abort();
	turn_source_destroy(copy);
	turn_source_destroy(source);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = malloc(size); /* exact, with an end: a sanitizer sees one byte too many */
	if (text == NULL)
		return 0;
	memcpy(text, bytes + 1, size - 1);
	text[size - 1] = '\0';
	struct slice slice = {text, size - 1};
	switch (bytes[0] & 3) {
	case 0:
		try_token(text);
		break;
	case 1:
		try_claims(slice);
		break;
	case 2:
		try_keys(slice);
		break;
	default:
		try_answer(slice);
	}
	free(text);
	return 0;
}
