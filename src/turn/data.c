/* The packet path: data between client and peer. A payload is never copied; the packet is a view
 * whose start moves. Nothing here allocates, formats or locks.
 *
 *   client ──► | number | len | payload |             ──► peer     cut four bytes
 *   client ◄── | number | len | payload |             ◄── peer     write four bytes in front
 *   client ──► | Send header, XOR-PEER-ADDRESS, DATA | payload |   cut to the payload
 *   client ◄── | Data header, XOR-PEER-ADDRESS, DATA | payload |   write 36 or 48 in front
 */
#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "stun/address.h"
#include "stun/channel_data.h"
#include "turn/action.h"
#include "turn/address_map.h"
#include "turn/arrival.h"
#include "turn/request.h"

enum {
	ATTRIBUTE_HEADER_SIZE = 4,
	DATA_INDICATION_TYPE = 0x0017, /* RFC 8656 section 17: method 0x007, class indication */
	ECN_MASK = 0x03,
	MESSAGE_MAX = UINT16_MAX, /* header included: what any receiver takes */
};

static enum turn_verdict without_allocation(struct turn_server *server,
                                            const struct five_tuple *tuple, struct packet *packet);
static bool wants_no_fragments(const struct request *request, const struct transport_addr *peer);
static enum turn_verdict to_peer(struct turn_allocation *allocation,
                                 const struct permission *permission,
                                 const struct transport_addr *peer, struct packet *packet,
                                 struct turn_forward *forward);
static enum turn_verdict to_client(struct turn_allocation *allocation, struct packet *packet,
                                   struct turn_forward *forward);
static void put_channel_data(struct packet *packet, uint16_t number);
static bool put_data_indication(struct turn_server *server, struct packet *packet);
static void pad(struct packet *packet);
static void put_indication_id(struct turn_server *server,
                              uint8_t transaction_id[STUN_TRANSACTION_ID_SIZE]);
static bool is_reported_icmp(const struct transport_addr *peer, uint8_t type);

enum turn_verdict channel_data_input(struct turn_server *server, const struct five_tuple *tuple,
                                     struct packet *packet, struct turn_forward *forward)
{
	struct turn_allocation *allocation = allocation_find(server, tuple);
	if (allocation == NULL)
		return without_allocation(server, tuple, packet);
	count_client_packet(server, packet->len);

	size_t len = channel_data_len(packet->data);
	if (len > packet->len - CHANNEL_DATA_HEADER_SIZE)
		return drop(server, COUNT_drop_short_channel_data);

	struct channel *channel =
		channel_find_number(allocation, channel_data_number(packet->data));
	if (channel == NULL)
		return drop(server, COUNT_drop_no_channel);
	if (!channel->permission->is_alive)
		return drop(server, COUNT_drop_no_permission);

	if (allocation->limits.is_on &&
	    !limits_take_packet(allocation, TURN_TOWARDS_PEER, CHANNEL_DATA_HEADER_SIZE + len))
		return TURN_DROP;

	packet_pull(packet, CHANNEL_DATA_HEADER_SIZE);
	packet->len = len; /* what is behind it is padding */
	forward->dont_fragment = false;
	return to_peer(allocation, channel->permission, &channel->peer, packet, forward);
}

/* It may be on its way here. */
static enum turn_verdict without_allocation(struct turn_server *server,
                                            const struct five_tuple *tuple, struct packet *packet)
{
	struct arrival *arrival = arrival_find(server, tuple);
	enum turn_verdict verdict = arrival != NULL ? arrival_input(arrival, packet)
	                                            : drop(server, COUNT_drop_no_session);

	if (verdict == TURN_DROP) /* what is kept is counted when it is handed in again */
		count_client_packet(server, packet->len);
	return verdict;
}

/* Send indication (RFC 8656 section 11.2). Unlike a request it installs no permission. */
int handle_send(struct request *request)
{
	struct turn_allocation *allocation = request->allocation;
	const struct stun_message *message = &request->message;
	struct packet *packet = request->packet;
	struct transport_addr peer;
	size_t len, data_len;
	const uint8_t *value = stun_get(message, STUN_ATTR_XOR_PEER_ADDRESS, &len);
	const uint8_t *data = stun_get(message, STUN_ATTR_DATA, &data_len);

	if (value == NULL || data == NULL)
		return count_drop(request, COUNT_drop_malformed);
	int error = peer_decode(allocation, message, value, len, &peer);
	if (error != STUN_NO_ERROR)
		return count_drop(request, error == STUN_BAD_REQUEST ? COUNT_drop_malformed
		                                                     : COUNT_drop_no_relay);
	/* What has a permission has been judged; what has none goes nowhere. */
	address_map_to_private(request->server, &peer);
	struct permission *permission = permission_find(allocation, &peer);
	if (permission == NULL)
		return count_drop(request, COUNT_drop_no_permission);
	if (allocation->limits.is_on &&
	    !limits_take_packet(allocation, TURN_TOWARDS_PEER, message->len))
		return OUTCOME_DROPPED;

	packet_pull(packet, (size_t)(data - packet->data));
	packet->len = data_len;
	request->forward->dont_fragment = wants_no_fragments(request, &peer);
	return to_peer(allocation, permission, &peer, packet, request->forward) == TURN_TO_PEER
	               ? OUTCOME_FORWARD
	               : OUTCOME_DROPPED;
}

/* RFC 8656 section 13: between families, and over IPv6, DONT-FRAGMENT is ignored when it came in a
 * datagram; section 15: not when it came over a stream. */
static bool wants_no_fragments(const struct request *request, const struct transport_addr *peer)
{
	const struct five_tuple *tuple = request->tuple;
	bool is_ipv4 = family_of(&tuple->client) == TURN_IPV4 && family_of(peer) == TURN_IPV4;

	return stun_has(&request->message, STUN_ATTR_DONT_FRAGMENT) &&
	       (is_ipv4 || transport_is_stream(tuple->transport));
}

enum turn_verdict turn_peer_input(struct turn_server *server, struct turn_allocation *allocation,
                                  struct packet *packet, timestamp now,
                                  struct turn_forward *forward)
{
	size_t len = packet->len;

	serve(server, allocation->tuple.transport, now);
	count(server, COUNT_peer_packets_in);
	count_n(server, COUNT_peer_bytes_in, len);

	struct channel *channel = channel_find_peer(allocation, &packet->src);
	struct permission *permission =
		channel != NULL ? channel->permission : permission_find(allocation, &packet->src);
	if (permission == NULL || !permission->is_alive)
		return drop(server, COUNT_drop_no_permission);
	if (allocation->is_adrift)
		return drop(server, COUNT_drop_no_path);
	if (packet->ttl == 1 && !transport_is_stream(allocation->tuple.transport))
		return drop(server, COUNT_drop_ttl);

	if (channel != NULL)
		put_channel_data(packet, channel->number);
	else if (!put_data_indication(server, packet))
		return drop(server, COUNT_drop_too_large);
	if (allocation->limits.is_on &&
	    !limits_take_packet(allocation, TURN_TOWARDS_CLIENT, packet->len))
		return TURN_DROP;
	allocation->traffic.to_client_packets++;
	allocation->traffic.to_client_bytes += len;
	return to_client(allocation, packet, forward);
}

/* A router's rule: what arrives with one hop left has none to go. */
static enum turn_verdict to_peer(struct turn_allocation *allocation,
                                 const struct permission *permission,
                                 const struct transport_addr *peer, struct packet *packet,
                                 struct turn_forward *forward)
{
	struct turn_server *server = allocation->server;

	if (permission->needs_judgement &&
	    !peer_filter_allows(server->settings.filter, allocation->peer_lists, peer, false))
		return drop(server, COUNT_drop_forbidden_peer);
	if (transport_is_stream(allocation->tuple.transport)) {
		packet->ttl = PACKET_TTL_UNKNOWN;
		packet->tos &= (uint8_t)~ECN_MASK; /* RFC 8656 section 15: Not-ECT */
	} else if (packet->ttl != PACKET_TTL_UNKNOWN && --packet->ttl == 0) {
		return drop(server, COUNT_drop_ttl);
	}
	forward->relay = allocation->relay[family_of(peer)].relay;
	forward->path = NULL;
	forward->dst = *peer;
	allocation->traffic.to_peer_packets++;
	allocation->traffic.to_peer_bytes += packet->len;
	count(server, COUNT_peer_packets_out);
	count_n(server, COUNT_peer_bytes_out, packet->len);
	return TURN_TO_PEER;
}

static enum turn_verdict to_client(struct turn_allocation *allocation, struct packet *packet,
                                   struct turn_forward *forward)
{
	struct turn_server *server = allocation->server;

	if (transport_is_stream(allocation->tuple.transport)) {
		pad(packet);
		packet->ttl = PACKET_TTL_UNKNOWN; /* RFC 8656 section 16: the connection's own */
		packet->tos = 0;
	} else if (packet->ttl != PACKET_TTL_UNKNOWN) {
		packet->ttl--;
	}
	forward->relay = NULL;
	forward->path = allocation->path;
	forward->dst = allocation->tuple.client;
	forward->dont_fragment = false;
	count(server, COUNT_client_packets_out);
	count_n(server, COUNT_client_bytes_out, packet->len);
	return TURN_TO_CLIENT;
}

static void put_channel_data(struct packet *packet, uint16_t number)
{
	uint16_t len = (uint16_t)packet->len;

	assert(packet_headroom(packet) >= CHANNEL_DATA_HEADER_SIZE);
	channel_data_put(packet_push(packet, CHANNEL_DATA_HEADER_SIZE), number, len);
}

/* Writes in front of the payload:
 *
 *   | 0x0017 | length | magic cookie | transaction id |    20
 *   | XOR-PEER-ADDRESS | 8 or 20 | address |               12 or 24
 *   | DATA | length |                                      4
 *
 * No FINGERPRINT, even where settings want one: it would read every byte of every packet. */
static bool put_data_indication(struct turn_server *server, struct packet *packet)
{
	struct transport_addr peer = packet->src;
	uint8_t id[STUN_TRANSACTION_ID_SIZE], value[STUN_ADDRESS_MAX];
	size_t data_len = packet->len;

	address_map_to_public(server, &peer);
	put_indication_id(server, id);
	size_t address_len = stun_xor_address_put(value, id, &peer);
	size_t before_data = ATTRIBUTE_HEADER_SIZE + address_len + ATTRIBUTE_HEADER_SIZE;
	if (STUN_HEADER_SIZE + before_data + data_len + channel_data_padding(data_len) >
	    MESSAGE_MAX)
		return false;
	pad(packet);
	assert(packet_headroom(packet) >= STUN_HEADER_SIZE + before_data);

	uint8_t *at = packet_push(packet, STUN_HEADER_SIZE + before_data);
	put_u16(at, DATA_INDICATION_TYPE);
	put_u16(at + 2, (uint16_t)(packet->len - STUN_HEADER_SIZE));
	put_u32(at + 4, STUN_MAGIC_COOKIE);
	memcpy(at + 8, id, sizeof id);
	at += STUN_HEADER_SIZE;
	put_u16(at, stun_attribute_type(STUN_ATTR_XOR_PEER_ADDRESS));
	put_u16(at + 2, (uint16_t)address_len);
	memcpy(at + 4, value, address_len);
	at += ATTRIBUTE_HEADER_SIZE + address_len;
	put_u16(at, stun_attribute_type(STUN_ATTR_DATA));
	put_u16(at + 2, (uint16_t)data_len);
	return true;
}

/* To a multiple of four, with zeros: no byte of another packet leaves with it. */
static void pad(struct packet *packet)
{
	size_t padding = channel_data_padding(packet->len);

	assert(packet_tailroom(packet) >= padding);
	memset(packet->data + packet->len, 0, padding);
	packet->len += padding;
}

/* RFC 8489 section 5: random. One that was computed from the hash seed would give the seed away, and
 * with it every table. */
static void put_indication_id(struct turn_server *server,
                              uint8_t transaction_id[STUN_TRANSACTION_ID_SIZE])
{
	if (server->indication_ids_left == 0) {
		server->settings.random(server->indication_ids, sizeof server->indication_ids);
		server->indication_ids_left = INDICATION_IDS;
	}
	memcpy(transaction_id, server->indication_ids[--server->indication_ids_left],
	       STUN_TRANSACTION_ID_SIZE);
}

void turn_peer_icmp(struct turn_server *server, struct turn_allocation *allocation,
                    const struct transport_addr *peer, uint8_t type, uint8_t code,
                    const uint8_t data[4], timestamp now)
{
	enum { UNREACHABLE = 3, FRAGMENTATION_NEEDED = 4, IPV6_PACKET_TOO_BIG = 2 };
	bool tells_mtu = family_of(peer) == TURN_IPV6
	                         ? type == IPV6_PACKET_TOO_BIG
	                         : type == UNREACHABLE && code == FRAGMENTATION_NEEDED;
	uint8_t id[STUN_TRANSACTION_ID_SIZE];
	struct transport_addr shown = *peer;
	struct stun_builder builder;
	size_t len;

	serve(server, allocation->tuple.transport, now);
	if (!is_reported_icmp(peer, type))
		return;
	if (permission_find(allocation, peer) == NULL) {
		drop(server, COUNT_drop_no_permission);
		return;
	}
	if (allocation->is_adrift) {
		drop(server, COUNT_drop_no_path);
		return;
	}
	address_map_to_public(server, &shown);
	put_indication_id(server, id);
	stun_build(&builder, server->reply, sizeof server->reply, STUN_DATA, STUN_INDICATION, id);
	stun_put_xor_address(&builder, STUN_ATTR_XOR_PEER_ADDRESS, &shown);
	/* RFC 8656 section 18.13: the next hop's MTU, or zero. */
	stun_put_icmp(&builder, type, code, tells_mtu ? data : (const uint8_t[4]){0});
	if (server->settings.fingerprint)
		stun_put_fingerprint(&builder);
	if (stun_build_end(&builder, &len) != OK)
		return;
	count(server, COUNT_icmp_relayed);
	action_send(server, &allocation->tuple, allocation->path, builder.bytes, len);
}

/* RFC 8656 section 11.5: unreachable and time exceeded; for IPv6 also packet too big. */
static bool is_reported_icmp(const struct transport_addr *peer, uint8_t type)
{
	return family_of(peer) == TURN_IPV6 ? type >= 1 && type <= 3 : type == 3 || type == 11;
}
