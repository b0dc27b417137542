#include "signaling/program_routes.h"

#include <stdio.h>

#include "signaling/auth_routes.h"

static void handle_health(struct http_exchange *exchange);
static void handle_ready(struct http_exchange *exchange);

enum { READS = 1 << HTTP_GET | 1 << HTTP_HEAD };

static const struct http_route health_routes[] = {
	{READS, "/healthz", handle_health},
	{READS, "/readyz", handle_ready},
};

const struct worker_route_table program_route_tables[] = {
	{health_routes, sizeof health_routes / sizeof health_routes[0]},
	{auth_routes, AUTH_ROUTES},
};
const size_t program_route_table_count =
	sizeof program_route_tables / sizeof program_route_tables[0];

/* That it answers is the answer: whoever asks starts the program anew where it does not. */
static void handle_health(struct http_exchange *exchange)
{
	http_set_header(exchange, "Cache-Control", "no-store");
	http_answer_json(exchange, 200, SLICE("{\"status\":\"ok\"}"));
}

/* Whether new clients are to come here. */
static void handle_ready(struct http_exchange *exchange)
{
	const char *problem = http_problem(exchange);
	char json[160];

	http_set_header(exchange, "Cache-Control", "no-store");
	if (hub_is_draining(http_hub(exchange)))
		http_answer_json(exchange, 503, SLICE("{\"status\":\"draining\"}"));
	else if (problem == NULL)
		http_answer_json(exchange, 200, SLICE("{\"status\":\"ready\"}"));
	else {
		snprintf(json, sizeof json, "{\"status\":\"not ready\",\"reason\":\"%s\"}",
		         problem);
		http_answer_json(exchange, 503, slice_of(json));
	}
}
