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
#include "turn/nat_discovery.h"
#include "turn/pending.h"
#include "turn/redirect.h"

enum demand {
	AUTHENTICATED = 1 << 0, /* long-term credentials, unless the server is open */
	ON_ALLOCATION = 1 << 1, /* the 5-tuple has an allocation: 437 otherwise */
	REDIRECTED = 1 << 2,    /* another server may be asked to do it: 300 */
	RELAYS_UDP = 1 << 3,    /* the allocation relays UDP: 400 otherwise */
	RELAYS_TCP = 1 << 4,    /* or TCP (RFC 6062): 437 otherwise */
};

/* clang-format off */
static const struct row {
	enum stun_method method;
	enum stun_class class;
	unsigned demands;
	int (*handle)(struct request *request);
} rows[] = {
	{STUN_BINDING,           STUN_REQUEST,    0,                             handle_binding},
	{STUN_BINDING,           STUN_INDICATION, 0,                             handle_binding_indication},
	{STUN_ALLOCATE,          STUN_REQUEST,    AUTHENTICATED | REDIRECTED,    handle_allocate},
	{STUN_REFRESH,           STUN_REQUEST,    AUTHENTICATED | ON_ALLOCATION, handle_refresh},
	{STUN_CREATE_PERMISSION, STUN_REQUEST,    AUTHENTICATED | ON_ALLOCATION, handle_create_permission},
	{STUN_CHANNEL_BIND,      STUN_REQUEST,    AUTHENTICATED | ON_ALLOCATION | RELAYS_UDP, handle_channel_bind},
	{STUN_SEND,              STUN_INDICATION, ON_ALLOCATION | RELAYS_UDP,    handle_send},
	{STUN_CONNECT,           STUN_REQUEST,    AUTHENTICATED | ON_ALLOCATION | RELAYS_TCP, handle_connect},
	{STUN_CONNECTION_BIND,   STUN_REQUEST,    AUTHENTICATED,                 handle_connection_bind},
};
/* clang-format on */

static enum err parse(const struct turn_server *server, const struct five_tuple *tuple,
                      const struct packet *packet, struct stun_message *message);
static enum turn_verdict message_input(struct request *request);
static const struct row *row_find(const struct stun_message *message);
static bool is_served(const struct request *request);
static int run(struct request *request, const struct row *row);
static int check_relaying(const struct turn_allocation *allocation, unsigned demands);
static bool must_authenticate(const struct request *request, const struct row *row);
static int check_attributes(struct request *request);
static enum turn_verdict hand_over(struct request *request);
static enum turn_verdict drop_unexpected(struct request *request);
static enum turn_verdict drop_indication(struct request *request, int error);

enum turn_verdict turn_client_input(struct turn_server *server, const struct five_tuple *tuple,
                                    void *path, struct packet *packet, timestamp now,
                                    struct turn_forward *forward)
{
	server->now = now;
	count(server, COUNT_client_packets_in);
	counter_add(server->settings.counters, COUNT_client_bytes_in, packet->len);
	if (packet->len >= CHANNEL_DATA_HEADER_SIZE && channel_data_is(packet->data[0]))
		return channel_data_input(server, tuple, packet, forward);

	struct request request = {
		.server = server,
		.tuple = tuple,
		.path = path,
		.packet = packet,
		.forward = forward,
	};
	if (parse(server, tuple, packet, &request.message) != OK)
		return drop(server, COUNT_drop_malformed);
	enum turn_verdict verdict = message_input(&request);
	places_give(server, &request.places);
	bytes_wipe(request.key, request.key_len);
	return verdict;
}

void turn_hand_over_failed(struct turn_server *server, const struct five_tuple *tuple, void *path,
                           struct packet *packet, timestamp now)
{
	struct request request = {.server = server, .tuple = tuple, .path = path};

	server->now = now;
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
	if (row_find(message) == NULL)
		return drop_unexpected(request);
	if (!is_served(request))
		return drop(server, COUNT_drop_not_served);
	if (message->class == STUN_REQUEST &&
	    pending_has(server, request->tuple, stun_transaction_id(message)))
		return drop(server, COUNT_drop_retransmission);
	if (message->class == STUN_REQUEST && message->method != STUN_BINDING)
		count(server, COUNT_requests);
	return dispatch(request);
}

enum turn_verdict dispatch(struct request *request)
{
	struct turn_server *server = request->server;
	const struct stun_message *message = &request->message;

	request->allocation = allocation_find(server, request->tuple);
	stun_build_response(&request->answer, server->reply, sizeof server->reply, STUN_SUCCESS,
	                    message);

	int outcome = run(request, row_find(message));
	if (outcome == OUTCOME_FORWARD)
		return TURN_TO_PEER;
	if (outcome == OUTCOME_DROPPED)
		return TURN_DROP;
	if (outcome == OUTCOME_PARKED || outcome == OUTCOME_DONE)
		return TURN_CONSUMED;
	if (outcome == OUTCOME_HAND_OVER)
		return hand_over(request);
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

/* The server that gets the client counts the packet; it is one packet. */
static enum turn_verdict hand_over(struct request *request)
{
	struct counters *counters = request->server->settings.counters;

	counter_sub(counters, COUNT_client_packets_in, 1);
	counter_sub(counters, COUNT_client_bytes_in, request->packet->len);
	if (request->message.method != STUN_BINDING)
		counter_sub(counters, COUNT_requests, 1);
	return TURN_HAND_OVER;
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
