/* Transport addresses: text, comparison, hashing, and IPv4 addresses that hide in IPv6 ones. What is
 * allowed to which address is decided elsewhere. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_ip(const char *text, size_t len, struct transport_addr *addr);
static bool parse_number(const char *text, unsigned long greatest, unsigned long *number);
static enum err parse_host_port(const char *host, size_t host_len, const char *port,
                                struct transport_addr *addr);

enum err addr_parse(const char *text, uint16_t default_port, struct transport_addr *addr)
{
	const char *colon = strchr(text, ':');

	if (text[0] == '[') {
		const char *bracket = strchr(text, ']');
		if (bracket == NULL || memchr(text, ':', (size_t)(bracket - text)) == NULL)
			return ERR_INVALID;
		if (bracket[1] != '\0' && bracket[1] != ':')
			return ERR_INVALID;
		addr_init(addr, AF_INET6, &in6addr_any, default_port);
		return parse_host_port(text + 1, (size_t)(bracket - text - 1),
		                       bracket[1] ? bracket + 2 : NULL, addr);
	}
	addr_init(addr, AF_INET, &(struct in_addr){0}, default_port);
	if (colon != NULL && strchr(colon + 1, ':') == NULL)
		return parse_host_port(text, (size_t)(colon - text), colon + 1, addr);
	return parse_host_port(text, strlen(text), NULL, addr);
}

/* addr holds the port to use when none is given. */
static enum err parse_host_port(const char *host, size_t host_len, const char *port,
                                struct transport_addr *addr)
{
	unsigned long number = addr_port(addr);

	if (port != NULL && !parse_number(port, UINT16_MAX, &number))
		return ERR_INVALID;
	if (!parse_ip(host, host_len, addr))
		return ERR_INVALID;
	addr_set_port(addr, (uint16_t)number);
	return OK;
}

static bool parse_ip(const char *text, size_t len, struct transport_addr *addr)
{
	char host[ADDR_TEXT_SIZE];
	uint8_t ip[16];

	if (len >= sizeof host)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(AF_INET, host, ip) == 1)
		addr_init(addr, AF_INET, ip, 0);
	else if (inet_pton(AF_INET6, host, ip) == 1)
		addr_init(addr, AF_INET6, ip, 0);
	else
		return false;
	return true;
}

/* Digits alone: strtoul takes signs and spaces too. */
static bool parse_number(const char *text, unsigned long greatest, unsigned long *number)
{
	size_t len = strlen(text);

	if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
		return false;
	*number = strtoul(text, NULL, 10);
	return *number <= greatest;
}

const char *addr_format(const struct transport_addr *addr, char text[ADDR_TEXT_SIZE])
{
	char ip[ADDR_TEXT_SIZE];

	addr_format_ip(addr, ip);
	snprintf(text, ADDR_TEXT_SIZE, addr_family(addr) == AF_INET6 ? "[%.45s]:%u" : "%.45s:%u",
	         ip, (unsigned)addr_port(addr));
	return text;
}

const char *addr_format_ip(const struct transport_addr *addr, char text[ADDR_TEXT_SIZE])
{
	size_t len;
	const uint8_t *ip = addr_ip(addr, &len);

	/* Cannot fail: the family is one of two and the room suffices. */
	inet_ntop(len == 16 ? AF_INET6 : AF_INET, ip, text, ADDR_TEXT_SIZE);
	return text;
}

void addr_init(struct transport_addr *addr, int family, const void *ip, uint16_t port)
{
	memset(addr, 0, sizeof *addr);
	if (family == AF_INET6) {
		addr->v6.sin6_family = AF_INET6;
		memcpy(&addr->v6.sin6_addr, ip, 16);
	} else {
		addr->v4.sin_family = AF_INET;
		memcpy(&addr->v4.sin_addr, ip, 4);
	}
	addr_set_port(addr, port);
}

const uint8_t *addr_ip(const struct transport_addr *addr, size_t *len)
{
	if (addr_family(addr) == AF_INET6) {
		*len = 16;
		return addr->v6.sin6_addr.s6_addr;
	}
	*len = 4;
	return (const uint8_t *)&addr->v4.sin_addr;
}

bool addr_equal(const struct transport_addr *a, const struct transport_addr *b)
{
	return a->v4.sin_port == b->v4.sin_port && addr_equal_ip(a, b);
}

bool addr_equal_ip(const struct transport_addr *a, const struct transport_addr *b)
{
	if (addr_family(a) != addr_family(b))
		return false;
	if (addr_family(a) == AF_INET6)
		return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, 16) == 0;
	return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

bool addr_is_any(const struct transport_addr *addr)
{
	static const uint8_t any[16];
	size_t len;
	const uint8_t *ip = addr_ip(addr, &len);

	return memcmp(ip, any, len) == 0;
}

bool addr_is_loopback(const struct transport_addr *addr)
{
	size_t len;
	const uint8_t *ip = addr_ip(addr, &len);

	if (len == 4)
		return ip[0] == 127;
	return memcmp(ip, &in6addr_loopback, 16) == 0;
}

bool five_tuple_equal(const struct five_tuple *a, const struct five_tuple *b)
{
	return a->transport == b->transport && addr_equal(&a->client, &b->client) &&
	       addr_equal(&a->server, &b->server);
}

/* Odd numbers without structure: the fractional bits of the golden ratio, of e and of pi. */
#define MIX_A UINT64_C(0x9E3779B97F4A7C15)
#define MIX_B UINT64_C(0xB7E151628AED2A6B)
#define MIX_C UINT64_C(0x243F6A8885A308D3)

/* Folds the 128-bit product of two numbers: each bit of the result hangs on most bits of both. */
static uint64_t mix(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
#else /* 32-bit processors: schoolbook multiplication */
	uint64_t low = (a & UINT32_MAX) * (b & UINT32_MAX), high = (a >> 32) * (b >> 32);
	uint64_t cross = (a >> 32) * (b & UINT32_MAX) + (low >> 32);
	uint64_t other = (a & UINT32_MAX) * (b >> 32) + (cross & UINT32_MAX);

	return (a * b) ^ (high + (cross >> 32) + (other >> 32));
#endif
}

/* The seed goes into both factors: a stranger who could make one of them zero would choose the
 * hash. */
static uint64_t hash_ip_port(const struct transport_addr *addr, uint64_t port, uint64_t seed)
{
	uint64_t other = (seed << 32 | seed >> 32) ^ MIX_B, words[2] = {0, port};

	if (addr_family(addr) == AF_INET6) {
		memcpy(words, &addr->v6.sin6_addr, 16);
		words[0] = mix(words[0] ^ seed ^ MIX_A, words[1] ^ other);
		words[1] = port;
	} else {
		words[0] = addr->v4.sin_addr.s_addr;
	}
	words[0] = mix(words[0] ^ seed ^ MIX_C, (words[1] << 32 | words[1]) ^ other);
	return mix(words[0] ^ seed, MIX_A);
}

uint64_t addr_hash(const struct transport_addr *addr, uint64_t seed)
{
	return hash_ip_port(addr, addr->v4.sin_port, seed);
}

uint64_t addr_hash_ip(const struct transport_addr *addr, uint64_t seed)
{
	return hash_ip_port(addr, 0, seed);
}

uint64_t five_tuple_hash(const struct five_tuple *tuple, uint64_t seed)
{
	uint64_t client = addr_hash(&tuple->client, seed + tuple->transport);

	return addr_hash(&tuple->server, client);
}

/* The forms whose place in the address is fixed: bytes at from equal to prefix, and the IPv4 address
 * at offset. */
struct embedding {
	uint8_t from, prefix_len, offset;
	bool is_inverted;
	uint8_t prefix[12];
};

static const struct embedding embeddings[] = {
	{0, 12, 12, false, {[10] = 0xFF, 0xFF}},         /* mapped, RFC 4291 section 2.5.5.2 */
	{0, 12, 12, false, {0}},                         /* compatible, RFC 4291 section 2.5.5.1 */
	{0, 2, 2, false, {0x20, 0x02}},                  /* 6to4, RFC 3056 section 2 */
	{0, 4, 12, true, {0x20, 0x01}},                  /* Teredo, RFC 4380 section 4 */
	{0, 12, 12, false, {0x00, 0x64, 0xFF, 0x9B}},    /* NAT64, RFC 6052 section 2.1 */
	{0, 12, 12, false, {0, 0x64, 0xFF, 0x9B, 0, 1}}, /* 64:ff9b:1::/96 of the row below */
	{8, 4, 12, false, {0x00, 0x00, 0x5E, 0xFE}},     /* ISATAP, RFC 5214 section 6.1 */
	{8, 4, 12, false, {0x02, 0x00, 0x5E, 0xFE}},     /* the same, address globally unique */
};

/* NAT64 for local use, RFC 8215. */
static const struct nat64_prefix nat64_local = {{0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01}, 48};

static bool find_embedded(const uint8_t *ip, uint8_t v4[4]);
static bool find_nat64(const uint8_t *ip, const struct nat64_prefix *prefix, uint8_t v4[4]);

bool addr_normalise(struct transport_addr *addr, const struct nat64_prefix *prefixes, size_t n)
{
	const uint8_t *ip = addr->v6.sin6_addr.s6_addr;
	bool is_found = false;
	uint8_t v4[4];

	if (addr_family(addr) != AF_INET6)
		return false;
	if (addr_is_any(addr) || addr_is_loopback(addr))
		return false;
	/* The operator's prefixes first: they know the layout of what is inside 64:ff9b:1::/48. */
	for (size_t i = 0; i < n && !is_found; i++)
		is_found = find_nat64(ip, &prefixes[i], v4);
	if (!is_found && !find_embedded(ip, v4) && !find_nat64(ip, &nat64_local, v4))
		return false;
	addr_init(addr, AF_INET, v4, addr_port(addr));
	return true;
}

static bool find_embedded(const uint8_t *ip, uint8_t v4[4])
{
	for (size_t i = 0; i < sizeof embeddings / sizeof *embeddings; i++) {
		const struct embedding *row = &embeddings[i];

		if (memcmp(ip + row->from, row->prefix, row->prefix_len) != 0)
			continue;
		for (unsigned j = 0; j < 4; j++)
			v4[j] = ip[row->offset + j] ^ (row->is_inverted ? 0xFF : 0);
		return true;
	}
	return false;
}

/* RFC 6052 section 2.2: the address follows the prefix and leaves out octet 8, whatever is in it: a
 * translator may not look at it either. */
static bool find_nat64(const uint8_t *ip, const struct nat64_prefix *prefix, uint8_t v4[4])
{
	unsigned at = prefix->bits / 8;

	if (memcmp(ip, prefix->bytes, at) != 0)
		return false;
	for (unsigned i = 0; i < 4; i++, at++) {
		if (at == 8)
			at++;
		v4[i] = ip[at];
	}
	return true;
}

enum err nat64_prefix_parse(const char *text, struct nat64_prefix *prefix)
{
	static const uint8_t zero[16];
	const char *slash = strchr(text, '/');
	struct transport_addr addr;
	unsigned long bits;

	if (slash == NULL || !parse_ip(text, (size_t)(slash - text), &addr) ||
	    addr_family(&addr) != AF_INET6 || !parse_number(slash + 1, 96, &bits))
		return ERR_INVALID;
	if (bits != 32 && bits != 40 && bits != 48 && bits != 56 && bits != 64 && bits != 96)
		return ERR_INVALID;
	const uint8_t *ip = addr.v6.sin6_addr.s6_addr;
	/* RFC 6052 section 2.2: bits 64 to 71 are zero in every form. */
	if (memcmp(ip + bits / 8, zero, 16 - bits / 8) != 0 || ip[8] != 0)
		return ERR_INVALID;
	memcpy(prefix->bytes, ip, sizeof prefix->bytes);
	prefix->bits = (uint8_t)bits;
	return OK;
}

static enum err parse_network(const char *text, size_t ip_len, struct addr_range *range);
static enum err parse_ends(const char *text, const char *dash, struct addr_range *range);
static int compare_ip(const struct transport_addr *a, const struct transport_addr *b);

enum err addr_range_parse(const char *text, struct addr_range *range)
{
	const char *slash = strchr(text, '/'), *dash = strchr(text, '-');

	if (slash != NULL)
		return parse_network(text, (size_t)(slash - text), range);
	if (dash != NULL)
		return parse_ends(text, dash, range);
	if (!parse_ip(text, strlen(text), &range->low))
		return ERR_INVALID;
	range->high = range->low;
	return OK;
}

static enum err parse_network(const char *text, size_t ip_len, struct addr_range *range)
{
	unsigned long bits;
	uint8_t high[16];
	size_t len;

	if (!parse_ip(text, ip_len, &range->low))
		return ERR_INVALID;
	const uint8_t *ip = addr_ip(&range->low, &len);
	if (!parse_number(text + ip_len + 1, 8 * len, &bits))
		return ERR_INVALID;
	for (size_t i = 0; i < len; i++) {
		size_t fixed = bits <= 8 * i ? 0 : bits - 8 * i;
		uint8_t free_bits = fixed >= 8 ? 0 : 0xFF >> fixed;

		if ((ip[i] & free_bits) != 0)
			return ERR_INVALID;
		high[i] = ip[i] | free_bits;
	}
	addr_init(&range->high, addr_family(&range->low), high, 0);
	return OK;
}

static enum err parse_ends(const char *text, const char *dash, struct addr_range *range)
{
	const char *low_end = dash, *high = dash + 1;

	while (low_end > text && low_end[-1] == ' ')
		low_end--;
	high += strspn(high, " ");
	if (!parse_ip(text, (size_t)(low_end - text), &range->low) ||
	    !parse_ip(high, strlen(high), &range->high))
		return ERR_INVALID;
	if (addr_family(&range->low) != addr_family(&range->high) ||
	    compare_ip(&range->low, &range->high) > 0)
		return ERR_INVALID;
	return OK;
}

/* Both are of one family. Network order compares byte by byte. */
static int compare_ip(const struct transport_addr *a, const struct transport_addr *b)
{
	size_t len;
	const uint8_t *ip = addr_ip(a, &len);

	return memcmp(ip, addr_ip(b, &len), len);
}

bool addr_range_contains(const struct addr_range *range, const struct transport_addr *addr)
{
	return addr_family(&range->low) == addr_family(addr) &&
	       compare_ip(&range->low, addr) <= 0 && compare_ip(addr, &range->high) <= 0;
}

const char *transport_name(enum transport transport)
{
	static const char *const names[TRANSPORT_COUNT] = {"UDP", "TCP", "TLS", "DTLS"};

	assert(transport < TRANSPORT_COUNT);
	return names[transport];
}
