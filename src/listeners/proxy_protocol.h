/* The PROXY protocol, versions 1 and 2: what a proxy or load balancer writes before the bytes of a client
 * whose connection it carries, so that the server knows the client. Pure functions on bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

enum {
	PROXY_V1_LEN_MAX = 107, /* of the line with its CR LF */
	/* What is read of a version 2 header: addresses and TLVs. Those of known proxies take less than a
	 * few hundred bytes; the format has room for 65535. */
	PROXY_V2_LEN_MAX = 4096,
	PROXY_HEADER_LEN_MAX = PROXY_V2_LEN_MAX,
};

struct proxy_header {
	size_t len; /* where the client's bytes begin */
	/* False: the proxy speaks for itself (LOCAL, to see whether the server lives), or of a client that
	 * it has no address for. */
	bool has_client;
	struct transport_addr client;
};

/* Reads the header that a stream begins with, of either version. ERR_AGAIN: more bytes are needed.
 * ERR_INVALID: this is no header, or a wrong one. */
MUST_CHECK enum err proxy_header_of_stream(const uint8_t *bytes, size_t len,
                                           struct proxy_header *header);
/* Reads the header that a datagram begins with, which is of version 2. ERR_INVALID as above. */
MUST_CHECK enum err proxy_header_of_datagram(const uint8_t *bytes, size_t len,
                                             struct proxy_header *header);
/* Says whether a datagram begins like a header of version 2; nothing that RFC 7983 lets through
 * to STUN, TURN or DTLS does. */
bool proxy_header_is_v2(const uint8_t *bytes, size_t len);
