/* Client endpoints, and the doors that clients come to them by. */
#include "listener_fixture.h"

#include <arpa/inet.h>

#include "listeners/udp_endpoint.h"
#include "tap.h"

enum { PACKETS = 8 };

static uint8_t frames[PACKETS][256];
static struct packet packets[PACKETS];
static struct transport_addr server, client, other;

static void packet_set(size_t i, const struct transport_addr *from)
{
	packets[i] = (struct packet){.data = frames[i],
	                             .len = put_stun(frames[i], 4 * i),
	                             .frame = frames[i],
	                             .size = sizeof frames[i],
	                             .src = *from};
}

static struct udp_endpoints *endpoints_open(struct fake_host *fake)
{
	struct udp_endpoints *endpoints;

	addr_init(&server, AF_INET, "\x7F\0\0\1", 3478);
	addr_init(&client, AF_INET, "\xC0\0\2\1", 1000);
	addr_init(&other, AF_INET, "\xC0\0\2\1", 1001);
	if (udp_endpoints_create(&fake->host, &server, true, &endpoints) != OK)
		abort();
	return endpoints;
}

static void adopt(struct udp_endpoints *endpoints, void *guest)
{
	if (udp_endpoint_adopt(endpoints, &client, socket(AF_INET, SOCK_DGRAM, 0), guest) != OK)
		abort();
}

static void receive(struct fake_host *fake, size_t n)
{
	fake->io.handler.receive(fake->io.handler.owner, packets, n);
}

static void test_its_own(void)
{
	struct fake_host *fake = fake_host_create();
	struct udp_endpoints *endpoints = endpoints_open(fake);

	adopt(endpoints, NULL);
	fake->echoes = true;
	for (size_t i = 0; i < 4; i++)
		packet_set(i, &client);
	receive(fake, 4);
	is_int(fake->calls, 1, "what its client sent is one call");
	is_int(fake->messages, 4, "with all its messages");
	ok(addr_equal(&fake->tuple.client, &client) && addr_equal(&fake->tuple.server, &server) &&
	           fake->tuple.transport == TRANSPORT_UDP,
	   "under the 5-tuple that it has at the door");
	io_flush(fake->host.io);
	is_int(fake->io.sent_count, 4, "and answers leave by it");
	ok(addr_equal(&fake->io.sent[3].addr, &client), "to the client");
	fake->path->ops->close(fake->path);
	receive(fake, 1);
	is_int(fake->messages, 5, "closing its path leaves the socket to DTLS, and to silence");
	udp_endpoints_destroy(endpoints);
	ok(fake->ended == 1 && fake->closed == 1, "at the end the host hears of it");
	fake_host_destroy(fake);
}

/* A socket that is bound and not connected yet is anyone's. */
static void test_strays(void)
{
	struct fake_host *fake = fake_host_create();
	struct udp_endpoints *endpoints = endpoints_open(fake);
	int guest;

	adopt(endpoints, &guest);
	packet_set(0, &client);
	packet_set(1, &other);
	packet_set(2, &client);
	packet_set(3, &client);
	packet_set(4, &other);
	receive(fake, 5);
	is_int(fake->messages, 3, "of another client's datagrams none is taken for its own");
	ok(fake->runs[0] == 1 && fake->runs[1] == 2, "they part its own into runs");
	is_int(fake->strays, 2, "they are told as strays");
	ok(fake->guest == &guest && addr_equal(&fake->last.src, &other), "as what they are");
	is_int(fake->last.len, packets[4].len, "whole");
	udp_endpoints_destroy(endpoints);
	fake_host_destroy(fake);
}

static void test_by_mail(void)
{
	struct fake_host *fake = fake_host_create();
	struct udp_endpoints *endpoints = endpoints_open(fake);

	packet_set(0, &client);
	ok(!udp_endpoints_input(endpoints, &packets[0]), "a client without an endpoint is told so");
	is_int(fake->messages, 0, "and not served");
	adopt(endpoints, NULL);
	ok(udp_endpoints_input(endpoints, &packets[0]), "with one its datagram is taken");
	is_int(fake->messages, 1, "and served");
	packet_set(0, &other);
	ok(!udp_endpoints_input(endpoints, &packets[0]), "another client's is not");
	udp_endpoints_destroy(endpoints);
	fake_host_destroy(fake);
}

static void test_silence(void)
{
	struct fake_host *fake = fake_host_create();
	struct udp_endpoints *endpoints = endpoints_open(fake);
	int guest;

	adopt(endpoints, &guest);
	is_int(counted(fake, COUNT_endpoints_now), 1, "an endpoint is counted");
	packet_set(0, &client);
	pass_time(fake, 59 * 1000);
	receive(fake, 1);
	pass_time(fake, 59 * 1000);
	is_int(fake->ended, 0, "one that hears of its client stays");
	fake->has_session = true;
	pass_time(fake, 600 * 1000);
	is_int(fake->ended, 0, "one whose client has a session stays");
	fake->has_session = false;
	pass_time(fake, 61 * 1000);
	ok(fake->ended == 1 && fake->guest == &guest, "the idle timeout ends it");
	is_int(fake->closed, 1, "its path is told to be gone");
	ok(!fake->io.is_attached, "its socket is closed");
	is_int(counted(fake, COUNT_endpoints_now), 0, "and it is not counted any more");
	ok(!udp_endpoints_input(endpoints, &packets[0]), "what comes now has no endpoint");
	adopt(endpoints, &guest);
	ok(udp_endpoints_input(endpoints, &packets[0]), "until its client comes back");
	udp_endpoints_destroy(endpoints);
	fake_host_destroy(fake);
}

static void test_bound(void)
{
	struct fake_host *fake = fake_host_create();
	struct udp_endpoints *endpoints = endpoints_open(fake);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	counter_add(&fake->counters, COUNT_endpoints_now, 2); /* by another listening address */
	is_int(udp_endpoint_adopt(endpoints, &client, fd, NULL), ERR_FULL,
	       "a thread has no more endpoints than it may");
	ok(close(fd) == 0, "and leaves the descriptor to who brought it");
	counter_sub(&fake->counters, COUNT_endpoints_now, 1);
	adopt(endpoints, NULL);
	udp_endpoints_destroy(endpoints);
	fake_host_destroy(fake);
}

/* Two sockets on one address, and the kernel tells clients apart. */
static void test_open(void)
{
	struct fake_host *fake = fake_host_create();
	struct transport_addr addr, from = {0};
	struct udp_listener *listener;
	socklen_t len = sizeof from;
	int mine = socket(AF_INET, SOCK_DGRAM, 0), theirs = socket(AF_INET, SOCK_DGRAM, 0);
	int fd, more;
	char bytes[16];

	addr_init(&addr, AF_INET, "\x7F\0\0\1", 0);
	if (udp_listener_create(&fake->host, &addr, 0, true, &listener) != OK ||
	    bind(mine, &addr.any, addr_len(&addr)) != 0 || getsockname(mine, &from.any, &len) != 0)
		abort();
	addr = *udp_listener_addr(listener);
	struct five_tuple tuple = {.client = from, .server = addr};
	is_int(udp_endpoint_open(&fake->host, &tuple, 0, &fd), OK,
	       "an endpoint shares its listener's address");
	sendto(theirs, "theirs", 6, 0, &addr.any, addr_len(&addr));
	sendto(mine, "mine", 4, 0, &addr.any, addr_len(&addr));
	is_int(recv(fd, bytes, sizeof bytes, MSG_DONTWAIT), 4, "its client's datagram is there");
	is_int(recv(fake->io.fd, bytes, sizeof bytes, MSG_DONTWAIT), 6,
	       "another's at the listener");
	tuple.client = addr;
	is_int(udp_endpoint_open(&fake->host, &tuple, 0, &more), OK, "more of them find room");
	close(fd);
	close(more);
	close(mine);
	close(theirs);
	udp_listener_destroy(listener);
	fake_host_destroy(fake);
}

static void test_door(void)
{
	struct fake_host *fake = fake_host_create();
	struct udp_listener *listener;
	struct transport_addr addr;

	fake->host.door = &fake_door;
	addr_init(&addr, AF_INET, "\x7F\0\0\1", 0);
	addr_init(&client, AF_INET, "\xC0\0\2\1", 1000);
	if (udp_listener_create(&fake->host, &addr, 0, true, &listener) != OK)
		abort();
	for (size_t i = 0; i < 3; i++)
		packet_set(i, &client);
	receive(fake, 3);
	is_int(fake->calls, 3, "at a door each datagram is a call of its own");
	fake->passes_on = true;
	receive(fake, 3);
	udp_listener_input(listener, &packets[0]);
	ok(fake->passed_on == 4 && fake->calls == 3, "whom another thread has is passed on to it");
	udp_listener_destroy(listener);
	fake_host_destroy(fake);
}

int main(void)
{
	test_its_own();
	test_strays();
	test_by_mail();
	test_silence();
	test_bound();
	test_open();
	test_door();
	return tap_end();
}
