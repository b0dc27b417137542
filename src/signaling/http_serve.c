/* Who answers a request: the program, a dialect by REST, a dialect's WebSocket, or a file. */
#include <stdlib.h>

#include "signaling/http_files.h"
#include "signaling/net_private.h"
#include "signaling/proxies.h"

static struct http_exchange *exchange_create(struct connection *connection,
                                             struct http_reader *reader);
static void find_client(struct http_exchange *exchange);
static void dispatch(struct http_exchange *exchange);
static const struct dialect *find_dialect(const struct http_exchange *exchange);
static bool answer_by_route(struct http_exchange *exchange);
static bool answer_by_page(struct http_exchange *exchange);
static void answer_other_method(struct http_exchange *exchange, unsigned methods);

static const char *const method_names[HTTP_METHODS] = {
	[HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
	[HTTP_PUT] = "PUT",         [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
	[HTTP_OPTIONS] = "OPTIONS",
};

void http_serve(struct connection *connection, struct http_reader *reader)
{
	struct worker *worker = connection->worker;
	struct http_exchange *exchange = exchange_create(connection, reader);

	if (exchange == NULL) {
		connection_end(connection);
		return;
	}
	connection->http->exchange = exchange;
	if (!address_limits_request(worker->workers->limits, &exchange->client, worker->now)) {
		net_count(&worker->counters, NET_COUNT_requests_limited, 1);
		http_refuse(exchange, SIGNALING_RATE_LIMITED, "");
	} else if (exchange->method == HTTP_METHODS) {
		http_answer(exchange, 501, "text/plain", SLICE("This method is not known here.\n"));
	} else if (http_path_read(&exchange->path, http_reader_request(reader)->target) != OK) {
		http_answer(exchange, 400, "text/plain", SLICE("This path is none.\n"));
	} else {
		dispatch(exchange);
	}
}

static enum http_method method_of(struct slice name)
{
	unsigned method = 0;

	while (method < HTTP_METHODS && !slice_is(name, method_names[method]))
		method++;
	return (enum http_method)method;
}

static struct http_exchange *exchange_create(struct connection *connection,
                                             struct http_reader *reader)
{
	struct http_exchange *exchange = calloc(1, sizeof *exchange);

	if (exchange == NULL)
		return NULL;
	exchange->worker = connection->worker;
	exchange->connection = connection;
	exchange->reader = reader;
	exchange->method = method_of(http_reader_request(reader)->method);
	text_init(&exchange->headers, HTTP_HEAD_MAX);
	list_append(&connection->worker->exchanges, &exchange->node);
	find_client(exchange);
	return exchange;
}

void http_exchange_destroy(struct http_exchange *exchange)
{
	list_remove(&exchange->node);
	if (exchange->connection == NULL)
		http_reader_destroy(exchange->reader);
	else if (exchange->connection->http != NULL)
		http_reader_next(exchange->reader);
	http_path_deinit(&exchange->path);
	text_deinit(&exchange->headers);
	free(exchange);
}

/* Who a trusted proxy says that it is, and by what the client came to the proxy. */
static void find_client(struct http_exchange *exchange)
{
	const struct connection *connection = exchange->connection;
	const struct range_list *proxies = exchange->worker->policy.proxies;
	struct slice line;
	struct text hops;
	size_t position = 0;

	text_init(&hops, HTTP_HEAD_MAX);
	while (http_reader_next_header(exchange->reader, "X-Forwarded-For", &position, &line)) {
		text_put(&hops, line);
		text_put_char(&hops, ',');
	}
	if (hops.len > 0)
		hops.len--;
	proxies_find_client(proxies, &connection->client, text_slice(&hops),
	                    http_header(exchange, "X-Real-Ip"), &exchange->client);
	text_deinit(&hops);
	addr_format_ip(&exchange->client, exchange->address);
	struct slice scheme = http_header(exchange, "X-Forwarded-Proto");
	exchange->is_tls = connection->is_tls;
	if (!slice_is_empty(scheme) && proxies_trust(proxies, &connection->client))
		exchange->is_tls =
			slice_equal_case(scheme, "https") || slice_equal_case(scheme, "wss");
}

static void dispatch(struct http_exchange *exchange)
{
	const struct dialect *dialect = find_dialect(exchange);
	const struct http_files *files = exchange->worker->policy.files;

	if (dialect != NULL && http_reader_request(exchange->reader)->is_upgrade) {
		http_upgrade(exchange, dialect);
		return;
	}
	if (answer_by_route(exchange))
		return;
	if (dialect != NULL) {
		http_set_header(exchange, "Upgrade", "websocket");
		http_answer(exchange, 426, "text/plain", SLICE("This path speaks WebSocket.\n"));
		return;
	}
	if (files != NULL && http_files_answer(files, exchange))
		return;
	if (answer_by_page(exchange))
		return;
	http_answer(exchange, 404, "text/plain", SLICE("There is nothing here.\n"));
}

static const struct dialect *find_dialect(const struct http_exchange *exchange)
{
	const struct hub_settings *hub = &exchange->worker->workers->settings.hub;

	for (size_t i = 0; i < hub->dialect_count; i++)
		for (const char *const *path = hub->dialects[i]->paths;
		     path != NULL && *path != NULL; path++)
			if (http_path_fits(&exchange->path, *path))
				return hub->dialects[i];
	return NULL;
}

/* Looks through a table; methods are those of rows that fit but for the method. */
static const struct http_route *find_route(const struct http_exchange *exchange,
                                           const struct http_route *routes, size_t count,
                                           unsigned *methods)
{
	unsigned asked = 1U << exchange->method;

	/* RFC 9110 section 9.3.2: HEAD is GET without the body. */
	if (exchange->method == HTTP_HEAD)
		asked |= 1U << HTTP_GET;
	for (size_t i = 0; i < count; i++) {
		if (!http_path_fits(&exchange->path, routes[i].path))
			continue;
		if ((routes[i].methods & asked) != 0)
			return &routes[i];
		*methods |= routes[i].methods;
	}
	return NULL;
}

static bool answer_by_route(struct http_exchange *exchange)
{
	const struct workers_settings *settings = &exchange->worker->workers->settings;
	const struct http_route *route = NULL;
	unsigned methods = 0;

	for (size_t i = 0; route == NULL && i < settings->route_table_count; i++)
		route = find_route(exchange, settings->routes[i].routes, settings->routes[i].count,
		                   &methods);
	for (size_t i = 0; route == NULL && i < settings->hub.dialect_count; i++)
		route = find_route(exchange, settings->hub.dialects[i]->routes,
		                   settings->hub.dialects[i]->route_count, &methods);
	if (route != NULL) {
		exchange->pattern = route->path;
		route->handle(exchange);
		return true;
	}
	if (methods == 0)
		return false;
	answer_other_method(exchange, methods);
	return true;
}

static bool answer_by_page(struct http_exchange *exchange)
{
	const struct hub_settings *hub = &exchange->worker->workers->settings.hub;

	for (size_t i = 0; i < hub->dialect_count; i++)
		if (hub->dialects[i]->page != NULL && hub->dialects[i]->page(exchange))
			return true;
	return false;
}

static void put_methods(struct text *text, unsigned methods)
{
	bool is_first = true;

	for (unsigned i = 0; i < HTTP_METHODS; i++)
		if ((methods & 1U << i) != 0) {
			text_printf(text, "%s%s", is_first ? "" : ", ", method_names[i]);
			is_first = false;
		}
}

/* The path is there, for other methods: OPTIONS is told which (RFC 9110 section 9.3.7), and so is a page that asks before it
 * sends (CORS); anything else gets 405. */
static void answer_other_method(struct http_exchange *exchange, unsigned methods)
{
	struct text *headers = &exchange->headers;

	methods |= 1U << HTTP_OPTIONS | (methods & 1U << HTTP_GET ? 1U << HTTP_HEAD : 0);
	text_printf(headers, "Allow: ");
	put_methods(headers, methods);
	text_printf(headers, "\r\n");
	if (exchange->method != HTTP_OPTIONS) {
		http_answer(exchange, 405, "text/plain", SLICE("Not by this method.\n"));
		return;
	}
	http_allow_origins(exchange);
	if (!slice_is_empty(http_header(exchange, "Access-Control-Request-Method"))) {
		text_printf(headers, "Access-Control-Allow-Methods: ");
		put_methods(headers, methods);
		text_printf(headers, "\r\n");
		http_set_header(exchange, "Access-Control-Allow-Headers",
		                "Authorization, Content-Type, X-API-Key, X-Authorization");
		http_set_header(exchange, "Access-Control-Max-Age", "600");
	}
	http_answer(exchange, 204, NULL, SLICE(""));
}
