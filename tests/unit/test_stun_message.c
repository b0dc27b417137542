/* Reading messages: structure, index, what counts and what is ignored; addresses. */
#include "tap.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "stun/address.h"
#include "stun/builder.h"
#include "stun/message.h"

static const uint8_t id[STUN_TRANSACTION_ID_SIZE] = "transaction!";

struct raw {
	uint8_t bytes[70000];
	size_t len;
};

static void raw_start(struct raw *raw, uint16_t type)
{
	memset(raw, 0, sizeof *raw);
	put_u16(raw->bytes, type);
	put_u32(raw->bytes + 4, STUN_MAGIC_COOKIE);
	memcpy(raw->bytes + 8, id, sizeof id);
	raw->len = STUN_HEADER_SIZE;
}

/* Adds an attribute filled with one byte. */
static void raw_put(struct raw *raw, uint16_t type, size_t len, uint8_t fill)
{
	put_u16(raw->bytes + raw->len, type);
	put_u16(raw->bytes + raw->len + 2, (uint16_t)len);
	memset(raw->bytes + raw->len + 4, fill, len);
	raw->len += 4 + ((len + 3) & ~(size_t)3);
	put_u16(raw->bytes + 2, (uint16_t)(raw->len - STUN_HEADER_SIZE));
}

static void raw_put_fingerprint(struct raw *raw)
{
	size_t at = raw->len;

	raw_put(raw, 0x8028, 4, 0);
	put_u32(raw->bytes + at + 4, stun_fingerprint(raw->bytes, at));
}

static struct raw raw;
static struct stun_message message;

static enum err parse(void)
{
	/* In memory of its exact size: a sanitizer sees one byte too many. */
	static uint8_t *exact;

	free(exact);
	exact = malloc(raw.len);
	if (exact == NULL)
		abort();
	memcpy(exact, raw.bytes, raw.len);
	return stun_message_parse(exact, raw.len, &message);
}

static void test_rfc3489(void)
{
	raw_start(&raw, 0x0001);
	is_int(stun_message_parse_rfc3489(raw.bytes, raw.len, &message), ERR_INVALID,
	       "RFC 3489: a message with a magic cookie is none of it");
	raw.bytes[4] ^= 1;
	is_int(stun_message_parse_rfc3489(raw.bytes, raw.len, &message), OK,
	       "RFC 3489: without one it is read");
	ok(message.is_rfc3489 && message.method == STUN_BINDING && message.class == STUN_REQUEST,
	   "as what it is");
	is_int(stun_message_parse_rfc3489(raw.bytes, raw.len - 1, &message), ERR_INVALID,
	       "RFC 3489: a shorter one is not");
	raw.bytes[3] = 8;
	is_int(stun_message_parse_rfc3489(raw.bytes, raw.len, &message), ERR_TRUNCATED,
	       "RFC 3489: nor one that ends early");
	raw.bytes[0] |= 0x40;
	is_int(stun_message_parse_rfc3489(raw.bytes, raw.len, &message), ERR_INVALID,
	       "RFC 3489: nor one whose first bits are not zero");
}

static void test_header(void)
{
	raw_start(&raw, 0x0001);
	ok(stun_is_message(raw.bytes, raw.len), "a header is a message");
	is_int(parse(), OK, "and is read");
	is_bytes(stun_transaction_id(&message), id, sizeof id, "transaction ID");
	ok(!stun_is_message(raw.bytes, STUN_HEADER_SIZE - 1), "a shorter one is not");
	for (unsigned bit = 0x40; bit <= 0x80; bit *= 2) {
		raw.bytes[0] = (uint8_t)bit;
		is_int(parse(), ERR_INVALID, "first bits not zero");
	}
	raw_start(&raw, 0x0001);
	raw.bytes[7] ^= 1;
	is_int(parse(), ERR_INVALID, "another magic cookie");
	raw_start(&raw, 0x0001);
	for (unsigned len = 1; len < 4; len++) {
		raw.bytes[3] = (uint8_t)len;
		is_int(parse(), ERR_INVALID, "length not a multiple of four");
	}
	raw.bytes[3] = 4;
	is_int(parse(), ERR_TRUNCATED, "longer than what is there");
}

static void test_types(void)
{
	static const struct {
		uint16_t type;
		enum stun_method method;
		enum stun_class class;
		const char *name;
	} rows[] = {
		{0x0001, STUN_BINDING, STUN_REQUEST, "Binding"},
		{0x0101, STUN_BINDING, STUN_SUCCESS, "Binding"},
		{0x0003, STUN_ALLOCATE, STUN_REQUEST, "Allocate"},
		{0x0113, STUN_ALLOCATE, STUN_ERROR_RESPONSE, "Allocate"},
		{0x0004, STUN_REFRESH, STUN_REQUEST, "Refresh"},
		{0x0016, STUN_SEND, STUN_INDICATION, "Send"},
		{0x0017, STUN_DATA, STUN_INDICATION, "Data"},
		{0x0008, STUN_CREATE_PERMISSION, STUN_REQUEST, "CreatePermission"},
		{0x0109, STUN_CHANNEL_BIND, STUN_SUCCESS, "ChannelBind"},
		{0x3FFF, (enum stun_method)0xFFF, STUN_ERROR_RESPONSE, "unknown"},
		{0x0020, (enum stun_method)0x010, STUN_REQUEST, "unknown"},
		{0x0200, (enum stun_method)0x080, STUN_REQUEST, "unknown"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct stun_builder builder;
		uint8_t bytes[STUN_HEADER_SIZE];

		raw_start(&raw, rows[i].type);
		is_int(parse(), OK, "type %04x", rows[i].type);
		is_int(message.method, rows[i].method, "its method");
		is_int(message.class, rows[i].class, "its class");
		is_text(stun_method_name(message.method), rows[i].name, "its name");
		stun_build(&builder, bytes, sizeof bytes, rows[i].method, rows[i].class, id);
		is_int(get_u16(bytes), rows[i].type, "and written again");
	}
}

static void test_bounds(void)
{
	raw_start(&raw, 0x0001);
	raw_put(&raw, 0x0006, 5, 'a');
	is_int(parse(), OK, "an attribute with padding");
	raw.bytes[STUN_HEADER_SIZE + 3] = 8;
	is_int(parse(), OK, "one that ends with the message");
	raw.bytes[STUN_HEADER_SIZE + 3] = 9;
	is_int(parse(), ERR_TRUNCATED, "one that ends behind it");
	raw.bytes[STUN_HEADER_SIZE + 2] = 0xFF;
	is_int(parse(), ERR_TRUNCATED, "far behind it");
	raw_start(&raw, 0x0001);
	raw_put(&raw, 0x0006, 4, 'a');
	raw.len += 4; /* belongs to the next message of a stream */
	is_int(parse(), OK, "more bytes than the message");
	is_int(message.len, STUN_HEADER_SIZE + 8, "which end where it says");

	raw_start(&raw, 0x0016);
	raw_put(&raw, 0x0013, 65508, 'd');
	is_int(parse(), OK, "a message of 65532 bytes");
	is_int(message.attribute[STUN_ATTR_DATA].len, 65508, "its DATA");
	raw_put(&raw, 0x001A, 0, 0);
	is_int(parse(), ERR_INVALID, "one beyond 65535 is refused");
}

static void test_index(void)
{
	size_t len = 77;

	raw_start(&raw, 0x0003);
	raw_put(&raw, 0x001A, 0, 0);   /* DONT-FRAGMENT */
	raw_put(&raw, 0x0006, 3, 'a'); /* USERNAME */
	raw_put(&raw, 0x0006, 4, 'b');
	raw_put(&raw, 0x000D, 4, 1); /* LIFETIME */
	is_int(parse(), OK, "read");
	ok(!stun_has(&message, STUN_ATTR_REALM) &&
	           stun_get(&message, STUN_ATTR_REALM, &len) == NULL,
	   "REALM is absent");
	ok(stun_get(&message, STUN_ATTR_DONT_FRAGMENT, &len) != NULL && len == 0, "an empty value");
	const uint8_t *value = stun_get(&message, STUN_ATTR_USERNAME, &len);
	ok(value != NULL && len == 3 && memcmp(value, "aaa", 3) == 0, "of two the first counts");
	is_int(stun_get_u32(&message, STUN_ATTR_LIFETIME), 0x01010101, "a number");
	ok(!message.has_bad_attribute && message.unknown_count == 0, "nothing is wrong");
}

static void test_unknown(void)
{
	raw_start(&raw, 0x0003);
	raw_put(&raw, 0x0031, 0, 0);
	raw_put(&raw, 0x8031, 0, 0);
	raw_put(&raw, 0x0031, 0, 0);
	raw_put(&raw, 0x7FFF, 8, 9);
	is_int(parse(), OK, "read");
	is_int(message.unknown_count, 2, "two that must be understood, each once");
	ok(message.unknown[0] == 0x0031 && message.unknown[1] == 0x7FFF, "these");
	raw_start(&raw, 0x0003);
	for (unsigned i = 0; i < 40; i++)
		raw_put(&raw, (uint16_t)(0x4000 + i), 0, 0);
	is_int(parse(), OK, "read");
	is_int(message.unknown_count, STUN_UNKNOWN_MAX, "no more than there is room for");
}

static void test_lengths(void)
{
	static const struct {
		uint16_t type;
		uint16_t least, greatest;
		enum stun_attribute attribute;
	} rows[] = {
#define ATTRIBUTE(name, type, text, least, greatest) {type, least, greatest, STUN_ATTR_##name},
#include "stun/attributes.def"
#undef ATTRIBUTE
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *name = stun_attribute_name(rows[i].attribute);
		size_t lens[] = {rows[i].least, rows[i].greatest, rows[i].least - 1u,
		                 rows[i].greatest + 1u};

		is_int(stun_attribute_type(rows[i].attribute), rows[i].type, "type of %s", name);
		for (unsigned j = 0; j < 4; j++) {
			bool is_allowed = j < 2;

			if (lens[j] > 60000)
				continue;
			raw_start(&raw, 0x0003);
			raw_put(&raw, rows[i].type, lens[j], 1);
			is_int(parse(), OK, "%s of %zu bytes", name, lens[j]);
			ok(message.has_bad_attribute == !is_allowed &&
			           stun_has(&message, rows[i].attribute) == is_allowed,
			   "is %s", is_allowed ? "there" : "bad and left out");
		}
	}
}

/* RFC 8489 sections 14.5 to 14.7 */
static void test_order(void)
{
	raw_start(&raw, 0x0003);
	raw_put(&raw, 0x0006, 4, 'a');  /* USERNAME */
	raw_put(&raw, 0x0008, 20, 'm'); /* MESSAGE-INTEGRITY */
	raw_put(&raw, 0x000D, 4, 1);    /* LIFETIME */
	raw_put(&raw, 0x0031, 0, 0);    /* unknown */
	raw_put(&raw, 0x000C, 3, 0);    /* CHANNEL-NUMBER of a wrong length */
	raw_put(&raw, 0x001C, 32, 's'); /* MESSAGE-INTEGRITY-SHA256 */
	raw_put(&raw, 0x0014, 4, 'r');  /* REALM */
	raw_put_fingerprint(&raw);
	raw_put(&raw, 0x0015, 4, 'n'); /* NONCE */
	is_int(parse(), OK, "read");
	ok(stun_has(&message, STUN_ATTR_USERNAME), "what precedes MESSAGE-INTEGRITY counts");
	ok(stun_has(&message, STUN_ATTR_MESSAGE_INTEGRITY) &&
	           stun_has(&message, STUN_ATTR_MESSAGE_INTEGRITY_SHA256) &&
	           stun_has(&message, STUN_ATTR_FINGERPRINT),
	   "the checks count");
	ok(!stun_has(&message, STUN_ATTR_LIFETIME) && message.unknown_count == 0 &&
	           !message.has_bad_attribute,
	   "what follows MESSAGE-INTEGRITY is ignored");
	ok(!stun_has(&message, STUN_ATTR_REALM), "and what follows MESSAGE-INTEGRITY-SHA256");
	ok(!stun_has(&message, STUN_ATTR_NONCE), "and what follows FINGERPRINT");
	ok(!message.has_wrong_fingerprint, "which covers what precedes it");

	raw_start(&raw, 0x0003);
	raw_put(&raw, 0x001C, 32, 's');
	raw_put(&raw, 0x0008, 20, 'm');
	is_int(parse(), OK, "read");
	ok(!stun_has(&message, STUN_ATTR_MESSAGE_INTEGRITY),
	   "MESSAGE-INTEGRITY behind MESSAGE-INTEGRITY-SHA256 is ignored");
	raw_start(&raw, 0x0003);
	raw_put_fingerprint(&raw);
	raw_put(&raw, 0x0008, 20, 'm');
	is_int(parse(), OK, "read");
	ok(!stun_has(&message, STUN_ATTR_MESSAGE_INTEGRITY), "and behind FINGERPRINT too");
}

static void test_fingerprint(void)
{
	raw_start(&raw, 0x0001);
	raw_put(&raw, 0x8022, 7, 's');
	raw_put_fingerprint(&raw);
	ok(parse() == OK && !message.has_wrong_fingerprint, "a right FINGERPRINT");
	for (size_t i = 8; i < raw.len; i++)
		if (i < 20 || (i >= 24 && i < 32) || i >= 36) {
			raw.bytes[i] ^= 4;
			if (parse() != OK || !message.has_wrong_fingerprint)
				ok(false, "a change of byte %zu is not seen", i);
			raw.bytes[i] ^= 4;
		}
	ok(true, "changes were looked for");
	/* The check value of CRC-32, and lengths around the steps of eight bytes. */
	is_int(stun_fingerprint((const uint8_t *)"123456789", 9) ^ STUN_FINGERPRINT_XOR, 0xCBF43926,
	       "CRC-32 of 123456789");
	for (size_t len = 0; len < 40; len++) {
		uint32_t crc = UINT32_MAX;

		for (size_t i = 0; i < len; i++) {
			crc ^= raw.bytes[i];
			for (unsigned bit = 0; bit < 8; bit++)
				crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
		}
		is_int(stun_fingerprint(raw.bytes, len), ~crc ^ STUN_FINGERPRINT_XOR,
		       "CRC-32 of %zu bytes, bit by bit", len);
	}
}

static void test_next(void)
{
	size_t offset = 0, len;
	const uint8_t *value;

	raw_start(&raw, 0x0008);
	raw_put(&raw, 0x0012, 8, 1);
	raw_put(&raw, 0x0006, 4, 'a');
	raw_put(&raw, 0x0012, 20, 2);
	raw_put(&raw, 0x0012, 3, 3);
	raw_put(&raw, 0x0008, 20, 'm');
	raw_put(&raw, 0x0012, 8, 4);
	is_int(parse(), OK, "read");
	for (unsigned i = 1; i <= 3; i++) {
		value = stun_next(&message, STUN_ATTR_XOR_PEER_ADDRESS, &offset, &len);
		ok(value != NULL && value[0] == i &&
		           len == (i == 1   ? 8
		                   : i == 2 ? 20
		                            : 3),
		   "occurrence %u", i);
	}
	for (unsigned i = 0; i < 2; i++)
		ok(stun_next(&message, STUN_ATTR_XOR_PEER_ADDRESS, &offset, &len) == NULL,
		   "what follows MESSAGE-INTEGRITY is no occurrence");
	offset = 0;
	ok(stun_next(&message, STUN_ATTR_REALM, &offset, &len) == NULL, "none at all");
	offset = 0;
	ok(stun_next(&message, STUN_ATTR_MESSAGE_INTEGRITY, &offset, &len) != NULL && len == 20,
	   "the check itself");
	ok(stun_next(&message, STUN_ATTR_MESSAGE_INTEGRITY, &offset, &len) == NULL, "once");
}

static void test_addresses(void)
{
	static const char *const texts[] = {"192.0.2.1:32853", "[2001:db8::1]:65535", "0.0.0.0:0"};
	uint8_t value[STUN_ADDRESS_MAX];
	struct transport_addr addr, back;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (addr_parse(texts[i], 0, &addr) != OK)
			abort();
		size_t want = addr_family(&addr) == AF_INET6 ? 20 : 8;
		is_int(stun_xor_address_put(value, id, &addr), want, "%s XOR-ed", texts[i]);
		ok(stun_xor_address_get(value, want, id, &back) == OK && addr_equal(&addr, &back),
		   "and back");
		is_int(stun_xor_address_get(value, want - 1, id, &back), ERR_INVALID, "too short");
		is_int(stun_address_put(value, &addr), want, "plain");
		ok(stun_address_get(value, want, &back) == OK && addr_equal(&addr, &back),
		   "and back");
		value[1] ^= 3;
		is_int(stun_address_get(value, want, &back), ERR_INVALID, "the other family");
		value[1] = 0;
		is_int(stun_address_get(value, want, &back), ERR_INVALID, "no family");
	}
	is_int(stun_address_get(value, 0, &back), ERR_INVALID, "nothing");
}

static void test_words(void)
{
	is_text(stun_error_reason(STUN_STALE_NONCE), "Stale Nonce", "a reason phrase");
	is_text(stun_error_reason(STUN_NO_ERROR), "", "none");
	is_text(stun_error_reason((enum stun_error)499), "", "an unknown one");
	is_text(stun_attribute_name(STUN_ATTR_XOR_PEER_ADDRESS), "XOR-PEER-ADDRESS", "a name");
}

int main(void)
{
	test_header();
	test_rfc3489();
	test_types();
	test_bounds();
	test_index();
	test_unknown();
	test_lengths();
	test_order();
	test_fingerprint();
	test_next();
	test_addresses();
	test_words();
	return tap_end();
}
