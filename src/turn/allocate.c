/* Allocate (RFC 8656 section 7.2): the checks in the order of the text, then the host is asked for
 * relayed transport addresses, then the allocation is made. */
#include <string.h>

#include "stun/address.h"
#include "turn/action.h"
#include "turn/arrival.h"
#include "turn/mobility.h"
#include "turn/pending.h"
#include "turn/redirect.h"
#include "turn/reservation.h"

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, EVEN_PORT_R = 0x80 };

static int check_five_tuple(struct request *request, struct turn_open_relay *open);
static int check_redirection(struct request *request, struct turn_open_relay *open);
static int check_transport(struct request *request, struct turn_open_relay *open);
static int check_tcp(const struct request *request);
static int check_dont_fragment(struct request *request, struct turn_open_relay *open);
static int check_token(struct request *request, struct turn_open_relay *open);
static int check_one_family(struct request *request, struct turn_open_relay *open);
static int check_family(struct request *request, struct turn_open_relay *open);
static int check_even_port(struct request *request, struct turn_open_relay *open);
static int check_additional_family(struct request *request, struct turn_open_relay *open);
static uint32_t within_token(const struct request *request, uint32_t lifetime_s);
static int check_mobility(struct request *request, struct turn_open_relay *open);
static bool is_retransmission(const struct request *request);
static int take_places(struct request *request, const struct turn_open_relay *open);
static int create(struct request *request, const struct turn_open_relay *open);
static int keep_answer(struct request *request, struct turn_allocation *allocation,
                       const struct turn_open_relay *open);
static void put_bandwidth(struct stun_builder *answer, const struct turn_allocation *allocation);
static void put_success(struct request *request, const struct turn_allocation *allocation);
static enum turn_family default_family(const struct request *request);
static bool wants_ipv6(const struct request *request);
static uint8_t family_value(const struct request *request, enum stun_attribute attribute);

int handle_allocate(struct request *request)
{
	static int (*const steps[])(struct request * request, struct turn_open_relay * open) = {
		check_five_tuple,        /* step 2 */
		check_redirection,       /* "at any point" */
		check_transport,         /* step 3 */
		check_dont_fragment,     /* step 4 */
		check_token,             /* step 5 */
		check_one_family,        /* step 6 */
		check_family,            /* step 7 */
		check_even_port,         /* step 8 */
		check_additional_family, /* step 9 */
		check_mobility,          /* RFC 8016 section 3.1.2 */
	};
	struct turn_open_relay open = {
		.username = request->username,
		.realm = request_realm(request),
		.tuple = request->tuple,
	};

	if (is_retransmission(request)) {
		put_success(request, request->allocation);
		return STUN_NO_ERROR;
	}
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		int error = steps[i](request, &open);
		if (error != STUN_NO_ERROR)
			return error;
	}
	int error = take_places(request, &open);
	if (error != STUN_NO_ERROR)
		return error;
	if (request->relay_answer == ANSWER_NONE)
		return pending_open_relay(request, &open);
	if (request->relay_answer != ANSWER_FOUND)
		return STUN_INSUFFICIENT_CAPACITY;
	return create(request, &open);
}

uint32_t request_lifetime_s(const struct request *request)
{
	uint32_t most = request->server->settings.max_lifetime_s;
	uint32_t least = most < DEFAULT_LIFETIME_S ? most : DEFAULT_LIFETIME_S;
	uint32_t asked = stun_has(&request->message, STUN_ATTR_LIFETIME)
	                         ? stun_get_u32(&request->message, STUN_ATTR_LIFETIME)
	                         : 0;
	uint32_t granted = asked > most ? most : asked < least ? least : asked;

	return request->token_deadline != 0 ? within_token(request, granted) : granted;
}

/* RFC 7635 section 9: nothing outlives the token that it was made with. A started second counts, as 0
 * would be a deletion. */
static uint32_t within_token(const struct request *request, uint32_t lifetime_s)
{
	timestamp now = request->server->now, deadline = request->token_deadline;
	timestamp left_s = deadline > now ? (deadline - now + MS_PER_S - 1) / MS_PER_S : 1;

	return left_s < lifetime_s ? (uint32_t)left_s : lifetime_s;
}

static bool is_retransmission(const struct request *request)
{
	return request->allocation != NULL &&
	       strcmp(request->allocation->username, request->username) == 0 &&
	       memcmp(request->allocation->answer.transaction_id,
	              stun_transaction_id(&request->message), STUN_TRANSACTION_ID_SIZE) == 0;
}

static int check_five_tuple(struct request *request, struct turn_open_relay *open)
{
	(void)open;
	return request->allocation == NULL ? STUN_NO_ERROR
	                                   : refuse(request, STUN_ALLOCATION_MISMATCH,
	                                            "an allocation is there already");
}

static int check_redirection(struct request *request, struct turn_open_relay *open)
{
	(void)open;
	return redirect(request);
}

static int check_transport(struct request *request, struct turn_open_relay *open)
{
	const struct turn_settings *settings = &request->server->settings;
	const struct stun_message *message = &request->message;

	if (!stun_has(message, STUN_ATTR_REQUESTED_TRANSPORT))
		return STUN_BAD_REQUEST;
	uint32_t protocol = stun_get_u32(message, STUN_ATTR_REQUESTED_TRANSPORT) >> 24;
	open->is_tcp = protocol == PROTOCOL_TCP;
	if (open->is_tcp && !settings->refuses_tcp_relay)
		return check_tcp(request);
	if (protocol != PROTOCOL_UDP)
		return STUN_UNSUPPORTED_TRANSPORT_PROTOCOL;
	/* RFC 6062 section 5.1: known, but forbidden by local policy. */
	return settings->refuses_udp_relay ? STUN_FORBIDDEN : STUN_NO_ERROR;
}

/* RFC 6062 section 5.1: over TCP and TLS alone, and without what speaks of datagrams or of pairs of
 * relayed transport addresses. Of ADDITIONAL-ADDRESS-FAMILY, which is younger, the same holds: the
 * RFC knows one relayed transport address. */
static int check_tcp(const struct request *request)
{
	static const enum stun_attribute refused[] = {
		STUN_ATTR_EVEN_PORT,
		STUN_ATTR_DONT_FRAGMENT,
		STUN_ATTR_RESERVATION_TOKEN,
		STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY,
	};

	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		if (stun_has(&request->message, refused[i]))
			return STUN_BAD_REQUEST;
	return transport_is_stream(request->tuple->transport) ? STUN_NO_ERROR : STUN_BAD_REQUEST;
}

/* What a client that names no family gets; one that wants both means IPv4 by the first. */
static enum turn_family default_family(const struct request *request)
{
	if (stun_has(&request->message, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY))
		return TURN_IPV4;
	switch (request->server->settings.default_family) {
	case TURN_DEFAULT_IPV6:
		return TURN_IPV6;
	case TURN_DEFAULT_KEEP:
		return family_of(&request->tuple->client);
	case TURN_DEFAULT_IPV4:
		break;
	}
	return TURN_IPV4;
}

static bool names_ipv6(const struct request *request, enum stun_attribute attribute)
{
	return stun_has(&request->message, attribute) &&
	       family_value(request, attribute) == STUN_ADDRESS_IPV6;
}

static bool wants_ipv6(const struct request *request)
{
	bool is_named = stun_has(&request->message, STUN_ATTR_REQUESTED_ADDRESS_FAMILY);

	return names_ipv6(request, STUN_ATTR_REQUESTED_ADDRESS_FAMILY) ||
	       names_ipv6(request, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY) ||
	       (!is_named && default_family(request) == TURN_IPV6);
}

/* RFC 8656 section 3.7: no socket tells the DF bit of what came, so between IPv4 and IPv6 the
 * attribute would promise what is not kept. It is refused as one that is not known. */
static int check_dont_fragment(struct request *request, struct turn_open_relay *open)
{
	const struct five_tuple *tuple = request->tuple;
	struct stun_message *message = &request->message;
	bool is_translated = family_of(&tuple->client) == TURN_IPV4 &&
	                     !transport_is_stream(tuple->transport) &&
	                     request->server->settings.has_family[TURN_IPV6] && wants_ipv6(request);

	(void)open;
	if (!is_translated || !stun_has(message, STUN_ATTR_DONT_FRAGMENT))
		return STUN_NO_ERROR;
	message->unknown[message->unknown_count++] = stun_attribute_type(STUN_ATTR_DONT_FRAGMENT);
	return STUN_UNKNOWN_ATTRIBUTE;
}

/* Whether the token is good shows when the host takes what it stands for: 508 if not. */
static int check_token(struct request *request, struct turn_open_relay *open)
{
	const struct stun_message *message = &request->message;
	size_t len;
	const uint8_t *token = stun_get(message, STUN_ATTR_RESERVATION_TOKEN, &len);

	if (token == NULL)
		return STUN_NO_ERROR;
	if (stun_has(message, STUN_ATTR_EVEN_PORT) ||
	    stun_has(message, STUN_ATTR_REQUESTED_ADDRESS_FAMILY) ||
	    stun_has(message, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY))
		return STUN_BAD_REQUEST;
	open->has_token = true;
	memcpy(open->token, token, sizeof open->token);
	return STUN_NO_ERROR;
}

static int check_one_family(struct request *request, struct turn_open_relay *open)
{
	(void)open;
	return stun_has(&request->message, STUN_ATTR_REQUESTED_ADDRESS_FAMILY) &&
	                       stun_has(&request->message, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY)
	               ? STUN_BAD_REQUEST
	               : STUN_NO_ERROR;
}

static int check_family(struct request *request, struct turn_open_relay *open)
{
	bool is_named = stun_has(&request->message, STUN_ATTR_REQUESTED_ADDRESS_FAMILY);
	uint8_t value = is_named ? family_value(request, STUN_ATTR_REQUESTED_ADDRESS_FAMILY) : 0;
	enum turn_family family = value == STUN_ADDRESS_IPV6 ? TURN_IPV6 : TURN_IPV4;

	if (open->has_token)
		return STUN_NO_ERROR; /* the relayed transport address is there, of its family */
	if (!is_named)
		family = default_family(request);
	else if (value != STUN_ADDRESS_IPV4 && value != STUN_ADDRESS_IPV6)
		return STUN_ADDRESS_FAMILY_NOT_SUPPORTED;
	if (!request->server->settings.has_family[family])
		return STUN_ADDRESS_FAMILY_NOT_SUPPORTED;
	open->family[family] = true;
	return STUN_NO_ERROR;
}

static int check_even_port(struct request *request, struct turn_open_relay *open)
{
	size_t len;
	const uint8_t *value = stun_get(&request->message, STUN_ATTR_EVEN_PORT, &len);

	if (value == NULL)
		return STUN_NO_ERROR;
	open->even_port = true;
	open->reserve_next = value[0] & EVEN_PORT_R;
	return open->reserve_next &&
	                       stun_has(&request->message, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY)
	               ? STUN_BAD_REQUEST
	               : STUN_NO_ERROR;
}

static int check_additional_family(struct request *request, struct turn_open_relay *open)
{
	if (!stun_has(&request->message, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY))
		return STUN_NO_ERROR;
	if (family_value(request, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY) != STUN_ADDRESS_IPV6)
		return STUN_BAD_REQUEST;
	open->family[TURN_IPV6] = request->server->settings.has_family[TURN_IPV6];
	return STUN_NO_ERROR;
}

static int check_mobility(struct request *request, struct turn_open_relay *open)
{
	(void)open;
	return mobility_check_allocate(request);
}

static uint8_t family_value(const struct request *request, enum stun_attribute attribute)
{
	return (uint8_t)(stun_get_u32(&request->message, attribute) >> 24);
}

/* Step 10, before anything is opened for the client. A reserved address has its place until it is
 * given up to this request. */
static int take_places(struct request *request, const struct turn_open_relay *open)
{
	enum answer_state when = open->has_token ? ANSWER_FOUND : ANSWER_NONE;

	return request->relay_answer == when ? places_take(request, open->reserve_next)
	                                     : STUN_NO_ERROR;
}

static int create(struct request *request, const struct turn_open_relay *open)
{
	const struct turn_opened *opened = request->opened;
	bool has_any =
		opened->relay[TURN_IPV4].relay != NULL || opened->relay[TURN_IPV6].relay != NULL;

	if (!has_any || (open->reserve_next && opened->reserved.relay == NULL))
		return STUN_INSUFFICIENT_CAPACITY;
	char origin[STUN_ORIGIN_MAX + 1];
	const char *realm = request_realm(request);
	const char *home = request_home(request);
	bool is_default = strcmp(realm, request->server->settings.realm) == 0;
	if (!arrival_yields(request->server, request->tuple))
		return STUN_ALLOCATION_MISMATCH;
	struct turn_allocation *allocation = allocation_create(
		request->server, &(struct allocation_settings){
					 .tuple = request->tuple,
					 .path = request->path,
					 .relay = opened->relay,
					 .username = request->username,
					 .realm = is_default ? NULL : realm,
					 .home = strcmp(home, realm) == 0 ? NULL : home,
					 .origin = request_origin(request, origin) ? origin : NULL,
					 .token_deadline = request->token_deadline,
					 .key = request->key,
					 .key_len = request->key_len,
					 .lifetime_s = request_lifetime_s(request),
					 .is_tcp = open->is_tcp,
					 .place = &request->places.allocation,
				 });
	if (allocation == NULL)
		return STUN_INSUFFICIENT_CAPACITY;
	request->places.allocation.holder = NULL;
	int error = STUN_NO_ERROR;
	if (stun_has(&request->message, STUN_ATTR_MOBILITY_TICKET) &&
	    mobility_enable(allocation) != OK)
		error = STUN_INSUFFICIENT_CAPACITY;
	if (error == STUN_NO_ERROR)
		error = keep_answer(request, allocation, open);
	if (error != STUN_NO_ERROR) {
		allocation_destroy(allocation); /* the relays are still the request's */
		return error;
	}
	request->allocation = allocation;
	request->is_adopted = true;
	count(request->server, COUNT_allocations_created);
	action_report(allocation, TURN_CREATED, "");
	put_success(request, allocation);
	return STUN_NO_ERROR;
}

/* A retransmission has to be answered alike, long after the reservation was made. */
static int keep_answer(struct request *request, struct turn_allocation *allocation,
                       const struct turn_open_relay *open)
{
	struct allocate_answer *answer = &allocation->answer;
	bool wants_both = stun_has(&request->message, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY);

	memcpy(answer->transaction_id, stun_transaction_id(&request->message),
	       sizeof answer->transaction_id);
	answer->lifetime_s = allocation->lifetime_s;
	for (enum turn_family family = 0; wants_both && family < TURN_FAMILY_COUNT; family++) {
		if (allocation_has_family(allocation, family))
			continue;
		answer->address_error = open->family[family] ? STUN_INSUFFICIENT_CAPACITY
		                                             : STUN_ADDRESS_FAMILY_NOT_SUPPORTED;
		answer->address_error_family =
			family == TURN_IPV4 ? STUN_ADDRESS_IPV4 : STUN_ADDRESS_IPV6;
	}
	if (!open->reserve_next)
		return STUN_NO_ERROR;
	answer->has_token = true;
	if (reservation_create(request->server, open, &request->opened->reserved,
	                       &request->places.reservation, answer->token) != OK)
		return STUN_INSUFFICIENT_CAPACITY;
	request->places.reservation.holder = NULL;
	return STUN_NO_ERROR;
}

/* What was granted; less than one unit would say that nothing may be sent. */
static void put_bandwidth(struct stun_builder *answer, const struct turn_allocation *allocation)
{
	uint64_t units = allocation->place.bps / BANDWIDTH_UNIT;

	if (units > 0)
		stun_put_u32(answer, STUN_ATTR_BANDWIDTH,
		             units < UINT32_MAX ? (uint32_t)units : UINT32_MAX);
}

static void put_success(struct request *request, const struct turn_allocation *allocation)
{
	const struct allocate_answer *kept = &allocation->answer;
	struct stun_builder *answer = &request->answer;

	for (int family = 0; family < TURN_FAMILY_COUNT; family++)
		if (allocation->relay[family].relay != NULL)
			stun_put_xor_address(answer, STUN_ATTR_XOR_RELAYED_ADDRESS,
			                     &allocation->relay[family].public_addr);
	stun_put_u32(answer, STUN_ATTR_LIFETIME, kept->lifetime_s);
	put_bandwidth(answer, allocation);
	if (kept->has_token)
		stun_put(answer, STUN_ATTR_RESERVATION_TOKEN, kept->token, sizeof kept->token);
	stun_put_xor_address(answer, STUN_ATTR_XOR_MAPPED_ADDRESS, &request->tuple->client);
	if (kept->address_error != 0)
		stun_put_address_error(answer, kept->address_error_family,
		                       (enum stun_error)kept->address_error, NULL);
	mobility_put_ticket(request, allocation);
}
