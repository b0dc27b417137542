/* The protocol as a table. Every message a client sends comes through here: it is sorted, looked up,
 * checked against what its row demands, and handed to its handler. A handler returns a value;
 * reply() makes the message of it.
 *
 *     datagram ──┬─ 01.. ChannelData ──► channel_data_input()
 *                └─ 00.. STUN ──► dispatch() ──► row ──► demands ──► handler ──► reply()
 *                                     ▲                                 │
 *                                     └── the host answered ◄── parked ─┘
 */
#include "base/bytes.h"
#include "stun/channel_data.h"
#include "turn/arrival.h"
#include "turn/nat_discovery.h"
#include "turn/pending.h"
#include "turn/redirect.h"

enum demand {
	AUTHENTICATED = 1 << 0, /* long-term credentials, unless the server is open */
	ON_ALLOCATION = 1 << 1, /* the 5-tuple has an allocation: 437 otherwise */
	REDIRECTED = 1 << 2,    /* another server may be asked to do it: 300 */
	RELAYS_UDP = 1 << 3,    /* the allocation relays UDP: 400 otherwise */
	RELAYS_TCP = 1 << 4,    /* or TCP (RFC 6062): 437 otherwise */
	OR_TICKET = 1 << 5,     /* it has one, or a mobility ticket names one: the handler looks */
};

/* clang-format off */
static const struct row {
	enum stun_method method;
	enum stun_class class;
	unsigned demands;
	int (*handle)(struct request *request);
	enum counter received, succeeded;
} rows[] = {
	{STUN_BINDING,           STUN_REQUEST,    0,                             handle_binding,
	 COUNT_request_binding, COUNT_answered_binding},
	{STUN_BINDING,           STUN_INDICATION, 0,                             handle_binding_indication,
	 COUNT_indication_binding, COUNTER_COUNT},
	{STUN_ALLOCATE,          STUN_REQUEST,    AUTHENTICATED | REDIRECTED,    handle_allocate,
	 COUNT_request_allocate, COUNT_answered_allocate},
	{STUN_REFRESH,           STUN_REQUEST,    AUTHENTICATED | OR_TICKET,     handle_refresh,
	 COUNT_request_refresh, COUNT_answered_refresh},
	{STUN_CREATE_PERMISSION, STUN_REQUEST,    AUTHENTICATED | ON_ALLOCATION, handle_create_permission,
	 COUNT_request_create_permission, COUNT_answered_create_permission},
	{STUN_CHANNEL_BIND,      STUN_REQUEST,    AUTHENTICATED | ON_ALLOCATION | RELAYS_UDP, handle_channel_bind,
	 COUNT_request_channel_bind, COUNT_answered_channel_bind},
	{STUN_SEND,              STUN_INDICATION, ON_ALLOCATION | RELAYS_UDP,    handle_send,
	 COUNT_indication_send, COUNTER_COUNT},
	{STUN_CONNECT,           STUN_REQUEST,    AUTHENTICATED | ON_ALLOCATION | RELAYS_TCP, handle_connect,
	 COUNT_request_connect, COUNT_answered_connect},
	{STUN_CONNECTION_BIND,   STUN_REQUEST,    AUTHENTICATED,                 handle_connection_bind,
	 COUNT_request_connection_bind, COUNT_answered_connection_bind},
};
/* clang-format on */

static enum err parse(const struct turn_server *server, const struct five_tuple *tuple,
                      const struct packet *packet, struct stun_message *message);
static enum turn_verdict stun_input(struct turn_server *server, const struct five_tuple *tuple,
                                    void *path, struct packet *packet,
                                    struct turn_forward *forward);
static enum turn_verdict message_input(struct request *request);
static bool is_for_arrival(const struct arrival *arrival, const struct stun_message *message);
static void count_input(struct request *request, size_t len);
static const struct row *row_find(const struct stun_message *message);
static bool is_served(const struct request *request);
static int run(struct request *request, const struct row *row);
static int check_relaying(const struct turn_allocation *allocation, unsigned demands);
static bool must_authenticate(const struct request *request, const struct row *row);
static int check_attributes(struct request *request);
static enum turn_verdict drop_unexpected(struct request *request);
static enum turn_verdict drop_indication(struct request *request, int error);

enum turn_verdict turn_client_input(struct turn_server *server, const struct five_tuple *tuple,
                                    void *path, struct packet *packet, timestamp now,
                                    struct turn_forward *forward)
{
	serve(server, tuple->transport, now);
	if (packet->len >= CHANNEL_DATA_HEADER_SIZE && channel_data_is(packet->data[0]))
		return channel_data_input(server, tuple, packet, forward);
	return stun_input(server, tuple, path, packet, forward);
}

/* Apart, so that data does not pay for the room that a request takes. */
static __attribute__((noinline)) enum turn_verdict stun_input(struct turn_server *server,
                                                              const struct five_tuple *tuple,
                                                              void *path, struct packet *packet,
                                                              struct turn_forward *forward)
{
	size_t len = packet->len;
	struct request request = {
		.server = server,
		.tuple = tuple,
		.path = path,
		.packet = packet,
		.forward = forward,
	};
	if (parse(server, tuple, packet, &request.message) != OK) {
		count_client_packet(server, len);
		return drop(server, COUNT_drop_malformed);
	}
	enum turn_verdict verdict = message_input(&request);
	/* Whoever is handed a packet, or handed it in again, counts it: it is one packet. */
	if (verdict != TURN_HAND_OVER && !request.is_kept)
		count_input(&request, len);
	places_give(server, &request.places);
	bytes_wipe(request.key, request.key_len);
	return verdict;
}

void turn_hand_over_failed(struct turn_server *server, const struct five_tuple *tuple, void *path,
                           struct packet *packet, timestamp now)
{
	struct request request = {.server = server, .tuple = tuple, .path = path};

	serve(server, tuple->transport, now);
	if (stun_message_parse(packet->data, packet->len, &request.message) == OK)
		reply(&request, STUN_INSUFFICIENT_CAPACITY);
}

/* Without a cookie there is little by which to tell a message: only datagrams can be one, and of
 * RFC 3489 nothing but Binding requests. */
static enum err parse(const struct turn_server *server, const struct five_tuple *tuple,
                      const struct packet *packet, struct stun_message *message)
{
	enum err err = stun_message_parse(packet->data, packet->len, message);

	if (err == OK || !server->settings.rfc3489_compatibility ||
	    tuple->transport != TRANSPORT_UDP ||
	    stun_message_parse_rfc3489(packet->data, packet->len, message) != OK)
		return err;
	return message->method == STUN_BINDING && message->class == STUN_REQUEST ? OK : err;
}

/* What holds for a message the first time it is seen (RFC 8489 section 6.3). */
static enum turn_verdict message_input(struct request *request)
{
	struct turn_server *server = request->server;
	const struct stun_message *message = &request->message;

	if (message->has_wrong_fingerprint)
		return drop(server, COUNT_drop_fingerprint);
	request->row = row_find(message);
	if (request->row == NULL)
		return drop_unexpected(request);
	if (!is_served(request))
		return drop(server, COUNT_drop_not_served);
	if (message->class == STUN_REQUEST &&
	    pending_has(server, request->tuple, stun_transaction_id(message)))
		return drop(server, COUNT_drop_retransmission);
	struct arrival *arrival = arrival_find(server, request->tuple);
	if (arrival == NULL || !is_for_arrival(arrival, message))
		return dispatch(request);
	enum turn_verdict verdict = arrival_input(arrival, request->packet);
	request->is_kept = verdict == TURN_CONSUMED;
	return verdict;
}

static void count_input(struct request *request, size_t len)
{
	struct turn_server *server = request->server;
	const struct stun_message *message = &request->message;

	count_client_packet(server, len);
	if (request->row == NULL)
		return;
	count(server, request->row->received);
	if (message->class == STUN_REQUEST && message->method != STUN_BINDING)
		count(server, COUNT_requests);
}

/* What a client sends on a 5-tuple that its allocation is to move to. The Refresh that asks for it may
 * come again, and is for the owner until the allocation is on its way. */
static bool is_for_arrival(const struct arrival *arrival, const struct stun_message *message)
{
	unsigned demands = row_find(message)->demands;

	if (demands & OR_TICKET && stun_has(message, STUN_ATTR_MOBILITY_TICKET))
		return arrival_is_claimed(arrival);
	return demands & (ON_ALLOCATION | OR_TICKET);
}

enum turn_verdict dispatch(struct request *request)
{
	struct turn_server *server = request->server;
	const struct stun_message *message = &request->message;

	request->allocation = allocation_find(server, request->tuple);
	stun_build_response(&request->answer, server->reply, sizeof server->reply, STUN_SUCCESS,
	                    message);

	if (request->row == NULL) /* it was parked */
		request->row = row_find(message);
	request->succeeded = request->row->succeeded;
	int outcome = run(request, request->row);
	if (outcome == OUTCOME_FORWARD)
		return TURN_TO_PEER;
	if (outcome == OUTCOME_DROPPED)
		return TURN_DROP;
	if (outcome == OUTCOME_PARKED || outcome == OUTCOME_DONE)
		return TURN_CONSUMED;
	if (outcome == OUTCOME_HAND_OVER)
		return TURN_HAND_OVER;
	if (message->class == STUN_INDICATION && outcome != STUN_NO_ERROR)
		return drop_indication(request, outcome);
	if (message->class == STUN_REQUEST)
		reply(request, outcome);
	return TURN_CONSUMED;
}

static const struct row *row_find(const struct stun_message *message)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].method == message->method && rows[i].class == message->class)
			return &rows[i];
	return NULL;
}

/* stun-only and no-stun: silence, lest a stranger is told what there is. A client of RFC 3489 cannot
 * authenticate as secure-stun wants. */
static bool is_served(const struct request *request)
{
	const struct turn_settings *settings = &request->server->settings;
	const struct stun_message *message = &request->message;

	if (message->is_rfc3489 && settings->secure_stun)
		return false;
	return message->method == STUN_BINDING ? !settings->no_stun : !settings->stun_only;
}

/* The order is that of RFC 8489: who need not be asked (10), who asks (9.2.4), then what is not
 * understood (6.3.1). */
static int run(struct request *request, const struct row *row)
{
	int error = STUN_NO_ERROR;

	if (row->demands & REDIRECTED)
		error = redirect_stranger(request);
	if (error == STUN_NO_ERROR && must_authenticate(request, row))
		error = authenticate(request);
	if (error == STUN_NO_ERROR)
		error = check_attributes(request);
	if (error == STUN_NO_ERROR && (row->demands & ON_ALLOCATION) && request->allocation == NULL)
		error = STUN_ALLOCATION_MISMATCH;
	if (error == STUN_NO_ERROR)
		error = check_relaying(request->allocation, row->demands);
	return error != STUN_NO_ERROR ? error : row->handle(request);
}

/* RFC 6062: what is for datagrams has no use on an allocation that relays TCP, and Connect needs
 * one. */
static int check_relaying(const struct turn_allocation *allocation, unsigned demands)
{
	if ((demands & RELAYS_UDP) && allocation->is_tcp)
		return STUN_BAD_REQUEST;
	return (demands & RELAYS_TCP) && !allocation->is_tcp ? STUN_ALLOCATION_MISMATCH
	                                                     : STUN_NO_ERROR;
}

static bool must_authenticate(const struct request *request, const struct row *row)
{
	bool is_secured = request->server->settings.secure_stun && row->method == STUN_BINDING &&
	                  row->class == STUN_REQUEST;

	return is_secured || (row->demands & AUTHENTICATED);
}

static int check_attributes(struct request *request)
{
	struct stun_message *message = &request->message;

	/* RFC 7635 section 7: a token that was not asked for is not understood. */
	if (stun_has(message, STUN_ATTR_ACCESS_TOKEN) && !request->server->settings.oauth &&
	    message->unknown_count < STUN_UNKNOWN_MAX)
		message->unknown[message->unknown_count++] =
			stun_attribute_type(STUN_ATTR_ACCESS_TOKEN);
	nat_discovery_add_unknown(request);
	if (message->unknown_count > 0)
		return STUN_UNKNOWN_ATTRIBUTE;
	if (message->has_bad_attribute)
		return STUN_BAD_REQUEST;
	return STUN_NO_ERROR;
}

/* No response, indication or error of another is ever answered: two servers would talk for ever. */
static enum turn_verdict drop_unexpected(struct request *request)
{
	bool is_request = request->message.class == STUN_REQUEST;

	return drop(request->server, is_request ? COUNT_drop_unknown_method : COUNT_drop_response);
}

/* An error found in an indication has nobody to be told to. */
static enum turn_verdict drop_indication(struct request *request, int error)
{
	if (error == STUN_ALLOCATION_MISMATCH)
		return drop(request->server, COUNT_drop_no_session);
	if (request->allocation != NULL && request->allocation->is_tcp)
		return drop(request->server, COUNT_drop_tcp_allocation);
	return drop(request->server, COUNT_drop_malformed);
}
