/* A room's PIN as it is kept: as it was given, or, where the room was brought back from a store, its salted hash, for the
 * store has nothing else. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	ROOM_PIN_SALT = 16,
	ROOM_PIN_HASH = 32,
	ROOM_PIN_KEPT_SIZE = 2 + 2 * (ROOM_PIN_SALT + ROOM_PIN_HASH)
};

/* SHA-256 of the salt and the PIN behind it. False where it cannot be made. */
bool room_pin_hash(const uint8_t salt[ROOM_PIN_SALT], const char *pin, uint8_t hash[ROOM_PIN_HASH]);
/* Writes the form that stands for a PIN whose hash alone is known. */
void room_pin_keep(const uint8_t salt[ROOM_PIN_SALT], const uint8_t hash[ROOM_PIN_HASH],
                   char kept[ROOM_PIN_KEPT_SIZE]);
/* Makes it of a PIN, with a salt of its own; one that is in that form stays what it is. False where it cannot be made. */
bool room_pin_make(const char *pin, char kept[ROOM_PIN_KEPT_SIZE]);
/* Reads it; false: kept is a PIN as it was given. */
bool room_pin_read(const char *kept, uint8_t salt[ROOM_PIN_SALT], uint8_t hash[ROOM_PIN_HASH]);
/* Whether pin is the one that is kept, in a time that says nothing of how far it was right. */
bool room_pin_fits(const char *kept, const char *pin);
