/* Messages in words, attribute after attribute as they lie on the wire. */
#include "stun/dump.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/bytes.h"
#include "stun/address.h"
#include "stun/integrity.h"
#include "stun/walk.h"

struct text {
	char *start;
	size_t size, len;
};

typedef void print_value_fn(struct text *text, const struct stun_message *message,
                            const struct stun_wire_attribute *attribute);

static print_value_fn print_text, print_number, print_octet, print_xor_address, print_address,
	print_family, print_channel, print_error, print_address_error, print_size, print_icmp,
	print_types, print_algorithms, print_hex;

/* What has no row shows its name alone: checks, tokens, flags. */
static print_value_fn *const printers[STUN_ATTR_COUNT] = {
	[STUN_ATTR_MAPPED_ADDRESS] = print_address,
	[STUN_ATTR_CHANGE_REQUEST] = print_number,
	[STUN_ATTR_SOURCE_ADDRESS] = print_address,
	[STUN_ATTR_CHANGED_ADDRESS] = print_address,
	[STUN_ATTR_USERNAME] = print_text,
	[STUN_ATTR_ERROR_CODE] = print_error,
	[STUN_ATTR_UNKNOWN_ATTRIBUTES] = print_types,
	[STUN_ATTR_CHANNEL_NUMBER] = print_channel,
	[STUN_ATTR_LIFETIME] = print_number,
	[STUN_ATTR_XOR_PEER_ADDRESS] = print_xor_address,
	[STUN_ATTR_DATA] = print_size,
	[STUN_ATTR_REALM] = print_text,
	[STUN_ATTR_NONCE] = print_text,
	[STUN_ATTR_XOR_RELAYED_ADDRESS] = print_xor_address,
	[STUN_ATTR_REQUESTED_ADDRESS_FAMILY] = print_family,
	[STUN_ATTR_EVEN_PORT] = print_octet,
	[STUN_ATTR_REQUESTED_TRANSPORT] = print_octet,
	[STUN_ATTR_PASSWORD_ALGORITHM] = print_algorithms,
	[STUN_ATTR_USERHASH] = print_hex,
	[STUN_ATTR_XOR_MAPPED_ADDRESS] = print_xor_address,
	[STUN_ATTR_PADDING] = print_size,
	[STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY] = print_family,
	[STUN_ATTR_ADDRESS_ERROR_CODE] = print_address_error,
	[STUN_ATTR_PASSWORD_ALGORITHMS] = print_algorithms,
	[STUN_ATTR_ALTERNATE_DOMAIN] = print_text,
	[STUN_ATTR_ICMP] = print_icmp,
	[STUN_ATTR_BANDWIDTH] = print_number,
	[STUN_ATTR_SOFTWARE] = print_text,
	[STUN_ATTR_ALTERNATE_SERVER] = print_address,
	[STUN_ATTR_RESPONSE_ORIGIN] = print_address,
	[STUN_ATTR_OTHER_ADDRESS] = print_address,
	[STUN_ATTR_THIRD_PARTY_AUTHORIZATION] = print_text,
	[STUN_ATTR_ORIGIN] = print_text,
};

static void print(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
static void print_bytes(struct text *text, const uint8_t *bytes, size_t len);
static void print_attribute(struct text *text, const struct stun_message *message,
                            const struct stun_wire_attribute *attribute);

const char *stun_dump(const struct stun_message *message, char *text, size_t size)
{
	static const char *const classes[] = {"request", "indication", "success response",
	                                      "error response"};
	struct text out = {text, size, 0};
	struct stun_wire_attribute attribute;
	size_t offset = STUN_HEADER_SIZE;

	print(&out, "%s %s", stun_method_name(message->method), classes[message->class]);
	while (offset < message->len &&
	       stun_walk(message->bytes, message->len, &offset, &attribute))
		print_attribute(&out, message, &attribute);
	return text;
}

static void print_attribute(struct text *text, const struct stun_message *message,
                            const struct stun_wire_attribute *attribute)
{
	if (attribute->row == STUN_ATTR_COUNT) {
		print(text, ", 0x%04x %u bytes", attribute->type, attribute->len);
		return;
	}
	print(text, ", %s", stun_attribute_name(attribute->row));
	if (printers[attribute->row] == NULL || attribute->len == 0)
		return;
	print(text, " ");
	printers[attribute->row](text, message, attribute);
}

/* Cuts what does not fit and keeps the end of the string. */
static void print(struct text *text, const char *format, ...)
{
	size_t room = text->size - text->len;
	va_list args;

	if (room == 0)
		return;
	va_start(args, format);
	int len = vsnprintf(text->start + text->len, room, format, args);
	va_end(args);
	if (len > 0)
		text->len += (size_t)len < room ? (size_t)len : room - 1;
}

static void print_text(struct text *text, const struct stun_message *message,
                       const struct stun_wire_attribute *attribute)
{
	(void)message;
	print_bytes(text, attribute->value, attribute->len);
}

static void print_bytes(struct text *text, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		print(text, bytes[i] < 0x20 || bytes[i] == 0x7F ? "\\x%02x" : "%c", bytes[i]);
}

static void print_hex(struct text *text, const struct stun_message *message,
                      const struct stun_wire_attribute *attribute)
{
	(void)message;
	for (size_t i = 0; i < attribute->len; i++)
		print(text, "%02x", attribute->value[i]);
}

/* Values of a wrong length are shown too: a dump is read when something is wrong. */
static bool is_short(struct text *text, const struct stun_wire_attribute *attribute, size_t needed)
{
	if (attribute->len >= needed)
		return false;
	print(text, "of %u bytes", attribute->len);
	return true;
}

static void print_number(struct text *text, const struct stun_message *message,
                         const struct stun_wire_attribute *attribute)
{
	(void)message;
	if (!is_short(text, attribute, 4))
		print(text, "%u", (unsigned)get_u32(attribute->value));
}

static void print_octet(struct text *text, const struct stun_message *message,
                        const struct stun_wire_attribute *attribute)
{
	(void)message;
	print(text, "%u", attribute->value[0]);
}

static void print_channel(struct text *text, const struct stun_message *message,
                          const struct stun_wire_attribute *attribute)
{
	(void)message;
	if (!is_short(text, attribute, 2))
		print(text, "0x%04x", get_u16(attribute->value));
}

static void print_family_octet(struct text *text, uint8_t family)
{
	if (family == STUN_ADDRESS_IPV4 || family == STUN_ADDRESS_IPV6)
		print(text, "%s", family == STUN_ADDRESS_IPV4 ? "IPv4" : "IPv6");
	else
		print(text, "0x%02x", family);
}

static void print_family(struct text *text, const struct stun_message *message,
                         const struct stun_wire_attribute *attribute)
{
	(void)message;
	print_family_octet(text, attribute->value[0]);
}

static void print_decoded(struct text *text, enum err err, const struct transport_addr *addr)
{
	char addr_text[ADDR_TEXT_SIZE];

	print(text, "%s", err == OK ? addr_format(addr, addr_text) : err_string(err));
}

static void print_xor_address(struct text *text, const struct stun_message *message,
                              const struct stun_wire_attribute *attribute)
{
	struct transport_addr addr;
	enum err err = stun_xor_address_get(attribute->value, attribute->len,
	                                    stun_transaction_id(message), &addr);

	print_decoded(text, err, &addr);
}

static void print_address(struct text *text, const struct stun_message *message,
                          const struct stun_wire_attribute *attribute)
{
	struct transport_addr addr;
	enum err err = stun_address_get(attribute->value, attribute->len, &addr);

	(void)message;
	print_decoded(text, err, &addr);
}

static void print_error(struct text *text, const struct stun_message *message,
                        const struct stun_wire_attribute *attribute)
{
	(void)message;
	if (is_short(text, attribute, 4))
		return;
	print(text, "%u", (attribute->value[2] & 7) * 100 + attribute->value[3]);
	if (attribute->len > 4)
		print(text, " ");
	print_bytes(text, attribute->value + 4, attribute->len - 4u);
}

static void print_address_error(struct text *text, const struct stun_message *message,
                                const struct stun_wire_attribute *attribute)
{
	print_family_octet(text, attribute->value[0]);
	print(text, " ");
	print_error(text, message, attribute);
}

static void print_size(struct text *text, const struct stun_message *message,
                       const struct stun_wire_attribute *attribute)
{
	(void)message;
	print(text, "%u bytes", attribute->len);
}

static void print_icmp(struct text *text, const struct stun_message *message,
                       const struct stun_wire_attribute *attribute)
{
	(void)message;
	if (is_short(text, attribute, 8))
		return;
	/* Seven bits of type, nine of code: RFC 8656 section 18.13. */
	unsigned type_and_code = get_u16(attribute->value + 2);
	print(text, "type %u code %u data %u", type_and_code >> 9, type_and_code & 0x1FF,
	      (unsigned)get_u32(attribute->value + 4));
}

static void print_types(struct text *text, const struct stun_message *message,
                        const struct stun_wire_attribute *attribute)
{
	(void)message;
	for (size_t i = 0; i + 2 <= attribute->len; i += 2)
		print(text, "%s0x%04x", i == 0 ? "" : " ", get_u16(attribute->value + i));
}

/* Algorithm, length of its parameters, parameters and their padding: RFC 8489 section 14.11. */
static void print_algorithms(struct text *text, const struct stun_message *message,
                             const struct stun_wire_attribute *attribute)
{
	(void)message;
	for (size_t i = 0; i + 4 <= attribute->len;
	     i += 4 + stun_padded(get_u16(attribute->value + i + 2))) {
		unsigned algorithm = get_u16(attribute->value + i);

		print(text, i == 0 ? "" : " ");
		if (algorithm == STUN_PASSWORD_MD5 || algorithm == STUN_PASSWORD_SHA256)
			print(text, "%s", algorithm == STUN_PASSWORD_MD5 ? "MD5" : "SHA-256");
		else
			print(text, "0x%04x", algorithm);
	}
}
