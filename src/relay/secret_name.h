/* Names that a shared secret vouches for until a time: the TURN REST interface. */
#pragma once

#include "stun/integrity.h"
#include "turn/turn.h"

/* Reads TIME, TIME:NAME or NAME:TIME, TIME in seconds since 1970; false for any other name. */
bool secret_name_read_expiry(const char *username, char separator, uint64_t *expiry_s);

/* Gives whose name it is, within username: the NAME of such a name, which may be empty; all of TIME
 * alone and of any other name. */
const char *secret_name_user(const char *username, char separator, size_t *len);

/* Makes the key of such a name: its password is the base64 of HMAC-SHA1(secret, username). */
void secret_name_make_key(struct stun_hasher *hasher, enum stun_password_algorithm algorithm,
                          const char *username, const char *realm, const char *secret,
                          struct turn_key *key);
