/* Requests of HTTP/1.1 (RFC 9112) out of bytes: head and body, bounded, and nothing of what is answered. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct http_request {                /* of a whole request; lent until http_reader_next */
	struct slice method, target; /* as they came */
	struct slice body;
	bool is_http_1_0;
	bool is_last; /* nothing more is to be read of this connection: Connection: close */
	bool is_upgrade; /* Connection: Upgrade, and Upgrade; bytes behind the head are the other protocol's */
};

enum http_reading {
	HTTP_READ_MORE,     /* all bytes were taken */
	HTTP_READ_CONTINUE, /* as before, and the client waits for 100 (RFC 9110 section 10.1.1) */
	HTTP_READ_REQUEST,  /* one is whole; what was not taken is behind it */
	HTTP_READ_FAILED, /* it is to be answered with http_reader_status, and the connection closed */
};

struct http_reader;

/* Creates a reader for requests whose heads have at most head_max, and bodies body_max bytes; NULL: no memory. */
struct http_reader *http_reader_create(size_t head_max, size_t body_max);
void http_reader_destroy(struct http_reader *reader);
enum http_reading http_reader_input(struct http_reader *reader, struct slice bytes, size_t *used);
unsigned http_reader_status(const struct http_reader *reader);
const struct http_request *http_reader_request(const struct http_reader *reader);
/* The first header of a name, whatever its case, without the space around it; empty: there is none. */
struct slice http_reader_header(const struct http_reader *reader, const char *name);
/* Whether a header that is a list of tokens, on one line or several, has this one, whatever its case. */
bool http_reader_has_token(const struct http_reader *reader, const char *name, const char *token);
/* Walks the headers of a name: start with *position = 0; false at the end. */
bool http_reader_next_header(const struct http_reader *reader, const char *name, size_t *position,
                             struct slice *value);
/* Whether a request has begun to come. */
bool http_reader_has_begun(const struct http_reader *reader);
/* Forgets a request that was answered. */
void http_reader_next(struct http_reader *reader);

bool slice_equal_case(struct slice a, const char *text); /* ASCII */
/* Cuts the next token of a list of them at commas: false at the end. */
bool http_next_token(struct slice *list, struct slice *token);
