/* How many connections each address has: a /64 of IPv6 is one address, as whoever has one of it has all. Any thread. */
#pragma once

#include <stdbool.h>

#include "base/addr.h"

struct http_crowd;

struct http_crowd *http_crowd_create(unsigned max); /* of one address; NULL: no memory */
void http_crowd_destroy(struct http_crowd *crowd);  /* NULL is fine */
bool http_crowd_has_room(struct http_crowd *crowd, const struct transport_addr *from);
void http_crowd_enter(struct http_crowd *crowd, const struct transport_addr *from);
void http_crowd_leave(struct http_crowd *crowd, const struct transport_addr *from);
