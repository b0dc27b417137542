/* Address attributes:
 *
 *   |0 0 0 0 0 0 0 0|    Family     |         X-Port                |
 *   |                X-Address (32 or 128 bits)                     |
 *
 * X-Port is XOR-ed with the first half of the magic cookie, X-Address with the cookie and, when it
 * is longer, the transaction ID behind it: the header from its fifth byte on. */
#include "stun/address.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

enum { ADDRESS_OFFSET = 4, IPV4_LEN = 8, IPV6_LEN = 20, MASK_SIZE = 16 };

static void make_mask(const uint8_t *transaction_id, uint8_t mask[MASK_SIZE])
{
	put_u32(mask, STUN_MAGIC_COOKIE);
	memcpy(mask + 4, transaction_id, STUN_TRANSACTION_ID_SIZE);
}

static enum err get_masked(const uint8_t *value, size_t len, const uint8_t mask[MASK_SIZE],
                           struct transport_addr *addr)
{
	uint8_t ip[16];

	/* The first byte is for alignment and is not looked at (RFC 8489 section 14.1). */
	if (!(len == IPV4_LEN && value[1] == STUN_ADDRESS_IPV4) &&
	    !(len == IPV6_LEN && value[1] == STUN_ADDRESS_IPV6))
		return ERR_INVALID;
	for (size_t i = 0; i < len - ADDRESS_OFFSET; i++)
		ip[i] = value[ADDRESS_OFFSET + i] ^ mask[i];
	addr_init(addr, len == IPV6_LEN ? AF_INET6 : AF_INET, ip,
	          get_u16(value + 2) ^ get_u16(mask));
	return OK;
}

static size_t put_masked(uint8_t *value, const uint8_t mask[MASK_SIZE],
                         const struct transport_addr *addr)
{
	size_t len;
	const uint8_t *ip = addr_ip(addr, &len);

	value[0] = 0;
	value[1] = len == 16 ? STUN_ADDRESS_IPV6 : STUN_ADDRESS_IPV4;
	put_u16(value + 2, addr_port(addr) ^ get_u16(mask));
	for (size_t i = 0; i < len; i++)
		value[ADDRESS_OFFSET + i] = ip[i] ^ mask[i];
	return ADDRESS_OFFSET + len;
}

enum err stun_xor_address_get(const uint8_t *value, size_t len, const uint8_t *transaction_id,
                              struct transport_addr *addr)
{
	uint8_t mask[MASK_SIZE];

	make_mask(transaction_id, mask);
	return get_masked(value, len, mask, addr);
}

size_t stun_xor_address_put(uint8_t *value, const uint8_t *transaction_id,
                            const struct transport_addr *addr)
{
	uint8_t mask[MASK_SIZE];

	make_mask(transaction_id, mask);
	return put_masked(value, mask, addr);
}

static const uint8_t no_mask[MASK_SIZE];

enum err stun_address_get(const uint8_t *value, size_t len, struct transport_addr *addr)
{
	return get_masked(value, len, no_mask, addr);
}

size_t stun_address_put(uint8_t *value, const struct transport_addr *addr)
{
	return put_masked(value, no_mask, addr);
}
