/* Codes of RFC 6238, and which of them are taken. */
#include <stdlib.h>
#include <string.h>

#include "admin/totp.h"

#include "tap.h"

/* RFC 6238 appendix B: the secret of its SHA-1 vectors. */
static const uint8_t secret[TOTP_SECRET_SIZE + 1] = "12345678901234567890";

static void test_vectors(void)
{
	/* Its codes have eight digits; ours are the last six of them (RFC 4226 section 5.3). */
	static const struct {
		uint64_t time_s;
		const char *code;
	} rows[] = {
		{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
		{1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"},
	};
	char code[TOTP_CODE_SIZE] = "";

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		is_int(totp_code(secret, rows[i].time_s / TOTP_STEP_S, code), OK, "a code");
		is_text(code, rows[i].code, "of %llu", (unsigned long long)rows[i].time_s);
	}
}

static void test_hotp_vectors(void)
{
	/* RFC 4226 appendix D: the same secret, counters from 0. */
	static const char *const codes[] = {"755224", "287082", "359152", "969429", "338314",
	                                    "254676", "287922", "162583", "399871", "520489"};
	char code[TOTP_CODE_SIZE] = "";

	for (uint64_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		ok(totp_code(secret, i, code) == OK && strcmp(code, codes[i]) == 0,
		   "counter %d: %s", (int)i, code);
}

/* Checks at the 5th second of step 100. */
static enum err check(uint64_t code_of, uint64_t last_step, uint64_t *step)
{
	char code[TOTP_CODE_SIZE];

	if (totp_code(secret, code_of, code) != OK)
		return ERR_NO_MEMORY;
	return totp_check(secret, 100 * TOTP_STEP_S + 5, last_step, code, step);
}

static void test_steps(void)
{
	uint64_t step = 0;

	is_int(check(100, 0, &step), OK, "the code of now");
	is_int(step, 100, "is of this step");
	is_int(check(99, 0, &step), OK, "that of the step before, by a clock that is slow");
	is_int(step, 99, "is of that");
	is_int(check(101, 0, &step), OK, "that of the next, by one that is fast");
	is_int(step, 101, "is of that");
	is_int(check(98, 0, &step), ERR_DENIED, "no older one");
	is_int(check(102, 0, &step), ERR_DENIED, "no later one");
	is_int(check(100, 100, &step), ERR_DENIED, "a code is good once");
	is_int(check(99, 100, &step), ERR_DENIED, "nor is one from before it");
	is_int(check(101, 100, &step), OK, "but the next");
	is_int(totp_check(secret, 5, 0, "755224", &step), ERR_DENIED,
	       "1970 has no step before the first");
}

static void test_form(void)
{
	uint64_t step;
	static const struct {
		const char *code;
		enum err err;
	} rows[] = {
		{"287082", OK},         {"287 082", OK},           {" 287082 ", OK},
		{"28708", ERR_DENIED},  {"2870822", ERR_DENIED},   {"", ERR_DENIED},
		{"      ", ERR_DENIED}, {"28708\xb2", ERR_DENIED}, {"94287082", ERR_DENIED},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		is_int(totp_check(secret, 59, 0, rows[i].code, &step), rows[i].err, "\"%s\"",
		       rows[i].code);
}

static void test_texts(void)
{
	char text[TOTP_TEXT_SIZE], uri[TOTP_URI_SIZE], name[STORE_TEXT_MAX];

	is_text(totp_text(secret, text), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "base32");
	is_text(totp_uri(secret, "anna", uri),
	        "otpauth://totp/turnstone:anna?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	        "&issuer=turnstone",
	        "a link");
	totp_uri(secret, "a&secret=x #\xc3\xa9", uri);
	ok(strstr(uri, "turnstone:a%26secret%3Dx%20%23%C3%A9?secret=GEZ") != NULL,
	   "a name is no part of it: %s", uri);
	memset(name, '%', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	totp_uri(secret, name, uri);
	ok(strstr(uri, "&issuer=turnstone") != NULL, "the longest name leaves room for the rest");
}

int main(void)
{
	test_vectors();
	test_hotp_vectors();
	test_steps();
	test_form();
	test_texts();
	return tap_end();
}
