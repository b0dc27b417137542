/* Binding (RFC 8489 section 12): who asks is told where it is seen to come from. RFC 5780's part of
 * it is in nat_discovery.c. */
#include "turn/nat_discovery.h"

static void put_mapped(struct request *request);
static void put_mapped_rfc3489(struct request *request);

int handle_binding(struct request *request)
{
	int error = nat_discovery_read(request);

	if (error != STUN_NO_ERROR)
		return error;
	if (request->message.is_rfc3489)
		put_mapped_rfc3489(request);
	else
		put_mapped(request);
	return STUN_NO_ERROR;
}

/* RFC 5780 section 6.1 wants both forms: where they differ, something on the way rewrites what looks
 * like an address. */
static void put_mapped(struct request *request)
{
	const struct turn_settings *settings = &request->server->settings;
	const struct transport_addr *client = &request->tuple->client;

	stun_put_xor_address(&request->answer, STUN_ATTR_XOR_MAPPED_ADDRESS, client);
	if (settings->nat_discovery || settings->mapped_address)
		stun_put_address(&request->answer, STUN_ATTR_MAPPED_ADDRESS, client);
	if (settings->nat_discovery)
		nat_discovery_put(request);
}

static void put_mapped_rfc3489(struct request *request)
{
	stun_put_address(&request->answer, STUN_ATTR_MAPPED_ADDRESS, &request->tuple->client);
	nat_discovery_put_rfc3489(request);
}

/* It has kept the NAT's mapping alive by arriving. */
int handle_binding_indication(struct request *request)
{
	(void)request;
	return STUN_NO_ERROR;
}
