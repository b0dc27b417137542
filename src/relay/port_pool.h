/* The relayed ports of one relay address, drawn so that nobody can guess the next. All relay threads
 * share a pool: a bit for each port, taken and given with one atomic instruction, so that the whole
 * range serves whichever thread has the clients. It also tells whether a port is a relayed one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct port_pool;

/* Ports from min to max, both included; 1 <= min <= max. */
MUST_CHECK enum err port_pool_create(uint16_t min, uint16_t max, struct port_pool **pool);
void port_pool_destroy(struct port_pool *pool);

/* Take a port drawn by a cryptographic generator from those that are free: any, an even one, or an
 * even one together with the next higher. ERR_FULL when there is none. */
MUST_CHECK enum err port_pool_take(struct port_pool *pool, uint16_t *port);
MUST_CHECK enum err port_pool_take_even(struct port_pool *pool, uint16_t *port);
MUST_CHECK enum err port_pool_take_pair(struct port_pool *pool, uint16_t *even_port);
/* How many ports there are, and how many of them are taken. Any thread. */
uint32_t port_pool_size(const struct port_pool *pool);
uint32_t port_pool_taken(const struct port_pool *pool);
void port_pool_give(struct port_pool *pool, uint16_t port);
/* Says of a port that was taken that it relays TCP and not UDP, until it is given. */
void port_pool_make_tcp(struct port_pool *pool, uint16_t port);

/* Whether the port is taken and relays the one or the other. Any thread. */
bool port_pool_holds(const struct port_pool *pool, uint16_t port, bool is_tcp);
