/* Writes a STUN message attribute by attribute; the code that uses it reads like the packet. A put
 * that does not fit marks the builder as overflowed and writes nothing; the end reports it. Padding
 * is zero: no byte of another client leaves with it. */
#pragma once

#include "stun/integrity.h"
#include "stun/message.h"

struct stun_builder {
	uint8_t *bytes; /* lent */
	size_t size, len;
	bool is_full;
};

void stun_build(struct stun_builder *builder, uint8_t *bytes, size_t size, enum stun_method method,
                enum stun_class class, const uint8_t transaction_id[STUN_TRANSACTION_ID_SIZE]);
/* Begins the response to a request: its method, its transaction ID, and where it is one of RFC 3489
 * no magic cookie. */
void stun_build_response(struct stun_builder *builder, uint8_t *bytes, size_t size,
                         enum stun_class class, const struct stun_message *request);

void stun_put(struct stun_builder *builder, enum stun_attribute attribute, const void *value,
              size_t len);
void stun_put_text(struct stun_builder *builder, enum stun_attribute attribute, const char *text);
void stun_put_u32(struct stun_builder *builder, enum stun_attribute attribute, uint32_t value);
void stun_put_xor_address(struct stun_builder *builder, enum stun_attribute attribute,
                          const struct transport_addr *addr);
void stun_put_address(struct stun_builder *builder, enum stun_attribute attribute,
                      const struct transport_addr *addr);
/* ERROR-CODE (RFC 8489 section 14.8); reason may be NULL or empty. */
void stun_put_error(struct stun_builder *builder, enum stun_error error, const char *reason);
/* ADDRESS-ERROR-CODE (RFC 8656 section 18.12); family is STUN_ADDRESS_IPV4 or _IPV6. */
void stun_put_address_error(struct stun_builder *builder, uint8_t family, enum stun_error error,
                            const char *reason);
void stun_put_unknown_attributes(struct stun_builder *builder, const uint16_t *types, unsigned n);
/* PASSWORD-ALGORITHMS with SHA-256, then MD5 (RFC 8489 section 14.11). */
void stun_put_password_algorithms(struct stun_builder *builder);
/* PADDING (RFC 5780 section 7.6): len zeros. */
void stun_put_padding(struct stun_builder *builder, size_t len);
/* ICMP (RFC 8656 section 18.13). data is four bytes of the ICMP header, such as the next-hop MTU. */
void stun_put_icmp(struct stun_builder *builder, uint8_t type, uint8_t code, const uint8_t data[4]);

/* Append MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 (32 bytes), FINGERPRINT over all before them,
 * in this order when several are wanted. */
void stun_put_integrity(struct stun_builder *builder, struct stun_hasher *hasher,
                        enum stun_attribute attribute, const uint8_t *key, size_t key_len);
void stun_put_fingerprint(struct stun_builder *builder);

/* Gives the length of the finished message; ERR_FULL when something did not fit. */
MUST_CHECK enum err stun_build_end(struct stun_builder *builder, size_t *len);
