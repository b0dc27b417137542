/* Where a request ends, and what it asks for: what is looked at beside the library, which takes what it understands and passes over the rest. Two
 * programs that disagree on it, such as a reverse proxy and this one, are how a request is smuggled (RFC 9112 section 11.2). */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

struct http_framing { /* what was seen of the fields; all zero: nothing yet */
	unsigned hosts, lengths, codings;
	bool is_unclear;
};

void http_framing_take(struct http_framing *framing, struct slice name, struct slice value);
/* version: "HTTP/1.1", as it was sent. False: refuse it, and end the connection. */
bool http_framing_is_clear(const struct http_framing *framing, const char *version);
/* Returns the path of a target without its query, which may have the origin before it (RFC 9112 section 3.2.2): lent. */
const char *http_framing_path(const char *target);
