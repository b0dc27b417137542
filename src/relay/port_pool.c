/* The relayed ports of one relay address. */
#include "relay/port_pool.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/random.h"

enum { PORTS = 65536, WORD_BITS = 64, DRAWS = 16 };

struct port_pool {
	uint16_t min, max;
	_Atomic uint64_t taken[PORTS / WORD_BITS];
	_Atomic uint64_t tcp[PORTS / WORD_BITS]; /* of those that are taken */
};

typedef bool try_fn(struct port_pool *pool, uint32_t port);

enum err port_pool_create(uint16_t min, uint16_t max, struct port_pool **pool)
{
	struct port_pool *made = calloc(1, sizeof *made);

	if (made == NULL)
		return ERR_NO_MEMORY;
	made->min = min;
	made->max = max;
	*pool = made;
	return OK;
}

void port_pool_destroy(struct port_pool *pool)
{
	free(pool);
}

static uint64_t bit_of(uint32_t port)
{
	return UINT64_C(1) << port % WORD_BITS;
}

/* Acquire and release, so that who takes a port sees what who gave it did before, such as close its
 * socket. */
static bool try_any(struct port_pool *pool, uint32_t port)
{
	uint64_t before = atomic_fetch_or_explicit(&pool->taken[port / WORD_BITS], bit_of(port),
	                                           memory_order_acquire);

	return (before & bit_of(port)) == 0;
}

void port_pool_make_tcp(struct port_pool *pool, uint16_t port)
{
	atomic_fetch_or_explicit(&pool->tcp[port / WORD_BITS], bit_of(port), memory_order_relaxed);
}

void port_pool_give(struct port_pool *pool, uint16_t port)
{
	atomic_fetch_and_explicit(&pool->tcp[port / WORD_BITS], ~bit_of(port),
	                          memory_order_relaxed);
	atomic_fetch_and_explicit(&pool->taken[port / WORD_BITS], ~bit_of(port),
	                          memory_order_release);
}

static bool try_even(struct port_pool *pool, uint32_t port)
{
	return port % 2 == 0 && try_any(pool, port);
}

static bool try_pair(struct port_pool *pool, uint32_t port)
{
	if (port + 1 > pool->max || !try_even(pool, port))
		return false;
	if (try_any(pool, port + 1))
		return true;
	port_pool_give(pool, (uint16_t)port);
	return false;
}

/* A few draws find a port while the pool is not nearly full; then all ports are tried from a random
 * one on, so that the last free port is found too. */
static enum err take(struct port_pool *pool, try_fn *try, uint16_t *port)
{
	uint32_t range = (uint32_t)pool->max - pool->min + 1, start = 0;

	for (int draw = 0; draw < DRAWS; draw++) {
		start = random_below(range);
		/* Half of all draws would be odd; the neighbour of an odd one is as random. */
		uint32_t candidate = pool->min + start;
		if (try != try_any && candidate % 2 == 1)
			candidate = candidate == pool->min ? candidate + 1 : candidate - 1;
		if (candidate <= pool->max && try(pool, candidate)) {
			*port = (uint16_t)candidate;
			return OK;
		}
	}
	for (uint32_t i = 0; i < range; i++) {
		uint32_t candidate = pool->min + (start + i) % range;
		if (try(pool, candidate)) {
			*port = (uint16_t)candidate;
			return OK;
		}
	}
	return ERR_FULL;
}

enum err port_pool_take(struct port_pool *pool, uint16_t *port)
{
	return take(pool, try_any, port);
}

enum err port_pool_take_even(struct port_pool *pool, uint16_t *port)
{
	return take(pool, try_even, port);
}

enum err port_pool_take_pair(struct port_pool *pool, uint16_t *even_port)
{
	return take(pool, try_pair, even_port);
}

/* Relaxed: the answer may be old by the time it is used, however it was read. */
bool port_pool_holds(const struct port_pool *pool, uint16_t port, bool is_tcp)
{
	size_t word = port / WORD_BITS;
	uint64_t taken = atomic_load_explicit(&pool->taken[word], memory_order_relaxed);
	uint64_t tcp = atomic_load_explicit(&pool->tcp[word], memory_order_relaxed);

	return taken & (is_tcp ? tcp : ~tcp) & bit_of(port);
}

uint32_t port_pool_size(const struct port_pool *pool)
{
	return (uint32_t)pool->max - pool->min + 1;
}

/* Ports beyond the range are never taken. */
uint32_t port_pool_taken(const struct port_pool *pool)
{
	uint32_t count = 0;

	for (unsigned word = pool->min / WORD_BITS; word <= pool->max / WORD_BITS; word++)
		count += (uint32_t)__builtin_popcountll(
			atomic_load_explicit(&pool->taken[word], memory_order_relaxed));
	return count;
}
