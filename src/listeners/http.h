/* HTTP that comes to a port of STUN and TURN: browsers and scanners try it, and authorities of certificates
 * ask there whether a name is ours (ACME, RFC 8555 section 8.3). It is answered where that is asked for,
 * and the connection closed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct http_settings {
	bool refuses; /* with 400; else the connection is closed without a word */
	const char *
		acme_redirect; /* where challenges are sent: its path is put behind; NULL: nowhere */
};

enum { HTTP_REQUEST_MAX = 4096, HTTP_ANSWER_SIZE = 1024 };

/* Looks at the first bytes of a stream. OK: the head of a request is there, with its end. ERR_AGAIN: it may
 * become one, of at most HTTP_REQUEST_MAX bytes. ERR_INVALID: it is no HTTP that we know. */
MUST_CHECK enum err http_request_find(const uint8_t *bytes, size_t len);
/* Writes the answer to what http_request_find found and returns its length; 0 when it gets none. */
size_t http_answer(const struct http_settings *settings, bool is_tls, const uint8_t *request,
                   size_t len, char answer[HTTP_ANSWER_SIZE]);

static inline bool http_is_answered(const struct http_settings *settings)
{
	return settings->refuses || settings->acme_redirect != NULL;
}
