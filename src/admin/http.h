/* The HTTP and HTTPS server of the console. http.c is the only file that knows libmicrohttpd, its threads and its TLS.
 *
 * Each connection has a thread of its own, so that a handler may wait for the relay, the store or a slow hash, and nobody else waits with
 * it; there are as many as connections_max, and of one address (a /64 of IPv6) connections_per_address_max. What a client sends is
 * bounded before it is kept: head, body and time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/slice.h"

struct http_server;
struct http_call; /* a request; it lives until its handler returns */

struct http_settings { /* lent for the call, but context */
	struct transport_addr address;
	const char *cert_file, *key_file; /* PEM; both NULL: plain HTTP */
	const char *key_password;         /* NULL: the key is not encrypted */
	unsigned connections_max, connections_per_address_max;
	unsigned idle_timeout_s; /* of a connection that sends nothing */
	unsigned
		request_timeout_s; /* until a request is there whole, and until its answer is taken, however it trickles */
	size_t body_max; /* bytes; what is longer is answered with 413 */
	/* Answers exactly once before it returns, on a thread of the connection. */
	void (*handle)(struct http_call *call, void *context);
	void *context;
};

/* Listens at once, and has read certificate and key; nobody is answered and no thread runs before http_server_start, which a process calls when it has
 * given up its rights: threads that there are would keep theirs. ERR_SYSTEM, ERR_INVALID (certificate or key), ERR_NO_MEMORY: problem is
 * one line, here and below. */
MUST_CHECK enum err http_server_listen(const struct http_settings *settings,
                                       struct http_server **server, char problem[256]);
MUST_CHECK enum err http_server_start(struct http_server *server, char problem[256]);
/* Both at once. */
MUST_CHECK enum err http_server_create(const struct http_settings *settings,
                                       struct http_server **server, char problem[256]);
/* Reads certificate and key anew: connections from now on have the new one, those that are there keep theirs. On failure the old ones stay. */
MUST_CHECK enum err http_server_renew_certificate(struct http_server *server, char problem[256]);
/* Waits for the handlers that run. NULL is fine. */
void http_server_destroy(struct http_server *server);
/* The port that it listens on, where the settings' was 0. */
unsigned http_server_port(const struct http_server *server);

/* ---- what was asked: lent until the handler returns ---- */

const char *http_method(const struct http_call *call); /* "GET" */
const char *http_path(
	const struct http_call
		*call); /* as it was sent, without the query: cut first, then decoded */
/* Decodes percent encoding (RFC 3986 section 2.1). False: malformed, a zero in it, or longer than the room for it. */
bool http_decode(struct slice from, bool plus_is_space, char *text, size_t size);
const char *http_query(struct http_call *call,
                       const char *name); /* decoded; NULL: not there, or malformed */
const char *http_header(const struct http_call *call, const char *name); /* NULL: not there */
/* NULL: not there, or there twice, which is somebody's trick (RFC 6265 section 5.4). */
const char *http_cookie(const struct http_call *call, const char *name);
struct slice http_body(const struct http_call *call);
bool http_is_secure(const struct http_call *call); /* came by TLS */
const struct transport_addr *http_client(const struct http_call *call);

/* ---- the answer ---- */

/* Adds a header to the answer that is still to come; a name may be added several times. Neither may have a line end: then it is left out, and logged. */
void http_set_header(struct http_call *call, const char *name, const char *value);
/* Answers with a copy of the body, which is empty where len is 0. status: RFC 9110 section 15; with 304 it is the body of 200, of which the length
 * alone is sent. */
void http_answer(struct http_call *call, unsigned status, const char *content_type,
                 const void *body, size_t len);
/* The same without a copy: body outlives the server. */
void http_answer_lent(struct http_call *call, unsigned status, const char *content_type,
                      const void *body, size_t len);
bool http_is_answered(const struct http_call *call);
