/* Ids tell their makers where they live, and tokens cannot be forged. */
#include "tap.h"

#include "signaling/seal.h"

static const struct hub_place place = {.node = 0xDEADBEEF, .worker = 513};

static struct seal *seal_of(uint8_t fill)
{
	struct seal *seal = NULL;
	uint8_t key[32];

	memset(key, fill, sizeof key);
	ok(seal_create(key, &seal) == OK, "a seal is made");
	return seal;
}

static void test_ids(struct seal *seal, struct seal *other)
{
	char id[SESSION_ID_SIZE], next[SESSION_ID_SIZE];
	struct hub_place got;

	seal_make_id(seal, &place, id);
	seal_make_id(seal, &place, next);
	is_int(strlen(id), 32, "an id has 32 digits");
	is_int(strspn(id, "0123456789ABCDEF"), 32, "upper-case ones");
	ok(strcmp(id, next) != 0, "two are not the same");
	ok(strncmp(id, next, 8) != 0, "nor alike where they live in one place");
	ok(seal_open_id(seal, id, &got) == OK, "it opens");
	ok(got.node == place.node && got.worker == place.worker, "and tells where it lives");
	ok(seal_open_id(other, id, &got) == OK && got.node != place.node,
	   "to another key it tells nothing");
	ok(seal_open_id(seal, "", &got) == ERR_INVALID, "nothing is none");
	ok(seal_open_id(seal, "0123456789ABCDEF0123456789ABCDE", &got) == ERR_INVALID,
	   "nor what is too short");
	ok(seal_open_id(seal, "0123456789ABCDEF0123456789ABCDEF0", &got) == ERR_INVALID,
	   "or too long");
	ok(seal_open_id(seal, "0123456789ABCDEF0123456789ABCDEX", &got) == ERR_INVALID,
	   "or no digits");
}

static void test_tokens(struct seal *seal, struct seal *other)
{
	char id[SESSION_ID_SIZE], token[RESUME_TOKEN_SIZE], got[SESSION_ID_SIZE];

	seal_make_id(seal, &place, id);
	seal_make_token(seal, id, token);
	is_int(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
	       strlen(token), "a token stands in URLs as it is");
	ok(seal_open_token(seal, token, got) == OK, "it opens");
	is_text(got, id, "and names the session");
	ok(seal_open_token(other, token, got) == ERR_DENIED, "not with another key");
	for (size_t i = 0; i < strlen(token); i++) {
		char spoiled[RESUME_TOKEN_SIZE];
		memcpy(spoiled, token, sizeof spoiled);
		spoiled[i] = spoiled[i] == 'A' ? 'Q' : 'A';
		if (seal_open_token(seal, spoiled, got) == OK && strcmp(spoiled, token) != 0)
			ok(i == strlen(token) - 1, "character %zu counts", i);
	}
	ok(seal_open_token(seal, "", got) == ERR_DENIED, "nothing is no token");
	token[strlen(token) - 1] = '\0';
	ok(seal_open_token(seal, token, got) == ERR_DENIED, "nor a part of one");
}

static void test_attestations(struct seal *seal, struct seal *other)
{
	char id[SESSION_ID_SIZE], attestation[ATTESTATION_SIZE], got[SESSION_ID_SIZE],
		token[RESUME_TOKEN_SIZE];

	seal_make_id(seal, &place, id);
	seal_make_attestation(seal, id, 1000, attestation);
	ok(seal_open_attestation(seal, attestation, 1000, got) == OK, "it holds to its end");
	is_text(got, id, "and names the session");
	ok(seal_open_attestation(seal, attestation, 1001, got) == ERR_DENIED, "not longer");
	ok(seal_open_attestation(other, attestation, 0, got) == ERR_DENIED, "not with another key");
	ok(seal_open_token(seal, attestation, got) == ERR_DENIED, "it is no token");
	seal_make_token(seal, id, token);
	ok(seal_open_attestation(seal, token, 0, got) == ERR_DENIED, "and a token is none");
}

/* SipHash-2-4 with another key for each seal: the same for the same, and not what a stranger can compute. */
static void test_hash(struct seal *seal, struct seal *other)
{
	struct slice text = SLICE("0123456789abcdef-");
	uint64_t seen[18];

	for (size_t len = 0; len < 18; len++) {
		seen[len] = seal_hash(seal, (struct slice){text.at, len < 17 ? len : 17});
		for (size_t i = 0; i < len && len < 17; i++)
			if (seen[i] == seen[len])
				ok(false, "%zu and %zu characters have one hash", i, len);
	}
	ok(seal_hash(seal, text) == seal_hash(seal, text), "the same text, the same hash");
	ok(seal_hash(seal, text) != seal_hash(other, text), "another key, another hash");
}

int main(void)
{
	struct seal *seal = seal_of(1), *other = seal_of(2);

	test_ids(seal, other);
	test_tokens(seal, other);
	test_attestations(seal, other);
	test_hash(seal, other);
	seal_destroy(seal);
	seal_destroy(other);
	seal_destroy(NULL);
	return tap_end();
}
