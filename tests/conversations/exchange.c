/* http_exchange.h without a socket: requests are texts of a conversation, answers are kept for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host.h"
#include "plain.h"

#define DIALECT(name) extern const struct dialect dialect_##name;
#include "dialects.def"

enum http_method http_method(const struct http_exchange *exchange)
{
	return exchange->method;
}

struct slice http_path(const struct http_exchange *exchange)
{
	return slice_of(exchange->path);
}

/* Routes. A pattern's segment ":name" stands for one of the path; "*" at its end for the rest. */

static size_t segment_len(const char *at)
{
	return strcspn(at, "/");
}

static bool fits(const char *pattern, const char *path)
{
	for (;;) {
		if (strcmp(pattern, "*") == 0)
			return true;
		if (*pattern != *path && !(*pattern == ':' && *path != '\0'))
			return false;
		if (*pattern == '\0')
			return true;
		if (*pattern == ':') {
			if (segment_len(path) == 0)
				return false;
			pattern += segment_len(pattern);
			path += segment_len(path);
			continue;
		}
		pattern++;
		path++;
	}
}

struct slice http_segment(const struct http_exchange *exchange, const char *name)
{
	const char *pattern = exchange->pattern, *path = exchange->path;
	size_t len = strlen(name);

	while (pattern != NULL && *pattern != '\0' && *path != '\0') {
		if (*pattern == ':' && segment_len(pattern) == len + 1 &&
		    strncmp(pattern + 1, name, len) == 0)
			return (struct slice){path, segment_len(path)};
		bool is_variable = *pattern == ':';
		pattern += is_variable ? segment_len(pattern) : 1;
		path += is_variable ? segment_len(path) : 1;
	}
	return (struct slice){0};
}

static bool run_routes(struct http_exchange *exchange, const struct dialect *dialect)
{
	for (size_t i = 0; i < dialect->route_count; i++) {
		const struct http_route *route = &dialect->routes[i];
		if (!fits(route->path, exchange->path))
			continue;
		exchange->pattern = route->path;
		if (route->methods & 1u << exchange->method)
			route->handle(exchange);
		else
			http_answer(exchange, 405, "text/plain", (struct slice){0});
		return true;
	}
	return false;
}

bool exchange_run(struct http_exchange *exchange)
{
	static const struct dialect *const dialects[] = {
#define DIALECT(name) &dialect_##name,
#include "dialects.def"
	};
	for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++)
		if (run_routes(exchange, dialects[i]))
			return true;
	for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++)
		if (dialects[i]->page != NULL && dialects[i]->page(exchange))
			return true;
	return false;
}

void exchange_deinit(struct http_exchange *exchange)
{
	free(exchange->body);
	free(exchange->answer);
}

/* What came. */

struct slice http_header(const struct http_exchange *exchange, const char *name)
{
	for (unsigned i = 0; i < exchange->header_count; i++)
		if (strcasecmp(exchange->headers[i].name, name) == 0)
			return slice_of(exchange->headers[i].value);
	return (struct slice){0};
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = memchr(digits, c | 0x20, 16);

	return at == NULL ? -1 : (int)(at - digits);
}

static bool decode(const char *at, size_t len, char *to, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		char c = at[i] == '+' ? ' ' : at[i];
		if (c == '%' && i + 2 < len && hex(at[i + 1]) >= 0 && hex(at[i + 2]) >= 0) {
			c = (char)(hex(at[i + 1]) << 4 | hex(at[i + 2]));
			i += 2;
		}
		if (used + 1 >= size)
			return false;
		to[used++] = c;
	}
	to[used] = '\0';
	return true;
}

static bool parameter(const char *text, const char *name, char *to, size_t size)
{
	size_t len = strlen(name);

	for (const char *at = text; at != NULL && *at != '\0';) {
		size_t part = strcspn(at, "&");
		if (part >= len && strncmp(at, name, len) == 0 && (part == len || at[len] == '='))
			return decode(at + len + (part > len), part - len - (part > len), to, size);
		at += part + (at[part] == '&');
	}
	return false;
}

bool http_query(const struct http_exchange *exchange, const char *name, char *to, size_t size)
{
	return parameter(exchange->query, name, to, size);
}

bool http_form(const struct http_exchange *exchange, const char *name, char *to, size_t size)
{
	return exchange->body != NULL && parameter(exchange->body, name, to, size);
}

struct slice http_body(const struct http_exchange *exchange)
{
	return slice_of(exchange->body);
}

/* Of one proxy it is believed. */
bool http_vouched_user(const struct http_exchange *exchange, char user[USER_NAME_MAX + 1])
{
	const char *name = exchange->host->config->user_header;
	struct slice value = name == NULL ? (struct slice){0} : http_header(exchange, name);

	if (strcmp(exchange->address, "192.0.2.1") != 0 || value.len == 0 ||
	    value.len > USER_NAME_MAX)
		return false;
	snprintf(user, USER_NAME_MAX + 1, SLICE_FORMAT, SLICE_PRINTF(value));
	return true;
}

const char *http_client_address(const struct http_exchange *exchange)
{
	return exchange->address;
}

bool http_is_tls(const struct http_exchange *exchange)
{
	(void)exchange;
	return true;
}

void http_base_url(const struct http_exchange *exchange, char *to, size_t size)
{
	(void)exchange;
	snprintf(to, size, "https://signal.example.com:8443");
}

struct hub *http_hub(const struct http_exchange *exchange)
{
	return exchange->hub;
}

const struct signaling_services *http_services(const struct http_exchange *exchange)
{
	return &exchange->host->services;
}

uint64_t http_wall_ms(const struct http_exchange *exchange)
{
	return host_wall_ms(exchange->host);
}

void *http_own(struct http_exchange *exchange)
{
	return exchange->own;
}

/* The answer. */

void http_set_header(struct http_exchange *exchange, const char *name, const char *value)
{
	struct header *header;

	if (exchange->answer_header_count == HEADERS_MAX)
		abort();
	header = &exchange->answer_headers[exchange->answer_header_count++];
	snprintf(header->name, sizeof header->name, "%s", name);
	snprintf(header->value, sizeof header->value, "%s", value);
}

void http_allow_origins(struct http_exchange *exchange)
{
	http_set_header(exchange, "Access-Control-Allow-Origin", "*");
}

void http_choose_subprotocol(struct http_exchange *exchange, const char *name)
{
	snprintf(exchange->subprotocol, sizeof exchange->subprotocol, "%s", name);
}

void http_answer(struct http_exchange *exchange, unsigned status, const char *content_type,
                 struct slice body)
{
	if (exchange->is_answered)
		abort(); /* twice */
	exchange->is_answered = true;
	exchange->status = status;
	snprintf(exchange->content_type, sizeof exchange->content_type, "%s", content_type);
	exchange->answer = malloc(body.len + 1);
	if (exchange->answer == NULL)
		abort();
	if (body.len > 0)
		memcpy(exchange->answer, body.at, body.len);
	exchange->answer[body.len] = '\0';
	exchange->answer_len = body.len;
}

void http_answer_json(struct http_exchange *exchange, unsigned status, struct slice json)
{
	http_answer(exchange, status, "application/json", json);
}

void http_refuse(struct http_exchange *exchange, enum signaling_error error, const char *why)
{
	struct text text;

	text_init(&text, 0);
	json_open(&text, '{');
	json_member_string(&text, "error", slice_of(why));
	json_close(&text, '}');
	http_answer_json(exchange, (unsigned)signaling_error_words(error)->http, text_slice(&text));
	text_deinit(&text);
}

/* Who asks. */

static bool find_proof(const struct http_exchange *exchange, char *proof, size_t size)
{
	static const char *const names[] = {"token", "jwt", "access_token", "key"};
	struct slice header = http_header(exchange, "Authorization");

	for (unsigned i = 0; i < 2; i++) {
		struct slice scheme = i == 0 ? SLICE("Bearer ") : SLICE("ApiKey ");
		if (header.len > scheme.len && strncasecmp(header.at, scheme.at, scheme.len) == 0) {
			snprintf(proof, size, "%s", header.at + scheme.len);
			return true;
		}
	}
	header = http_header(exchange, "X-API-Key");
	if (header.len > 0) {
		snprintf(proof, size, "%s", header.at);
		return true;
	}
	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		if (http_query(exchange, names[i], proof, size))
			return true;
	return false;
}

typedef void identified_fn(struct http_exchange *exchange, const struct identity *identity,
                           enum signaling_error error);

static void answer_proof(struct http_exchange *exchange, const char *proof,
                         identified_fn *identified)
{
	const struct scripted *found = host_proof(exchange->host, proof);

	if (found == NULL)
		identified(exchange, NULL, SIGNALING_BAD_PROOF);
	else if (found->error != SIGNALING_OK)
		identified(exchange, NULL, found->error);
	else
		identified(exchange, &found->identity, SIGNALING_OK);
}

void http_identify_claim(struct http_exchange *exchange, const struct claim *claim,
                         void (*identified)(struct http_exchange *exchange,
                                            const struct identity *identity,
                                            enum signaling_error error))
{
	answer_proof(exchange, claim->proof, identified);
}

void http_identify(struct http_exchange *exchange,
                   void (*identified)(struct http_exchange *exchange,
                                      const struct identity *identity, enum signaling_error error))
{
	char proof[8192] = "anybody";

	(void)find_proof(exchange, proof, sizeof proof);
	answer_proof(exchange, proof, identified);
}
