/* DTLS associations: OpenSSL's client at one end, the UDP listener at the other, and between them a
 * network that the test is. Time is virtual for both. */
#include "listener_fixture.h"

#include <malloc.h>
#include <openssl/err.h>

#include "base/list.h"
#include "listeners/dtls_cookie.h"
#include "listeners/engine_bio.h"
#include "listeners/udp_endpoint.h"
#include "tap.h"

enum { OUTBOX = 32 };

struct client {
	struct engine_bio bio;
	struct transport_addr addr;
	SSL *ssl;
	struct datagram outbox[OUTBOX];
	size_t outbox_count;
	size_t heard; /* how many of io.sent were looked at */
};

struct bench {
	struct fake_host *fake;
	struct udp_listener *listener;
	SSL_CTX *context; /* of clients */
	BIO_METHOD *method;
};

static void bench_open_with(struct bench *bench, const struct listener_door *door,
                            const uint8_t *secret)
{
	struct transport_addr addr;

	bench->fake = fake_host_create();
	bench->fake->host.door = door;
	bench->fake->host.dtls_cookie_secret = secret;
	bench->fake->host.dtls = SSL_CTX_new(DTLS_server_method());
	certificate_use(bench->fake->host.dtls);
	dtls_server_prepare(bench->fake->host.dtls);
	addr_init(&addr, AF_INET, "\x7F\0\0\1", 0);
	bench->context = SSL_CTX_new(DTLS_client_method());
	if (udp_listener_create(&bench->fake->host, &addr, 65536, true, &bench->listener) != OK ||
	    engine_bio_method_create(&bench->method) != OK)
		abort();
}

static void bench_open(struct bench *bench)
{
	bench_open_with(bench, NULL, NULL);
}

static void bench_close(struct bench *bench)
{
	udp_listener_destroy(bench->listener);
	is_int(counted(bench->fake, COUNT_dtls_sessions_now), 0, "no association is left");
	is_int(counted(bench->fake, COUNT_dtls_half_open_now), 0, "nor a handshake");
	SSL_CTX_free(bench->context);
	BIO_meth_free(bench->method);
	fake_host_destroy(bench->fake);
}

static bool client_write(struct engine_bio *bio, const uint8_t *bytes, size_t len)
{
	struct client *client = CONTAINER_OF(bio, struct client, bio);
	struct datagram *datagram = &client->outbox[client->outbox_count];

	if (client->outbox_count == OUTBOX || len > sizeof datagram->bytes)
		abort();
	client->outbox_count++;
	datagram->len = len;
	memcpy(datagram->bytes, bytes, len);
	return true;
}

static void client_open(struct bench *bench, struct client *client, uint16_t port)
{
	memset(client, 0, sizeof *client);
	client->bio.is_datagram = true;
	client->bio.write = client_write;
	addr_init(&client->addr, AF_INET, "\xC0\0\2\1", port);
	client->heard = bench->fake->io.sent_count;
	client->ssl = SSL_new(bench->context);
	BIO *bio = engine_bio_create(bench->method, &client->bio);
	SSL_set_bio(client->ssl, bio, bio);
	SSL_set_options(client->ssl, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(client->ssl, 500);
	SSL_set_connect_state(client->ssl);
}

static void client_close(struct client *client)
{
	SSL_free(client->ssl);
}

static void server_receive(struct bench *bench, const struct transport_addr *from,
                           const uint8_t *bytes, size_t len)
{
	/* Exactly as long as it is, so that a sanitizer sees a byte too many. */
	uint8_t *copy = malloc(len);
	struct packet packet = {.data = copy, .len = len, .frame = copy, .size = len, .src = *from};

	memcpy(copy, bytes, len);
	bench->fake->io.handler.receive(bench->fake->io.handler.owner, &packet, 1);
	io_flush(bench->fake->host.io);
	free(copy);
}

static bool no_loss(unsigned n)
{
	(void)n;
	return true;
}

typedef bool passes_fn(unsigned n);
static unsigned carried; /* datagrams in both directions */

/* Carries what the client wrote, the last one first if so asked. */
static void carry_up(struct bench *bench, struct client *client, passes_fn *passes, bool reverse)
{
	size_t n = client->outbox_count;

	client->outbox_count = 0;
	for (size_t i = 0; i < n; i++) {
		const struct datagram *datagram = &client->outbox[reverse ? n - 1 - i : i];

		if (passes(carried++))
			server_receive(bench, &client->addr, datagram->bytes, datagram->len);
	}
}

/* Carries what the server wrote to this client, and lets the client handshake on each. */
static void carry_down(struct bench *bench, struct client *client, passes_fn *passes, bool reverse)
{
	size_t first = client->heard, end = bench->fake->io.sent_count;

	for (size_t i = first; i < end; i++) {
		size_t index = (reverse ? end - 1 - (i - first) : i) % 256;
		struct datagram datagram = bench->fake->io.sent[index];

		if (!addr_equal(&datagram.addr, &client->addr) || !passes(carried++))
			continue;
		client->bio.in = datagram.bytes;
		client->bio.in_len = datagram.len;
		SSL_do_handshake(client->ssl);
		ERR_clear_error();
	}
	client->heard = end;
}

/* Handshakes through a network that loses what does not pass; false when 60 s do not suffice. */
static bool connect_through(struct bench *bench, struct client *client, passes_fn *passes,
                            bool reverse)
{
	carried = 0;
	for (unsigned s = 0; s < 60; s++) {
		for (unsigned i = 0; i < 10; i++) {
			SSL_do_handshake(client->ssl);
			ERR_clear_error();
			carry_up(bench, client, passes, reverse);
			carry_down(bench, client, passes, reverse);
			if (SSL_is_init_finished(client->ssl) &&
			    counted(bench->fake, COUNT_dtls_half_open_now) == 0)
				return true;
		}
		pass_time(bench->fake, 1000);
		io_flush(bench->fake->host.io);
		DTLSv1_handle_timeout(client->ssl);
	}
	return false;
}

static void connected(struct bench *bench, struct client *client, uint16_t port)
{
	client_open(bench, client, port);
	ok(connect_through(bench, client, no_loss, false), "a handshake succeeds");
}

static void client_send(struct bench *bench, struct client *client, const uint8_t *bytes,
                        size_t len)
{
	if (SSL_write(client->ssl, bytes, (int)len) != (int)len)
		abort();
	carry_up(bench, client, no_loss, false);
}

static int client_read(struct bench *bench, struct client *client, uint8_t *bytes, int size)
{
	struct datagram datagram;

	io_flush(bench->fake->host.io);
	for (; client->heard < bench->fake->io.sent_count; client->heard++) {
		datagram = bench->fake->io.sent[client->heard % 256];
		if (!addr_equal(&datagram.addr, &client->addr))
			continue;
		client->heard++;
		client->bio.in = datagram.bytes;
		client->bio.in_len = datagram.len;
		return SSL_read(client->ssl, bytes, size);
	}
	return -1;
}

/* ---- another thread, that clients are handed over to ---- */

static struct udp_endpoints *endpoints; /* the taker's */

static void taker_open(struct bench *taker, const struct bench *door, const uint8_t *secret)
{
	taker->fake = fake_host_create();
	taker->fake->host.dtls = door->fake->host.dtls;
	SSL_CTX_up_ref(taker->fake->host.dtls);
	taker->fake->host.dtls_cookie_secret = secret;
	if (udp_endpoints_create(&taker->fake->host, udp_listener_addr(door->listener), true,
	                         &endpoints) != OK)
		abort();
}

static void taker_adopt(struct bench *taker, const struct transport_addr *client)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (udp_endpoint_adopt(endpoints, client, fd, taker) != OK)
		abort();
}

static void taker_close(struct bench *taker)
{
	udp_endpoints_destroy(endpoints);
	is_int(counted(taker->fake, COUNT_endpoints_now), 0, "no endpoint is left");
	fake_host_destroy(taker->fake);
}

/* ---- what is tested ---- */

static size_t memory_in_use(void)
{
	return mallinfo2().uordblks;
}

static void test_no_state_before_cookie(void)
{
	struct bench bench;
	struct client client;
	size_t before, after;

	bench_open(&bench);
	client_open(&bench, &client, 1000);
	SSL_do_handshake(client.ssl);
	struct datagram hello = client.outbox[0];
	server_receive(&bench, &client.addr, hello.bytes, hello.len);
	before = memory_in_use();
	for (unsigned i = 0; i < 10000; i++) {
		addr_init(&client.addr, AF_INET, "\xC6\x33\x64\1", (uint16_t)(1 + i));
		server_receive(&bench, &client.addr, hello.bytes, hello.len);
	}
	after = memory_in_use(); /* before the first line of output takes its buffer */
	is_int(counted(bench.fake, COUNT_dtls_sessions_now), 0,
	       "10,000 ClientHellos without a cookie leave no association");
	is_int(counted(bench.fake, COUNT_dtls_cookies_sent), 10001,
	       "each is answered by a HelloVerifyRequest");
	is_int(after, before, "and none by a byte of memory");
	ok(bench.fake->io.sent[0].len < hello.len, "the answer is shorter than the question");
	is_int(bench.fake->io.sent[5].bytes[13], 3, "its message is a HelloVerifyRequest");
	client_close(&client);
	bench_close(&bench);
}

/* Has a client get its cookie and gives its second ClientHello. */
static void second_hello(struct bench *bench, struct client *client, struct datagram *hello)
{
	SSL_do_handshake(client->ssl);
	carry_up(bench, client, no_loss, false);
	carry_down(bench, client, no_loss, false);
	*hello = client->outbox[0];
	client->outbox_count = 0;
}

static void test_cookies(void)
{
	struct bench bench;
	struct client client;
	struct datagram hello;
	struct transport_addr thief;

	bench_open(&bench);
	client_open(&bench, &client, 1000);
	second_hello(&bench, &client, &hello);
	addr_init(&thief, AF_INET, "\xC0\0\2\2", 1000);
	server_receive(&bench, &thief, hello.bytes, hello.len);
	addr_init(&thief, AF_INET, "\xC0\0\2\1", 1001);
	server_receive(&bench, &thief, hello.bytes, hello.len);
	is_int(counted(bench.fake, COUNT_dtls_sessions_now), 0,
	       "a cookie is of use at its own address and port alone");
	fixture_ms += 61 * 1000;
	server_receive(&bench, &client.addr, hello.bytes, hello.len);
	is_int(counted(bench.fake, COUNT_dtls_sessions_now), 1, "it outlives one change of secret");
	pass_time(bench.fake, 10000);
	is_int(counted(bench.fake, COUNT_dtls_sessions_now), 0, "a handshake has its time");
	is_int(counted(bench.fake, COUNT_dtls_failures), 1, "and fails after it");
	fixture_ms += 61 * 1000;
	server_receive(&bench, &client.addr, hello.bytes, hello.len);
	is_int(counted(bench.fake, COUNT_dtls_sessions_now), 0, "but not two");
	client_close(&client);
	bench_close(&bench);
}

static void test_half_open_bound(void)
{
	struct bench bench;
	struct client client;
	struct datagram hello;

	bench_open(&bench);
	for (unsigned i = 0; i < 300; i++) {
		client_open(&bench, &client, (uint16_t)(2000 + i));
		second_hello(&bench, &client, &hello);
		server_receive(&bench, &client.addr, hello.bytes, hello.len);
		client_close(&client);
	}
	is_int(counted(bench.fake, COUNT_dtls_half_open_now), 100, "half-open ones have a bound");
	is_int(counted(bench.fake, COUNT_dtls_refused), 200, "what is beyond is counted");
	client_open(&bench, &client, 1999);
	second_hello(&bench, &client, &hello);
	size_t before = memory_in_use();
	for (unsigned i = 0; i < 10000; i++)
		server_receive(&bench, &client.addr, hello.bytes, hello.len);
	size_t after = memory_in_use();
	is_int(counted(bench.fake, COUNT_dtls_refused), 10200, "10,000 more are refused");
	is_int(after, before, "and cost no memory");
	client_close(&client);
	pass_time(bench.fake, 10000);
	is_int(counted(bench.fake, COUNT_dtls_half_open_now), 0, "they end by time");
	is_int(counted(bench.fake, COUNT_dtls_failures), 100, "all of them");
	bench.fake->host.dtls_sessions_max = 0;
	client_open(&bench, &client, 1998);
	second_hello(&bench, &client, &hello);
	server_receive(&bench, &client.addr, hello.bytes, hello.len);
	is_int(counted(bench.fake, COUNT_dtls_refused), 10201, "associations have a bound too");
	client_close(&client);
	bench_close(&bench);
}

static void test_data(void)
{
	struct bench bench;
	struct client client;
	uint8_t bytes[1500], got[1500];
	size_t len = put_stun(bytes, 1000);

	bench_open(&bench);
	bench.fake->echoes = true;
	connected(&bench, &client, 1000);
	is_int(counted(bench.fake, COUNT_dtls_handshakes), 1, "and is counted");
	client_send(&bench, &client, bytes, len);
	is_int(bench.fake->messages, 1, "a message arrives");
	is_bytes(bench.fake->bytes, bytes, len, "unchanged");
	is_int(packet_headroom(&bench.fake->last), PACKET_HEADROOM, "with headroom");
	is_int(bench.fake->tuple.transport, TRANSPORT_DTLS, "its 5-tuple says DTLS");
	is_int(client_read(&bench, &client, got, sizeof got), len, "the answer arrives");
	is_bytes(got, bytes, len, "unchanged");
	struct packet packet = {.data = bytes, .len = len, .tos = 0xB8, .ttl = 33};
	bench.fake->path->ops->send(bench.fake->path, &packet, NULL);
	is_int(client_read(&bench, &client, got, sizeof got), len, "data arrives");
	ok(bench.fake->io.sent[(bench.fake->io.sent_count - 1) % 256].tos == 0xB8,
	   "with its TOS on the outside");
	client_send(&bench, &client, (const uint8_t *)"\xFFjunk", 5);
	is_int(counted(bench.fake, COUNT_drop_malformed), 1, "what is no message is dropped");
	server_receive(&bench, &client.addr,
	               (const uint8_t *)"\x17\xFE\xFD\0\1\0\0\0\0\0\x63\0\2xx", 15);
	is_int(counted(bench.fake, COUNT_dtls_sessions_now), 1, "a forged record changes nothing");
	client_send(&bench, &client, bytes, len);
	is_int(bench.fake->messages, 2, "messages still arrive");
	SSL_shutdown(client.ssl);
	carry_up(&bench, &client, no_loss, false);
	is_int(counted(bench.fake, COUNT_dtls_sessions_now), 0, "close_notify ends it");
	pass_time(bench.fake, 1);
	is_int(bench.fake->closed, 1, "and the host hears of it");
	server_receive(&bench, &client.addr,
	               (const uint8_t *)"\x17\xFE\xFD\0\1\0\0\0\0\0\x63\0\2xx", 15);
	is_int(counted(bench.fake, COUNT_dtls_stray), 1, "records of no association are counted");
	client_close(&client);
	bench_close(&bench);
}

static void test_host_closes(void)
{
	struct bench bench;
	struct client client;
	uint8_t bytes[64], got[64];
	size_t len = put_stun(bytes, 0);

	bench_open(&bench);
	connected(&bench, &client, 1000);
	bench.fake->closes = bench.fake->echoes = true;
	client_send(&bench, &client, bytes, len);
	is_int(bench.fake->closed, 0, "closing the path within input ends nothing there");
	is_int(client_read(&bench, &client, got, sizeof got), len, "what was sent still leaves");
	int result = client_read(&bench, &client, got, sizeof got);
	is_int(SSL_get_error(client.ssl, result), SSL_ERROR_ZERO_RETURN, "and close_notify");
	pass_time(bench.fake, 1);
	is_int(bench.fake->closed, 1, "then the path goes");
	client_close(&client);
	bench_close(&bench);
}

static unsigned lost; /* the one datagram that is lost */
static bool passes_but_one(unsigned n)
{
	return n != lost;
}
static bool passes_three_of_four(unsigned n)
{
	return (n * 2654435761u) >> 30 != 0; /* in no order that a flight could fall in with */
}

static void test_loss_and_order(void)
{
	struct bench bench;
	struct client client;
	unsigned succeeded = 0, n = 16;

	bench_open(&bench);
	bench.fake->host.handshake_timeout_s = 60;
	for (lost = 0; lost < n; lost++) {
		client_open(&bench, &client, (uint16_t)(1000 + lost));
		succeeded += connect_through(&bench, &client, passes_but_one, false);
		client_close(&client);
	}
	is_int(succeeded, n, "a handshake survives the loss of any one datagram");
	client_open(&bench, &client, 3000);
	ok(connect_through(&bench, &client, no_loss, true), "and flights that arrive backwards");
	client_close(&client);
	client_open(&bench, &client, 3001);
	ok(connect_through(&bench, &client, passes_three_of_four, false),
	   "and the loss of one in four");
	client_close(&client);
	is_int(counted(bench.fake, COUNT_dtls_failures), 0, "none failed");
	bench_close(&bench);
}

/* Lets time pass and says whether something was sent because of it. */
static bool sends_by(struct bench *bench, uint64_t ms, size_t *sent)
{
	size_t before = *sent;

	pass_time(bench->fake, ms);
	io_flush(bench->fake->host.io);
	*sent = bench->fake->io.sent_count;
	return *sent > before;
}

static void test_retransmission(void)
{
	struct bench bench;
	struct client client;
	struct datagram hello;

	bench_open(&bench);
	client_open(&bench, &client, 1000);
	second_hello(&bench, &client, &hello);
	server_receive(&bench, &client.addr, hello.bytes, hello.len);
	size_t sent = bench.fake->io.sent_count;
	ok(sent > client.heard, "the server sends its flight");
	ok(!sends_by(&bench, 999, &sent), "waits a second");
	ok(sends_by(&bench, 1, &sent), "sends it again");
	ok(!sends_by(&bench, 1999, &sent), "waits for two more");
	ok(sends_by(&bench, 1, &sent), "and sends it again");
	client_close(&client);
	bench_close(&bench);
}

static void test_silence(void)
{
	struct bench bench;
	struct client client;
	uint8_t bytes[64], got[64];

	bench_open(&bench);
	connected(&bench, &client, 1000);
	bench.fake->has_session = true;
	client_send(&bench, &client, bytes, put_stun(bytes, 0));
	for (int i = 0; i < 5; i++)
		pass_time(bench.fake, 60000);
	is_int(counted(bench.fake, COUNT_dtls_sessions_now), 1, "with a session it may be silent");
	bench.fake->has_session = false;
	pass_time(bench.fake, 60000);
	is_int(counted(bench.fake, COUNT_dtls_timed_out), 1, "without one not for long");
	pass_time(bench.fake, 1);
	is_int(bench.fake->closed, 1, "the host hears of it");
	int result = client_read(&bench, &client, got, sizeof got);
	is_int(SSL_get_error(client.ssl, result), SSL_ERROR_ZERO_RETURN, "and so does the client");
	client_close(&client);
	bench_close(&bench);
}

static void test_restart(void)
{
	struct bench bench;
	struct client client, again;
	struct datagram hello;
	uint8_t bytes[64];
	size_t len = put_stun(bytes, 0);

	bench_open(&bench);
	connected(&bench, &client, 1000);
	client_send(&bench, &client, bytes, len);
	client_open(&bench, &again, 1000);
	second_hello(&bench, &again, &hello);
	client_send(&bench, &client, bytes, len);
	is_int(bench.fake->messages, 2, "a ClientHello without a cookie leaves the old one alone");
	is_int(bench.fake->closed, 0, "and the host in peace");
	server_receive(&bench, &again.addr, hello.bytes, hello.len);
	is_int(bench.fake->closed, 1, "with its cookie the new one takes its place");
	is_int(counted(bench.fake, COUNT_dtls_sessions_now), 1, "there is one association");
	ok(connect_through(&bench, &again, no_loss, false), "its handshake succeeds");
	client_send(&bench, &again, bytes, len);
	is_int(bench.fake->messages, 3, "and its messages arrive");
	server_receive(&bench, &again.addr, hello.bytes, hello.len);
	client_send(&bench, &again, bytes, len);
	is_int(bench.fake->messages, 4, "a replay of its ClientHello changes nothing");
	client_close(&client);
	client_close(&again);
	bench_close(&bench);
}

/* One thread sends the cookie, another lets the client in by it. */
static void test_handed_over(void)
{
	static const uint8_t secret[DTLS_COOKIE_SECRET_SIZE] = "shared by the threads";
	struct bench bench, taker;
	struct client client;
	struct datagram hello;
	uint8_t bytes[64];
	size_t len = put_stun(bytes, 4);

	bench_open_with(&bench, &fake_door, secret);
	taker_open(&taker, &bench, secret);
	client_open(&bench, &client, 1000);
	second_hello(&bench, &client, &hello);
	is_int(bench.fake->handed_over, 0, "a door hands over nobody without a cookie");
	server_receive(&bench, &client.addr, hello.bytes, hello.len);
	is_int(bench.fake->handed_over, 1, "who shows one is handed over");
	ok(addr_equal(&bench.fake->handed.addr, &client.addr) &&
	           bench.fake->handed.len == hello.len &&
	           memcmp(bench.fake->handed.bytes, hello.bytes, hello.len) == 0,
	   "with the ClientHello as it came");
	is_int(counted(bench.fake, COUNT_dtls_sessions_now), 0, "and nothing is kept of it");

	client.outbox[client.outbox_count++] = hello;
	client.heard = 0;
	taker_adopt(&taker, &client.addr);
	ok(connect_through(&taker, &client, no_loss, false), "the other thread has the handshake");
	client_send(&taker, &client, bytes, len);
	is_int(taker.fake->messages, 1, "and what comes behind it");
	is_int(taker.fake->tuple.transport, TRANSPORT_DTLS, "as that of a DTLS client");
	pass_time(taker.fake, 60 * 1000);
	is_int(taker.fake->ended, 0,
	       "its endpoint outlives an association that has just fallen silent");
	pass_time(taker.fake, 61 * 1000);
	is_int(counted(taker.fake, COUNT_dtls_sessions_now), 0, "silence ends the association");
	is_int(taker.fake->ended, 1, "and then the endpoint");
	client_close(&client);
	taker_close(&taker);
	bench_close(&bench);
}

int main(void)
{
	test_handed_over();
	test_no_state_before_cookie();
	test_cookies();
	test_half_open_bound();
	test_data();
	test_host_closes();
	test_loss_and_order();
	test_retransmission();
	test_silence();
	test_restart();
	return tap_end();
}
