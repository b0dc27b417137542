/* Transport addresses (RFC 8656 section 3), 5-tuples, ranges of addresses, and the one place that
 * knows how an IPv4 address can hide in an IPv6 one. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

struct transport_addr {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
};

enum transport { TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_TLS, TRANSPORT_DTLS, TRANSPORT_COUNT };

struct five_tuple {
	struct transport_addr client, server;
	uint8_t transport; /* enum transport */
};

enum { ADDR_TEXT_SIZE = 64 }; /* "[ffff:...:255.255.255.255]:65535" and its end */

/* An IPv6 prefix that embeds IPv4 addresses as RFC 6052 section 2.2 lays them out. */
struct nat64_prefix {
	uint8_t bytes[12];
	uint8_t bits; /* 32, 40, 48, 56, 64 or 96 */
};

struct addr_range { /* both ends belong to it; ports are not looked at */
	struct transport_addr low, high;
};

/* Reads "192.0.2.1", "192.0.2.1:3478", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:3478".
 * The port is default_port when none is written. ERR_INVALID for anything else, names included. */
MUST_CHECK enum err addr_parse(const char *text, uint16_t default_port,
                               struct transport_addr *addr);

/* Writes "192.0.2.1:3478" or "[2001:db8::1]:3478" and returns text. */
const char *addr_format(const struct transport_addr *addr, char text[ADDR_TEXT_SIZE]);
/* The same without port and brackets. */
const char *addr_format_ip(const struct transport_addr *addr, char text[ADDR_TEXT_SIZE]);

/* Makes an address from a family (AF_INET or AF_INET6), 4 or 16 bytes of network order, a port. */
void addr_init(struct transport_addr *addr, int family, const void *ip, uint16_t port);

static inline int addr_family(const struct transport_addr *addr)
{
	return addr->any.sa_family;
}
static inline socklen_t addr_len(const struct transport_addr *addr)
{
	return addr_family(addr) == AF_INET6 ? sizeof addr->v6 : sizeof addr->v4;
}
static inline uint16_t addr_port(const struct transport_addr *addr)
{
	/* The port lies at the same place in both families. */
	return ntohs(addr->v4.sin_port);
}
static inline void addr_set_port(struct transport_addr *addr, uint16_t port)
{
	addr->v4.sin_port = htons(port);
}
/* The address bytes in network order: 4 or 16 of them. */
const uint8_t *addr_ip(const struct transport_addr *addr, size_t *len);

bool addr_equal(const struct transport_addr *a, const struct transport_addr *b);
bool addr_equal_ip(const struct transport_addr *a, const struct transport_addr *b);
bool addr_is_any(const struct transport_addr *addr); /* 0.0.0.0 or :: */
bool addr_is_loopback(const struct transport_addr *addr);
bool five_tuple_equal(const struct five_tuple *a, const struct five_tuple *b);

/* Hashes for tables whose keys strangers choose: seed is random and secret to the process. */
uint64_t addr_hash(const struct transport_addr *addr, uint64_t seed);    /* IP and port */
uint64_t addr_hash_ip(const struct transport_addr *addr, uint64_t seed); /* IP alone */
uint64_t five_tuple_hash(const struct five_tuple *tuple, uint64_t seed);

/* Replaces an IPv6 address that embeds an IPv4 one by that one, keeping the port: mapped
 * ::ffff:0:0/96, compatible ::/96 (not :: and ::1), 6to4 2002::/16, Teredo 2001::/32 (the client's
 * address, inverted), ISATAP (::5efe:a.b.c.d in the low 64 bits), NAT64 64:ff9b::/96,
 * 64:ff9b:1::/48 and each of the n given prefixes. Returns true when it replaced something. */
bool addr_normalise(struct transport_addr *addr, const struct nat64_prefix *prefixes, size_t n);

/* Reads "2001:db8:64::/96" and the other lengths of RFC 6052. */
MUST_CHECK enum err nat64_prefix_parse(const char *text, struct nat64_prefix *prefix);

/* Reads "10.0.0.1", "10.0.0.1-10.0.0.9" or "10.0.0.0/8", IPv4 or IPv6; spaces around - are allowed.
 * ERR_INVALID when the ends are of different families, in the wrong order, or the prefix has bits
 * beyond its length. */
MUST_CHECK enum err addr_range_parse(const char *text, struct addr_range *range);
bool addr_range_contains(const struct addr_range *range, const struct transport_addr *addr);

const char *transport_name(enum transport transport); /* "UDP", "TCP", "TLS", "DTLS" */
/* TCP and TLS: messages follow each other in a byte stream and ChannelData is padded. */
static inline bool transport_is_stream(uint8_t transport)
{
	return transport == TRANSPORT_TCP || transport == TRANSPORT_TLS;
}
