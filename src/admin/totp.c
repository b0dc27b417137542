/* RFC 6238 on RFC 4226. */
#include "admin/totp.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "stun/integrity.h"

enum { DIGITS = TOTP_CODE_SIZE - 1, CODES = 1000000, DRIFT = 1 };

static void digits_take(const char *code, char digits[TOTP_CODE_SIZE]);

enum err totp_code(const uint8_t secret[TOTP_SECRET_SIZE], uint64_t step, char code[TOTP_CODE_SIZE])
{
	uint8_t counter[8], mac[STUN_SHA1_SIZE];
	struct stun_hasher *hasher;
	uint32_t number;
	enum err err = stun_hasher_create(&hasher);

	if (err != OK)
		return err;
	put_u64(counter, step);
	stun_hmac_sha1(hasher, secret, TOTP_SECRET_SIZE, counter, sizeof counter, mac);
	stun_hasher_destroy(hasher);
	/* RFC 4226 section 5.3: the last four bits say where the number is. */
	number = get_u32(mac + (mac[STUN_SHA1_SIZE - 1] & 15)) & 0x7fffffff;
	snprintf(code, TOTP_CODE_SIZE, "%06u", (unsigned)(number % CODES));
	bytes_wipe(mac, sizeof mac);
	return OK;
}

/* All steps are compared, whichever it was: the time tells nothing. */
enum err totp_check(const uint8_t secret[TOTP_SECRET_SIZE], uint64_t now_s, uint64_t last_step,
                    const char *code, uint64_t *step)
{
	char given[TOTP_CODE_SIZE], right[TOTP_CODE_SIZE];
	uint64_t now = now_s / TOTP_STEP_S;
	bool is_right = false;

	digits_take(code, given);
	for (uint64_t at = now < DRIFT ? 0 : now - DRIFT; at <= now + DRIFT; at++) {
		enum err err = totp_code(secret, at, right);

		if (err != OK)
			return err;
		if (bytes_equal_secret(given, right, sizeof right) && at > last_step) {
			*step = at;
			is_right = true;
		}
	}
	bytes_wipe(right, sizeof right);
	return is_right ? OK : ERR_DENIED;
}

/* What has fewer or more of them is no code, and stays empty. */
static void digits_take(const char *code, char digits[TOTP_CODE_SIZE])
{
	size_t len = 0;

	memset(digits, 0, TOTP_CODE_SIZE);
	for (; *code != '\0' && len <= DIGITS; code++) {
		if (*code == ' ')
			continue;
		if (len < DIGITS)
			digits[len] = *code;
		len++;
	}
	if (len != DIGITS)
		memset(digits, 0, TOTP_CODE_SIZE);
}

const char *totp_text(const uint8_t secret[TOTP_SECRET_SIZE], char text[TOTP_TEXT_SIZE])
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	char *at = text;

	_Static_assert(TOTP_SECRET_SIZE % 5 == 0, "no padding is needed");
	for (size_t i = 0; i < TOTP_SECRET_SIZE; i += 5) {
		uint64_t bits = (uint64_t)secret[i] << 32 | get_u32(secret + i + 1);

		for (int shift = 35; shift >= 0; shift -= 5)
			*at++ = alphabet[bits >> shift & 31];
	}
	*at = '\0';
	return text;
}

static size_t name_put(const char *name, char *text, size_t size)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	size_t len = 0;

	for (; *name != '\0' && len + 4 < size; name++)
		len += (size_t)snprintf(text + len, size - len,
		                        strchr(plain, *name) != NULL ? "%c" : "%%%02X",
		                        (unsigned char)*name);
	return len;
}

const char *totp_uri(const uint8_t secret[TOTP_SECRET_SIZE], const char *name,
                     char uri[TOTP_URI_SIZE])
{
	char text[TOTP_TEXT_SIZE];
	size_t len = (size_t)snprintf(uri, TOTP_URI_SIZE, "otpauth://totp/turnstone:");

	len += name_put(name, uri + len, 3 * STORE_TEXT_MAX);
	snprintf(uri + len, TOTP_URI_SIZE - len, "?secret=%s&issuer=turnstone",
	         totp_text(secret, text));
	bytes_wipe(text, sizeof text);
	return uri;
}
