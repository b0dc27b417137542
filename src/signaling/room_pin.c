#include "signaling/room_pin.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"

/* Nobody types it. Who sends it as a PIN has set a hash, and then needs what it is of. */
static const char mark = '\001';

bool room_pin_hash(const uint8_t salt[ROOM_PIN_SALT], const char *pin, uint8_t hash[ROOM_PIN_HASH])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool is_made = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
	               EVP_DigestUpdate(context, salt, ROOM_PIN_SALT) == 1 &&
	               EVP_DigestUpdate(context, pin, strlen(pin)) == 1 &&
	               EVP_DigestFinal_ex(context, hash, NULL) == 1;

	EVP_MD_CTX_free(context);
	return is_made;
}

void room_pin_keep(const uint8_t salt[ROOM_PIN_SALT], const uint8_t hash[ROOM_PIN_HASH],
                   char kept[ROOM_PIN_KEPT_SIZE])
{
	kept[0] = mark;
	hex_put(salt, ROOM_PIN_SALT, kept + 1);
	hex_put(hash, ROOM_PIN_HASH, kept + 1 + 2 * ROOM_PIN_SALT);
}

bool room_pin_read(const char *kept, uint8_t salt[ROOM_PIN_SALT], uint8_t hash[ROOM_PIN_HASH])
{
	uint8_t bytes[ROOM_PIN_SALT + ROOM_PIN_HASH];
	size_t len;

	if (kept[0] != mark || hex_get(kept + 1, bytes, sizeof bytes, &len) != OK ||
	    len != sizeof bytes)
		return false;
	memcpy(salt, bytes, ROOM_PIN_SALT);
	memcpy(hash, bytes + ROOM_PIN_SALT, ROOM_PIN_HASH);
	return true;
}

bool room_pin_make(const char *pin, char kept[ROOM_PIN_KEPT_SIZE])
{
	uint8_t salt[ROOM_PIN_SALT], hash[ROOM_PIN_HASH];

	if (!room_pin_read(pin, salt, hash)) {
		random_bytes(salt, sizeof salt);
		if (!room_pin_hash(salt, pin, hash))
			return false;
	}
	room_pin_keep(salt, hash, kept);
	return true;
}

static bool is_same(const char *kept, const char *pin)
{
	size_t len = strlen(kept), shown = strlen(pin);

	return bytes_equal_secret(pin, kept, shown < len ? shown : len) && shown == len;
}

bool room_pin_fits(const char *kept, const char *pin)
{
	uint8_t salt[ROOM_PIN_SALT], hash[ROOM_PIN_HASH], of_pin[ROOM_PIN_HASH];

	if (!room_pin_read(kept, salt, hash))
		return is_same(kept, pin);
	return room_pin_hash(salt, pin, of_pin) && bytes_equal_secret(hash, of_pin, sizeof hash);
}
