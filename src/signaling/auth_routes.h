/* TURN credentials by REST, each in the shape that somebody's client knows; and the service for other signaling servers. */
#pragma once

#include "signaling/http_exchange.h"

enum { AUTH_ROUTES = 7 };
extern const struct http_route auth_routes[AUTH_ROUTES];

/* turn_service_offer.c: POST /api/v1/turn/credentials and /api/v1/turn/geo. */
void turn_service_credentials(struct http_exchange *exchange);
void turn_service_geo(struct http_exchange *exchange);
