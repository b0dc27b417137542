/* Any bytes as an access token, and any bytes as what an authorization server sealed: what opens is
 * within its bounds, and sealed again it is the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "stun/access_token.h"
#include "stun/origin.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char server_name[] = "example.com";
static const struct aead_key key = {.bytes = "HGkj32KJGiuy098sdfaqbNjOiaz71923", .len = 32};

static void promise(bool is_kept)
{
	if (!is_kept)
		abort();
}

static void open_token(const uint8_t *bytes, size_t len)
{
	uint8_t again[ACCESS_TOKEN_MAX];
	struct access_token token;
	size_t again_len;

	if (access_token_open(&key, server_name, bytes, len, &token) != OK) {
		promise(token.mac_key_len == 0);
		return;
	}
	promise(len <= ACCESS_TOKEN_MAX);
	promise(token.mac_key_len == ACCESS_TOKEN_SHA1_KEY ||
	        token.mac_key_len == ACCESS_TOKEN_SHA256_KEY);
	promise(access_token_remaining_ms(&token, 0) <=
	        (uint64_t)token.lifetime_s * 1000 + ACCESS_TOKEN_DELTA_MS);
	promise(access_token_seal(&key, server_name, bytes + 2, &token, again, &again_len) == OK);
	promise(again_len == len && memcmp(again, bytes, len) == 0);
}

/* The block is the fuzzer's, the seal is right. */
static void open_block(const uint8_t *block, size_t len)
{
	static const uint8_t nonce[AEAD_NONCE_SIZE] = "abcdefghijkl";
	size_t size = 2 + sizeof nonce + len + AEAD_TAG_SIZE;
	uint8_t *sealed = malloc(size);

	promise(sealed != NULL);
	put_u16(sealed, sizeof nonce);
	memcpy(sealed + 2, nonce, sizeof nonce);
	promise(aead_seal(&key, nonce, server_name, strlen(server_name), block, len,
	                  sealed + 2 + sizeof nonce) == OK);
	open_token(sealed, size);
	free(sealed);
}

static void normalise(const uint8_t *bytes, size_t len)
{
	char normal[STUN_ORIGIN_MAX + 1], again[STUN_ORIGIN_MAX + 1];

	if (stun_origin_normalise(bytes, len, normal) != OK) {
		promise(normal[0] == '\0');
		return;
	}
	promise(strlen(normal) <= STUN_ORIGIN_MAX);
	promise(stun_origin_normalise((const uint8_t *)normal, strlen(normal), again) == OK);
	promise(strcmp(normal, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	open_token(bytes, len);
	open_block(bytes, len);
	normalise(bytes, len);
	return 0;
}
