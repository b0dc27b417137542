/* A room's PIN, as it was given or as its hash. */
#include "signaling/room_pin.h"

#include <string.h>

#include "tap.h"

static void fits_as_given(void)
{
	ok(room_pin_fits("1234", "1234"), "the PIN fits");
	ok(!room_pin_fits("1234", "1235"), "another does not");
	ok(!room_pin_fits("1234", "123"), "nor its beginning");
	ok(!room_pin_fits("1234", "12345"), "nor one that goes on");
	ok(!room_pin_fits("1234", ""), "nor none");
}

static void fits_as_hash(void)
{
	uint8_t salt[ROOM_PIN_SALT] = {1, 2, 3}, hash[ROOM_PIN_HASH];
	uint8_t salt_read[ROOM_PIN_SALT], hash_read[ROOM_PIN_HASH];
	char kept[ROOM_PIN_KEPT_SIZE];

	ok(room_pin_hash(salt, "1234", hash), "a hash is made");
	room_pin_keep(salt, hash, kept);
	ok(room_pin_fits(kept, "1234"), "the PIN fits its hash");
	ok(!room_pin_fits(kept, "1235"), "another does not");
	ok(!room_pin_fits(kept, ""), "nor none");
	ok(!room_pin_fits(kept, kept), "the hash does not open what it guards");
	ok(room_pin_read(kept, salt_read, hash_read) && memcmp(salt, salt_read, sizeof salt) == 0 &&
	           memcmp(hash, hash_read, sizeof hash) == 0,
	   "it is read as it was written");
	ok(!room_pin_read("1234", salt_read, hash_read), "a PIN is no hash");
	kept[sizeof kept - 2] = 0;
	ok(!room_pin_read(kept, salt_read, hash_read), "nor is half of one");
}

static void is_made(void)
{
	char kept[ROOM_PIN_KEPT_SIZE], other[ROOM_PIN_KEPT_SIZE], again[ROOM_PIN_KEPT_SIZE];

	ok(room_pin_make("1234", kept) && room_pin_make("1234", other),
	   "a PIN is made what is kept");
	ok(strcmp(kept, other) != 0, "with a salt of its own");
	ok(room_pin_fits(kept, "1234") && room_pin_fits(other, "1234"), "which it fits");
	ok(!room_pin_fits(kept, "1235"), "and no other");
	ok(room_pin_make(kept, again) && strcmp(kept, again) == 0, "what is kept stays what it is");
}

int main(void)
{
	fits_as_given();
	fits_as_hash();
	is_made();
	return tap_end();
}
