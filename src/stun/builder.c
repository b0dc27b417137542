/* Writing a message. The length in the header is right after every attribute, which is what the
 * checks at its end are computed over. */
#include "stun/builder.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "stun/address.h"
#include "stun/walk.h"

enum { REASON_MAX = 763 - 8, ERROR_CODE_SIZE = 4, ICMP_SIZE = 8 };

static uint8_t *append(struct stun_builder *builder, enum stun_attribute attribute, size_t len);
static void put_error(struct stun_builder *builder, enum stun_attribute attribute, uint8_t family,
                      enum stun_error error, const char *reason);
static uint16_t message_type(enum stun_method method, enum stun_class class);

void stun_build(struct stun_builder *builder, uint8_t *bytes, size_t size, enum stun_method method,
                enum stun_class class, const uint8_t transaction_id[STUN_TRANSACTION_ID_SIZE])
{
	*builder = (struct stun_builder){.bytes = bytes, .size = size};
	if (size < STUN_HEADER_SIZE) {
		builder->is_full = true;
		return;
	}
	put_u16(bytes, message_type(method, class));
	put_u16(bytes + 2, 0);
	put_u32(bytes + 4, STUN_MAGIC_COOKIE);
	memcpy(bytes + 8, transaction_id, STUN_TRANSACTION_ID_SIZE);
	builder->len = STUN_HEADER_SIZE;
}

void stun_build_response(struct stun_builder *builder, uint8_t *bytes, size_t size,
                         enum stun_class class, const struct stun_message *request)
{
	stun_build(builder, bytes, size, request->method, class, stun_transaction_id(request));
	if (!builder->is_full)
		memcpy(bytes + 4, request->bytes + 4, 4);
}

void stun_put(struct stun_builder *builder, enum stun_attribute attribute, const void *value,
              size_t len)
{
	uint8_t *place = append(builder, attribute, len);

	if (place != NULL && len > 0)
		memcpy(place, value, len);
}

void stun_put_text(struct stun_builder *builder, enum stun_attribute attribute, const char *text)
{
	stun_put(builder, attribute, text, strlen(text));
}

void stun_put_u32(struct stun_builder *builder, enum stun_attribute attribute, uint32_t value)
{
	uint8_t bytes[4];

	put_u32(bytes, value);
	stun_put(builder, attribute, bytes, sizeof bytes);
}

void stun_put_xor_address(struct stun_builder *builder, enum stun_attribute attribute,
                          const struct transport_addr *addr)
{
	uint8_t value[STUN_ADDRESS_MAX];

	if (builder->is_full) /* there may be no transaction ID either */
		return;
	stun_put(builder, attribute, value, stun_xor_address_put(value, builder->bytes + 8, addr));
}

void stun_put_address(struct stun_builder *builder, enum stun_attribute attribute,
                      const struct transport_addr *addr)
{
	uint8_t value[STUN_ADDRESS_MAX];

	stun_put(builder, attribute, value, stun_address_put(value, addr));
}

void stun_put_error(struct stun_builder *builder, enum stun_error error, const char *reason)
{
	put_error(builder, STUN_ATTR_ERROR_CODE, 0, error, reason);
}

void stun_put_address_error(struct stun_builder *builder, uint8_t family, enum stun_error error,
                            const char *reason)
{
	put_error(builder, STUN_ATTR_ADDRESS_ERROR_CODE, family, error, reason);
}

/*   |    Family     |    Reserved             |Class|     Number    |
 *   |      Reason Phrase (variable)                                 |
 *
 * ERROR-CODE has no family and zero in its place. */
static void put_error(struct stun_builder *builder, enum stun_attribute attribute, uint8_t family,
                      enum stun_error error, const char *reason)
{
	size_t reason_len = reason == NULL ? 0 : strnlen(reason, REASON_MAX);
	uint8_t *value = append(builder, attribute, ERROR_CODE_SIZE + reason_len);

	if (value == NULL)
		return;
	value[0] = family;
	value[1] = 0;
	value[2] = (uint8_t)(error / 100);
	value[3] = (uint8_t)(error % 100);
	if (reason_len > 0)
		memcpy(value + ERROR_CODE_SIZE, reason, reason_len);
}

void stun_put_unknown_attributes(struct stun_builder *builder, const uint16_t *types, unsigned n)
{
	uint8_t *value = append(builder, STUN_ATTR_UNKNOWN_ATTRIBUTES, 2 * (size_t)n);

	for (unsigned i = 0; value != NULL && i < n; i++)
		put_u16(value + 2 * i, types[i]);
}

void stun_put_password_algorithms(struct stun_builder *builder)
{
	/* The algorithm and the length of its parameters, of which neither has any. */
	static const uint8_t algorithms[] = {0, STUN_PASSWORD_SHA256, 0, 0,
	                                     0, STUN_PASSWORD_MD5,    0, 0};

	stun_put(builder, STUN_ATTR_PASSWORD_ALGORITHMS, algorithms, sizeof algorithms);
}

void stun_put_padding(struct stun_builder *builder, size_t len)
{
	uint8_t *value = append(builder, STUN_ATTR_PADDING, len);

	if (value != NULL)
		memset(value, 0, len);
}

/* RFC 8656 section 18.13 gives the type seven bits and the code nine:
 *
 *   |  Reserved                     |  ICMP Type  |  ICMP Code      |
 *   |                          Error Data                           |
 *
 * The types of errors are small enough in both families. */
void stun_put_icmp(struct stun_builder *builder, uint8_t type, uint8_t code, const uint8_t data[4])
{
	uint8_t *value = append(builder, STUN_ATTR_ICMP, ICMP_SIZE);

	if (value == NULL)
		return;
	put_u16(value, 0);
	put_u16(value + 2, (uint16_t)((type & 0x7F) << 9 | code));
	memcpy(value + 4, data, 4);
}

void stun_put_integrity(struct stun_builder *builder, struct stun_hasher *hasher,
                        enum stun_attribute attribute, const uint8_t *key, size_t key_len)
{
	bool is_sha256 = attribute == STUN_ATTR_MESSAGE_INTEGRITY_SHA256;
	size_t covered = builder->len;

	assert(is_sha256 || attribute == STUN_ATTR_MESSAGE_INTEGRITY);
	uint8_t *mac = append(builder, attribute, is_sha256 ? STUN_SHA256_SIZE : STUN_SHA1_SIZE);
	if (mac == NULL)
		return;
	if (is_sha256)
		stun_hmac_sha256(hasher, key, key_len, builder->bytes, covered, mac);
	else
		stun_hmac_sha1(hasher, key, key_len, builder->bytes, covered, mac);
}

void stun_put_fingerprint(struct stun_builder *builder)
{
	size_t covered = builder->len;
	uint8_t *value = append(builder, STUN_ATTR_FINGERPRINT, 4);

	if (value != NULL)
		put_u32(value, stun_fingerprint(builder->bytes, covered));
}

enum err stun_build_end(struct stun_builder *builder, size_t *len)
{
	if (builder->is_full)
		return ERR_FULL;
	*len = builder->len;
	return OK;
}

/* Adds an attribute's header and padding and returns the room for its value; NULL when the attribute
 * does not fit, or an earlier one did not. */
static uint8_t *append(struct stun_builder *builder, enum stun_attribute attribute, size_t len)
{
	size_t greatest = builder->size < UINT16_MAX ? builder->size : UINT16_MAX;
	size_t whole = STUN_ATTRIBUTE_HEADER_SIZE + stun_padded(len);

	if (builder->is_full || len > UINT16_MAX || whole > greatest - builder->len) {
		builder->is_full = true;
		return NULL;
	}
	uint8_t *header = builder->bytes + builder->len;
	put_u16(header, stun_attribute_type(attribute));
	put_u16(header + 2, (uint16_t)len);
	memset(header + STUN_ATTRIBUTE_HEADER_SIZE + len, 0, stun_padded(len) - len);
	builder->len += whole;
	put_u16(builder->bytes + 2, (uint16_t)(builder->len - STUN_HEADER_SIZE));
	return header + STUN_ATTRIBUTE_HEADER_SIZE;
}

/* RFC 8489 section 5: the class bits stand at 4 and 8, those of the method around them. */
static uint16_t message_type(enum stun_method method, enum stun_class class)
{
	unsigned m = method, c = class;

	return (uint16_t)((m & 0x00F) | (m & 0x070) << 1 | (m & 0xF80) << 2 | (c & 1) << 4 |
	                  (c & 2) << 7);
}
