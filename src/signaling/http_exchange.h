/* One HTTP request and its answer, as those who answer see it. It lives on the worker thread of its connection until it
 * was answered, once, now or later. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "signaling/identity.h"
#include "signaling/signaling_error.h"

struct hub;
struct http_exchange;
struct signaling_services;

enum { HTTP_HEAD_MAX = 16 * 1024, HTTP_BODY_MAX = 256 * 1024 };
enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_METHODS
};

/* A row of a table of paths. The first that fits is taken; path may end in "*", and have ":name" for one segment. */
struct http_route {
	unsigned methods; /* 1 << HTTP_GET | ...; others get 405 */
	const char *path;
	void (*handle)(struct http_exchange *exchange);
};

enum http_method http_method(const struct http_exchange *exchange);
struct slice http_path(const struct http_exchange *exchange); /* decoded, without the query */
struct slice http_segment(const struct http_exchange *exchange,
                          const char *name); /* what stands for :name, decoded */
/* The first header of that name, whatever its case; empty where there is none. */
struct slice http_header(const struct http_exchange *exchange, const char *name);
/* Decoded value of the query's or the form body's parameter. They return false where there is none, or it does not fit. */
bool http_query(const struct http_exchange *exchange, const char *name, char *to, size_t size);
bool http_form(const struct http_exchange *exchange, const char *name, char *to, size_t size);
struct slice http_body(const struct http_exchange *exchange);
const char *http_client_address(
	const struct http_exchange *exchange); /* behind trusted proxies: theirs to tell */
bool http_is_tls(
	const struct http_exchange *exchange); /* the client's side of a trusted proxy counts */
/* The host and base URL that the client used: "https://host:8443". */
void http_base_url(const struct http_exchange *exchange, char *to, size_t size);

struct hub *http_hub(const struct http_exchange *exchange);
const struct signaling_services *http_services(const struct http_exchange *exchange);
/* Why new clients had better go elsewhere, in a line; NULL: they need not. */
const char *http_problem(const struct http_exchange *exchange);
uint64_t http_wall_ms(const struct http_exchange *exchange);

/* Headers of the answer, before it. */
void http_set_header(struct http_exchange *exchange, const char *name, const char *value);
/* Lets pages of other origins read the answer: Access-Control-Allow-Origin and what belongs to it. */
void http_allow_origins(struct http_exchange *exchange);
/* Of an upgrade: one of the subprotocols that the client offered. */
void http_choose_subprotocol(struct http_exchange *exchange, const char *name);

/* End the exchange. body is copied. */
void http_answer(struct http_exchange *exchange, unsigned status, const char *content_type,
                 struct slice body);
void http_answer_json(struct http_exchange *exchange, unsigned status, struct slice json);
/* {"error":"text"} with the error's status; a dialect that has its own form writes it itself. */
void http_refuse(struct http_exchange *exchange, enum signaling_error error, const char *text);

/* Finds out who asks, by Authorization (Bearer, or ApiKey), X-API-Key, what follows Bearer in Sec-WebSocket-Protocol, or the parameters token=, jwt=, access_token=, key=; then calls identified with the
 * exchange once: identity NULL where the proof does not hold (error says why). Without any proof it is the tenant's "anybody". */
void http_identify(struct http_exchange *exchange,
                   void (*identified)(struct http_exchange *exchange,
                                      const struct identity *identity, enum signaling_error error));
/* The same for a proof that the handler found elsewhere, in a body. Wrong ones count as others do. */
void http_identify_claim(struct http_exchange *exchange, const struct claim *claim,
                         void (*identified)(struct http_exchange *exchange,
                                            const struct identity *identity,
                                            enum signaling_error error));
/* Gives whom a trusted proxy says that the client is, by the header of user-header, and nobody else's; false: nobody. */
bool http_vouched_user(const struct http_exchange *exchange, char user[USER_NAME_MAX + 1]);
/* Room for a handler that answers later: 64 bytes, zeroed. */
void *http_own(struct http_exchange *exchange);
