/* Datagrams through the mmsg back end on real loopback sockets: batches, TTL and TOS, trains by GSO
 * and GRO, ICMP errors, sockets that go away in the middle of a batch. */
#include "io/io.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <unistd.h>

#include "tap.h"

enum { SEEN_MAX = 600 };

struct seen {
	size_t len;
	uint8_t first, last, ttl, tos;
	bool has_room;
};

struct end { /* one socket and what came to it */
	struct io_socket *socket;
	struct transport_addr addr;
	size_t count, batches;
	struct seen seen[SEEN_MAX];
	bool detaches;
	struct end *echo_to; /* what arrives is sent on from here */
	struct transport_addr echo_dst;
	uint8_t icmp_type, icmp_code;
	int icmp_count;
};

static struct event_base *base;
static struct io *io;
static struct counters counters;
static int rounds;

static void on_batch_ended(void *context)
{
	(void)context;
	rounds++;
}

static void on_receive(void *owner, struct packet *packets, size_t n)
{
	struct end *end = owner;

	end->batches++;
	for (size_t i = 0; i < n && end->count < SEEN_MAX; i++) {
		struct packet *packet = &packets[i];
		end->seen[end->count++] = (struct seen){
			.len = packet->len,
			.first = packet->len ? packet->data[0] : 0,
			.last = packet->len ? packet->data[packet->len - 1] : 0,
			.ttl = packet->ttl,
			.tos = packet->tos,
			.has_room = packet_headroom(packet) >= PACKET_HEADROOM &&
		                    packet_tailroom(packet) >= PACKET_TAILROOM,
		};
		if (end->echo_to != NULL) {
			/* Room that belongs to this packet alone: its neighbours must not change. */
			memset(packet_push(packet, 4), 0xEE, 4);
			io_send(end->echo_to->socket, packet, &end->echo_dst);
		}
	}
	if (end->detaches) {
		io_detach(end->socket);
		end->socket = NULL;
	}
}

static void on_icmp(void *owner, const struct transport_addr *dst, uint8_t type, uint8_t code,
                    const uint8_t data[4])
{
	struct end *end = owner;

	(void)dst;
	(void)data;
	end->icmp_type = type;
	end->icmp_code = code;
	end->icmp_count++;
}

static void end_open_as(struct end *end, const char *ip, bool icmp, bool is_patient)
{
	socklen_t len = sizeof end->addr;
	const struct io_handler handler = {
		.receive = on_receive,
		.icmp = icmp ? on_icmp : NULL,
		.owner = end,
		.needs_headroom = true,
		.is_patient = is_patient,
	};

	memset(end, 0, sizeof *end);
	if (addr_parse(ip, 0, &end->addr) != OK)
		abort();
	int fd = socket(addr_family(&end->addr), SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, &end->addr.any, addr_len(&end->addr)) != 0 ||
	    getsockname(fd, &end->addr.any, &len) != 0 ||
	    io_attach(io, fd, addr_family(&end->addr), &handler, &end->socket) != OK)
		abort();
}

static void end_open(struct end *end, const char *ip, bool icmp)
{
	end_open_as(end, ip, icmp, false);
}

static void end_close(struct end *end)
{
	if (end->socket != NULL)
		io_detach(end->socket);
}

static struct packet packet_of(uint8_t *bytes, size_t len, uint8_t ttl, uint8_t tos)
{
	return (struct packet){
		.data = bytes, .len = len, .frame = bytes, .size = len, .ttl = ttl, .tos = tos};
}

/* Runs the loop until the count is reached; a second without an event is the end of hope. */
static void run_until(const size_t *count, size_t want)
{
	struct timeval second = {1, 0};

	while (*count < want) {
		size_t before = *count;
		event_base_loopexit(base, &second);
		do
			event_base_loop(base, EVLOOP_ONCE);
		while (*count == before && !event_base_got_exit(base));
		if (*count == before)
			return;
	}
}

static void test_one(const char *ip)
{
	struct end a, b;
	uint8_t bytes[] = "hello";
	struct packet packet = packet_of(bytes, 5, 17, 0xB8);

	end_open(&a, ip, false);
	end_open(&b, ip, false);
	io_send(a.socket, &packet, &b.addr);
	io_flush(io);
	run_until(&b.count, 1);
	is_int(b.count, 1, "%s: a datagram arrives", ip);
	is_int(b.seen[0].len, 5, "%s: with its length", ip);
	is_int(b.seen[0].ttl, 17, "%s: with its TTL", ip);
	is_int(b.seen[0].tos, 0xB8, "%s: with its DSCP and ECN", ip);
	ok(b.seen[0].has_room, "%s: with room before and behind", ip);
	end_close(&a);
	end_close(&b);
}

/* Sixteen of one size and a shorter last one; the receiver pushes a header onto each and sends it
 * on, so that an overlap of neighbours would show at the third socket. */
static void test_train(const char *ip)
{
	struct end a, b, c;
	static uint8_t bytes[17][1000];
	bool right = true, whole = true;

	end_open(&a, ip, false);
	end_open(&b, ip, false);
	end_open(&c, ip, false);
	b.echo_to = &b;
	b.echo_dst = c.addr;
	uint64_t gso = counter_read(&counters, COUNT_io_gso_packets);
	uint64_t gro = counter_read(&counters, COUNT_io_gro_packets);
	for (int i = 0; i < 17; i++) {
		memset(bytes[i], i + 1, sizeof bytes[i]);
		struct packet packet = packet_of(bytes[i], i < 16 ? 1000 : 300, 0, 0);
		io_send(a.socket, &packet, &b.addr);
	}
	io_flush(io);
	run_until(&c.count, 17);
	is_int(b.count, 17, "%s: a train arrives as its packets", ip);
	ok(counter_read(&counters, COUNT_io_gso_packets) - gso >= 17, "%s: it left as one", ip);
	ok(counter_read(&counters, COUNT_io_gro_packets) - gro >= 17, "%s: it arrived as one", ip);
	for (size_t i = 0; i < b.count && i < 17; i++)
		right = right && b.seen[i].len == (i < 16 ? 1000 : 300) &&
		        b.seen[i].first == i + 1 && b.seen[i].last == i + 1 && b.seen[i].has_room;
	ok(right, "%s: each with its bytes and its own room", ip);
	for (size_t i = 0; i < 17; i++)
		whole = whole && i < c.count && c.seen[i].len == (i < 16 ? 1004 : 304) &&
		        c.seen[i].first == 0xEE && c.seen[i].last == i + 1;
	ok(whole, "%s: a header before each leaves its neighbours whole", ip);
	end_close(&a);
	end_close(&b);
	end_close(&c);
}

/* A client may send from port 0, to which nothing can be sent; the others keep their trains. */
static void test_train_refused(void)
{
	struct end a, b;
	static uint8_t bytes[16][1000];
	struct transport_addr nowhere;

	end_open(&a, "127.0.0.1", false);
	end_open(&b, "127.0.0.1", false);
	nowhere = b.addr;
	addr_set_port(&nowhere, 0);
	uint64_t gso = counter_read(&counters, COUNT_io_gso_packets);
	uint64_t failed = counter_read(&counters, COUNT_drop_send_failed);
	for (int i = 0; i < 18; i++) {
		struct packet packet = packet_of(bytes[i % 16], i < 2 ? 100 : 1000, 0, 0);
		io_send(a.socket, &packet, i < 2 ? &nowhere : &b.addr);
		if (i == 1)
			io_flush(io);
	}
	io_flush(io);
	run_until(&b.count, 16);
	is_int(b.count, 16, "a train after one to port 0 arrives");
	is_int(counter_read(&counters, COUNT_io_gso_packets) - gso, 16, "as a train");
	is_int(counter_read(&counters, COUNT_drop_send_failed) - failed, 2, "two were refused");
	end_close(&a);
	end_close(&b);
}

static void test_mixed(void)
{
	struct end a, b, c;
	static uint8_t bytes[600];
	size_t expected[] = {100, 600, 600, 20, 600, 0, 5};
	bool right = true;

	end_open(&a, "127.0.0.1", false);
	end_open(&b, "127.0.0.1", false);
	end_open(&c, "127.0.0.1", false);
	for (size_t i = 0; i < 7; i++) {
		struct packet packet = packet_of(bytes, expected[i], (uint8_t)(i < 4 ? 9 : 10), 0);
		io_send(a.socket, &packet, &b.addr);
		io_send(a.socket, &packet, &c.addr);
	}
	io_flush(io);
	run_until(&b.count, 7);
	run_until(&c.count, 7);
	for (size_t i = 0; i < 7; i++)
		right = right && b.seen[i].len == expected[i] && c.seen[i].len == expected[i] &&
		        b.seen[i].ttl == (i < 4 ? 9 : 10);
	ok(right && b.count == 7 && c.count == 7,
	   "sizes, TTLs and addresses that change break trains and keep order");
	end_close(&a);
	end_close(&b);
	end_close(&c);
}

/* More than the queue of io holds, to as many sockets as their buffers need. */
static void test_many(void)
{
	struct end a, to[4];
	static uint8_t bytes[600][4];
	bool in_order = true;

	end_open(&a, "127.0.0.1", false);
	for (int i = 0; i < 4; i++)
		end_open(&to[i], "127.0.0.1", false);
	for (unsigned i = 0; i < 600; i++) {
		struct packet packet = packet_of(bytes[i], 1 + i / 4 % 3, 0, 0);
		bytes[i][0] = (uint8_t)(i / 4);
		io_send(a.socket, &packet, &to[i % 4].addr);
	}
	io_flush(io);
	for (int i = 0; i < 4; i++) {
		run_until(&to[i].count, 150);
		is_int(to[i].count, 150, "all packets to socket %d of four leave", i);
		for (unsigned j = 0; j < to[i].count; j++)
			in_order = in_order && to[i].seen[j].first == j;
	}
	ok(in_order, "in order");
	ok(rounds > 0, "each round of batches ends with a call");
	end_close(&a);
	for (int i = 0; i < 4; i++)
		end_close(&to[i]);
}

static void test_largest(void)
{
	struct end a, b;
	uint8_t *bytes = calloc(1, 65507);
	struct packet packet = packet_of(bytes, 65507, 0, 0);

	end_open(&a, "127.0.0.1", false);
	end_open(&b, "127.0.0.1", false);
	for (int i = 0; i < 3; i++) {
		io_send(a.socket, &packet, &b.addr);
		io_flush(io);
	}
	run_until(&b.count, 3);
	is_int(b.count, 3, "the largest datagrams arrive");
	is_int(b.seen[2].len, 65507, "whole");
	end_close(&a);
	end_close(&b);
	free(bytes);
}

static void test_icmp(const char *ip, int type, int code)
{
	struct end a, gone;
	uint8_t bytes[4] = {0};
	struct packet packet = packet_of(bytes, 4, 0, 0);
	size_t count = 0;

	end_open(&a, ip, true);
	end_open(&gone, ip, false);
	struct transport_addr dst = gone.addr;
	end_close(&gone);
	io_send(a.socket, &packet, &dst);
	io_flush(io);
	for (int i = 0; i < 100 && a.icmp_count == 0; i++)
		run_until(&count, 1);
	is_int(a.icmp_count, 1, "%s: a closed port is told", ip);
	is_int(a.icmp_type, type, "%s: as destination unreachable", ip);
	is_int(a.icmp_code, code, "%s: port unreachable", ip);

	/* The error must not swallow the next datagram. */
	struct end b;
	end_open(&b, ip, false);
	io_send(a.socket, &packet, &dst);
	io_flush(io);
	io_send(a.socket, &packet, &b.addr);
	io_flush(io);
	run_until(&b.count, 1);
	is_int(b.count, 1, "%s: the datagram after an error arrives", ip);
	end_close(&a);
	end_close(&b);
}

/* Its ICMP errors are no entries of the error queue. */
static void test_connected(const char *ip)
{
	struct end a, gone;
	uint8_t bytes[4] = {0};
	struct packet packet = packet_of(bytes, 4, 0, 0);
	const struct io_handler handler = {.receive = on_receive, .owner = &a};

	end_open(&a, ip, false);
	end_open(&gone, ip, false);
	int fd = io_release(a.socket);
	if (connect(fd, &gone.addr.any, addr_len(&gone.addr)) != 0 ||
	    io_attach(io, fd, addr_family(&a.addr), &handler, &a.socket) != OK)
		abort();
	end_close(&gone);
	io_send(a.socket, &packet, &gone.addr);
	io_flush(io);
	rounds = 0;
	for (int i = 0; i < 10; i++)
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	is_int(rounds, 1, "%s: a connected socket with an ICMP error is seen to once", ip);
	end_close(&a);
}

static void test_detach_inside(void)
{
	struct end a, b;
	uint8_t bytes[4] = {0};
	struct packet packet = packet_of(bytes, 4, 0, 0);

	end_open(&a, "127.0.0.1", false);
	end_open(&b, "127.0.0.1", false);
	b.detaches = true;
	for (int i = 0; i < 3; i++) {
		packet.ttl = (uint8_t)(i + 1);
		io_send(a.socket, &packet, &b.addr);
	}
	io_flush(io);
	run_until(&b.count, 1);
	ok(b.count >= 1 && b.batches == 1, "a socket detached by its owner is left alone");
	end_close(&a);
}

static void test_release(void)
{
	struct end a;
	char byte = 1;

	end_open(&a, "127.0.0.1", false);
	int fd = io_release(a.socket);
	is_int(sendto(fd, &byte, 1, 0, &a.addr.any, addr_len(&a.addr)), 1,
	       "a released descriptor is open");
	is_int(recv(fd, &byte, 1, 0), 1, "and receives for its new owner");
	close(fd);
}

static void test_hold(void)
{
	struct end prompt, patient;
	char byte = 1;

	end_open(&prompt, "127.0.0.1", false);
	end_open_as(&patient, "127.0.0.1", false, true);
	ok(io_hold(io), "io is held when it has read all");
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	sendto(fd, &byte, 1, 0, &patient.addr.any, addr_len(&patient.addr));
	sendto(fd, &byte, 1, 0, &prompt.addr.any, addr_len(&prompt.addr));
	run_until(&prompt.count, 1);
	is_int(prompt.count, 1, "a socket that is not patient is read while io is held");
	event_base_loop(base, EVLOOP_NONBLOCK);
	is_int(patient.count, 0, "a patient one is not");
	io_unhold(io);
	is_int(patient.count, 1, "but at once when it ends");
	sendto(fd, &byte, 1, 0, &patient.addr.any, addr_len(&patient.addr));
	run_until(&patient.count, 2);
	is_int(patient.count, 2, "and afterwards by itself");
	close(fd);
	end_close(&prompt);
	end_close(&patient);
}

static void test_whole(void)
{
	struct end a, b;
	uint8_t bytes[4] = {0};
	struct packet packet = packet_of(bytes, 4, 5, 0);

	end_open(&a, "127.0.0.1", false);
	end_open(&b, "127.0.0.1", false);
	io_send_whole(a.socket, &packet, &b.addr);
	run_until(&b.count, 1);
	is_int(b.count, 1, "a datagram with DF leaves without a flush");
	end_close(&a);
	end_close(&b);
}

int main(void)
{
	const struct io_settings settings = {
		.counters = &counters, .gso = true, .gro = true, .batch_ended = on_batch_ended};

	base = event_base_new();
	if (base == NULL || io_mmsg.open(base, &settings, &io) != OK)
		abort();
	test_one("127.0.0.1");
	test_one("::1");
	test_train("127.0.0.1");
	test_train("::1");
	test_train_refused();
	test_mixed();
	test_many();
	test_largest();
	test_icmp("127.0.0.1", ICMP_DEST_UNREACH, ICMP_PORT_UNREACH);
	test_icmp("::1", 1, 4);
	test_connected("127.0.0.1");
	test_connected("::1");
	test_detach_inside();
	test_release();
	test_hold();
	test_whole();
	io_mmsg.close(io);
	event_base_free(base);
	return tap_end();
}
