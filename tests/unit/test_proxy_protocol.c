/* Headers of the PROXY protocol: what proxies write, each cut short at every byte, and what is wrong. */
#include "listeners/proxy_protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define SIGNATURE   "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static uint8_t *copy; /* of the heap, so that a sanitizer sees a read beyond the end */

static const uint8_t *exact(const uint8_t *bytes, size_t len)
{
	free(copy);
	copy = malloc(len > 0 ? len : 1);
	if (copy == NULL)
		abort();
	memcpy(copy, bytes, len);
	return copy;
}

typedef enum err header_fn(const uint8_t *bytes, size_t len, struct proxy_header *header);

static void expect_client(header_fn *get, const uint8_t *bytes, size_t len, size_t behind,
                          const char *client, const char *what)
{
	struct proxy_header header;
	char text[ADDR_TEXT_SIZE] = "";
	enum err err = get(exact(bytes, len), len, &header);

	if (err == OK && header.has_client)
		addr_format(&header.client, text);
	is_int(err, OK, "%s: it is a header", what);
	ok(strcmp(text, client) == 0, "%s: its client", what);
	is_int(header.len, len - behind, "%s: its length", what);
	for (size_t cut = 0; cut < len - behind; cut++) {
		err = get(exact(bytes, cut), cut, &header);
		if (err != (get == proxy_header_of_stream ? ERR_AGAIN : ERR_INVALID)) {
			ok(false, "%s: cut at %zu", what, cut);
			return;
		}
	}
	ok(true, "%s: cut anywhere it is not one", what);
}

static void expect_invalid(header_fn *get, const uint8_t *bytes, size_t len, const char *what)
{
	struct proxy_header header;

	is_int(get(exact(bytes, len), len, &header), ERR_INVALID, "%s is refused", what);
}

static void test_v1(void)
{
	header_fn *get = proxy_header_of_stream;
	char line[200] = "PROXY UNKNOWN ";

	expect_client(get, BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 56324 3478\r\nrest"), 4,
	              "192.0.2.1:56324", "TCP4");
	expect_client(get, BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 65535 1\r\n"), 0,
	              "[2001:db8::1]:65535", "TCP6");
	expect_client(get, BYTES("PROXY UNKNOWN\r\n"), 0, "", "UNKNOWN");
	expect_client(get, BYTES("PROXY UNKNOWN ffff:f...f:ffff 65535 65535\r\n"), 0, "",
	              "UNKNOWN with more");
	memset(line + strlen(line), 'x', 107 - 2 - strlen(line));
	memcpy(line + 105, "\r\n", 3);
	expect_client(get, (const uint8_t *)line, 107, 0, "", "a line of 107 bytes");
	memcpy(line + 105, "x\r\n", 4);
	expect_invalid(get, (const uint8_t *)line, 108, "a line of 108 bytes");
	expect_invalid(get, (const uint8_t *)line, 107, "a line that has not ended by 107");

	static const char *const wrong[] = {
		"PROXY\r\n",
		"PROXY \r\n",
		"PROXY TCP4\r\n",
		"PROXY TCP5 192.0.2.1 198.51.100.1 1 2\r\n",
		"PROXY UNKNOWNS\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.1 56324 3478\n",
		"PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.1 56324 3478 5\r\n",
		"PROXY TCP4  192.0.2.1 198.51.100.1 56324 3478\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.1 56324 3478 \r\n",
		"PROXY TCP4 192.0.2.01 198.51.100.1 56324 3478\r\n",
		"PROXY TCP4 192.0.2 198.51.100.1 56324 3478\r\n",
		"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
		"PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.1 056 3478\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.1 65536 3478\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.1 4294967297 3478\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.1 -1 3478\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.1 0 3478\r\n",
		"PROXY TCP4 0.0.0.0 198.51.100.1 1 3478\r\n",
		"proxy TCP4 192.0.2.1 198.51.100.1 1 2\r\n",
		"GET / HTTP/1.1\r\n",
	};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char what[100];

		snprintf(what, sizeof what, "%.*s", (int)strcspn(wrong[i], "\r\n"), wrong[i]);
		expect_invalid(get, (const uint8_t *)wrong[i], strlen(wrong[i]), what);
	}
	expect_invalid(get, BYTES("PROXY UNKNOWN\0\r\n"), "a line with a NUL");
}

static void test_v2(void)
{
	header_fn *stream = proxy_header_of_stream, *datagram = proxy_header_of_datagram;

	expect_client(stream,
	              BYTES(SIGNATURE "\x21\x11\0\x0C\xC0\0\2\1\xC6\x33\x64\1\xDC\4\x0D\x96"
	                              "x"),
	              1, "192.0.2.1:56324", "TCP over IPv4");
	expect_client(datagram,
	              BYTES(SIGNATURE "\x21\x12\0\x0C\xC0\0\2\1\xC6\x33\x64\1\xDC\4\x0D\x96"
	                              "x"),
	              1, "192.0.2.1:56324", "UDP over IPv4");
	expect_client(datagram,
	              BYTES(SIGNATURE "\x21\x22\0\x24\x20\1\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\1"
	                              "\x20\1\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\2\xDC\4\x0D\x96"),
	              0, "[2001:db8::1]:56324", "UDP over IPv6");
	expect_client(stream,
	              BYTES(SIGNATURE "\x21\x11\0\x10\xC0\0\2\1\xC6\x33\x64\1\xDC\4\x0D\x96"
	                              "\4\0\1x"),
	              0, "192.0.2.1:56324", "with a TLV");
	expect_client(stream, BYTES(SIGNATURE "\x20\0\0\0"), 0, "", "LOCAL");
	expect_client(stream, BYTES(SIGNATURE "\x20\xFF\0\3abc"), 0, "",
	              "LOCAL with what is to be ignored");
	expect_client(datagram, BYTES(SIGNATURE "\x21\0\0\0"), 0, "", "an unspecified family");
	expect_client(stream,
	              BYTES(SIGNATURE "\x21\x10\0\x0C\xC0\0\2\1\xC6\x33\x64\1\xDC\4\x0D\x96"), 0,
	              "", "an unspecified protocol");

	expect_invalid(stream,
	               BYTES(SIGNATURE "\x11\x11\0\x0C\xC0\0\2\1\xC6\x33\x64\1\xDC\4\x0D\x96"),
	               "version 1 in binary");
	expect_invalid(stream,
	               BYTES(SIGNATURE "\x22\x11\0\x0C\xC0\0\2\1\xC6\x33\x64\1\xDC\4\x0D\x96"),
	               "an unknown command");
	expect_invalid(stream, BYTES(SIGNATURE "\x21\x41\0\0"), "an unknown family");
	expect_invalid(stream, BYTES(SIGNATURE "\x21\x13\0\x0C"), "an unknown protocol");
	expect_invalid(stream, BYTES(SIGNATURE "\x21\x11\0\x0B\xC0\0\2\1\xC6\x33\x64\1\xDC\4\x0D"),
	               "IPv4 addresses that are too short");
	expect_invalid(stream, BYTES(SIGNATURE "\x21\x21\0\x23"),
	               "IPv6 addresses that are too short");
	expect_invalid(stream, BYTES(SIGNATURE "\x21\x31\0\xD7"),
	               "Unix addresses that are too short");
	expect_invalid(stream, BYTES(SIGNATURE "\x21\x11\xFF\xFF"), "a header that is too long");
	expect_invalid(stream,
	               BYTES(SIGNATURE "\x21\x12\0\x0C\xC0\0\2\1\xC6\x33\x64\1\xDC\4\x0D\x96"),
	               "UDP on a stream");
	expect_invalid(datagram,
	               BYTES(SIGNATURE "\x21\x11\0\x0C\xC0\0\2\1\xC6\x33\x64\1\xDC\4\x0D\x96"),
	               "TCP in a datagram");
	expect_invalid(datagram, BYTES("PROXY UNKNOWN\r\n"), "version 1 in a datagram");
	expect_invalid(stream,
	               BYTES(SIGNATURE "\x21\x11\0\x0C\xC0\0\2\1\xC6\x33\x64\1\0\0\x0D\x96"),
	               "a client's port 0");
	expect_invalid(stream, BYTES(SIGNATURE "\x21\x11\0\x0C\0\0\0\0\xC6\x33\x64\1\1\1\x0D\x96"),
	               "a client without address");
	ok(proxy_header_is_v2(BYTES(SIGNATURE)), "the signature is told");
	ok(!proxy_header_is_v2(BYTES("\r\n\r\n\0\r\nQUIT")), "but not without its end");
}

int main(void)
{
	test_v1();
	test_v2();
	free(copy);
	return tap_end();
}
