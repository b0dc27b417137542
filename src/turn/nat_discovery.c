/* RFC 5780 section 6: a server on two addresses A1 and A2 with two ports P1 and P2 answers from
 * whichever the client asks for, and tells of the one that differs in both.
 *
 *   request to Da:Dp   | answer from |   RESPONSE-ORIGIN: where it really came from
 *   no flag            | Da:Dp       |   OTHER-ADDRESS:   always Ca:Cp
 *   change port        | Da:Cp       |
 *   change IP          | Ca:Dp       |
 *   change IP and port | Ca:Cp       |
 *
 * Sources can be forged, so that none of it may be worth more to a forger than a plain Binding:
 * padding comes back no longer than it came, only ports above the well-known ones are answered to
 * instead of the request's own, and reply.c limits the rate of it all. */
#include "turn/nat_discovery.h"

#include <assert.h>

#include "base/bytes.h"
#include "turn/address_map.h"

enum {
	CHANGE_IP = 0x04, /* RFC 5780 section 7.2 */
	CHANGE_PORT = 0x02,
	PORTS_MIN = 1024,
	PADDING_MAX =
		1500, /* what makes a datagram larger than nearly any path takes in one piece */
};

static bool understands(const struct request *request, enum stun_attribute attribute);
static bool understands_change_request(const struct request *request);
static unsigned change_flags(const struct request *request);
static const struct turn_pair *pair_of(const struct request *request);
static int read_change_request(struct request *request);
static int read_response_port(struct request *request);
static int read_padding(struct request *request);
static void put_public(struct request *request, enum stun_attribute attribute,
                       const struct transport_addr *addr);
static void put_other(struct request *request, enum stun_attribute attribute);

void nat_discovery_add_unknown(struct request *request)
{
	static const enum stun_attribute required[] = {
		STUN_ATTR_CHANGE_REQUEST, STUN_ATTR_RESPONSE_PORT,   STUN_ATTR_PADDING,
		STUN_ATTR_SOURCE_ADDRESS, STUN_ATTR_CHANGED_ADDRESS,
	};
	struct stun_message *message = &request->message;

	for (size_t i = 0; i < sizeof required / sizeof required[0]; i++)
		if (stun_has(message, required[i]) && !understands(request, required[i]) &&
		    message->unknown_count < STUN_UNKNOWN_MAX)
			message->unknown[message->unknown_count++] =
				stun_attribute_type(required[i]);
}

static bool understands(const struct request *request, enum stun_attribute attribute)
{
	const struct stun_message *message = &request->message;

	if (message->method != STUN_BINDING || message->class != STUN_REQUEST)
		return false;
	switch (attribute) {
	case STUN_ATTR_CHANGE_REQUEST:
		return understands_change_request(request);
	case STUN_ATTR_RESPONSE_PORT:
	case STUN_ATTR_PADDING:
		return request->server->settings.nat_discovery && !message->is_rfc3489;
	default:
		return false; /* of responses */
	}
}

/* RFC 5780 section 6 refuses any CHANGE-REQUEST where there is no second address. It does not bind a
 * server that never offered discovery: there, and to clients of RFC 3489, one that asks for no
 * change is answered, as many clients put it into each request. */
static bool understands_change_request(const struct request *request)
{
	bool is_lenient = !request->server->settings.nat_discovery || request->message.is_rfc3489;

	return pair_of(request) != NULL || (is_lenient && change_flags(request) == 0);
}

static unsigned change_flags(const struct request *request)
{
	const struct stun_message *message = &request->message;

	return stun_has(message, STUN_ATTR_CHANGE_REQUEST)
	               ? stun_get_u32(message, STUN_ATTR_CHANGE_REQUEST) & (CHANGE_IP | CHANGE_PORT)
	               : 0;
}

static const struct turn_pair *pair_of(const struct request *request)
{
	const struct turn_settings *settings = &request->server->settings;

	for (size_t i = 0; settings->nat_discovery && i < settings->pair_count; i++)
		if (addr_equal(&settings->pairs[i].addr, &request->tuple->server))
			return &settings->pairs[i];
	return NULL;
}

int nat_discovery_read(struct request *request)
{
	int error;

	request->way = *request->tuple;
	error = read_change_request(request);
	if (error == STUN_NO_ERROR)
		error = read_response_port(request);
	return error != STUN_NO_ERROR ? error : read_padding(request);
}

static int read_change_request(struct request *request)
{
	const struct turn_pair *pair = pair_of(request);
	unsigned flags = change_flags(request);
	struct transport_addr *from = &request->way.server;

	if (flags == 0)
		return STUN_NO_ERROR;
	/* A connection cannot be answered from elsewhere. */
	if (request->tuple->transport != TRANSPORT_UDP)
		return STUN_BAD_REQUEST;
	assert(pair != NULL); /* or the attribute was not understood */
	request->is_probe = true;
	if (flags & CHANGE_IP) {
		*from = pair->other;
		addr_set_port(from, addr_port(&pair->addr));
	}
	if (flags & CHANGE_PORT)
		addr_set_port(from, addr_port(&pair->other));
	return STUN_NO_ERROR;
}

/* Who has authenticated may name any port. Another may be made up, and then the answer would come to
 * a service of the host whose address was taken. */
static int read_response_port(struct request *request)
{
	size_t len;
	const uint8_t *value = stun_get(&request->message, STUN_ATTR_RESPONSE_PORT, &len);
	uint16_t port = value != NULL ? get_u16(value) : 0;

	if (value == NULL)
		return STUN_NO_ERROR;
	if (request->tuple->transport != TRANSPORT_UDP || port == 0 ||
	    (port < PORTS_MIN && !request->is_authenticated))
		return STUN_BAD_REQUEST;
	request->is_probe = true;
	addr_set_port(&request->way.client, port);
	return STUN_NO_ERROR;
}

static int read_padding(struct request *request)
{
	const struct stun_message *message = &request->message;

	if (!stun_has(message, STUN_ATTR_PADDING))
		return STUN_NO_ERROR;
	/* RFC 5780 section 10: together they would send much to where nothing came from. */
	if (request->tuple->transport != TRANSPORT_UDP ||
	    stun_has(message, STUN_ATTR_RESPONSE_PORT))
		return STUN_BAD_REQUEST;
	request->is_probe = true;
	return STUN_NO_ERROR;
}

void nat_discovery_put(struct request *request)
{
	size_t padding;

	put_public(request, STUN_ATTR_RESPONSE_ORIGIN, &request->way.server);
	put_other(request, STUN_ATTR_OTHER_ADDRESS);
	if (stun_get(&request->message, STUN_ATTR_PADDING, &padding) != NULL)
		stun_put_padding(&request->answer,
		                 padding < PADDING_MAX ? padding : (size_t)PADDING_MAX);
}

void nat_discovery_put_rfc3489(struct request *request)
{
	put_public(request, STUN_ATTR_SOURCE_ADDRESS, &request->way.server);
	put_other(request, STUN_ATTR_CHANGED_ADDRESS);
}

/* As the client sees it: behind a NAT of our own, the public address (external-ip). */
static void put_public(struct request *request, enum stun_attribute attribute,
                       const struct transport_addr *addr)
{
	struct transport_addr shown = *addr;

	address_map_to_public(request->server, &shown);
	stun_put_address(&request->answer, attribute, &shown);
}

static void put_other(struct request *request, enum stun_attribute attribute)
{
	const struct turn_pair *pair = pair_of(request);

	if (pair != NULL)
		put_public(request, attribute, &pair->other);
}
