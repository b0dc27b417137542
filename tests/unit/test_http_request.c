/* Requests out of bytes, in pieces of any size. What whole connections make of them is in signaling_net.py. */
#include "signaling/http_request.h"

#include <stdlib.h>

#include "tap.h"

enum { HEAD_MAX = 256, BODY_MAX = 16 };

/* Feeds a text in pieces, and gives what came of it: the status of a failure, 1 for a request, 0 for more. */
static unsigned feed(struct http_reader *reader, const char *text, size_t piece, size_t *left)
{
	struct slice rest = slice_of(text);
	size_t used;

	while (rest.len > 0) {
		struct slice bytes = {rest.at, rest.len < piece ? rest.len : piece};
		enum http_reading reading = http_reader_input(reader, bytes, &used);
		rest = (struct slice){rest.at + used, rest.len - used};
		*left = rest.len;
		if (reading == HTTP_READ_REQUEST)
			return 1;
		if (reading == HTTP_READ_FAILED)
			return http_reader_status(reader);
	}
	return 0;
}

static void expect(const char *name, const char *text, unsigned want)
{
	for (size_t piece = 1; piece <= 1024; piece *= 4) {
		struct http_reader *reader = http_reader_create(HEAD_MAX, BODY_MAX);
		size_t left = 0;
		unsigned got = feed(reader, text, piece, &left);
		if (got != want || piece == 1024)
			is_int(got, want, "%s, by %zu", name, piece);
		http_reader_destroy(reader);
	}
}

static void statuses(void)
{
	static char long_head[600];

	expect("a request", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 1);
	expect("half a request", "GET / HTTP/1.1\r\nHost: h\r\n", 0);
	expect("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 1);
	expect("no Host", "GET / HTTP/1.1\r\n\r\n", 400);
	expect("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400);
	expect("HTTP/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505);
	expect("CONNECT", "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 405);
	expect("a space before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400);
	expect("one before the colon of a length",
	       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 1\r\n\r\nx", 400);
	expect("of a coding",
	       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400);
	expect("a space within a name", "GET / HTTP/1.1\r\nHost: h\r\nX Y: z\r\n\r\n", 400);
	/* RFC 9112 section 5.2 */
	expect("a folded line", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400);
	expect("one by a tab, of LF alone", "GET / HTTP/1.1\nHost: h\nX: a\n\tb\n\n", 400);
	expect("a folded coding",
	       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
	       400);
	expect("a line of white space alone", "GET / HTTP/1.1\r\nHost: h\r\n \r\n\r\n", 400);
	expect("white space before the first header", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400);
	expect("a body that begins with a space",
	       "\r\nPOST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n \r\n ", 1);
	expect("chunks of HTTP/1.0",
	       "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
	expect("two codings",
	       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
	       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	       400);
	expect("a length and a coding",
	       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
	       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	       400);
	expect("two lengths",
	       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
	       400);
	expect("a length that is none", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\nx",
	       400);
	expect("a body that fits",
	       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 16\r\n\r\n0123456789abcdef", 1);
	expect("one that does not", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 17\r\n\r\n",
	       413);
	expect("chunks that fit",
	       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
	       "chunked\r\n\r\n8\r\n01234567\r\n8\r\n01234567\r\n0\r\n\r\n",
	       1);
	expect("chunks that do not",
	       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
	       "chunked\r\n\r\n8\r\n01234567\r\n9\r\n012345678\r\n0\r\n\r\n",
	       413);
	expect("a chunk of no length",
	       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400);
	expect("both lengths",
	       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: "
	       "chunked\r\n\r\n",
	       400);
	expect("another coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
	       501);
	expect("another expectation", "GET / HTTP/1.1\r\nHost: h\r\nExpect: it\r\n\r\n", 417);
	memset(long_head, 'x', sizeof long_head - 1);
	memcpy(long_head, "GET / HTTP/1.1\r\nX: ", 19);
	expect("a head that is too long", long_head, 431);
	memset(long_head + 5, 'x', sizeof long_head - 6);
	expect("a path that is too long", long_head, 431);
}

static void members(void)
{
	static const char text[] = "POST /a?b HTTP/1.1\r\nHost: h\r\nX-One:  first \t\r\n"
				   "Accept: a, b ,,c\r\nx-one: second\r\nAccept: D\r\nEmpty:\r\n"
				   "Content-Length: 3\r\n\r\nabcGET";
	struct http_reader *reader = http_reader_create(HEAD_MAX, BODY_MAX);
	size_t left, position = 0;
	struct slice value;

	for (unsigned again = 0; again < 2; again++) {
		is_int(feed(reader, text, 1000, &left), 1, "a request with headers");
		is_int(left, 3, "what is behind it is left");
		const struct http_request *request = http_reader_request(reader);
		ok(slice_is(request->method, "POST") && slice_is(request->target, "/a?b") &&
		           slice_is(request->body, "abc"),
		   "method, target, body");
		ok(slice_is(http_reader_header(reader, "X-ONE"), "first"),
		   "the first header, trimmed");
		ok(slice_is_empty(http_reader_header(reader, "Empty")), "an empty header");
		ok(slice_is_empty(http_reader_header(reader, "None")), "none");
		ok(http_reader_has_token(reader, "accept", "B") &&
		           http_reader_has_token(reader, "accept", "d"),
		   "tokens of both lines");
		ok(!http_reader_has_token(reader, "accept", "a, b"), "a list is no token");
		ok(!request->is_last && !request->is_upgrade, "it keeps alive");
		http_reader_next(reader);
		ok(!http_reader_has_begun(reader), "and is forgotten");
	}
	while (http_reader_next_header(reader, "X-One", &position, &value))
		ok(false, "no header is left");
	http_reader_destroy(reader);
}

static void upgrades(void)
{
	struct http_reader *reader = http_reader_create(HEAD_MAX, BODY_MAX);
	size_t left;

	is_int(feed(reader,
	            "GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Upgrade\r\nUpgrade: "
	            "WebSocket\r\n\r\n\x81\x80",
	            1000, &left),
	       1, "an upgrade");
	ok(http_reader_request(reader)->is_upgrade && left == 2, "its frames are left");
	http_reader_next(reader);
	is_int(feed(reader,
	            "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
	            1000, &left),
	       1, "an upgrade to what is not spoken");
	ok(!http_reader_request(reader)->is_upgrade, "is a request");
	http_reader_destroy(reader);
}

int main(void)
{
	statuses();
	members();
	upgrades();
	return tap_end();
}
