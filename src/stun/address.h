/* MAPPED-ADDRESS and XOR-MAPPED-ADDRESS (RFC 8489 sections 14.1 and 14.2), and the attributes of
 * RFC 8656 that share their form. */
#pragma once

#include "stun/message.h"

enum { STUN_ADDRESS_IPV4 = 0x01, STUN_ADDRESS_IPV6 = 0x02, STUN_ADDRESS_MAX = 20 };

/* Decodes a XOR-ed address. ERR_INVALID for a wrong length or an unknown family. */
MUST_CHECK enum err stun_xor_address_get(const uint8_t *value, size_t len,
                                         const uint8_t *transaction_id,
                                         struct transport_addr *addr);
/* Encodes into at most STUN_ADDRESS_MAX bytes and returns how many: 8 or 20. */
size_t stun_xor_address_put(uint8_t *value, const uint8_t *transaction_id,
                            const struct transport_addr *addr);
/* The same without XOR, for clients of RFC 3489 and ALTERNATE-SERVER. */
MUST_CHECK enum err stun_address_get(const uint8_t *value, size_t len, struct transport_addr *addr);
size_t stun_address_put(uint8_t *value, const struct transport_addr *addr);
