/* What those who answer a request see of it. */
#include "signaling/http_exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "signaling/json_text.h"
#include "signaling/net_private.h"

enum http_method http_method(const struct http_exchange *exchange)
{
	return exchange->method;
}

struct slice http_path(const struct http_exchange *exchange)
{
	return text_slice(&exchange->path.text);
}

struct slice http_segment(const struct http_exchange *exchange, const char *name)
{
	if (exchange->pattern == NULL)
		return (struct slice){0};
	return http_path_find(&exchange->path, exchange->pattern, name);
}

struct slice http_header(const struct http_exchange *exchange, const char *name)
{
	return http_reader_header(exchange->reader, name);
}

bool http_query(const struct http_exchange *exchange, const char *name, char *to, size_t size)
{
	return http_parameter(exchange->path.query, name, to, size) == OK;
}

bool http_form(const struct http_exchange *exchange, const char *name, char *to, size_t size)
{
	static const char form[] = "application/x-www-form-urlencoded";
	struct slice type = http_header(exchange, "Content-Type");

	to[0] = '\0';
	if (type.len < sizeof form - 1 || strncasecmp(type.at, form, sizeof form - 1) != 0)
		return false;
	return http_parameter(http_body(exchange), name, to, size) == OK;
}

struct slice http_body(const struct http_exchange *exchange)
{
	return http_reader_request(exchange->reader)->body;
}

const char *http_client_address(const struct http_exchange *exchange)
{
	return exchange->address;
}

bool http_is_tls(const struct http_exchange *exchange)
{
	return exchange->is_tls;
}

/* What stands in a URL between // and /, and nothing that could end it there. */
static bool is_host(struct slice host)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789.-_:[]";

	for (size_t i = 0; i < host.len; i++)
		if (memchr(allowed, host.at[i], sizeof allowed - 1) == NULL)
			return false;
	return host.len > 0 && host.len <= 255 + 6;
}

void http_base_url(const struct http_exchange *exchange, char *to, size_t size)
{
	struct slice host = http_header(exchange, "Host");

	if (!is_host(host))
		host = SLICE("localhost");
	int len = snprintf(to, size, "%s://" SLICE_FORMAT, exchange->is_tls ? "https" : "http",
	                   SLICE_PRINTF(host));
	if (len < 0 || (size_t)len >= size)
		to[0] = '\0';
}

struct hub *http_hub(const struct http_exchange *exchange)
{
	return exchange->worker->hub;
}

const struct signaling_services *http_services(const struct http_exchange *exchange)
{
	return &exchange->worker->policy.services;
}

const char *http_problem(const struct http_exchange *exchange)
{
	const struct worker_host *host = &exchange->worker->workers->settings.host;

	if (hub_is_draining(exchange->worker->hub))
		return "draining";
	return host->problem == NULL ? NULL : host->problem(host->context);
}

uint64_t http_wall_ms(const struct http_exchange *exchange)
{
	return exchange->worker->wall_ms;
}

/* Nothing in a value may end its line: it would begin another header. */
void http_set_header(struct http_exchange *exchange, const char *name, const char *value)
{
	if (strpbrk(value, "\r\n") == NULL)
		text_printf(&exchange->headers, "%s: %s\r\n", name, value);
}

bool http_is_origin_allowed(const struct http_exchange *exchange)
{
	const struct text_list *origins = exchange->worker->policy.origins;
	struct slice origin = http_header(exchange, "Origin");

	/* Who is no browser has none, and could write any. */
	if (origins == NULL || origins->count == 0 || slice_is_empty(origin))
		return true;
	for (size_t i = 0; i < origins->count; i++)
		if (slice_equal_case(origin, origins->item[i]))
			return true;
	return false;
}

void http_allow_origins(struct http_exchange *exchange)
{
	const struct text_list *origins = exchange->worker->policy.origins;
	struct slice origin = http_header(exchange, "Origin");

	if (origins == NULL || origins->count == 0) {
		http_set_header(exchange, "Access-Control-Allow-Origin", "*");
		return;
	}
	http_set_header(exchange, "Vary", "Origin");
	if (!slice_is_empty(origin) && http_is_origin_allowed(exchange))
		text_printf(&exchange->headers, "Access-Control-Allow-Origin: " SLICE_FORMAT "\r\n",
		            SLICE_PRINTF(origin));
}

/* Only what the client offered: it would close the connection otherwise (RFC 6455 section 4.1). */
void http_choose_subprotocol(struct http_exchange *exchange, const char *name)
{
	if (http_reader_has_token(exchange->reader, "Sec-WebSocket-Protocol", name))
		snprintf(exchange->subprotocol, sizeof exchange->subprotocol, "%s", name);
}

/* A dialect may have set its own. */
static bool has_header(const struct http_exchange *exchange, const char *start)
{
	return exchange->headers.len > 0 &&
	       memmem(exchange->headers.at, exchange->headers.len, start, strlen(start)) != NULL;
}

void http_refuse(struct http_exchange *exchange, enum signaling_error error, const char *text)
{
	const struct signaling_error_words *words = signaling_error_words(error);
	struct text json;

	text_init(&json, 0);
	json_open(&json, '{');
	json_member_string(&json, "error",
	                   slice_of(text == NULL || text[0] == '\0' ? words->text : text));
	json_close(&json, '}');
	if (words->http == 401)
		http_set_header(exchange, "WWW-Authenticate", "Bearer");
	if (words->http == 429 && !has_header(exchange, "Retry-After: "))
		http_set_header(exchange, "Retry-After", "1");
	http_answer_json(exchange, (unsigned)words->http, text_slice(&json));
	text_deinit(&json);
}

void *http_own(struct http_exchange *exchange)
{
	return exchange->own;
}
