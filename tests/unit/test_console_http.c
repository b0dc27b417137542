/* The console's HTTP server over real sockets: what it hands on, what it refuses, TLS, and a certificate that is renewed. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/http.h"
#include "base/timestamp.h"
#include "tests/unit/tap.h"

enum { BODY_MAX = 1000, OF_ADDRESS_MAX = 4, REQUEST_S = 2 };

/* Tells what it was asked, as text. */
static void echo(struct http_call *call, void *context)
{
	char text[4096], ip[ADDR_TEXT_SIZE];
	const char *query = http_query(call, "q"), *cookie = http_cookie(call, "c");
	struct slice body = http_body(call);

	(void)context;
	if (strcmp(http_path(call), "/nothing") == 0)
		return;
	if (strcmp(http_path(call), "/large") == 0) {
		static char large[32 * 1024 * 1024];
		http_answer_lent(call, 200, "text/plain", large, sizeof large);
		return;
	}
	if (strcmp(http_path(call), "/empty") == 0 || strcmp(http_path(call), "/same") == 0) {
		http_answer(call, http_path(call)[1] == 'e' ? 204 : 304, NULL, "abcd",
		            http_path(call)[1] == 'e' ? 0 : 4);
		return;
	}
	http_set_header(call, "X-One", "1");
	http_set_header(call, "X-One", "2");
	http_set_header(call, "X-Split", "a\r\nX-Evil: 1");
	snprintf(text, sizeof text, "%s %s q=%s c=%s body=" SLICE_FORMAT " from=%s",
	         http_method(call), http_path(call), query != NULL ? query : "-",
	         cookie != NULL ? cookie : "-", SLICE_PRINTF(body),
	         addr_format_ip(http_client(call), ip));
	http_answer(call, 200, "text/plain", text, strlen(text));
}

static struct http_server *serve(void)
{
	struct http_settings settings = {
		.connections_max = 32,
		.connections_per_address_max = OF_ADDRESS_MAX,
		.idle_timeout_s = 5,
		.request_timeout_s = REQUEST_S,
		.body_max = BODY_MAX,
		.handle = echo,
	};
	struct http_server *server = NULL;
	char problem[256];

	if (addr_parse("127.0.0.1", 0, &settings.address) != OK ||
	    http_server_create(&settings, &server, problem) != OK) {
		printf("Bail out! %s\n", problem);
		exit(1);
	}
	return server;
}

static int connect_to(const struct http_server *server)
{
	struct transport_addr at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval wait = {.tv_sec = 10};

	if (addr_parse("127.0.0.1", (uint16_t)http_server_port(server), &at) != OK ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) != 0 ||
	    connect(fd, &at.any, addr_len(&at)) != 0)
		printf("Bail out! connect\n");
	return fd;
}

/* Sends a request that ends its connection, and gives all that came back. */
static const char *ask(const struct http_server *server, const char *request)
{
	static char answer[16384];
	int fd = connect_to(server);
	size_t len = 0;
	ssize_t n;

	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		perror("send");
	while (len + 1 < sizeof answer &&
	       (n = recv(fd, answer + len, sizeof answer - 1 - len, 0)) > 0)
		len += (size_t)n;
	answer[len] = '\0';
	close(fd);
	return answer;
}

static bool has(const char *answer, const char *text)
{
	if (strstr(answer, text) != NULL)
		return true;
	printf("# no \"%s\" in: %s\n", text, answer);
	return false;
}

#define GET(path, more) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" more "\r\n"

static void test_asked(const struct http_server *server)
{
	const char *answer = ask(server, GET("/a%2Fb?q=x+y%20%C3%A9", ""));

	ok(has(answer, "GET /a%2Fb q=x y \xc3\xa9 c=- body= from=127.0.0.1"),
	   "the path stays encoded, a query is decoded");
	ok(has(answer, "X-One: 1\r\n") && has(answer, "X-One: 2\r\n"),
	   "a header may be there twice");
	ok(strstr(answer, "Evil") == NULL, "a header with a line end is left out");
	ok(has(ask(server, GET("/?q=%00x", "")), "q=-"), "a zero in a query is none");
	ok(has(ask(server, GET("/?q=%4", "")), "q=-"), "half of an encoding is none");
	ok(has(ask(server, GET("/", "Cookie: c=1; d=2\r\n")), "c=1"), "a cookie");
	ok(has(ask(server, GET("/", "Cookie: c=1; c=2\r\n")), "c=-"), "a cookie twice is none");
	ok(has(ask(server, GET("/nothing", "")), "404"), "what nobody answers is not found");
}

static void test_body(const struct http_server *server)
{
	static char request[4096];

	ok(has(ask(server, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: "
	                   "3\r\n\r\nabc"),
	       "POST / q=- c=- body=abc"),
	   "a body");
	ok(has(ask(server, "PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: "
	                   "chunked\r\n\r\n"
	                   "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
	       "body=abc"),
	   "a body in chunks");
	ok(has(ask(server, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: "
	                   "1001\r\n\r\n"),
	       "413"),
	   "a body that says it is too long is refused before it comes");
	int len =
		snprintf(request, sizeof request,
	                 "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5dc\r\n");
	memset(request + len, 'a', 1500);
	memcpy(request + len + 1500, "\r\n0\r\n\r\n", 8);
	ok(strstr(ask(server, request), "200") == NULL,
	   "one in chunks that becomes too long is not handed on");
}

static void test_malformed(const struct http_server *server)
{
	static char request[80000];
	int len = snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: x\r\nX: ");

	memset(request + len, 'a', 60000);
	memcpy(request + len + 60000, "\r\n\r\n", 5);
	ok(strstr(ask(server, request), "200 OK") == NULL, "a head of 60 KB is refused");
	ok(strstr(ask(server, "\x16\x03\x01\x02\r\n\r\n"), "200 OK") == NULL,
	   "TLS at a plain port");
	ok(strstr(ask(server, "GET / HTTP/1.1\r\n\r\n"), "200 OK") == NULL,
	   "a request without Host is refused");
	ok(has(ask(server, GET("/still", "")), "GET /still"), "and others are served");
}

static unsigned count_of(const char *answer, const char *text)
{
	unsigned count = 0;

	for (const char *at = answer; (at = strstr(at, text)) != NULL; at += strlen(text))
		count++;
	return count;
}

/* Where two programs disagree on where a request ends, one of them takes a part of it for another request: what is not clear is refused, and
 * the connection ends (RFC 9112 section 11.2). */
static void test_smuggling(const struct http_server *server)
{
#define REST "GET /smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	static const char *const unclear[] = {
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: "
		"0\r\n\r\nabc" REST,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: "
		"65\r\n\r\n" REST,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 65\r\n\r\n" REST,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n" REST,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n" REST,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x0\r\n\r\n" REST,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: "
		"99999999999999999999999\r\n\r\n" REST,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n" REST,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 65\r\n\r\n" REST,
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65\r\nTransfer-Encoding: "
		"chunked\r\n\r\n0\r\n\r\n" REST,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
		"identity\r\n\r\n0\r\n\r\n" REST,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, "
		"chunked\r\n\r\n0\r\n\r\n" REST,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n" REST,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" REST,
		"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" REST,
		"POST / HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 0\r\n\r\n" REST,
	};

	for (size_t i = 0; i < sizeof unclear / sizeof unclear[0]; i++) {
		const char *answer = ask(server, unclear[i]);
		ok(strstr(answer, "200 OK") == NULL && strstr(answer, "smuggled") == NULL,
		   "%zu: %.90s", i, strchr(unclear[i], '\n') + 9);
	}
	const char *answer =
		ask(server, "GET /first HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd" REST);
	ok(has(answer, "body=abcd") && count_of(answer, "200 OK") == 2,
	   "a body with GET is a body, and no request");
}

static void test_targets(const struct http_server *server)
{
	ok(has(ask(server, GET("http://x/absolute", "")), "GET /absolute q="),
	   "a target may have the origin before its path (RFC 9112 section 3.2.2)");
	ok(has(ask(server, GET("HTTPS://x:1/absolute?q=1", "")), "GET /absolute q=1"), "any");
	ok(has(ask(server, GET("http://x", "")), "GET / q="), "without a path it is the first");
	ok(has(ask(server, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
	       "OPTIONS * q="),
	   "the server itself");
	ok(has(ask(server, GET("/%2e%2e/%2E./a", "")), "GET /%2e%2e/%2E./a"),
	   "dots are no folders, however they are written");
	ok(has(ask(server, GET("/../../etc/passwd", "")), "GET /../../etc/passwd"), "nor so");
}

static void test_answers(const struct http_server *server)
{
	const char *answer = ask(server, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	ok(has(answer, "200 OK") && has(answer, "Content-Length: ") &&
	           strcmp(strstr(answer, "\r\n\r\n"), "\r\n\r\n") == 0,
	   "HEAD has the length of a body, and none");
	answer = ask(server, GET("/empty", ""));
	ok(has(answer, "204 No Content") && strstr(answer, "Content-Length") == NULL,
	   "204 says nothing of a length (RFC 9110 section 8.6)");
	answer = ask(server, GET("/same", ""));
	ok(has(answer, "304 Not Modified") && strstr(answer, "abcd") == NULL &&
	           strstr(answer, "Content-Length: 0") == NULL,
	   "304 has no body, and does not say that there is none");
	answer = ask(server, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: "
	                     "100-continue\r\nContent-Length: 3\r\n\r\nabc");
	ok(has(answer, "100 Continue") && has(answer, "body=abc"), "who waits is told to go on");
	answer =
		ask(server, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "
	                    "1001\r\n\r\n");
	ok(strstr(answer, "100 Continue") == NULL && has(answer, "413"),
	   "but not where it is too long");
}

/* A head or a body that comes byte by byte holds a thread; each byte is activity, and yet it ends. */
static void test_trickle(const struct http_server *server)
{
	static const char *const begins[] = {
		"GET / HTTP/1.1\r\nHost: x\r\nX: ",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n",
	};

	for (size_t i = 0; i < 2; i++) {
		int fd = connect_to(server);
		struct pollfd end = {.fd = fd, .events = POLLRDHUP};
		timestamp began = timestamp_now();
		(void)!send(fd, begins[i], strlen(begins[i]), MSG_NOSIGNAL);
		while (timestamp_now() - began < 10000 && poll(&end, 1, 100) == 0)
			(void)!send(fd, "a", 1, MSG_NOSIGNAL);
		ok(timestamp_now() - began < 1000 * (REQUEST_S + 2) &&
		           timestamp_now() - began >= 500 * REQUEST_S,
		   "a %s that trickles ends in time", i == 0 ? "head" : "body");
		close(fd);
	}
}

/* So does one that takes its answer byte by byte: others of its address have to wait for that long. */
static void test_slow_reader(const struct http_server *server)
{
	static const char request[] = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
	timestamp began = timestamp_now();
	int slow[OF_ADDRESS_MAX];
	const char *answer;
	char byte;

	for (int i = 0; i < OF_ADDRESS_MAX; i++) {
		slow[i] = connect_to(server);
		ok(send(slow[i], request, sizeof request - 1, MSG_NOSIGNAL) > 0 &&
		           recv(slow[i], &byte, 1, MSG_PEEK) == 1,
		   "one that reads slowly");
	}
	do {
		for (int i = 0; i < OF_ADDRESS_MAX; i++)
			(void)!recv(slow[i], &byte, 1, 0);
		answer = ask(server, GET("/", ""));
	} while (answer[0] == '\0' && timestamp_now() - began < 10000);
	ok(timestamp_now() - began < 1000 * (REQUEST_S + 2), "ends in time");
	for (int i = 0; i < OF_ADDRESS_MAX; i++)
		close(slow[i]);
}

/* A connection that has had its answer and stays; those before it may take a moment to be gone. */
static int hold(const struct http_server *server)
{
	static const char request[] = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";
	char byte;

	for (int i = 0; i < 1000; i++) {
		int fd = connect_to(server);
		if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) > 0 &&
		    recv(fd, &byte, 1, MSG_PEEK) == 1)
			return fd;
		close(fd);
	}
	return -1;
}

/* Those that are held keep one more of their address out, until one of them goes. */
static void test_crowd(const struct http_server *server)
{
	int held[OF_ADDRESS_MAX];

	for (int i = 0; i < OF_ADDRESS_MAX; i++)
		held[i] = hold(server);
	is_text(ask(server, GET("/", "")), "", "one more connection of an address is closed");
	close(held[0]);
	held[0] = hold(server);
	ok(held[0] >= 0, "when one has gone there is room");
	for (int i = 0; i < OF_ADDRESS_MAX; i++)
		close(held[i]);
}

static void test_decode(void)
{
	char text[8];

	ok(http_decode(SLICE("a%2Fb+c"), false, text, sizeof text), "decodes");
	is_text(text, "a/b+c", "with a plus as it is");
	ok(!http_decode(SLICE("12345678"), false, text, sizeof text),
	   "what is too long is refused");
	ok(http_decode(SLICE("1234567"), false, text, sizeof text), "what just fits is not");
	ok(!http_decode(SLICE("%zz"), false, text, sizeof text), "no digits");
	ok(!http_decode(SLICE("%00"), false, text, sizeof text), "a zero");
}

static void test_start_fails(const struct http_server *taken)
{
	struct http_settings settings = {.connections_max = 1, .handle = echo};
	struct http_server *server = NULL;
	char problem[256] = "";

	ok(addr_parse("127.0.0.1", (uint16_t)http_server_port(taken), &settings.address) == OK &&
	           http_server_create(&settings, &server, problem) == ERR_SYSTEM,
	   "a port that is taken");
	ok(has(problem, "cannot listen at 127.0.0.1:"), "is said");
	addr_set_port(&settings.address, 0);
	settings.cert_file = "/nonexistent/cert.pem";
	settings.key_file = "/nonexistent/key.pem";
	is_int(http_server_create(&settings, &server, problem), ERR_INVALID,
	       "a certificate that is not there");
	ok(has(problem, "/nonexistent/cert.pem"), "is named");
}

int main(void)
{
	struct http_server *server = serve();

	test_asked(server);
	test_body(server);
	test_malformed(server);
	test_smuggling(server);
	test_targets(server);
	test_answers(server);
	test_trickle(server);
	test_slow_reader(server);
	test_crowd(server);
	test_decode();
	test_start_fails(server);
	http_server_destroy(server);
	return tap_end();
}
