/* The sample messages of RFC 5769 and RFC 8489: read, checked, and written again bit for bit. */
#include "tap.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "stun/address.h"
#include "stun/builder.h"
#include "stun/integrity.h"
#include "stun/message.h"

struct vector {
	uint8_t bytes[256];
	size_t len;
	struct stun_message message;
};

static const char username[] =
	"\xE3\x83\x9E\xE3\x83\x88\xE3\x83\xAA\xE3\x83\x83\xE3\x82\xAF\xE3\x82\xB9";
static const char realm[] = "example.org", password[] = "TheMatrIX";
static const char short_term[] = "VOkJxbRl1RmTxUk/WvJxBt";

static struct stun_hasher *hasher;

static bool is_right(const struct vector *vector, enum stun_attribute attribute, const void *key,
                     size_t key_len)
{
	return stun_integrity_is_right(hasher, &vector->message, attribute, key, key_len);
}

static bool is_value(const struct vector *vector, enum stun_attribute attribute, const char *want)
{
	size_t len;
	const uint8_t *value = stun_get(&vector->message, attribute, &len);

	return value != NULL && len == strlen(want) && memcmp(value, want, len) == 0;
}

/* Reads hex digits; # starts a comment. */
static void load(const char *name, struct vector *vector)
{
	char path[1024], line[256], digits[2 * sizeof vector->bytes + 1];
	const char *top = getenv("srcdir");
	size_t n = 0;

	snprintf(path, sizeof path, "%s/tests/vectors/%s.hex", top ? top : ".", name);
	FILE *file = fopen(path, "r");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		for (const char *c = line; *c != '\0' && *c != '#'; c++)
			if (isxdigit((unsigned char)*c) && n < sizeof digits - 1)
				digits[n++] = *c;
	digits[n] = '\0';
	if (file == NULL ||
	    hex_get(digits, vector->bytes, sizeof vector->bytes, &vector->len) != OK) {
		printf("Bail out! %s cannot be read\n", path);
		exit(1);
	}
	fclose(file);
	is_int(stun_message_parse(vector->bytes, vector->len, &vector->message), OK, "%s is read",
	       name);
	is_int(vector->message.len, vector->len, "whole");
	ok(!vector->message.has_bad_attribute, "every attribute is as it should be");
	ok(stun_has(&vector->message, STUN_ATTR_FINGERPRINT) ==
	           (strstr(name, "term") == NULL && strstr(name, "sha256") == NULL),
	   "FINGERPRINT where it is expected");
	ok(!vector->message.has_wrong_fingerprint, "and right");
}

static void check_changes(struct vector *vector, enum stun_attribute attribute, const void *key,
                          size_t key_len)
{
	size_t covered = vector->message.attribute[attribute].offset;
	size_t len = covered + vector->message.attribute[attribute].len;
	unsigned missed = 0;

	/* Type and lengths are left alone: then it would be another message, or none. */
	for (size_t i = 8; i < len; i++) {
		vector->bytes[i] ^= 0x10;
		struct vector changed = *vector;
		enum err err = stun_message_parse(changed.bytes, changed.len, &changed.message);
		missed += err == OK && is_right(&changed, attribute, key, key_len);
		vector->bytes[i] ^= 0x10;
	}
	is_int(missed, 0, "a change of any byte is seen");
}

static void test_request(void)
{
	struct vector vector;

	load("rfc5769-2.1-request", &vector);
	is_int(vector.message.method, STUN_BINDING, "Binding");
	is_int(vector.message.class, STUN_REQUEST, "request");
	ok(is_value(&vector, STUN_ATTR_SOFTWARE, "STUN test client"), "SOFTWARE");
	ok(is_value(&vector, STUN_ATTR_USERNAME, "evtj:h6vY"), "USERNAME");
	is_int(vector.message.unknown_count, 1, "one attribute must be understood and is not");
	is_int(vector.message.unknown[0], 0x0024, "PRIORITY");
	ok(is_right(&vector, STUN_ATTR_MESSAGE_INTEGRITY, short_term, strlen(short_term)),
	   "MESSAGE-INTEGRITY");
	ok(!is_right(&vector, STUN_ATTR_MESSAGE_INTEGRITY, short_term, strlen(short_term) - 1),
	   "not with another key");
	check_changes(&vector, STUN_ATTR_MESSAGE_INTEGRITY, short_term, strlen(short_term));
}

/* The RFC pads with a space, we with zero: up to there our message is the same, and behind it all
 * but the checks. */
static void test_response(const char *name, const char *mapped)
{
	struct transport_addr addr, want;
	struct stun_builder builder;
	struct vector vector;
	uint8_t bytes[128];
	size_t len;

	load(name, &vector);
	is_int(vector.message.class, STUN_SUCCESS, "success response");
	ok(is_right(&vector, STUN_ATTR_MESSAGE_INTEGRITY, short_term, strlen(short_term)),
	   "MESSAGE-INTEGRITY");
	const uint8_t *value = stun_get(&vector.message, STUN_ATTR_XOR_MAPPED_ADDRESS, &len);
	if (addr_parse(mapped, 0, &want) != OK || value == NULL)
		abort();
	is_int(stun_xor_address_get(value, len, stun_transaction_id(&vector.message), &addr), OK,
	       "XOR-MAPPED-ADDRESS is read");
	ok(addr_equal(&addr, &want), "it is %s", mapped);

	stun_build(&builder, bytes, sizeof bytes, STUN_BINDING, STUN_SUCCESS,
	           stun_transaction_id(&vector.message));
	stun_put_text(&builder, STUN_ATTR_SOFTWARE, "test vector");
	stun_put_xor_address(&builder, STUN_ATTR_XOR_MAPPED_ADDRESS, &want);
	size_t start = builder.len;
	is_bytes(bytes + 4, vector.bytes + 4, 31, "written again, up to the padding");
	is_bytes(bytes + 36, vector.bytes + 36, start - 36, "and behind it");
	is_int(bytes[35], 0, "which is zero");
	bytes[35] = ' ';
	stun_put_integrity(&builder, hasher, STUN_ATTR_MESSAGE_INTEGRITY,
	                   (const uint8_t *)short_term, strlen(short_term));
	stun_put_fingerprint(&builder);
	is_int(stun_build_end(&builder, &len), OK, "with the RFC's padding");
	ok(len == vector.len, "its length");
	is_bytes(bytes, vector.bytes, vector.len, "bit for bit");
}

static void test_long_term(void)
{
	struct stun_builder builder;
	uint8_t key[STUN_KEY_MAX], bytes[256];
	struct vector vector;
	size_t len;

	load("rfc5769-2.4-long-term-request", &vector);
	size_t key_len =
		stun_long_term_key(hasher, STUN_PASSWORD_MD5, username, realm, password, key);
	is_int(key_len, STUN_MD5_KEY_SIZE, "an MD5 key");
	ok(is_value(&vector, STUN_ATTR_USERNAME, username), "USERNAME");
	ok(is_value(&vector, STUN_ATTR_REALM, realm), "REALM");
	ok(is_right(&vector, STUN_ATTR_MESSAGE_INTEGRITY, key, key_len), "MESSAGE-INTEGRITY");
	check_changes(&vector, STUN_ATTR_MESSAGE_INTEGRITY, key, key_len);

	stun_build(&builder, bytes, sizeof bytes, STUN_BINDING, STUN_REQUEST,
	           stun_transaction_id(&vector.message));
	stun_put_text(&builder, STUN_ATTR_USERNAME, username);
	stun_put_text(&builder, STUN_ATTR_NONCE, "f//499k954d6OL34oL9FSTvy64sA");
	stun_put_text(&builder, STUN_ATTR_REALM, realm);
	stun_put_integrity(&builder, hasher, STUN_ATTR_MESSAGE_INTEGRITY, key, key_len);
	ok(stun_build_end(&builder, &len) == OK && len == vector.len, "written again");
	is_bytes(bytes, vector.bytes, vector.len, "bit for bit");
}

static void test_sha256(void)
{
	static const uint8_t sha256[] = {0, STUN_PASSWORD_SHA256, 0, 0};
	uint8_t key[STUN_KEY_MAX], bytes[256], userhash[STUN_USERHASH_SIZE];
	struct stun_builder builder;
	struct vector vector;
	size_t len;

	load("rfc8489-b.1-sha256-request", &vector);
	size_t key_len =
		stun_long_term_key(hasher, STUN_PASSWORD_SHA256, username, realm, password, key);
	is_int(key_len, STUN_SHA256_KEY_SIZE, "a SHA-256 key");
	ok(is_right(&vector, STUN_ATTR_MESSAGE_INTEGRITY_SHA256, key, key_len),
	   "MESSAGE-INTEGRITY-SHA256");
	ok(!is_right(&vector, STUN_ATTR_MESSAGE_INTEGRITY, key, key_len),
	   "there is no MESSAGE-INTEGRITY");
	check_changes(&vector, STUN_ATTR_MESSAGE_INTEGRITY_SHA256, key, key_len);
	stun_userhash(hasher, (const uint8_t *)username, strlen(username), realm, userhash);

	stun_build(&builder, bytes, sizeof bytes, STUN_BINDING, STUN_REQUEST,
	           stun_transaction_id(&vector.message));
	stun_put(&builder, STUN_ATTR_USERHASH, userhash, sizeof userhash);
	stun_put_text(&builder, STUN_ATTR_NONCE, "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA");
	stun_put_text(&builder, STUN_ATTR_REALM, realm);
	stun_put(&builder, STUN_ATTR_PASSWORD_ALGORITHM, sha256, sizeof sha256);
	stun_put_integrity(&builder, hasher, STUN_ATTR_MESSAGE_INTEGRITY_SHA256, key, key_len);
	ok(stun_build_end(&builder, &len) == OK && len == vector.len, "written again");
	is_bytes(bytes, vector.bytes, vector.len, "bit for bit");
}

int main(void)
{
	if (stun_hasher_create(&hasher) != OK)
		abort();
	test_request();
	test_response("rfc5769-2.2-ipv4-response", "192.0.2.1:32853");
	test_response("rfc5769-2.3-ipv6-response", "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
	test_long_term();
	test_sha256();
	stun_hasher_destroy(hasher);
	return tap_end();
}
