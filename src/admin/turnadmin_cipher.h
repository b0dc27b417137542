/* How coturn hides the password of its MySQL connection: AES-128 in counter mode, whose counter always
 * begins with zero. Two passwords under one key give each other away: it keeps a password from a
 * glance, not from an attacker. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { TURNADMIN_KEY_SIZE = 16 };

/* Encrypts, or decrypts, which is the same. ERR_NO_MEMORY. */
MUST_CHECK enum err turnadmin_cipher(const uint8_t key[TURNADMIN_KEY_SIZE], const uint8_t *from,
                                     size_t len, uint8_t *to);
