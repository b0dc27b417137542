/* Codes of six digits that a telephone shows, new ones each half minute (RFC 6238, on HOTP of RFC 4226): HMAC-SHA1, as every program for
 * them knows. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/console_tokens.h"

enum {
	TOTP_STEP_S = 30,
	TOTP_CODE_SIZE = 7,
	TOTP_TEXT_SIZE = 33, /* a secret in base32, and its end */
	TOTP_URI_SIZE = 3 * STORE_TEXT_MAX + 256,
};

/* Gives the code of a step: the seconds since 1970, divided by TOTP_STEP_S. */
MUST_CHECK enum err totp_code(const uint8_t secret[TOTP_SECRET_SIZE], uint64_t step,
                              char code[TOTP_CODE_SIZE]);
/* Compares a code with those of now and of one step before and behind (section 6: clocks differ), but for steps that are not later than
 * last_step, as a code is good once (section 5.2). Spaces in it are let go. ERR_DENIED: it is none of them. */
MUST_CHECK enum err totp_check(const uint8_t secret[TOTP_SECRET_SIZE], uint64_t now_s,
                               uint64_t last_step, const char *code, uint64_t *step);

/* Writes a secret in base32 (RFC 4648 section 6), for those who type it. */
const char *totp_text(const uint8_t secret[TOTP_SECRET_SIZE], char text[TOTP_TEXT_SIZE]);
/* Writes it as a link that such programs open. name is what they show it by. */
const char *totp_uri(const uint8_t secret[TOTP_SECRET_SIZE], const char *name,
                     char uri[TOTP_URI_SIZE]);
