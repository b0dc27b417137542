/* Messages in words. */
#include "tap.h"

#include <stdlib.h>

#include "stun/address.h"
#include "stun/builder.h"
#include "stun/dump.h"

static const uint8_t id[STUN_TRANSACTION_ID_SIZE] = "transaction!";
static uint8_t bytes[2048];
static struct stun_builder builder;

static void start(enum stun_method method, enum stun_class class)
{
	stun_build(&builder, bytes, sizeof bytes, method, class, id);
}

static const char *dump(size_t size)
{
	static char text[2048];
	struct stun_message message;
	size_t len;

	memset(text, '~', sizeof text);
	if (stun_build_end(&builder, &len) != OK || stun_message_parse(bytes, len, &message) != OK)
		abort();
	stun_dump(&message, text, size);
	ok(size == sizeof text || text[size] == '~', "no byte beyond %zu", size);
	return text;
}

static void check(const char *want)
{
	is_text(dump(2048), want, "%s", want);
}

static void test_requests(void)
{
	start(STUN_ALLOCATE, STUN_REQUEST);
	stun_put(&builder, STUN_ATTR_REQUESTED_TRANSPORT, "\x11\0\0", 4);
	stun_put_text(&builder, STUN_ATTR_USERNAME, "anna");
	check("Allocate request, REQUESTED-TRANSPORT 17, USERNAME anna");
	start(STUN_ALLOCATE, STUN_REQUEST);
	stun_put(&builder, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, "\x02\0\0", 4);
	stun_put(&builder, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY, "\x09\0\0", 4);
	stun_put(&builder, STUN_ATTR_EVEN_PORT, "\x80", 1);
	stun_put(&builder, STUN_ATTR_DONT_FRAGMENT, NULL, 0);
	stun_put_text(&builder, STUN_ATTR_USERNAME, "a\nb\x7f");
	stun_put(&builder, STUN_ATTR_PASSWORD_ALGORITHM, "\0\2\0", 4);
	stun_put_password_algorithms(&builder);
	check("Allocate request, REQUESTED-ADDRESS-FAMILY IPv6, ADDITIONAL-ADDRESS-FAMILY 0x09, "
	      "EVEN-PORT 128, DONT-FRAGMENT, USERNAME a\\x0ab\\x7f, PASSWORD-ALGORITHM SHA-256, "
	      "PASSWORD-ALGORITHMS SHA-256 MD5");
	start((enum stun_method)0x7F, STUN_INDICATION);
	stun_put(&builder, STUN_ATTR_DATA, "secret", 6);
	check("unknown indication, DATA 6 bytes");
}

static void test_responses(void)
{
	struct transport_addr v4, v6;

	if (addr_parse("192.0.2.1:1", 0, &v4) != OK || addr_parse("[2001:db8::1]:2", 0, &v6) != OK)
		abort();
	start(STUN_ALLOCATE, STUN_SUCCESS);
	stun_put_xor_address(&builder, STUN_ATTR_XOR_RELAYED_ADDRESS, &v4);
	stun_put_xor_address(&builder, STUN_ATTR_XOR_RELAYED_ADDRESS, &v6);
	stun_put_address(&builder, STUN_ATTR_MAPPED_ADDRESS, &v6);
	stun_put_u32(&builder, STUN_ATTR_LIFETIME, 600);
	stun_put_u32(&builder, STUN_ATTR_CHANNEL_NUMBER, 0x40000000);
	stun_put(&builder, STUN_ATTR_RESERVATION_TOKEN, "password", 8);
	check("Allocate success response, XOR-RELAYED-ADDRESS 192.0.2.1:1, "
	      "XOR-RELAYED-ADDRESS [2001:db8::1]:2, MAPPED-ADDRESS [2001:db8::1]:2, LIFETIME 600, "
	      "CHANNEL-NUMBER 0x4000, RESERVATION-TOKEN");
	start(STUN_REFRESH, STUN_ERROR_RESPONSE);
	stun_put_error(&builder, STUN_STALE_NONCE, "Stale Nonce");
	stun_put_address_error(&builder, STUN_ADDRESS_IPV6, STUN_INSUFFICIENT_CAPACITY, NULL);
	stun_put_unknown_attributes(&builder, (const uint16_t[]){0x31, 0x7FFF}, 2);
	stun_put_icmp(&builder, 3, 4, (const uint8_t[]){0, 0, 5, 0});
	check("Refresh error response, ERROR-CODE 438 Stale Nonce, ADDRESS-ERROR-CODE IPv6 508, "
	      "UNKNOWN-ATTRIBUTES 0x0031 0x7fff, ICMP type 3 code 4 data 1280");
}

/* Keys and MACs stay out; what is short or unknown is told. */
static void test_checks_and_odds(void)
{
	struct stun_hasher *hasher;

	if (stun_hasher_create(&hasher) != OK)
		abort();
	start(STUN_CHANNEL_BIND, STUN_REQUEST);
	stun_put(&builder, STUN_ATTR_CHANNEL_NUMBER, "x", 1);
	stun_put(&builder, STUN_ATTR_LIFETIME, "x", 1);
	stun_put(&builder, STUN_ATTR_XOR_PEER_ADDRESS, "xxx", 3);
	stun_put(&builder, STUN_ATTR_ERROR_CODE, "xx", 2);
	stun_put(&builder, STUN_ATTR_ICMP, "xx", 2);
	stun_put(&builder, STUN_ATTR_EVEN_PORT, "", 0);
	stun_put(&builder, STUN_ATTR_PASSWORD_ALGORITHM, "\0\7\xFF\xFF", 4);
	stun_put(&builder, STUN_ATTR_DATA, "", 0);
	bytes[builder.len - 4] = 0x77;
	stun_put_integrity(&builder, hasher, STUN_ATTR_MESSAGE_INTEGRITY, bytes, 3);
	stun_put_fingerprint(&builder);
	check("ChannelBind request, CHANNEL-NUMBER of 1 bytes, LIFETIME of 1 bytes, "
	      "XOR-PEER-ADDRESS not valid, ERROR-CODE of 2 bytes, ICMP of 2 bytes, EVEN-PORT, "
	      "PASSWORD-ALGORITHM 0x0007, 0x7713 0 bytes, MESSAGE-INTEGRITY, FINGERPRINT");
	stun_hasher_destroy(hasher);
}

static void test_room(void)
{
	start(STUN_ALLOCATE, STUN_REQUEST);
	stun_put_text(&builder, STUN_ATTR_USERNAME, "anna");
	is_text(dump(20), "Allocate request, U", "cut where room ends");
	is_text(dump(32), "Allocate request, USERNAME anna", "just enough");
	is_text(dump(1), "", "room for the end alone");
	is_int(dump(0)[0], '~', "no room");
}

int main(void)
{
	test_requests();
	test_responses();
	test_checks_and_odds();
	test_room();
	return tap_end();
}
