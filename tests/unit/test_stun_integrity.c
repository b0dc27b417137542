/* MACs and keys against published values; truncated MACs; messages with more behind the MAC. */
#include "tap.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "stun/builder.h"
#include "stun/integrity.h"

static struct stun_hasher *hasher;

/* RFC 2202 section 3 and RFC 4231 section 4. */
static void test_hmac(void)
{
	static const struct {
		uint8_t key_byte, key_len;
		const char *key, *data, *sha1, *sha256;
	} rows[] = {
		{0, 4, "Jefe", "what do ya want for nothing?",
	         "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
	         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{0x0B, 20, NULL, "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00",
	         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		/* Keys longer than a block. */
		{0xAA, 80, NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
	         "aa4ae5e15272d00e95705637ce8a3b55ed402112", NULL},
		{0xAA, 131, NULL, "Test Using Larger Than Block-Size Key - Hash Key First", NULL,
	         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	};
	uint8_t key[131], mac[STUN_SHA256_SIZE];
	char text[2 * sizeof mac + 1];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t len = strlen(rows[i].data);

		memset(key, rows[i].key_byte, sizeof key);
		if (rows[i].key != NULL)
			memcpy(key, rows[i].key, rows[i].key_len);
		if (rows[i].sha1 != NULL) {
			stun_hmac_sha1(hasher, key, rows[i].key_len, rows[i].data, len, mac);
			hex_put(mac, STUN_SHA1_SIZE, text);
			is_text(text, rows[i].sha1, "HMAC-SHA1 %zu", i);
		}
		if (rows[i].sha256 != NULL) {
			stun_hmac_sha256(hasher, key, rows[i].key_len, rows[i].data, len, mac);
			hex_put(mac, STUN_SHA256_SIZE, text);
			is_text(text, rows[i].sha256, "HMAC-SHA256 %zu", i);
		}
	}
}

static void test_keys(void)
{
	uint8_t key[STUN_KEY_MAX], hash[STUN_USERHASH_SIZE];
	char text[2 * STUN_KEY_MAX + 1];

	/* RFC 8489 section 9.2.2 */
	size_t len = stun_long_term_key(hasher, STUN_PASSWORD_MD5, "user", "realm", "pass", key);
	hex_put(key, len, text);
	is_text(text, "8493fbc53ba582fb4c044c456bdc40eb", "the key of user:realm:pass");
	len = stun_long_term_key(hasher, STUN_PASSWORD_SHA256, "", "", "", key);
	hex_put(key, len, text);
	/* SHA-256 of "::" */
	uint8_t same[STUN_SHA256_SIZE];
	stun_sha256(hasher, "::", 2, same);
	is_bytes(key, same, sizeof same, "empty parts keep their colons");
	stun_sha256(hasher, "abc", 3, same);
	hex_put(same, sizeof same, text);
	is_text(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	        "SHA-256 of abc");
	stun_userhash(hasher, (const uint8_t *)"annaX", 4, "realm", hash);
	stun_sha256(hasher, "anna:realm", 10, same);
	is_bytes(hash, same, sizeof same, "USERHASH takes as much of the username as it is told");
}

static size_t build(uint8_t *bytes, size_t size, bool has_sha256, size_t behind)
{
	static const uint8_t id[STUN_TRANSACTION_ID_SIZE] = "transaction!";
	struct stun_builder builder;
	size_t len;

	stun_build(&builder, bytes, size, STUN_REFRESH, STUN_REQUEST, id);
	stun_put_text(&builder, STUN_ATTR_USERNAME, "anna");
	stun_put_integrity(&builder, hasher,
	                   has_sha256 ? STUN_ATTR_MESSAGE_INTEGRITY_SHA256
	                              : STUN_ATTR_MESSAGE_INTEGRITY,
	                   (const uint8_t *)"key", 3);
	for (size_t i = 0; i < behind; i++)
		stun_put_text(&builder, STUN_ATTR_SOFTWARE, "behind");
	if (stun_build_end(&builder, &len) != OK)
		abort();
	return len;
}

static bool is_right(const uint8_t *bytes, size_t len, enum stun_attribute attribute,
                     const char *key)
{
	struct stun_message message;

	return stun_message_parse(bytes, len, &message) == OK &&
	       stun_integrity_is_right(hasher, &message, attribute, (const uint8_t *)key,
	                               strlen(key));
}

static void test_behind(void)
{
	uint8_t bytes[256], before[256];

	for (size_t behind = 0; behind < 3; behind++) {
		size_t len = build(bytes, sizeof bytes, behind % 2, behind);
		enum stun_attribute attribute = behind % 2 ? STUN_ATTR_MESSAGE_INTEGRITY_SHA256
		                                           : STUN_ATTR_MESSAGE_INTEGRITY;

		memcpy(before, bytes, len);
		ok(is_right(bytes, len, attribute, "key"), "right with %zu attributes behind it",
		   behind);
		is_bytes(bytes, before, len, "the message was not written to");
		ok(!is_right(bytes, len, attribute, "kez"), "wrong under another key");
		ok(!is_right(bytes, len, attribute, ""), "wrong under an empty key");
		ok(!is_right(bytes, len,
		             behind % 2 ? STUN_ATTR_MESSAGE_INTEGRITY
		                        : STUN_ATTR_MESSAGE_INTEGRITY_SHA256,
		             "key"),
		   "the other check is absent, and so not right");
	}
}

/* RFC 8489 section 14.6: the MAC covers a header that counts the truncated attribute. */
static void test_truncated(void)
{
	enum { MAC_AT = 20 + 8 + 4 };
	uint8_t bytes[256];

	for (size_t size = 4; size <= 36; size++) {
		size_t len = build(bytes, sizeof bytes, true, 0), end = (MAC_AT + size + 3) & ~3u;
		uint8_t mac[STUN_SHA256_SIZE];
		bool is_allowed = size >= 16 && size <= 32 && size % 4 == 0;

		(void)len;
		put_u16(bytes + MAC_AT - 2, (uint16_t)size);
		/* Whatever the size, the MAC is right: only the size speaks against it. */
		put_u16(bytes + 2, (uint16_t)(MAC_AT + size - STUN_HEADER_SIZE));
		stun_hmac_sha256(hasher, (const uint8_t *)"key", 3, bytes, MAC_AT - 4, mac);
		put_u16(bytes + 2, (uint16_t)(end - STUN_HEADER_SIZE));
		memset(bytes + MAC_AT, 0, 40);
		memcpy(bytes + MAC_AT, mac, sizeof mac);
		ok(is_right(bytes, end, STUN_ATTR_MESSAGE_INTEGRITY_SHA256, "key") == is_allowed,
		   "%zu bytes of MAC are %s", size, is_allowed ? "right" : "refused");
		bytes[MAC_AT + (size < 32 ? size : 32) - 1] ^= 1;
		ok(!is_right(bytes, end, STUN_ATTR_MESSAGE_INTEGRITY_SHA256, "key"),
		   "and the last of them counts");
	}
}

int main(void)
{
	if (stun_hasher_create(&hasher) != OK)
		abort();
	test_hmac();
	test_keys();
	test_behind();
	test_truncated();
	stun_hasher_destroy(hasher);
	stun_hasher_destroy(NULL);
	return tap_end();
}
