/* The same sums for whoever makes, lists or counts secrets. */
#include "store/shared_secret.h"

#include <string.h>

#include "base/bytes.h"
#include "base/random.h"

void secret_mark(struct stun_hasher *hasher, const char *realm, const char *secret,
                 char mark[SECRET_MARK_SIZE])
{
	uint8_t text[STORE_TEXT_MAX + STORE_SECRET_MAX], hash[STUN_SHA256_SIZE];
	size_t realm_len = strnlen(realm, STORE_TEXT_MAX - 1),
	       len = strnlen(secret, STORE_SECRET_MAX);

	memcpy(text, realm, realm_len);
	text[realm_len] = 0;
	memcpy(text + realm_len + 1, secret, len);
	stun_sha256(hasher, text, realm_len + 1 + len, hash);
	hex_put(hash, SECRET_MARK_SIZE / 2, mark);
	bytes_wipe(text, sizeof text);
	bytes_wipe(hash, sizeof hash);
}

void secret_generate(char secret[SECRET_GENERATED_SIZE])
{
	uint8_t bytes[SECRET_GENERATED_SIZE / 2];

	random_bytes(bytes, sizeof bytes);
	hex_put(bytes, sizeof bytes, secret);
	bytes_wipe(bytes, sizeof bytes);
}
