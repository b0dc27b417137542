/* A UDP listener sorts batches and hands them over in runs. */
#include "listener_fixture.h"

#include <arpa/inet.h>

#include "tap.h"

enum { BATCH = 256 };

static uint8_t frames[2 * BATCH][2048];
static struct packet packets[2 * BATCH];

static void packet_set(size_t i, const uint8_t *bytes, size_t len)
{
	memcpy(frames[i], bytes, len);
	packets[i] = (struct packet){
		.data = frames[i], .len = len, .frame = frames[i], .size = sizeof frames[i]};
	addr_init(&packets[i].src, AF_INET, "\xC0\0\2\1", (uint16_t)(1000 + i));
}

static struct udp_listener *listener_open(struct fake_host *fake, bool serve_udp)
{
	struct transport_addr addr;
	struct udp_listener *listener = NULL;

	addr_init(&addr, AF_INET, "\x7F\0\0\1", 0);
	if (udp_listener_create(&fake->host, &addr, 65536, serve_udp, &listener) != OK)
		abort();
	return listener;
}

static void receive(struct fake_host *fake, size_t n)
{
	fake->io.handler.receive(fake->io.handler.owner, packets, n);
}

static void test_one_call(void)
{
	struct fake_host *fake = fake_host_create();
	struct udp_listener *listener = listener_open(fake, true);
	uint8_t bytes[64];

	for (size_t i = 0; i < BATCH; i++)
		packet_set(i, bytes, i % 2 ? put_stun(bytes, 8) : put_channel_data(bytes, 10));
	receive(fake, BATCH);
	is_int(fake->calls, 1, "a batch of STUN and ChannelData is one call");
	is_int(fake->messages, BATCH, "with all its messages");
	is_int(addr_port(&fake->tuple.client), 1000 + BATCH - 1, "each with its client");
	ok(addr_equal(&fake->tuple.server, udp_listener_addr(listener)) &&
	           fake->tuple.transport == TRANSPORT_UDP,
	   "and the listener's address");
	for (size_t i = 0; i < BATCH + 10; i++)
		packet_set(i, bytes, put_stun(bytes, 0));
	receive(fake, BATCH + 10);
	is_int(fake->calls, 3, "a longer batch is handed over in parts");
	is_int(fake->messages, 2 * BATCH + 10, "and none is lost");
	udp_listener_destroy(listener);
	ok(!fake->io.is_attached, "the socket is detached");
	fake_host_destroy(fake);
}

static void test_runs(void)
{
	struct fake_host *fake = fake_host_create();
	struct udp_listener *listener = listener_open(fake, true);
	uint8_t bytes[64];
	const uint8_t dtls[] = {22, 254, 253, 0}, junk[] = {200, 1, 2, 3};

	packet_set(0, junk, sizeof junk);
	for (size_t i = 1; i <= 3; i++)
		packet_set(i, bytes, put_stun(bytes, 4));
	packet_set(4, dtls, sizeof dtls);
	packet_set(5, junk, 0);
	packet_set(6, bytes, put_channel_data(bytes, 4));
	receive(fake, 7);
	is_int(fake->calls, 2, "junk parts a batch into runs");
	ok(fake->runs[0] == 3 && fake->runs[1] == 1, "of three and one");
	is_int(addr_port(&fake->tuple.client), 1006, "the second with its own client");
	is_int(counted(fake, COUNT_drop_malformed), 3,
	       "junk, an empty datagram and DTLS that is not served are counted");
	udp_listener_destroy(listener);
	fake_host_destroy(fake);
}

static void test_not_served(void)
{
	struct fake_host *fake = fake_host_create();
	struct udp_listener *listener = listener_open(fake, false);
	uint8_t bytes[64];

	packet_set(0, bytes, put_stun(bytes, 4));
	receive(fake, 1);
	ok(fake->calls == 0 && counted(fake, COUNT_drop_malformed) == 1,
	   "plain UDP that is not served is dropped and counted");
	udp_listener_destroy(listener);
	fake_host_destroy(fake);
}

static void test_send(void)
{
	struct fake_host *fake = fake_host_create();
	struct udp_listener *listener = listener_open(fake, true);
	uint8_t bytes[64];
	size_t len = put_stun(bytes, 4);

	fake->echoes = true;
	packet_set(0, bytes, len);
	packets[0].tos = 0xB8;
	packets[0].ttl = 55;
	receive(fake, 1);
	io_flush(fake->host.io);
	is_int(fake->io.sent_count, 1, "what is sent on the path goes to io");
	is_bytes(fake->io.sent[0].bytes, bytes, len, "as it stands");
	ok(addr_equal(&fake->io.sent[0].addr, &packets[0].src), "to the client");
	ok(fake->io.sent[0].tos == 0xB8 && fake->io.sent[0].ttl == 55, "with its TOS and TTL");
	fake->path->ops->close(fake->path);
	receive(fake, 1);
	is_int(fake->messages, 2, "closing the path of one client leaves it to the others");
	udp_listener_destroy(listener);
	fake_host_destroy(fake);
}

/* From any thread, past io and what it gathers. */
static void test_send_now(void)
{
	struct fake_host *fake = fake_host_create();
	struct udp_listener *listener = listener_open(fake, true);
	struct transport_addr dst, src;
	uint8_t bytes[64], got[64];
	struct packet packet = {.data = bytes, .len = put_stun(bytes, 4)};
	socklen_t len = sizeof dst;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	addr_init(&dst, AF_INET, "\x7F\0\0\1", 0);
	if (bind(fd, &dst.any, addr_len(&dst)) != 0 || getsockname(fd, &dst.any, &len) != 0)
		abort();
	is_int(udp_listener_send_now(listener, &packet, &dst), OK, "a datagram leaves at once");
	len = sizeof src;
	is_int((int)recvfrom(fd, got, sizeof got, 0, &src.any, &len), (int)packet.len,
	       "all of it arrives");
	ok(memcmp(got, bytes, packet.len) == 0 && addr_equal(&src, udp_listener_addr(listener)),
	   "as it stands, from the listener's address");
	is_int(fake->io.sent_count, 0, "io has no part in it");
	addr_set_port(&dst, 0);
	is_int(udp_listener_send_now(listener, &packet, &dst), ERR_SYSTEM,
	       "what the kernel refuses is told");
	close(fd);
	udp_listener_destroy(listener);
	fake_host_destroy(fake);
}

static void test_device(void)
{
	struct fake_host *fake = fake_host_create();
	struct transport_addr addr;
	struct udp_listener *listener = NULL;

	addr_init(&addr, AF_INET, "\x7F\0\0\1", 0);
	fake->host.device = "no-such-device";
	is_int(udp_listener_create(&fake->host, &addr, 0, true, &listener), ERR_SYSTEM,
	       "a device that is not there is refused");
	is_int(listener_probe(&addr, SOCK_STREAM, "no-such-device"), ERR_SYSTEM,
	       "by the probe as well");
	is_int(listener_probe(&addr, SOCK_STREAM, NULL), OK, "without one the address is free");
	fake_host_destroy(fake);
}

static void test_addresses(void)
{
	struct fake_host *fake = fake_host_create();
	struct transport_addr any, other, bound;
	struct udp_listener *first, *second = NULL;
	socklen_t len = sizeof bound;

	addr_init(&any, AF_INET, "\0\0\0\0", 0);
	is_int(udp_listener_create(&fake->host, &any, 0, true, &first), ERR_INVALID,
	       "0.0.0.0 is refused");
	addr_init(&any, AF_INET6, &in6addr_any, 0);
	is_int(udp_listener_create(&fake->host, &any, 0, true, &first), ERR_INVALID,
	       ":: is refused");
	addr_init(&other, AF_INET, "\xC0\0\2\x21", 0);
	is_int(udp_listener_create(&fake->host, &other, 0, true, &first), ERR_SYSTEM,
	       "an address that is not this machine's is refused");
	first = listener_open(fake, true);
	other = *udp_listener_addr(first);
	ok(addr_port(&other) != 0, "port 0 becomes an actual one");
	getsockname(fake->io.fd, &bound.any, &len);
	ok(addr_equal(&bound, &other), "that of the socket");
	int fd = fake->io.fd;
	is_int(udp_listener_create(&fake->host, &other, 0, true, &second), OK,
	       "another thread's listener shares the port");
	udp_listener_destroy(second);
	fake->io.fd = fd;
	udp_listener_destroy(first);
	fake_host_destroy(fake);
}

int main(void)
{
	test_one_call();
	test_runs();
	test_not_served();
	test_send();
	test_send_now();
	test_device();
	test_addresses();
	return tap_end();
}
