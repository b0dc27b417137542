/* Passwords of administrators as they are stored: hashed so slowly that who steals the database finds few
 * of them. Ours are scrypt (RFC 7914) in the PHC string format, with the parameters in them, so that
 * they can be raised later:
 *
 *     $scrypt$ln=15,r=8,p=3$<salt>$<hash>        base64 without padding
 *
 * coturn's are one round of SHA-256, or plain text. They are good for signing in, and told to be weak. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

enum { PASSWORD_HASH_SIZE = 128 };

enum password_strength {
	PASSWORD_STRONG,
	PASSWORD_AGED,       /* scrypt with smaller parameters than those of new ones */
	PASSWORD_ONE_ROUND,  /* coturn's: $5$salt$hash, both in hexadecimal */
	PASSWORD_PLAIN_TEXT, /* what is no hash */
	PASSWORD_UNREADABLE, /* it begins as a hash and is none: nothing matches it */
};

/* Makes a hash for storing. Takes some tenths of a second, and 32 MiB for so long. ERR_NO_MEMORY. */
MUST_CHECK enum err password_hash_make(const char *password, char hash[PASSWORD_HASH_SIZE]);
/* The same in coturn's format, for programs that know no other. */
MUST_CHECK enum err password_hash_make_coturn(const char *password, char hash[PASSWORD_HASH_SIZE]);

/* Says what kind of hash was stored. */
enum password_strength password_hash_strength(const char *hash);
/* Returns a few words for a person, such as "plain text". */
const char *password_strength_name(enum password_strength strength);

/* Compares. ERR_DENIED when it is another password; ERR_NO_MEMORY. It takes as long as scrypt does
 * whatever kind of hash it is, and also when hash is NULL, to which nothing is right: so nobody learns
 * by the clock which names there are. */
MUST_CHECK enum err password_hash_check(const char *hash, const char *password);

/* The same where there is one password and no name to learn: it takes as long as that kind of hash does. */
MUST_CHECK enum err password_hash_check_alone(const char *hash, const char *password);
