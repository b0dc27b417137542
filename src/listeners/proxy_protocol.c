/* The PROXY protocol.
 *
 *   v1   PROXY TCP4 192.0.2.1 198.51.100.1 56324 3478\r\n      PROXY TCP6 ...      PROXY UNKNOWN ...\r\n
 *
 *   v2    0                 12                13                  14       16
 *        | 12-byte signature | version, command | family, protocol | length | addresses | TLVs | */
#include "listeners/proxy_protocol.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/bytes.h"

enum {
	SIGNATURE_LEN = 12,
	V2_FIXED_LEN = 16,
	VERSION_2 = 2,
	IPV4_LEN = 4 + 4 + 2 + 2,
	IPV6_LEN = 16 + 16 + 2 + 2,
	UNIX_LEN = 108 + 108,
	V1_FIELDS = 6,
};

enum command { LOCAL, PROXY };
enum protocol { PROTOCOL_UNSPECIFIED, PROTOCOL_STREAM, PROTOCOL_DATAGRAM };

static const uint8_t signature[SIGNATURE_LEN] = "\r\n\r\n\0\r\nQUIT\n";
static const char v1_begin[] = "PROXY ";

/* What a family of version 2 has for addresses. */
static const struct family {
	int family; /* 0: no client of ours */
	size_t addresses_len, ip_len;
} families[] = {
	{0, 0, 0}, /* unspecified */
	{AF_INET, IPV4_LEN, 4},
	{AF_INET6, IPV6_LEN, 16},
	{0, UNIX_LEN, 0},
};

static enum err v1_get(const uint8_t *bytes, size_t len, struct proxy_header *header);
static enum err v2_get(const uint8_t *bytes, size_t len, enum protocol protocol,
                       struct proxy_header *header);

/* Whether bytes are, as far as they go, the beginning. */
static bool begins(const uint8_t *bytes, size_t len, const void *beginning, size_t beginning_len)
{
	return memcmp(bytes, beginning, len < beginning_len ? len : beginning_len) == 0;
}

enum err proxy_header_of_stream(const uint8_t *bytes, size_t len, struct proxy_header *header)
{
	*header = (struct proxy_header){0};
	if (begins(bytes, len, signature, SIGNATURE_LEN))
		return v2_get(bytes, len, PROTOCOL_STREAM, header);
	if (begins(bytes, len, v1_begin, sizeof v1_begin - 1))
		return v1_get(bytes, len, header);
	return ERR_INVALID;
}

enum err proxy_header_of_datagram(const uint8_t *bytes, size_t len, struct proxy_header *header)
{
	*header = (struct proxy_header){0};
	if (!proxy_header_is_v2(bytes, len) || v2_get(bytes, len, PROTOCOL_DATAGRAM, header) != OK)
		return ERR_INVALID;
	return OK;
}

bool proxy_header_is_v2(const uint8_t *bytes, size_t len)
{
	return len >= SIGNATURE_LEN && memcmp(bytes, signature, SIGNATURE_LEN) == 0;
}

/* ---- version 2 ---- */

/* The source of a client that came over the protocol that it is said to have come by. Nothing can be
 * sent to port 0. */
static enum err v2_client(const uint8_t *addresses, const struct family *family,
                          struct transport_addr *client)
{
	uint16_t port = get_u16(addresses + 2 * family->ip_len);

	addr_init(client, family->family, addresses, port);
	return port != 0 && !addr_is_any(client) ? OK : ERR_INVALID;
}

/* The family of a PROXY command's addresses; NULL when no version 2 header has it, or its addresses would
 * be longer than the header, or the client came by another protocol than this listener's. */
static const struct family *v2_family(uint8_t byte, size_t rest_len, enum protocol wanted)
{
	unsigned number = byte >> 4, protocol = byte & 15;
	const struct family *family;

	if (number >= sizeof families / sizeof families[0] || protocol > PROTOCOL_DATAGRAM)
		return NULL;
	family = &families[number];
	if (rest_len < family->addresses_len)
		return NULL;
	if (family->family == 0 || protocol == PROTOCOL_UNSPECIFIED)
		return &families[0];
	return protocol == wanted ? family : NULL;
}

static enum err v2_get(const uint8_t *bytes, size_t len, enum protocol wanted,
                       struct proxy_header *header)
{
	const struct family *family = &families[0];
	unsigned command;

	if (len < V2_FIXED_LEN)
		return ERR_AGAIN;
	command = bytes[12] & 15;
	header->len = (size_t)V2_FIXED_LEN + get_u16(bytes + 14);
	if (bytes[12] >> 4 != VERSION_2 || command > PROXY || header->len > PROXY_V2_LEN_MAX)
		return ERR_INVALID;
	if (command == PROXY)
		family = v2_family(bytes[13], header->len - V2_FIXED_LEN, wanted);
	if (family == NULL)
		return ERR_INVALID;
	if (len < header->len)
		return ERR_AGAIN;
	header->has_client = family->family != 0;
	return header->has_client ? v2_client(bytes + V2_FIXED_LEN, family, &header->client) : OK;
}

/* ---- version 1 ---- */

/* Cuts the line at its spaces, of which there is one between fields. Returns how many fields there are;
 * one more than V1_FIELDS when there are too many. */
static size_t v1_cut(char *line, char *fields[V1_FIELDS])
{
	size_t n = 0;

	for (char *at = line; at != NULL; n++) {
		char *space = strchr(at, ' ');

		if (n == V1_FIELDS)
			return n + 1;
		fields[n] = at;
		if (space != NULL)
			*space++ = '\0';
		at = space;
	}
	return n;
}

/* Decimal digits alone, without leading zeros. */
static enum err v1_port(const char *text, uint16_t *port)
{
	unsigned value = 0;

	for (const char *c = text; *c != '\0'; c++) {
		if (*c < '0' || *c > '9' || (c > text && value == 0))
			return ERR_INVALID;
		value = value * 10 + (unsigned)(*c - '0');
		if (value > UINT16_MAX)
			return ERR_INVALID;
	}
	*port = (uint16_t)value;
	return text[0] != '\0' ? OK : ERR_INVALID;
}

static enum err v1_addr(int family, const char *ip, const char *port_text,
                        struct transport_addr *addr)
{
	uint8_t bytes[16];
	uint16_t port;

	if (inet_pton(family, ip, bytes) != 1 || v1_port(port_text, &port) != OK)
		return ERR_INVALID;
	addr_init(addr, family, bytes, port);
	return OK;
}

/* PROXY TCP4|TCP6 source destination source-port destination-port */
static enum err v1_client(char *fields[V1_FIELDS], size_t n, struct proxy_header *header)
{
	struct transport_addr proxy;
	int family;

	if (n > 1 && strcmp(fields[1], "UNKNOWN") == 0)
		return OK; /* whatever follows */
	if (n != V1_FIELDS)
		return ERR_INVALID;
	if (strcmp(fields[1], "TCP4") == 0)
		family = AF_INET;
	else if (strcmp(fields[1], "TCP6") == 0)
		family = AF_INET6;
	else
		return ERR_INVALID;
	if (v1_addr(family, fields[2], fields[4], &header->client) != OK ||
	    v1_addr(family, fields[3], fields[5], &proxy) != OK ||
	    addr_port(&header->client) == 0 || addr_is_any(&header->client))
		return ERR_INVALID;
	header->has_client = true;
	return OK;
}

static enum err v1_get(const uint8_t *bytes, size_t len, struct proxy_header *header)
{
	char line[PROXY_V1_LEN_MAX + 1], *fields[V1_FIELDS];
	size_t seen = len < PROXY_V1_LEN_MAX ? len : PROXY_V1_LEN_MAX;
	const uint8_t *end = memchr(bytes, '\n', seen);

	if (end == NULL)
		return seen < PROXY_V1_LEN_MAX ? ERR_AGAIN : ERR_INVALID;
	header->len = (size_t)(end - bytes) + 1;
	if (header->len < 2 || end[-1] != '\r' || memchr(bytes, '\0', header->len) != NULL)
		return ERR_INVALID;
	memcpy(line, bytes, header->len - 2);
	line[header->len - 2] = '\0';
	return v1_client(fields, v1_cut(line, fields), header);
}
