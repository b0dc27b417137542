/* Requests, at once and octet by octet: both give the same; then what a server does with each: path, patterns, parameters,
 * tokens, who is behind proxies. */
#include "signaling/http_request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/http_path.h"
#include "signaling/proxies.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { HEAD_MAX = 2048, BODY_MAX = 1024 };

static void look_at(const struct http_reader *reader)
{
	const struct http_request *request = http_reader_request(reader);
	struct http_path path;
	char value[64];

	if (request->body.len > BODY_MAX || request->target.len > HEAD_MAX)
		abort();
	(void)http_reader_has_token(reader, "Connection", "upgrade");
	if (http_parameter(request->body, "a", value, sizeof value) != OK && value[0] != '\0')
		abort();
	struct transport_addr peer, client;
	struct addr_range local;
	if (addr_parse("127.0.0.1", 0, &peer) != OK ||
	    addr_range_parse("127.0.0.0/8", &local) != OK)
		abort();
	const struct range_list proxies = {&local, 1};
	proxies_find_client(&proxies, &peer, http_reader_header(reader, "X-Forwarded-For"),
	                    http_reader_header(reader, "X-Real-Ip"), &client);
	if (http_path_read(&path, request->target) != OK)
		return;
	if (http_parameter(path.query, "a", value, sizeof value) != OK && value[0] != '\0')
		abort();
	(void)http_path_find(&path, "/api/:name/*", "name");
	for (size_t i = 0; i < path.count; i++) {
		struct slice segment = http_path_segment(&path, i);
		if (slice_is(segment, "..") || slice_is(segment, ".") || segment.len == 0 ||
		    memchr(segment.at, '\0', segment.len) != NULL)
			abort();
	}
	http_path_deinit(&path);
}

/* Returns a sum of what was read: requests, then perhaps a failure. */
static uint64_t feed(const uint8_t *bytes, size_t len, size_t piece)
{
	struct http_reader *reader = http_reader_create(HEAD_MAX, BODY_MAX);
	uint64_t sum = 0;
	size_t at = 0, used;

	while (reader != NULL && at < len) {
		size_t n = len - at < piece ? len - at : piece;
		char *copy = malloc(n);
		if (copy == NULL)
			abort();
		memcpy(copy, bytes + at, n);
		enum http_reading reading =
			http_reader_input(reader, (struct slice){copy, n}, &used);
		free(copy);
		if (used > n)
			abort();
		if (reading == HTTP_READ_FAILED) {
			/* Of two faults the one that shows first gives the status. */
			sum = sum * 31 + 2;
			if (http_reader_status(reader) < 400)
				abort();
			break;
		}
		if (reading != HTTP_READ_REQUEST && used == 0)
			abort();
		at += used;
		if (reading == HTTP_READ_REQUEST) {
			look_at(reader);
			sum = sum * 31 + 1 + http_reader_request(reader)->body.len;
			http_reader_next(reader);
		}
	}
	http_reader_destroy(reader);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (feed(bytes, len, 65536) != feed(bytes, len, 1))
		abort();
	return 0;
}
