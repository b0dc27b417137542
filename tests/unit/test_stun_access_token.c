/* Access tokens (RFC 7635): a vector made by others, what is refused, and when a token is valid. */
#include "tap.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "stun/access_token.h"

/* Made by coturn's turnutils_oauth of the keys in its examples: --server-name example.com,
 * --auth-key SEdrajMyS0pHaXV5MDk4c2RmYXFiTmpPaWF6NzE5MjM= --token-mac-key
 * WmtzanB3ZW9peFhtdm42NzUzNG0= --token-timestamp 16333642137600 --token-lifetime=3600. */
static const char vector[] =
	"AAy1JBYVLo16iq9gFdHyyknmx5T/Lq9YlbxgUdLcStOFS0H8xhHceHOL2f49qxp4uBpGuuLeLqk+RcAa5uP2EQ==";
static const char vector_key[] = "HGkj32KJGiuy098sdfaqbNjOiaz71923";
static const char vector_mac_key[] = "ZksjpweoixXmvn67534m";
static const uint64_t vector_timestamp = 16333642137600;

static const uint8_t nonce[AEAD_NONCE_SIZE] = "abcdefghijkl";
static const char server_name[] = "relay.example.org";

static struct aead_key key_of(const char *algorithm)
{
	struct aead_key key = {.len = 0};

	ok(access_token_key(algorithm, (const uint8_t *)vector_key, 32, &key) == OK, "%s is known",
	   algorithm);
	return key;
}

static void test_vector(void)
{
	struct aead_key key = key_of("A256GCM");
	struct access_token token;
	uint8_t sealed[ACCESS_TOKEN_MAX], again[ACCESS_TOKEN_MAX];
	size_t len, again_len;

	ok(base64_get(vector, strlen(vector), sealed, sizeof sealed, &len) == OK,
	   "the vector can be read");
	is_int(access_token_open(&key, "example.com", sealed, len, &token), OK, "and opened");
	is_int(token.mac_key_len, 20, "its key has 160 bits");
	is_bytes(token.mac_key, (const uint8_t *)vector_mac_key, 20, "which are these");
	ok(token.timestamp == vector_timestamp, "the time it was made");
	is_int(token.lifetime_s, 3600, "and for how long");
	is_int(access_token_seal(&key, "example.com", sealed + 2, &token, again, &again_len), OK,
	       "sealed again with its nonce");
	is_int(again_len, len, "it is as long");
	is_bytes(again, sealed, len, "and the same");
}

static void test_round(const char *algorithm, size_t mac_key_len)
{
	struct aead_key key = key_of(algorithm);
	struct access_token token = {.mac_key_len = mac_key_len, .timestamp = 99, .lifetime_s = 7};
	struct access_token opened;
	uint8_t sealed[ACCESS_TOKEN_MAX];
	size_t len;

	memset(token.mac_key, 'k', mac_key_len);
	is_int(access_token_seal(&key, server_name, nonce, &token, sealed, &len), OK,
	       "%zu bytes of key seal", mac_key_len);
	is_int(access_token_open(&key, server_name, sealed, len, &opened), OK, "and open");
	is_bytes((const uint8_t *)&opened, (const uint8_t *)&token, sizeof token,
	         "to what they were");
}

static void test_changes(void)
{
	struct aead_key key = key_of("a256gcm"), other = key;
	struct access_token token = {.mac_key_len = 20}, opened, nothing = {.mac_key_len = 0};
	uint8_t sealed[ACCESS_TOKEN_MAX];
	size_t len;
	unsigned refused = 0;

	ok(access_token_seal(&key, server_name, nonce, &token, sealed, &len) == OK, "sealed");
	for (size_t i = 0; i < len; i++) {
		sealed[i] ^= 0x40;
		refused += access_token_open(&key, server_name, sealed, len, &opened) != OK;
		sealed[i] ^= 0x40;
	}
	is_int(refused, len, "a bit changed in any byte is noticed");
	is_int(access_token_open(&key, "relay.example.com", sealed, len, &opened), ERR_DENIED,
	       "a token for another server is none for us");
	is_bytes((const uint8_t *)&opened, (const uint8_t *)&nothing, sizeof opened,
	         "and leaves nothing behind");
	other.bytes[31] ^= 1;
	is_int(access_token_open(&other, server_name, sealed, len, &opened), ERR_DENIED,
	       "nor is one of another authorization server");
}

/* Opens a copy that is exactly as long, so that a sanitizer sees one byte too many. */
static enum err open_exactly(const struct aead_key *key, const uint8_t *bytes, size_t len)
{
	struct access_token token;
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		abort();
	if (len > 0)
		memcpy(copy, bytes, len);
	enum err err = access_token_open(key, server_name, copy, len, &token);
	free(copy);
	return err;
}

/* A token that the authorization server itself sealed, of any lengths. */
static size_t seal_any(const struct aead_key *key, unsigned nonce_len, const uint8_t *block,
                       size_t block_len, uint8_t *sealed)
{
	put_u16(sealed, (uint16_t)nonce_len);
	memcpy(sealed + 2, nonce, sizeof nonce);
	if (aead_seal(key, nonce, server_name, strlen(server_name), block, block_len,
	              sealed + 2 + sizeof nonce) != OK)
		abort();
	return 2 + sizeof nonce + block_len + AEAD_TAG_SIZE;
}

static void test_lengths(void)
{
	struct aead_key key = key_of("A128GCM");
	static uint8_t block[65536], sealed[65536];
	size_t len;

	memset(block, 'x', sizeof block);
	put_u16(block, 20);
	len = seal_any(&key, 12, block, 2 + 20 + 12, sealed);
	is_int(open_exactly(&key, sealed, len), OK, "the right lengths are right");
	for (size_t i = 0; i < len; i++)
		if (open_exactly(&key, sealed, i) == OK)
			ok(false, "%zu of its bytes are no token", i);
	for (size_t block_len = 0; block_len < 100; block_len++)
		if (block_len != 2 + 20 + 12 &&
		    open_exactly(&key, sealed, seal_any(&key, 12, block, block_len, sealed)) == OK)
			ok(false, "%zu bytes of block do not hold such a key", block_len);
	for (unsigned key_len = 0; key_len < 66000; key_len += key_len < 70 ? 1 : 997) {
		put_u16(block, (uint16_t)key_len);
		if (key_len != 20 && key_len != 32 &&
		    open_exactly(&key, sealed,
		                 seal_any(&key, 12, block, (2 + key_len + 12) % 60000, sealed)) ==
		            OK)
			ok(false, "%u bytes are no key", key_len);
	}
	put_u16(block, 32);
	len = seal_any(&key, 12, block, 2 + 32 + 12, sealed);
	is_int(open_exactly(&key, sealed, len), OK, "the longest token there is");
	is_int(len, ACCESS_TOKEN_MAX, "is as long as it may be");
}

/* CVE-2026-43994: a token whose nonce length was taken for true ran 735 bytes over the end of a buffer
 * of 256. Here none is too long: every nonce length, in tokens of every size that a message holds. */
static void test_cve_2026_43994(void)
{
	struct aead_key key = key_of("A256GCM");
	static uint8_t block[65536], sealed[65536];
	static const unsigned sizes[] = {256, 735, 991, 1024, 65535};
	unsigned opened = 0;

	put_u16(block, 20);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (unsigned nonce_len = 0; nonce_len < 65536; nonce_len += 7) {
			memset(sealed, 0x41, sizes[i]);
			put_u16(sealed, (uint16_t)nonce_len);
			opened += open_exactly(&key, sealed, sizes[i]) == OK;
		}
	is_int(opened, 0, "no nonce length in a long token is taken for true");
	memset(sealed, 0x41, sizeof sealed);
	put_u16(sealed, 735);
	is_int(open_exactly(&key, sealed, 735 + 2 + 16 + 34), ERR_INVALID, "735 bytes of nonce");
	put_u16(sealed, 256 + 735);
	is_int(open_exactly(&key, sealed, 256 + 735 + 2 + 16 + 34), ERR_INVALID,
	       "735 more than 256");
	put_u16(block, 256 + 735);
	is_int(open_exactly(&key, sealed, seal_any(&key, 12, block, 2 + 256 + 735 + 12, sealed)),
	       ERR_INVALID,
	       "a key 735 bytes longer than 256, from the authorization server itself");
	is_int(open_exactly(&key, sealed, 735), ERR_INVALID, "735 bytes that are nothing");
}

static void test_keys(void)
{
	const uint8_t *bytes = (const uint8_t *)vector_key;
	struct aead_key key;

	is_int(access_token_key("A256GCM", bytes, 32, &key), OK, "256 bits");
	is_int(key.len, 32, "are 32 bytes");
	is_int(access_token_key("A256GCM", bytes, 31, &key), ERR_INVALID, "31 are too few");
	is_int(access_token_key("A128GCM", bytes, 32, &key), OK, "128 bits");
	is_int(key.len, 16, "are the first 16 of more");
	is_bytes(key.bytes, bytes, 16, "as they stand");
	is_int(access_token_key("A128GCM", bytes, 15, &key), ERR_INVALID, "15 are too few");
	is_int(access_token_key("A256CBC-HS512", bytes, 32, &key), ERR_INVALID,
	       "an algorithm that is not served");
	is_int(access_token_key("", bytes, 32, &key), ERR_INVALID, "and none");
}

static uint64_t remaining(uint64_t timestamp, uint32_t lifetime_s, uint64_t wall_ms)
{
	struct access_token token = {.timestamp = timestamp, .lifetime_s = lifetime_s};

	return access_token_remaining_ms(&token, wall_ms);
}

static void test_validity(void)
{
	const uint64_t made_s = 1700000000, made = made_s << 16, now = made_s * 1000;

	is_int(remaining(made, 3600, now), 3605000, "fresh: its lifetime and Delta");
	is_int(remaining(made, 3600, now + 3604999), 1, "the last millisecond");
	is_int(remaining(made, 3600, now + 3605000), 0, "and it is over");
	is_int(remaining(made, 3600, now - 10000), 3595000, "a clock that is ahead takes from it");
	is_int(remaining(made, 3600, now - 3605000), 0, "one that is far ahead, all");
	is_int(remaining(made | 32000, 1, now), 5500, "fractions are 1/64000 seconds");
	is_int(remaining(made, 0, now + 4999), 1, "no lifetime is no more than Delta");
	is_int(remaining(made, 0, now + 5000), 0, "and not for ever");
	is_int(remaining(UINT64_MAX, UINT32_MAX, now), 0, "the end of time is not now");
	is_int(remaining(0, UINT32_MAX, now), (long long)UINT32_MAX * 1000 + 5000 - (long long)now,
	       "the longest lifetime there is");
	is_int(remaining(0, 3600, UINT64_MAX), 0, "nor is any time");
}

int main(void)
{
	test_vector();
	test_round("A256GCM", 20);
	test_round("A256GCM", 32);
	test_round("A128GCM", 20);
	test_changes();
	test_lengths();
	test_cve_2026_43994();
	test_keys();
	test_validity();
	return tap_end();
}
