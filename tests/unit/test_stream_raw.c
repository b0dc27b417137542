/* Client data connections: what is held behind ConnectionBind, bytes passed on with and without pipes
 * and through TLS engines, ends, resets, limits, and streams that move to another listener. */
#include "listener_fixture.h"

#include <event2/event.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>

#include "listeners/pipe_pool.h"
#include "listeners/stream_raw.h"
#include "tap.h"

struct bench {
	struct fake_host *fake;
	struct tcp_listener *listener;
	struct pipe_pool pipes;
	int fd;         /* the client's end */
	int near, far;  /* the peer's socket, and its other end */
	size_t allowed; /* at a time */
	unsigned asked, ended;
	size_t passed[RAW_DIRECTION_COUNT];
};

static size_t allowance(void *context, enum raw_direction direction)
{
	struct bench *bench = context;

	(void)direction;
	bench->asked++;
	return bench->allowed;
}

static void on_passed(void *context, enum raw_direction direction, size_t n)
{
	struct bench *bench = context;

	bench->passed[direction] += n;
	if (bench->allowed != SIZE_MAX)
		bench->allowed -= n;
}

static void on_ended(void *context)
{
	((struct bench *)context)->ended++;
}

static void connect_pair(const struct transport_addr *addr, int listening, int *one, int *other)
{
	*one = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(*one, &addr->any, addr_len(addr)) != 0)
		abort();
	if (listening >= 0 && (*other = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) < 0)
		abort();
}

static void make_peer(struct bench *bench)
{
	struct transport_addr addr;
	socklen_t len = sizeof addr;
	int listening = socket(AF_INET, SOCK_STREAM, 0);

	addr_init(&addr, AF_INET, "\x7F\0\0\1", 0);
	if (bind(listening, &addr.any, addr_len(&addr)) != 0 || listen(listening, 1) != 0 ||
	    getsockname(listening, &addr.any, &len) != 0)
		abort();
	connect_pair(&addr, listening, &bench->far, &bench->near);
	close(listening);
}

static void bench_open(struct bench *bench, SSL_CTX *tls)
{
	struct transport_addr addr;

	memset(bench, 0, sizeof *bench);
	bench->allowed = SIZE_MAX;
	bench->fake = fake_host_create();
	bench->fake->host.base = event_base_new();
	if (rounds_create(bench->fake->host.base, bench->fake->host.io, false,
	                  &bench->fake->host.rounds) != OK)
		abort();
	bench->fake->host.pipes = &bench->pipes;
	bench->fake->host.tls = tls;
	addr_init(&addr, AF_INET, "\x7F\0\0\1", 0);
	if (tcp_listener_create(&bench->fake->host, &addr, true, &bench->listener) != OK)
		abort();
	connect_pair(tcp_listener_addr(bench->listener), -1, &bench->fd, NULL);
	make_peer(bench);
}

static void bench_close(struct bench *bench)
{
	struct event_base *base = bench->fake->host.base;

	tcp_listener_destroy(bench->listener);
	is_int(counted(bench->fake, COUNT_connections_now), 0, "no connection is left");
	rounds_destroy(bench->fake->host.rounds);
	pipe_pool_deinit(&bench->pipes);
	fake_host_destroy(bench->fake);
	event_base_free(base);
	close(bench->near);
	close(bench->far);
	close(bench->fd);
}

static void run_ready(struct bench *bench)
{
	event_base_loop(bench->fake->host.base, EVLOOP_NONBLOCK);
}

#define RUN_UNTIL(bench, condition) \
	while (!(condition))        \
	event_base_loop((bench)->fake->host.base, EVLOOP_ONCE)

static void send_all(int fd, const void *bytes, size_t len)
{
	if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		abort();
}

/* Reads len bytes or to the end, while the listener runs. */
static size_t read_some(struct bench *bench, int fd, uint8_t *bytes, size_t len)
{
	size_t got = 0;

	while (got < len) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		ssize_t n;

		run_ready(bench);
		if (poll(&poll_fd, 1, 5) == 0)
			continue;
		n = recv(fd, bytes + got, len - got, 0);
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

static void is_passed_on(struct bench *bench, int from, int to, const char *text, const char *what)
{
	uint8_t bytes[256];
	size_t len = strlen(text);

	send_all(from, text, len);
	is_int(read_some(bench, to, bytes, len), len, "%s arrives", what);
	is_bytes(bytes, text, len, "unchanged");
}

static size_t put_bind(uint8_t *bytes)
{
	size_t len = put_stun(bytes, 8);

	put_u16(bytes, 0x000B);
	return len;
}

static void join(struct bench *bench)
{
	const struct raw_owner owner = {allowance, on_passed, on_ended, bench};

	ok(stream_raw_join(bench->fake->path, bench->near, &owner) == OK, "the two are joined");
}

/* The client sends ConnectionBind with more behind it, and the host has it. */
static void ask(struct bench *bench, const void *more, size_t len)
{
	uint8_t bytes[1024];
	size_t bind_len = put_bind(bytes);

	memcpy(bytes + bind_len, more, len);
	send_all(bench->fd, bytes, bind_len + len);
	RUN_UNTIL(bench, bench->fake->messages == 1);
	run_ready(bench);
	is_int(bench->fake->messages, 1, "nothing behind ConnectionBind is taken for a message");
}

static void answer(struct bench *bench, uint16_t type)
{
	uint8_t bytes[64];
	struct packet packet = {.data = bytes, .len = put_stun(bytes, 0), .frame = bytes};

	put_u16(bytes, type);
	bench->fake->path->ops->send(bench->fake->path, &packet, &bench->fake->tuple.client);
}

static void test_refused(void)
{
	struct bench bench;
	uint8_t more[64], bytes[20];
	size_t len = put_stun(more, 4);

	bench_open(&bench, NULL);
	ask(&bench, more, len);
	answer(&bench, 0x011B);
	RUN_UNTIL(&bench, bench.fake->messages == 2);
	is_int(read_some(&bench, bench.fd, bytes, 20), 20, "a refusal arrives");
	is_bytes(bench.fake->bytes + 28, more, len, "and what is behind it is a message after all");
	send_all(bench.fd, more, len);
	RUN_UNTIL(&bench, bench.fake->messages == 3);
	ok(true, "as what follows is");
	bench_close(&bench);
}

static void test_passing(bool has_pipes)
{
	struct bench bench;
	uint8_t bytes[64];

	bench_open(&bench, NULL);
	if (!has_pipes)
		bench.pipes.open_count = PIPES_MAX;
	ask(&bench, "early", 5);
	send_all(bench.far, "waiting", 7);
	answer(&bench, 0x010B);
	join(&bench);
	is_int(read_some(&bench, bench.far, bytes, 5), 5, "what the client sent early arrives");
	is_bytes(bytes, "early", 5, "first");
	is_int(read_some(&bench, bench.fd, bytes, 27), 27, "the answer arrives");
	is_bytes(bytes + 20, "waiting", 7, "and then what the peer sent early");
	is_passed_on(&bench, bench.fd, bench.far, "up", "a word to the peer");
	is_passed_on(&bench, bench.far, bench.fd, "and down", "a word to the client");
	is_int(bench.passed[RAW_TO_PEER], 7, "bytes to the peer are counted");
	is_int(bench.passed[RAW_TO_CLIENT], 15, "and those to the client");
	ok(has_pipes ? bench.pipes.kept_count > 0 : bench.pipes.kept_count == 0,
	   has_pipes ? "a pipe was used and given back" : "without a pipe");
	pass_time(bench.fake, 1000000);
	is_int(counted(bench.fake, COUNT_connections_now), 1, "it may be silent for ever");

	shutdown(bench.fd, SHUT_WR);
	is_int(read_some(&bench, bench.far, bytes, 1), 0, "the client's end reaches the peer");
	is_passed_on(&bench, bench.far, bench.fd, "still", "a word behind it");
	is_int(bench.ended, 0, "it goes on");
	shutdown(bench.far, SHUT_WR);
	is_int(read_some(&bench, bench.fd, bytes, 1), 0, "the peer's end reaches the client");
	RUN_UNTIL(&bench, bench.ended > 0);
	is_int(bench.ended, 1, "and both ends are the end");
	is_int(bench.fake->closed, 1, "which the host hears too");
	if (!has_pipes)
		bench.pipes.open_count = 0;
	bench_close(&bench);
}

/* Fills both directions while nobody reads, then reads all. */
static void test_much(bool has_pipes)
{
	static uint8_t pattern[8 << 20], got[8 << 20];
	struct bench bench;
	size_t sent = 0, len = 0;
	uint8_t bytes[20];
	bool is_full = false;

	bench_open(&bench, NULL);
	if (!has_pipes)
		bench.pipes.open_count = PIPES_MAX;
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = (uint8_t)(i * 2654435761u >> 24);
	ask(&bench, "", 0);
	answer(&bench, 0x010B);
	join(&bench);
	is_int(read_some(&bench, bench.fd, bytes, 20), 20, "the answer arrives");
	fcntl(bench.far, F_SETFL, O_NONBLOCK);
	while (!is_full && sent < sizeof pattern) {
		ssize_t n = send(bench.far, pattern + sent, sizeof pattern - sent, MSG_NOSIGNAL);
		size_t before = bench.passed[RAW_TO_CLIENT];
		sent += n > 0 ? (size_t)n : 0;
		run_ready(&bench);
		run_ready(&bench);
		is_full = n <= 0 && bench.passed[RAW_TO_CLIENT] == before;
	}
	shutdown(bench.far, SHUT_WR);
	len = read_some(&bench, bench.fd, got, sent);
	is_int(len, sent, "all of %zu bytes arrive at a reader that began late", sent);
	ok(memcmp(got, pattern, sent) == 0, "unchanged");
	is_int(read_some(&bench, bench.fd, got, 1), 0, "and then the end");
	if (!has_pipes)
		bench.pipes.open_count = 0;
	bench_close(&bench);
}

static void test_reset(void)
{
	const struct linger at_once = {1, 0};
	struct bench bench;
	uint8_t bytes[20];

	bench_open(&bench, NULL);
	ask(&bench, "", 0);
	answer(&bench, 0x010B);
	join(&bench);
	read_some(&bench, bench.fd, bytes, 20);
	setsockopt(bench.far, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(bench.far);
	RUN_UNTIL(&bench, bench.ended > 0);
	is_int(recv(bench.fd, bytes, 1, 0), -1, "a reset of the peer");
	is_int(errno, ECONNRESET, "is one to the client");
	bench.far = -1;
	bench_close(&bench);
}

static void fill(struct bench *bench, int fd)
{
	static const uint8_t zeros[65536];
	unsigned times_full = 0;

	while (times_full < 3) {
		ssize_t n = send(fd, zeros, sizeof zeros, MSG_NOSIGNAL | MSG_DONTWAIT);
		run_ready(bench);
		times_full = n < 0 ? times_full + 1 : 0;
	}
}

/* The flow that would read the reset waits for a peer that does not read. */
static void test_late_reset(void)
{
	const struct linger at_once = {1, 0};
	struct bench bench;
	uint8_t bytes[20];

	bench_open(&bench, NULL);
	ask(&bench, "", 0);
	answer(&bench, 0x010B);
	join(&bench);
	read_some(&bench, bench.fd, bytes, 20);
	fill(&bench, bench.fd);
	setsockopt(bench.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(bench.fd);
	bench.fd = -1;
	run_ready(&bench);
	pass_time(bench.fake, 1000 * bench.fake->host.idle_timeout_s);
	pass_time(bench.fake, 1000 * bench.fake->host.idle_timeout_s);
	is_int(bench.ended, 1, "a reset is seen though the flow waits for its sink");
	bench_close(&bench);
}

static void test_half_closed(void)
{
	struct bench bench;
	uint8_t bytes[20];

	bench_open(&bench, NULL);
	ask(&bench, "", 0);
	answer(&bench, 0x010B);
	join(&bench);
	read_some(&bench, bench.fd, bytes, 20);
	shutdown(bench.fd, SHUT_WR);
	is_int(read_some(&bench, bench.far, bytes, 1), 0, "the client's end reaches the peer");
	for (int i = 0; i < 5; i++) {
		is_passed_on(&bench, bench.far, bench.fd, "still", "what the peer has to say");
		pass_time(bench.fake, 1000 * bench.fake->host.idle_timeout_s);
	}
	is_int(bench.ended, 0, "it lasts while something passes");
	pass_time(bench.fake, 1000 * bench.fake->host.idle_timeout_s);
	pass_time(bench.fake, 1000 * bench.fake->host.idle_timeout_s);
	is_int(bench.ended, 1, "a peer that is silent then is left");
	is_int(recv(bench.fd, bytes, 1, 0), -1, "and the client is not told an end");
	is_int(errno, ECONNRESET, "but a reset");
	bench_close(&bench);
}

static void test_limit(void)
{
	struct bench bench;
	uint8_t bytes[64];
	unsigned asked;

	bench_open(&bench, NULL);
	ask(&bench, "", 0);
	bench.allowed = 4;
	answer(&bench, 0x010B);
	join(&bench);
	read_some(&bench, bench.fd, bytes, 20);
	send_all(bench.far, "ten bytes.", 10);
	is_int(read_some(&bench, bench.fd, bytes, 4), 4, "as much passes as is allowed");
	run_ready(&bench);
	asked = bench.asked;
	run_ready(&bench);
	run_ready(&bench);
	is_int(bench.asked, asked, "then nothing is asked again");
	bench.allowed = 100;
	pass_time(bench.fake, 20);
	is_int(read_some(&bench, bench.fd, bytes + 4, 6), 6, "until a little later");
	is_bytes(bytes, "ten bytes.", 10, "and nothing is lost");
	bench_close(&bench);
	is_int(bench.ended, 1, "the end of the listener is told");
}

static void test_part(void)
{
	struct bench bench;
	uint8_t bytes[32];

	bench_open(&bench, NULL);
	ask(&bench, "", 0);
	answer(&bench, 0x010B);
	join(&bench);
	stream_raw_part(bench.fake->path);
	is_int(read_some(&bench, bench.fd, bytes, 32), 20, "the answer, then the end");
	is_int(bench.ended, 0, "who parts them is not told of it");
	const struct raw_owner owner = {allowance, on_passed, on_ended, &bench};
	bench_close(&bench);

	bench_open(&bench, NULL);
	ask(&bench, "", 0);
	bench.fake->path->ops->close(bench.fake->path);
	ok(stream_raw_join(bench.fake->path, bench.near, &owner) == ERR_CLOSED,
	   "what is closing is not joined");
	bench_close(&bench);
}

/* ---- another listener ---- */

static void on_left(void *context, struct stream *stream)
{
	struct bench *other = context;

	if (other == NULL)
		stream_discard(stream);
	else
		tcp_listener_adopt_stream(other->listener, stream);
}

static void test_move(void)
{
	struct bench bench, other;
	uint8_t bind[64], bytes[64], more[64];
	size_t len = put_bind(bind), more_len = put_stun(more, 4);

	bench_open(&bench, NULL);
	bench_open(&other, NULL);
	ask(&bench, more, more_len);
	ok(stream_release(bench.fake->path, bind, len, on_left, &other) == OK, "a stream leaves");
	is_int(counted(bench.fake, COUNT_connections_now), 0, "it is none of this listener's");
	run_ready(&bench);
	is_int(bench.fake->closed, 1, "and its host has no such path any more");
	RUN_UNTIL(&other, other.fake->messages == 1);
	is_bytes(other.fake->bytes, bind, len, "the other's hears its ConnectionBind again");
	run_ready(&other);
	is_int(other.fake->messages, 1, "and nothing behind it");
	RUN_UNTIL(&other, counted(other.fake, COUNT_connections_now) == 2);
	is_int(counted(other.fake, COUNT_connections_accepted), 1, "it is one beside its own");
	const struct raw_owner owner = {allowance, on_passed, on_ended, &other};
	ok(stream_raw_join(other.fake->path, other.near, &owner) == OK, "it can be joined there");
	is_int(read_some(&other, other.far, bytes, more_len), more_len, "bytes behind it arrive");
	is_bytes(bytes, more, more_len, "unchanged");
	is_passed_on(&other, bench.fd, other.far, "later", "and those that follow");
	bench_close(&bench);
	bench_close(&other);

	bench_open(&bench, NULL);
	ask(&bench, "", 0);
	ok(stream_release(bench.fake->path, bind, len, on_left, NULL) == OK,
	   "one that has no home");
	run_ready(&bench);
	is_int(read_some(&bench, bench.fd, bytes, 1), 0, "is ended");
	bench_close(&bench);

	bench_open(&bench, NULL);
	bench_open(&other, NULL);
	other.fake->host.connections_max = 0;
	ask(&bench, "", 0);
	ok(stream_release(bench.fake->path, bind, len, on_left, &other) == OK,
	   "so is one that has no room");
	run_ready(&bench);
	is_int(read_some(&bench, bench.fd, bytes, 1), 0, "where it arrives");
	ok(counted(other.fake, COUNT_connections_refused) >= 1, "and is counted");
	bench_close(&bench);
	bench_close(&other);
}

/* ---- TLS ---- */

static SSL_CTX *server_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	certificate_use(context);
	return context;
}

/* A blocking OpenSSL client would wait for a listener that does not run: its socket does not block. */
static void shake_hands(struct bench *bench, SSL *ssl)
{
	SSL_set_fd(ssl, bench->fd);
	fcntl(bench->fd, F_SETFL, O_NONBLOCK);
	while (SSL_connect(ssl) != 1)
		run_ready(bench);
}

static size_t tls_read(struct bench *bench, SSL *ssl, uint8_t *bytes, size_t len)
{
	size_t got = 0, n;

	while (got < len) {
		if (SSL_read_ex(ssl, bytes + got, len - got, &n) == 1)
			got += n;
		else if (SSL_get_error(ssl, 0) != SSL_ERROR_WANT_READ)
			break;
		run_ready(bench);
	}
	return got;
}

/* In one record with ConnectionBind, then across a move to another listener, then the ends. */
static void test_tls(void)
{
	static uint8_t much[300000], got[300000];
	struct bench bench, other;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(context);
	uint8_t bind[64], bytes[64];
	size_t len = put_bind(bind), n;
	int little = 4096;

	bench_open(&bench, server_context());
	bench_open(&other, server_context());
	shake_hands(&bench, ssl);
	memcpy(bytes, bind, len);
	memcpy(bytes + len, "early", 5);
	SSL_write_ex(ssl, bytes, len + 5, &n);
	RUN_UNTIL(&bench, bench.fake->messages == 1);
	ok(stream_release(bench.fake->path, bind, len, on_left, &other) == OK,
	   "a TLS stream leaves");
	run_ready(&bench);
	RUN_UNTIL(&other, other.fake->messages == 1);
	answer(&other, 0x010B);
	const struct raw_owner owner = {allowance, on_passed, on_ended, &other};
	ok(stream_raw_join(other.fake->path, other.near, &owner) == OK, "and is joined elsewhere");
	is_int(read_some(&other, other.far, bytes, 5), 5, "what was early arrives");
	is_bytes(bytes, "early", 5, "unchanged");
	is_int(tls_read(&other, ssl, bytes, 20), 20, "the answer arrives");

	for (size_t i = 0; i < sizeof much; i++)
		much[i] = (uint8_t)(i * 2654435761u >> 24);
	/* The peer takes little at a time. */
	setsockopt(other.near, SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
	for (size_t at = 0; at < sizeof much; run_ready(&other))
		at += SSL_write_ex(ssl, much + at, sizeof much - at, &n) == 1 ? n : 0;
	is_int(read_some(&other, other.far, got, sizeof got), sizeof got, "much arrives");
	ok(memcmp(got, much, sizeof much) == 0, "decrypted as it was");
	fcntl(other.far, F_SETFL, O_NONBLOCK);
	for (size_t at = 0; at < sizeof much; run_ready(&other)) {
		ssize_t taken = send(other.far, much + at, sizeof much - at, MSG_NOSIGNAL);
		at += taken > 0 ? (size_t)taken : 0;
	}
	memset(got, 0, sizeof got);
	is_int(tls_read(&other, ssl, got, sizeof got), sizeof got, "and much comes back");
	ok(memcmp(got, much, sizeof much) == 0, "encrypted as it was");

	SSL_shutdown(ssl);
	is_int(read_some(&other, other.far, bytes, 1), 0, "a goodbye is the client's end");
	shutdown(other.far, SHUT_WR);
	is_int(tls_read(&other, ssl, bytes, 1), 0, "the peer's end");
	is_int(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN,
	       "is a goodbye to the client");
	RUN_UNTIL(&other, other.ended > 0);
	SSL_free(ssl);
	SSL_CTX_free(context);
	bench_close(&bench);
	bench_close(&other);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	test_refused();
	test_passing(true);
	test_passing(false);
	test_much(true);
	test_much(false);
	test_reset();
	test_late_reset();
	test_half_closed();
	test_limit();
	test_part();
	test_move();
	test_tls();
	return tap_end();
}
