/* What a packet costs in the core: a client with a channel, and N packets to its peer and back, without
 * a socket. Run it under callgrind with two values of N: the difference is the packets' alone.
 *
 *     packet_path ROUNDS [udp|tcp|tls|dtls] */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/random.h"
#include "stun/builder.h"
#include "turn/turn.h"
#include "../unit/turn_fixture.h"

enum { PAYLOAD = 160, CHANNEL = 0x4000, ROOM = PACKET_HEADROOM + 256 };

struct bench {
	struct turn_server *server;
	struct turn_allocation *allocation;
	struct five_tuple tuple;
	struct transport_addr peer, relayed;
	int path, relay; /* their addresses are the handles */
	uint8_t room[ROOM];
	struct packet packet;
};

static struct counters counters;

static void fill(struct bench *bench, size_t len)
{
	bench->packet = (struct packet){
		.data = bench->room + PACKET_HEADROOM,
		.len = len,
		.frame = bench->room,
		.size = sizeof bench->room,
		.ttl = 64,
	};
}

/* Carries out what little an open server asks for. */
static void act(struct bench *bench)
{
	struct turn_action action;

	while (turn_next_action(bench->server, &action)) {
		struct turn_opened opened = {0};

		if (action.type != TURN_OPEN_RELAY)
			continue;
		opened.relay[TURN_IPV4] =
			(struct turn_relay){&bench->relay, bench->relayed, bench->relayed};
		bench->allocation = turn_relay_opened(bench->server, action.cookie, &opened, 1000);
	}
}

static void ask(struct bench *bench, enum stun_method method)
{
	static const uint8_t ids[][STUN_TRANSACTION_ID_SIZE] = {"allocate", "channel"};
	struct turn_forward forward;
	struct stun_builder builder;
	size_t len;

	stun_build(&builder, bench->room + PACKET_HEADROOM, 256, method, STUN_REQUEST,
	           ids[method != STUN_ALLOCATE]);
	if (method == STUN_ALLOCATE) {
		stun_put_u32(&builder, STUN_ATTR_REQUESTED_TRANSPORT, 17u << 24);
	} else {
		stun_put_u32(&builder, STUN_ATTR_CHANNEL_NUMBER, (uint32_t)CHANNEL << 16);
		stun_put_xor_address(&builder, STUN_ATTR_XOR_PEER_ADDRESS, &bench->peer);
	}
	if (stun_build_end(&builder, &len) != OK)
		abort();
	fill(bench, len);
	turn_client_input(bench->server, &bench->tuple, &bench->path, &bench->packet, 1000,
	                  &forward);
	act(bench);
}

static void open_server(struct bench *bench, enum transport transport)
{
	struct peer_filter_settings peers = {0};
	struct peer_filter *filter;
	struct turn_settings settings = {
		TURN_FIXTURE_SETTINGS,  .is_open = true,       .thread_count = 1,
		.random = random_bytes, .counters = &counters,
	};

	if (peer_filter_create(&peers, &filter) != OK)
		abort();
	settings.filter = filter; /* both live as long as the program */
	bench->tuple.transport = (uint8_t)transport;
	if (addr_parse("198.51.100.1:40000", 0, &bench->tuple.client) != OK ||
	    addr_parse("203.0.113.1:3478", 0, &bench->tuple.server) != OK ||
	    addr_parse("203.0.113.1:50000", 0, &bench->relayed) != OK ||
	    addr_parse("8.8.8.8:5000", 0, &bench->peer) != OK ||
	    turn_server_create(&settings, 1000, &bench->server) != OK)
		abort();
}

static bool there_and_back(struct bench *bench)
{
	struct turn_forward forward;
	uint8_t *data = bench->room + PACKET_HEADROOM;

	put_u16(data, CHANNEL);
	put_u16(data + 2, PAYLOAD);
	fill(bench, PAYLOAD + 4);
	if (turn_client_input(bench->server, &bench->tuple, &bench->path, &bench->packet, 1000,
	                      &forward) != TURN_TO_PEER)
		return false;
	fill(bench, PAYLOAD);
	bench->packet.src = bench->peer;
	return turn_peer_input(bench->server, bench->allocation, &bench->packet, 1000, &forward) ==
	       TURN_TO_CLIENT;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, passed = 0;
	enum transport transport = TRANSPORT_UDP;

	while (argc > 2 && transport < TRANSPORT_COUNT - 1 &&
	       strcasecmp(transport_name(transport), argv[2]) != 0)
		transport++;
	open_server(&bench, transport);
	ask(&bench, STUN_ALLOCATE);
	ask(&bench, STUN_CHANNEL_BIND);
	for (unsigned long i = 0; i < rounds; i++)
		passed += bench.allocation != NULL && there_and_back(&bench);
	turn_server_destroy(bench.server);
	printf("%lu of %lu rounds\n", passed, rounds);
	return passed == rounds ? 0 : 1;
}
