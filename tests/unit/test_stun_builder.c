/* Writing messages: each attribute's bytes, padding, and what happens when room runs out. */
#include "tap.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "stun/address.h"
#include "stun/builder.h"

static const uint8_t id[STUN_TRANSACTION_ID_SIZE] = "transaction!";
static uint8_t bytes[1024];
static struct stun_builder builder;

static void start(size_t size)
{
	memset(bytes, 0xEE, sizeof bytes);
	stun_build(&builder, bytes, size, STUN_ALLOCATE, STUN_ERROR_RESPONSE, id);
}

/* What was put since the header. */
static void check(const char *want_hex, const char *name)
{
	char got[2 * sizeof bytes + 1];
	size_t len = 0;

	is_int(stun_build_end(&builder, &len), OK, "%s: ends", name);
	is_int(get_u16(bytes + 2), len - STUN_HEADER_SIZE, "%s: length in the header", name);
	hex_put(bytes + STUN_HEADER_SIZE, len - STUN_HEADER_SIZE, got);
	is_text(got, want_hex, "%s: its bytes", name);
	is_int(bytes[len], 0xEE, "%s: none behind it", name);
	start(sizeof bytes);
}

static void test_attributes(void)
{
	struct transport_addr addr;

	if (addr_parse("192.0.2.1:32853", 0, &addr) != OK)
		abort();
	start(sizeof bytes);
	check("", "nothing");
	is_bytes(bytes, "\x01\x13\x00\x00\x21\x12\xA4\x42transaction!", 20, "header");
	stun_put(&builder, STUN_ATTR_DATA, NULL, 0);
	check("00130000", "an empty value");
	for (unsigned i = 1; i <= 4; i++) {
		static const char *const want[] = {"0014000161000000", "0014000261610000",
		                                   "0014000361616100", "0014000461616161"};
		stun_put(&builder, STUN_ATTR_REALM, "aaaa", i);
		check(want[i - 1], "padding is zero");
	}
	stun_put_text(&builder, STUN_ATTR_SOFTWARE, "abc");
	check("8022000361626300", "text");
	stun_put_u32(&builder, STUN_ATTR_LIFETIME, 600);
	check("000d000400000258", "number");
	stun_put_address(&builder, STUN_ATTR_MAPPED_ADDRESS, &addr);
	check("0001000800018055c0000201", "address");
	stun_put_xor_address(&builder, STUN_ATTR_XOR_RELAYED_ADDRESS, &addr);
	check("001600080001a147e112a643", "XOR-ed address");
	stun_put_error(&builder, STUN_STALE_NONCE, "Stale Nonce");
	check("0009000f000004265374616c65204e6f6e636500", "error with reason");
	stun_put_error(&builder, STUN_BAD_REQUEST, NULL);
	check("0009000400000400", "error without");
	stun_put_address_error(&builder, STUN_ADDRESS_IPV6, STUN_ADDRESS_FAMILY_NOT_SUPPORTED, "");
	check("8001000402000428", "address error");
	stun_put_unknown_attributes(&builder, (const uint16_t[]){0x0031, 0x7FFF, 0x0002}, 3);
	check("000a000600317fff00020000", "unknown attributes");
	stun_put_password_algorithms(&builder);
	check("800200080002000000010000", "password algorithms");
	/* Fragmentation needed: type 3, code 4, next-hop MTU 1280. */
	stun_put_icmp(&builder, 3, 4, (const uint8_t[]){0, 0, 5, 0});
	check("800400080000060400000500", "ICMP");
}

static void test_long_reason(void)
{
	static char reason[1000];
	size_t len;

	memset(reason, 'r', sizeof reason - 1);
	start(sizeof bytes);
	stun_put_error(&builder, STUN_SERVER_ERROR, reason);
	is_int(stun_build_end(&builder, &len), OK, "a long reason is cut");
	ok(get_u16(bytes + 22) <= 763, "to what the attribute may hold");
}

/* In every size that is too small: an error, and no byte beyond the room. */
static void test_room(void)
{
	struct stun_hasher *hasher;
	struct transport_addr addr;
	size_t whole = 0, len;

	if (stun_hasher_create(&hasher) != OK || addr_parse("::1", 1, &addr) != OK)
		abort();
	for (size_t size = sizeof bytes; size-- > 0;) {
		start(size);
		stun_put_error(&builder, STUN_FORBIDDEN, "Forbidden");
		stun_put_xor_address(&builder, STUN_ATTR_XOR_MAPPED_ADDRESS, &addr);
		stun_put_unknown_attributes(&builder, (const uint16_t[]){1}, 1);
		stun_put_icmp(&builder, 3, 4, (const uint8_t[4]){0});
		stun_put_integrity(&builder, hasher, STUN_ATTR_MESSAGE_INTEGRITY,
		                   (const uint8_t *)"key", 3);
		stun_put_integrity(&builder, hasher, STUN_ATTR_MESSAGE_INTEGRITY_SHA256,
		                   (const uint8_t *)"key", 3);
		stun_put_fingerprint(&builder);
		enum err err = stun_build_end(&builder, &len);
		whole = err == OK ? len : whole;
		if (err != (size < whole ? ERR_FULL : OK) || bytes[size] != 0xEE)
			ok(false, "size %zu", size);
	}
	is_int(whole, 20 + 20 + 24 + 8 + 12 + 24 + 36 + 8, "the smallest room that suffices");
	start(32);
	stun_put_text(&builder, STUN_ATTR_REALM, "too long for this");
	stun_put_text(&builder, STUN_ATTR_REALM, "a");
	is_int(stun_build_end(&builder, &len), ERR_FULL, "what fits later does not heal it");
	is_int(bytes[20], 0xEE, "and is not written");
	stun_hasher_destroy(hasher);
}

static void test_longest(void)
{
	static uint8_t room[80000], value[65535];
	size_t len;

	stun_build(&builder, room, sizeof room, STUN_DATA, STUN_INDICATION, id);
	stun_put(&builder, STUN_ATTR_DATA, value, 65535);
	is_int(stun_build_end(&builder, &len), ERR_FULL, "no message is beyond 16 bits");
	stun_build(&builder, room, sizeof room, STUN_DATA, STUN_INDICATION, id);
	stun_put(&builder, STUN_ATTR_DATA, value, 65508);
	ok(stun_build_end(&builder, &len) == OK && len == 65532, "the longest");
}

static void test_read_again(void)
{
	struct stun_hasher *hasher;
	struct stun_message message;
	size_t len;

	if (stun_hasher_create(&hasher) != OK)
		abort();
	start(sizeof bytes);
	stun_put_error(&builder, STUN_UNAUTHENTICATED, "Unauthenticated");
	stun_put_integrity(&builder, hasher, STUN_ATTR_MESSAGE_INTEGRITY, (const uint8_t *)"key",
	                   3);
	stun_put_integrity(&builder, hasher, STUN_ATTR_MESSAGE_INTEGRITY_SHA256,
	                   (const uint8_t *)"key", 3);
	stun_put_fingerprint(&builder);
	if (stun_build_end(&builder, &len) != OK)
		abort();
	is_int(stun_message_parse(bytes, len, &message), OK, "what was written is read");
	ok(!message.has_bad_attribute && !message.has_wrong_fingerprint, "as it should be");
	ok(stun_integrity_is_right(hasher, &message, STUN_ATTR_MESSAGE_INTEGRITY,
	                           (const uint8_t *)"key", 3) &&
	           stun_integrity_is_right(hasher, &message, STUN_ATTR_MESSAGE_INTEGRITY_SHA256,
	                                   (const uint8_t *)"key", 3),
	   "both checks are right");
	stun_hasher_destroy(hasher);
}

/* RFC 3489: 128 bits of transaction ID, the first of which stand where the cookie would. */
static void test_response(void)
{
	uint8_t request_bytes[STUN_HEADER_SIZE] = {0, 1, 0, 0, 0xDE, 0xAD, 0xBE, 0xEF, 1, 2};
	struct stun_message request, message;
	size_t len;

	is_int(stun_message_parse_rfc3489(request_bytes, sizeof request_bytes, &request), OK,
	       "a request of RFC 3489");
	stun_build_response(&builder, bytes, sizeof bytes, STUN_SUCCESS, &request);
	stun_put_padding(&builder, 5);
	is_int(stun_build_end(&builder, &len), OK, "has a response");
	is_int((int)len, STUN_HEADER_SIZE + 12, "with padding");
	is_bytes(bytes + 4, request_bytes + 4, 16, "and its own transaction ID");
	is_int(stun_message_parse_rfc3489(bytes, len, &message), OK, "it is read");
	ok(message.method == STUN_BINDING && message.class == STUN_SUCCESS, "as a response");
	is_bytes(bytes + STUN_HEADER_SIZE + 4, (const uint8_t[8]){0}, 8, "padding is zeros");
	stun_build_response(&builder, bytes, STUN_HEADER_SIZE - 1, STUN_SUCCESS, &request);
	is_int(stun_build_end(&builder, &len), ERR_FULL, "no room for a header");
}

int main(void)
{
	test_attributes();
	test_long_reason();
	test_room();
	test_longest();
	test_read_again();
	test_response();
	return tap_end();
}
