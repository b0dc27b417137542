/* AES-GCM against the vectors of its specification, and what becomes of a changed byte. */
#include "tap.h"

#include "base/bytes.h"
#include "stun/aead.h"

/* McGrew and Viega, The Galois/Counter Mode of Operation, test cases 4 and 16. */
static const char key_text[] = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
static const char nonce_text[] = "cafebabefacedbaddecaf888";
static const char associated_text[] = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
static const char plain_text[] = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
				 "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
static const char sealed_128[] =
	"42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
	"21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47";
static const char sealed_256[] =
	"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b";

enum { PLAIN_SIZE = 60, ASSOCIATED_SIZE = 20, SEALED_SIZE = PLAIN_SIZE + AEAD_TAG_SIZE };

static uint8_t nonce[AEAD_NONCE_SIZE], associated[ASSOCIATED_SIZE], plain[PLAIN_SIZE];
static uint8_t sealed[SEALED_SIZE], opened[PLAIN_SIZE];

static void read_hex(const char *text, uint8_t *bytes, size_t size)
{
	size_t len;

	if (hex_get(text, bytes, size, &len) != OK || len != size)
		ok(false, "the vector can be read");
}

static struct aead_key key_of(size_t len)
{
	struct aead_key key = {.len = len};

	read_hex(key_text, key.bytes, sizeof key.bytes);
	return key;
}

static enum err seal(const struct aead_key *key)
{
	return aead_seal(key, nonce, associated, sizeof associated, plain, sizeof plain, sealed);
}

static enum err open_again(const struct aead_key *key)
{
	return aead_open(key, nonce, associated, sizeof associated, sealed, sizeof sealed, opened);
}

static void test_vector(size_t key_len, const char *expected_text)
{
	struct aead_key key = key_of(key_len);
	uint8_t expected[SEALED_SIZE];

	read_hex(expected_text, expected, sizeof expected);
	is_int(seal(&key), OK, "%zu bytes of key seal", key_len);
	is_bytes(sealed, expected, sizeof sealed, "to what the vector says");
	is_int(open_again(&key), OK, "and it opens");
	is_bytes(opened, plain, sizeof plain, "to what it was");
}

static void test_changes(void)
{
	struct aead_key key = key_of(32);
	unsigned refused = 0;

	ok(seal(&key) == OK, "sealed");
	for (size_t i = 0; i < sizeof sealed; i++) {
		sealed[i] ^= 1;
		refused += open_again(&key) == ERR_DENIED;
		sealed[i] ^= 1;
	}
	is_int(refused, sizeof sealed, "a bit changed in any byte is noticed");
	associated[0] ^= 1;
	is_int(open_again(&key), ERR_DENIED, "and one in what goes along");
	associated[0] ^= 1;
	nonce[0] ^= 1;
	is_int(open_again(&key), ERR_DENIED, "and one in the nonce");
	nonce[0] ^= 1;
	key.bytes[31] ^= 1;
	is_int(open_again(&key), ERR_DENIED, "and one in the key");
}

static void test_lengths(void)
{
	struct aead_key key = key_of(32), odd = key_of(24);

	for (size_t len = 0; len < AEAD_TAG_SIZE; len++)
		if (aead_open(&key, nonce, NULL, 0, sealed, len, opened) != ERR_TRUNCATED)
			ok(false, "%zu bytes are too short", len);
	is_int(aead_seal(&key, nonce, NULL, 0, plain, 0, sealed), OK, "nothing is sealed too");
	is_int(aead_open(&key, nonce, NULL, 0, sealed, AEAD_TAG_SIZE, opened), OK, "and opened");
	is_int(seal(&odd), ERR_INVALID, "24 bytes are no key");
	is_int(open_again(&odd), ERR_INVALID, "to open with either");
}

int main(void)
{
	read_hex(nonce_text, nonce, sizeof nonce);
	read_hex(associated_text, associated, sizeof associated);
	read_hex(plain_text, plain, sizeof plain);
	test_vector(16, sealed_128);
	test_vector(32, sealed_256);
	test_changes();
	test_lengths();
	return tap_end();
}
