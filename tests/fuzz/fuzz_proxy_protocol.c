/* Any bytes as the header of a stream and of a datagram. A header is no longer than what there is, and what
 * follows one changes nothing about it. */
#include <stdlib.h>

#include "listeners/proxy_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(const uint8_t *bytes, size_t len, enum err err, const struct proxy_header *header,
                  enum err (*get)(const uint8_t *, size_t, struct proxy_header *))
{
	struct proxy_header again;

	if (err != OK)
		return;
	if (header->len > len || header->len > PROXY_HEADER_LEN_MAX || header->len < 15)
		abort();
	if (get(bytes, header->len, &again) != OK || again.len != header->len ||
	    again.has_client != header->has_client)
		abort();
	if (header->has_client &&
	    (!addr_equal(&again.client, &header->client) || addr_port(&header->client) == 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct proxy_header header;

	check(bytes, len, proxy_header_of_stream(bytes, len, &header), &header,
	      proxy_header_of_stream);
	check(bytes, len, proxy_header_of_datagram(bytes, len, &header), &header,
	      proxy_header_of_datagram);
	return 0;
}
