/* A TCP listener on loopback: plain and TLS streams in all pieces, bounds, and time. The clock
 * stands still but for pass_time; what is waited for is an event. */
#include "listener_fixture.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/resource.h>

#include "listeners/stream_private.h"
#include "tap.h"

struct bench {
	struct fake_host *fake;
	struct tcp_listener *listener;
};

static struct fake_host *host_create(void)
{
	struct fake_host *fake = fake_host_create();

	fake->host.base = event_base_new();
	if (rounds_create(fake->host.base, fake->host.io, true, &fake->host.rounds) != OK)
		abort();
	return fake;
}

static void bench_open(struct bench *bench, bool has_tls)
{
	struct transport_addr addr;

	bench->fake = host_create();
	if (has_tls) {
		bench->fake->host.tls = SSL_CTX_new(TLS_server_method());
		certificate_use(bench->fake->host.tls);
	}
	addr_init(&addr, AF_INET, "\x7F\0\0\1", 0);
	if (tcp_listener_create(&bench->fake->host, &addr, true, &bench->listener) != OK)
		abort();
}

static void bench_close(struct bench *bench)
{
	struct event_base *base = bench->fake->host.base;

	tcp_listener_destroy(bench->listener);
	is_int(counted(bench->fake, COUNT_connections_now), 0, "no connection is left");
	rounds_destroy(bench->fake->host.rounds);
	fake_host_destroy(bench->fake);
	event_base_free(base);
}

static void run_ready(struct bench *bench)
{
	event_base_loop(bench->fake->host.base, EVLOOP_NONBLOCK);
}

/* Runs the loop, an event at a time, until the condition holds; the alarm ends a wait in vain. */
#define RUN_UNTIL(bench, condition) \
	while (!(condition))        \
	event_base_loop((bench)->fake->host.base, EVLOOP_ONCE)

static int client_open(struct bench *bench)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	const struct transport_addr *addr = tcp_listener_addr(bench->listener);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, &addr->any, addr_len(addr)) != 0)
		abort();
	return fd;
}

static int client_accepted(struct bench *bench)
{
	uint64_t before = counted(bench->fake, COUNT_connections_accepted);
	int fd = client_open(bench);

	RUN_UNTIL(bench, counted(bench->fake, COUNT_connections_accepted) > before);
	return fd;
}

static void client_send(int fd, const void *bytes, size_t len)
{
	if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		abort();
}

/* Reads len bytes or to the end of the stream, while the server runs. */
static size_t client_read(struct bench *bench, int fd, uint8_t *bytes, size_t len)
{
	size_t got = 0;

	while (got < len) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		ssize_t n;

		run_ready(bench);
		if (poll(&poll_fd, 1, 10) == 0)
			continue;
		n = recv(fd, bytes + got, len - got, 0);
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

static bool client_is_closed(struct bench *bench, int fd)
{
	uint8_t byte;

	return client_read(bench, fd, &byte, 1) == 0;
}

/* ---- plain ---- */

static void test_messages(void)
{
	struct bench bench;
	uint8_t bytes[4096];
	size_t len = 0;

	bench_open(&bench, false);
	int fd = client_accepted(&bench);
	len += put_stun(bytes + len, 8);
	len += put_channel_data(bytes + len, 5);
	len += put_channel_data(bytes + len, 100);
	client_send(fd, bytes, len);
	RUN_UNTIL(&bench, bench.fake->messages > 0);
	is_int(bench.fake->calls, 1, "messages that came together are one call");
	is_int(bench.fake->messages, 3, "with all of them");
	is_bytes(bench.fake->bytes, bytes, 28 + 9, "without their padding");
	is_int(bench.fake->byte_count, 28 + 9 + 104, "and nothing else");
	is_int(bench.fake->tuple.transport, TRANSPORT_TCP, "their 5-tuple says TCP");
	ok(addr_equal(&bench.fake->tuple.server, tcp_listener_addr(bench.listener)),
	   "and the listener's address");
	for (len = 0; len < 2400;)
		len += put_stun(bytes + len, 4);
	bench.fake->messages = bench.fake->calls = 0;
	client_send(fd, bytes, 2400);
	RUN_UNTIL(&bench, bench.fake->messages == 100);
	is_int(bench.fake->calls, 2, "a hundred messages are two calls");
	close(fd);
	RUN_UNTIL(&bench, bench.fake->closed == 1);
	is_int(counted(bench.fake, COUNT_connections_now), 0, "the host hears of the end");
	bench_close(&bench);
}

static void test_every_boundary(void)
{
	struct bench bench;
	uint8_t bytes[512];
	size_t len = put_stun(bytes, 12), whole = 0;

	len += put_channel_data(bytes + len, 21);
	len += put_stun(bytes + len, 0);
	bench_open(&bench, false);
	int fd = client_accepted(&bench);
	bool are_equal = true;
	for (size_t cut = 1; cut < len; cut++) {
		bench.fake->messages = 0;
		bench.fake->byte_count = 0;
		client_send(fd, bytes, cut);
		event_base_loop(bench.fake->host.base, EVLOOP_ONCE);
		client_send(fd, bytes + cut, len - cut);
		RUN_UNTIL(&bench, bench.fake->messages == 3);
		are_equal &= bench.fake->byte_count == 32 + 25 + 20 &&
		             memcmp(bench.fake->bytes, bytes, 32 + 25) == 0 &&
		             memcmp(bench.fake->bytes + 57, bytes + 60, 20) == 0;
		whole++;
	}
	is_int(whole, len - 1, "a stream cut at every byte");
	ok(are_equal, "gives the same messages");
	bench.fake->messages = 0;
	for (size_t i = 0; i < len; i++) {
		client_send(fd, bytes + i, 1);
		event_base_loop(bench.fake->host.base, EVLOOP_ONCE);
	}
	is_int(bench.fake->messages, 3, "and so does one that comes byte by byte");
	close(fd);
	bench_close(&bench);
}

static void test_longest(void)
{
	static uint8_t bytes[3 * 65540];
	struct bench bench;
	size_t len = put_stun(bytes, 65532), at = 0;

	len += put_channel_data(bytes + len, 65535);
	bench_open(&bench, false);
	int fd = client_accepted(&bench);
	while (at < len) {
		size_t n = len - at < 1000 ? len - at : 1000;

		client_send(fd, bytes + at, n);
		event_base_loop(bench.fake->host.base, EVLOOP_ONCE);
		at += n;
	}
	RUN_UNTIL(&bench, bench.fake->messages == 2);
	is_int(bench.fake->byte_count, 65552 + 65539, "the longest messages arrive in pieces");
	ok(memcmp(bench.fake->bytes, bytes, 65552 + 65539) == 0, "unchanged");
	close(fd);
	bench_close(&bench);
}

static void test_refused_bytes(void)
{
	static const char *const streams[] = {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00\x05",
	                                      "\x00\x01\x00\x03\x21\x12\xA4\x42"};
	struct bench bench;
	uint8_t bytes[128];

	bench_open(&bench, false);
	for (size_t i = 0; i < 3; i++) {
		int fd = client_accepted(&bench);

		client_send(fd, streams[i], i == 2 ? 8 : 5);
		ok(client_is_closed(&bench, fd), "%s is closed",
		   i == 0   ? "HTTP"
		   : i == 1 ? "TLS that is not served"
		            : "a wrong length");
		is_int(counted(bench.fake, COUNT_framing_errors), i + 1, "and counted");
		close(fd);
	}
	is_int(bench.fake->closed, 0, "the host never heard of them");
	int fd = client_accepted(&bench);
	size_t len = put_stun(bytes, 4);
	memcpy(bytes + len, "\xFFrubbish", 8);
	client_send(fd, bytes, len + 8);
	ok(client_is_closed(&bench, fd), "what follows a message may not be rubbish either");
	is_int(bench.fake->messages, 1, "but the message is heard");
	is_int(bench.fake->closed, 1, "and so is the end");
	close(fd);
	bench_close(&bench);
}

/* ---- time ---- */

static void test_drip(void)
{
	struct bench bench;
	uint8_t bytes[128];
	size_t len = put_stun(bytes, 100);

	bench_open(&bench, false);
	int fd = client_accepted(&bench);
	client_send(fd, bytes, put_stun(bytes, 100));
	RUN_UNTIL(&bench, bench.fake->messages == 1);
	bench.fake->has_session = true;
	for (size_t i = 0; i < 5; i++) {
		client_send(fd, bytes + i, 1);
		event_base_loop(bench.fake->host.base, EVLOOP_ONCE);
		is_int(counted(bench.fake, COUNT_connections_now), 1, "after %zu s it is open", i);
		pass_time(bench.fake, 1000);
	}
	ok(client_is_closed(&bench, fd),
	   "a message that takes a second a byte is cut off, its session notwithstanding");
	is_int(counted(bench.fake, COUNT_connections_timed_out), 1, "and counted");
	is_int(bench.fake->closed, 1, "the host hears of it");
	close(fd);

	fd = client_accepted(&bench);
	for (size_t i = 0; i < 4; i++) {
		client_send(fd, bytes, len - 1);
		event_base_loop(bench.fake->host.base, EVLOOP_ONCE);
		pass_time(bench.fake, 4000);
		client_send(fd, bytes + len - 1, 1);
		event_base_loop(bench.fake->host.base, EVLOOP_ONCE);
	}
	is_int(counted(bench.fake, COUNT_connections_now), 1, "each message has its own time");
	close(fd);
	bench_close(&bench);
}

static void test_silence(void)
{
	struct bench bench;
	uint8_t bytes[128];

	bench_open(&bench, false);
	int silent = client_accepted(&bench);
	int fd = client_accepted(&bench);
	client_send(fd, bytes, put_stun(bytes, 0));
	RUN_UNTIL(&bench, bench.fake->messages == 1);
	pass_time(bench.fake, 9999);
	is_int(counted(bench.fake, COUNT_connections_now), 2,
	       "a connection may be silent at first");
	pass_time(bench.fake, 1);
	ok(client_is_closed(&bench, silent), "as long as a handshake may take");
	bench.fake->has_session = true;
	pass_time(bench.fake, 200000);
	is_int(counted(bench.fake, COUNT_connections_now), 1, "with a session it may be silent");
	bench.fake->has_session = false;
	pass_time(bench.fake, 60001);
	ok(client_is_closed(&bench, fd), "without one not for long");
	is_int(counted(bench.fake, COUNT_connections_timed_out), 2, "both are counted");
	close(fd);
	close(silent);
	bench_close(&bench);
}

/* ---- bounds ---- */

static void test_connection_limit(void)
{
	struct bench bench;

	bench_open(&bench, false);
	bench.fake->host.connections_max = 2;
	int first = client_accepted(&bench), second = client_accepted(&bench);
	int third = client_open(&bench);
	ok(client_is_closed(&bench, third), "one connection too many is closed at once");
	is_int(counted(bench.fake, COUNT_connections_refused), 1, "and counted");
	close(first);
	RUN_UNTIL(&bench, counted(bench.fake, COUNT_connections_now) == 1);
	int fourth = client_accepted(&bench);
	is_int(counted(bench.fake, COUNT_connections_now), 2, "when one goes another may come");
	close(second);
	close(third);
	close(fourth);
	bench_close(&bench);
}

static void test_no_descriptors(void)
{
	struct bench bench;
	struct rlimit limit, none;

	bench_open(&bench, false);
	int fd = client_open(&bench);
	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	event_base_loop(bench.fake->host.base, EVLOOP_ONCE);
	setrlimit(RLIMIT_NOFILE, &limit);
	run_ready(&bench);
	is_int(counted(bench.fake, COUNT_connections_now), 0,
	       "without descriptors none is accepted, for a while");
	pass_time(bench.fake, 1000);
	RUN_UNTIL(&bench, counted(bench.fake, COUNT_connections_now) == 1);
	is_int(counted(bench.fake, COUNT_connections_accepted), 1, "after which it is");
	close(fd);
	bench_close(&bench);
}

/* Counts whole messages in what a slow reader got; -1 when one is cut. */
static int whole_messages(const uint8_t *bytes, size_t len)
{
	int n = 0;

	for (size_t at = 0; at < len; n++) {
		size_t size = bytes[at] >= 64 ? 4u + channel_data_len(bytes + at)
		                              : 20u + get_u16(bytes + at + 2);

		at += size + channel_data_padding(size);
		if (at > len)
			return -1;
	}
	return n;
}

/* The clock stands still, so the load that is set stays. */
static void test_busy_thread(void)
{
	struct bench bench;
	uint8_t bytes[4096], answer[4096];
	size_t len = put_stun(bytes, 4);

	bench_open(&bench, false);
	int fd = client_accepted(&bench);
	struct rounds *busy = bench.fake->host.rounds;

	bench.fake->echoes = true;
	thread_load_level(&busy->load); /* looks once; no time passes until the next look */
	busy->load.level = THREAD_LOAD_MAX;
	client_send(fd, bytes, len);
	RUN_UNTIL(&bench, bench.fake->messages == 1);
	ok(busy->is_awaited && bench.fake->io.is_held, "a busy thread waits after a round");
	is_int(client_read(&bench, fd, answer, len), len, "whose answers have left");
	is_bytes(answer, bytes, len, "as they were");
	client_send(fd, bytes, len);
	RUN_UNTIL(&bench, bench.fake->messages == 2);
	is_int(client_read(&bench, fd, answer, len), len, "the next round comes by itself");

	RUN_UNTIL(&bench, busy->is_awaited);
	struct packet packet = {.data = bytes, .len = len};
	bench.fake->path->ops->send(bench.fake->path, &packet, &bench.fake->tuple.client);
	rounds_flush(busy);
	is_int(recv(fd, answer, 1, MSG_DONTWAIT), -1, "between rounds an answer is gathered");
	is_int(client_read(&bench, fd, answer, len), len, "and leaves with the next");

	RUN_UNTIL(&bench, busy->is_awaited);
	len = put_channel_data(bytes, 2048);
	packet.len = len;
	for (size_t sent = 0; sent < STREAM_GATHER_MAX; sent += len)
		bench.fake->path->ops->send(bench.fake->path, &packet, &bench.fake->tuple.client);
	ok(recv(fd, answer, 1, MSG_DONTWAIT) == 1, "much of it waits for no round");
	close(fd);
	RUN_UNTIL(&bench, bench.fake->closed == 1);
	bench_close(&bench);
}

static void test_slow_reader(void)
{
	static uint8_t got[1 << 24];
	struct bench bench;
	uint8_t bytes[1204];
	struct packet packet = {.data = bytes};
	int fd;
	unsigned sent = 0, controls = 0;

	bench_open(&bench, false);
	fd = client_accepted(&bench);
	client_send(fd, bytes, put_stun(bytes, 0));
	RUN_UNTIL(&bench, bench.fake->messages == 1);
	struct path *path = bench.fake->path;
	packet.len = put_channel_data(bytes, 1197) - 3; /* the listener pads */
	for (; counted(bench.fake, COUNT_drop_queue_full) == 0 && sent < 10000; sent++) {
		path->ops->send(path, &packet, NULL);
		run_ready(&bench);
	}
	is_int(counted(bench.fake, COUNT_drop_queue_full), 1,
	       "data for a client that does not read is dropped at a bound");
	sent--;
	packet.len = put_stun(bytes, 1000);
	for (; counted(bench.fake, COUNT_drop_queue_full) == 1 && controls < 1000; controls++)
		path->ops->send(path, &packet, NULL);
	controls--;
	ok(controls >= 60 && controls <= 66, "there is 64 KiB more room for STUN (%u messages)",
	   controls);
	size_t want = (size_t)sent * 1204 + (size_t)controls * 1020;
	is_int(client_read(&bench, fd, got, want), want, "when it reads again it gets the rest");
	is_int(whole_messages(got, want), sent + controls, "and not one message is cut");
	close(fd);
	bench_close(&bench);
}

/* ---- out ---- */

static void test_answers(void)
{
	struct bench bench;
	uint8_t bytes[512], got[512];
	size_t len = put_stun(bytes, 8);

	len += put_channel_data(bytes + len, 6);
	bench_open(&bench, false);
	bench.fake->echoes = true;
	bench.fake->flushes_inside = true;
	int fd = client_accepted(&bench);
	client_send(fd, bytes, len);
	is_int(client_read(&bench, fd, got, len), len, "answers come back");
	is_bytes(got, bytes, len, "padded");
	bench.fake->closes = true;
	len += put_stun(bytes + len, 0);
	client_send(fd, bytes, len);
	is_int(client_read(&bench, fd, got, len + 1), len, "closing the path lets answers leave");
	is_bytes(got, bytes, len, "all of them");
	is_int(bench.fake->closed, 0, "and waits for the client");
	close(fd);
	RUN_UNTIL(&bench, bench.fake->closed == 1);
	bench.fake->echoes = false;
	fd = client_accepted(&bench);
	client_send(fd, bytes, len);
	ok(client_is_closed(&bench, fd), "a closed path ends for the client");
	pass_time(bench.fake, 5000);
	RUN_UNTIL(&bench, bench.fake->closed == 2);
	ok(true, "a client that does not close is not waited for long");
	is_int(counted(bench.fake, COUNT_connections_timed_out), 0, "which is no time-out");
	close(fd);
	bench_close(&bench);
}

/* ---- TLS ---- */

struct tls_client {
	int fd;
	SSL_CTX *context;
	SSL *ssl;
};

static void tls_client_open(struct bench *bench, struct tls_client *client)
{
	client->fd = client_accepted(bench);
	fcntl(client->fd, F_SETFL, O_NONBLOCK);
	client->context = SSL_CTX_new(TLS_client_method());
	client->ssl = SSL_new(client->context);
	SSL_set_fd(client->ssl, client->fd);
	SSL_set_connect_state(client->ssl);
}

static void tls_client_close(struct tls_client *client)
{
	SSL_free(client->ssl);
	SSL_CTX_free(client->context);
	close(client->fd);
}

/* Repeats a call until it wants no more of the server. */
#define TLS_DO(bench, client, result, call)                                     \
	while (((result) = (call)) <= 0 &&                                      \
	       SSL_get_error((client)->ssl, (result)) == SSL_ERROR_WANT_READ) { \
		struct pollfd poll_fd = {.fd = (client)->fd, .events = POLLIN}; \
		run_ready(bench);                                               \
		poll(&poll_fd, 1, 10);                                          \
	}

static void tls_client_connect(struct bench *bench, struct tls_client *client)
{
	int result;

	tls_client_open(bench, client);
	TLS_DO(bench, client, result, SSL_do_handshake(client->ssl));
	is_int(result, 1, "a TLS handshake succeeds");
	RUN_UNTIL(bench, counted(bench->fake, COUNT_tls_handshakes) > 0);
}

static void test_tls(void)
{
	struct bench bench;
	struct tls_client client;
	uint8_t bytes[512], got[512];
	size_t len = put_stun(bytes, 8);
	int result;

	len += put_channel_data(bytes + len, 6);
	bench_open(&bench, true);
	bench.fake->echoes = true;
	tls_client_connect(&bench, &client);
	SSL_write(client.ssl, bytes, (int)len);
	TLS_DO(&bench, &client, result, SSL_read(client.ssl, got, sizeof got));
	is_int(result, len, "answers to one record are one record");
	is_bytes(got, bytes, len, "with all of them");
	is_int(bench.fake->tuple.transport, TRANSPORT_TLS, "their 5-tuple says TLS");
	bench.fake->echoes = false;
	bench.fake->messages = 0;
	bool are_whole = true;
	for (size_t cut = 1; cut < len; cut++) {
		SSL_write(client.ssl, bytes, (int)cut);
		SSL_write(client.ssl, bytes + cut, (int)(len - cut));
		RUN_UNTIL(&bench, bench.fake->messages == 2 * cut);
		are_whole &= bench.fake->last.len == 10;
	}
	ok(are_whole, "messages are the same however records cut them");
	bench.fake->closes = true;
	SSL_write(client.ssl, bytes, (int)len);
	TLS_DO(&bench, &client, result, SSL_read(client.ssl, got, sizeof got));
	is_int(SSL_get_error(client.ssl, result), SSL_ERROR_ZERO_RETURN,
	       "closing the path says close_notify");
	tls_client_close(&client);
	RUN_UNTIL(&bench, bench.fake->closed == 1);
	is_int(counted(bench.fake, COUNT_tls_failures), 0, "nothing failed");
	bench_close(&bench);
}

/* A client whose ciphertext the test carries itself. */
static void test_tls_pieces(void)
{
	struct bench bench;
	struct tls_client client;
	uint8_t record[8192], plain[100];
	int result;

	bench_open(&bench, true);
	tls_client_connect(&bench, &client);
	BIO *out = BIO_new(BIO_s_mem());
	SSL_set0_wbio(client.ssl, out);
	SSL_write(client.ssl, plain, (int)put_stun(plain, 40));
	int len = BIO_read(out, record, sizeof record);
	for (int i = 0; i < len; i++) {
		client_send(client.fd, record + i, 1);
		event_base_loop(bench.fake->host.base, EVLOOP_ONCE);
	}
	is_int(bench.fake->messages, 1, "a record may come byte by byte");
	SSL_write(client.ssl, plain, (int)put_stun(plain, 40));
	len = BIO_read(out, record, sizeof record);
	bench.fake->has_session = true;
	client_send(client.fd, record, 5);
	event_base_loop(bench.fake->host.base, EVLOOP_ONCE);
	pass_time(bench.fake, 4000);
	client_send(client.fd, record + 5, 3);
	event_base_loop(bench.fake->host.base, EVLOOP_ONCE);
	is_int(counted(bench.fake, COUNT_connections_now), 1, "half a record is waited for");
	pass_time(bench.fake, 1000);
	TLS_DO(&bench, &client, result, SSL_read(client.ssl, plain, sizeof plain));
	ok(result <= 0 && counted(bench.fake, COUNT_connections_timed_out) == 1,
	   "but not for long: a record has the time of a message");
	tls_client_close(&client);
	bench_close(&bench);
}

/* Whole records, but the message in them is never complete. */
static void test_tls_half_message(void)
{
	struct bench bench;
	struct tls_client client;
	uint8_t plain[100];
	int result;

	bench_open(&bench, true);
	bench.fake->has_session = true;
	tls_client_connect(&bench, &client);
	put_stun(plain, 40);
	for (int i = 0; i < 5; i++) {
		SSL_write(client.ssl, plain + i, 1);
		event_base_loop(bench.fake->host.base, EVLOOP_ONCE);
		is_int(counted(bench.fake, COUNT_connections_now), 1, "after %d s it is open", i);
		pass_time(bench.fake, 1000);
	}
	TLS_DO(&bench, &client, result, SSL_read(client.ssl, plain, sizeof plain));
	ok(result <= 0 && counted(bench.fake, COUNT_connections_timed_out) == 1,
	   "a record a second does not keep a message open");
	tls_client_close(&client);
	bench_close(&bench);
}

/* Accepted sockets inherit the size: a client that does not read is noticed soon. */
static void shrink_send_buffers(struct bench *bench)
{
	int size = 4096;

	for (int fd = 3; fd < 256; fd++) {
		struct transport_addr addr = {0};
		socklen_t len = sizeof addr;

		if (getsockname(fd, &addr.any, &len) == 0 &&
		    addr_equal(&addr, tcp_listener_addr(bench->listener)))
			setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	}
}

/* RFC 8446 section 4.6.3: each key update asks for one of the server, and no one reads those. */
static void test_tls_key_updates(void)
{
	struct bench bench;
	struct tls_client client;

	bench_open(&bench, true);
	bench.fake->host.stream_queue_size = 4096;
	shrink_send_buffers(&bench);
	tls_client_connect(&bench, &client);
	while (counted(bench.fake, COUNT_connections_now) == 1) {
		for (int i = 0; i < 500; i++)
			if (SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED) != 1 ||
			    SSL_do_handshake(client.ssl) != 1)
				break;
		run_ready(&bench);
	}
	is_int(counted(bench.fake, COUNT_drop_queue_full), 1,
	       "answers that the engine owes are bounded too");
	tls_client_close(&client);
	bench_close(&bench);
}

static void test_tls_failures(void)
{
	struct bench bench;
	struct tls_client client;
	int result;

	bench_open(&bench, true);
	int fd = client_accepted(&bench);
	client_send(fd, "\x16\x03\x01\x00\x04wxyz", 9);
	uint8_t alert[64];
	size_t alert_len = client_read(&bench, fd, alert, sizeof alert);
	ok(alert_len == 7 && alert[0] == 21, "a broken handshake is answered by an alert");
	is_int(counted(bench.fake, COUNT_tls_failures), 1, "and counted");
	close(fd);
	fd = client_accepted(&bench);
	client_send(fd, "\x16\x03\x01\x02\x00\x01", 6);
	event_base_loop(bench.fake->host.base, EVLOOP_ONCE);
	bench.fake->host.message_timeout_s = 100;
	pass_time(bench.fake, 10000);
	ok(client_is_closed(&bench, fd), "a handshake takes no longer than it may");
	is_int(counted(bench.fake, COUNT_tls_failures), 2, "and counts as failed");
	close(fd);
	tls_client_open(&bench, &client);
	SSL_set_max_proto_version(client.ssl, TLS1_1_VERSION);
	SSL_CTX_set_min_proto_version(bench.fake->host.tls, TLS1_2_VERSION);
	TLS_DO(&bench, &client, result, SSL_do_handshake(client.ssl));
	ok(result <= 0, "an old version is refused");
	tls_client_close(&client);
	bench_close(&bench);
}

static void test_tls_slow_reader(void)
{
	struct bench bench;
	struct tls_client client;
	uint8_t bytes[1204], got[16384];
	struct packet packet = {.data = bytes};
	unsigned sent = 0;
	int result;

	bench_open(&bench, true);
	tls_client_connect(&bench, &client);
	SSL_write(client.ssl, bytes, (int)put_stun(bytes, 0));
	RUN_UNTIL(&bench, bench.fake->messages == 1);
	packet.len = put_channel_data(bytes, 1200);
	for (; counted(bench.fake, COUNT_drop_queue_full) == 0 && sent < 100000; sent++) {
		bench.fake->path->ops->send(bench.fake->path, &packet, NULL);
		run_ready(&bench);
	}
	sent--;
	is_int(counted(bench.fake, COUNT_drop_queue_full), 1, "over TLS data has a bound too");
	size_t total = 0;
	bool are_equal = true;
	while (total < (size_t)sent * 1204) {
		TLS_DO(&bench, &client, result, SSL_read(client.ssl, got, sizeof got));
		if (result <= 0)
			break;
		for (int i = 0; i < result; i++)
			are_equal &= got[i] == bytes[(total + (size_t)i) % 1204];
		total += (size_t)result;
	}
	is_int(total, (size_t)sent * 1204, "and the rest arrives");
	ok(are_equal, "unchanged");
	tls_client_close(&client);
	bench_close(&bench);
}

/* A connection that one thread accepts and another serves. */
static void test_handed_over(void)
{
	struct bench door, taker;
	uint8_t bytes[64];
	size_t len = put_stun(bytes, 4);

	bench_open(&door, false);
	door.fake->host.door = &fake_door;
	taker.fake = host_create();
	if (tcp_listener_create_adopting(&taker.fake->host, tcp_listener_addr(door.listener), true,
	                                 &taker.listener) != OK)
		abort();
	int fd = client_open(&door);
	RUN_UNTIL(&door, door.fake->handed_over > 0);
	is_int(counted(door.fake, COUNT_connections_now), 0, "a door has no connections");
	tcp_listener_adopt(taker.listener, &door.fake->handed.addr, door.fake->handed_fd);
	is_int(counted(taker.fake, COUNT_connections_now), 1, "who adopts one has it");
	client_send(fd, bytes, len);
	RUN_UNTIL(&taker, taker.fake->messages > 0);
	ok(addr_equal(&taker.fake->tuple.server, tcp_listener_addr(door.listener)),
	   "with the address that the client came to");
	close(fd);

	taker.fake->host.connections_max = 1;
	fd = client_open(&door);
	RUN_UNTIL(&door, door.fake->handed_over > 1);
	tcp_listener_adopt(taker.listener, &door.fake->handed.addr, door.fake->handed_fd);
	is_int(counted(taker.fake, COUNT_connections_refused), 1, "the bound holds for them too");
	is_int(recv(fd, bytes, sizeof bytes, 0), 0, "and the client is told");
	close(fd);
	bench_close(&taker);
	bench_close(&door);
}

int main(void)
{
	alarm(60);
	test_handed_over();
	test_messages();
	test_every_boundary();
	test_longest();
	test_refused_bytes();
	test_drip();
	test_silence();
	test_connection_limit();
	test_no_descriptors();
	test_busy_thread();
	test_slow_reader();
	test_answers();
	test_tls();
	test_tls_pieces();
	test_tls_half_message();
	test_tls_key_updates();
	test_tls_failures();
	test_tls_slow_reader();
	ERR_clear_error();
	return tap_end();
}
