/* Binding (RFC 8489 section 12): who asks is told where it is seen to come from. */
#include "turn/request.h"

int handle_binding(struct request *request)
{
	stun_put_xor_address(&request->answer, STUN_ATTR_XOR_MAPPED_ADDRESS,
	                     &request->tuple->client);
	return STUN_NO_ERROR;
}

/* It has kept the NAT's mapping alive by arriving. */
int handle_binding_indication(struct request *request)
{
	(void)request;
	return STUN_NO_ERROR;
}
