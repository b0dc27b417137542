/* The pool of relayed ports: ranges, exhaustion, pairs, unpredictability. */
#include "relay/port_pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "tap.h"

static void test_range(void)
{
	struct port_pool *pool;
	uint16_t port;
	bool seen[101] = {false}, in_range = true, distinct = true;

	if (port_pool_create(50000, 50100, &pool) != OK)
		abort();
	for (int i = 0; i < 101; i++) {
		if (port_pool_take(pool, &port) != OK || port < 50000 || port > 50100) {
			in_range = false;
			break;
		}
		distinct = distinct && !seen[port - 50000];
		seen[port - 50000] = true;
	}
	ok(in_range, "every port of the range can be taken, and no other");
	ok(distinct, "no port is taken twice");
	is_int(port_pool_take(pool, &port), ERR_FULL, "then the pool is full");
	is_int(port_pool_size(pool), 101, "it has so many");
	is_int(port_pool_taken(pool), 101, "all of them taken");
	ok(port_pool_holds(pool, 50042, false), "a taken port is held");
	ok(!port_pool_holds(pool, 50042, true), "for UDP alone");
	port_pool_make_tcp(pool, 50042);
	ok(port_pool_holds(pool, 50042, true) && !port_pool_holds(pool, 50042, false),
	   "or for TCP alone");
	port_pool_give(pool, 50042);
	ok(!port_pool_holds(pool, 50042, true), "until it is given");
	is_int(port_pool_taken(pool), 100, "and one fewer is taken");
	is_int(port_pool_take(pool, &port), OK, "and taken again");
	ok(port_pool_holds(pool, 50042, false), "which is for UDP");
	port_pool_give(pool, 50042);
	ok(!port_pool_holds(pool, 50042, false), "a given one is not");
	is_int(port_pool_take(pool, &port), OK, "the last free port is found");
	is_int(port, 50042, "and is the one given back");
	port_pool_destroy(pool);
}

static void test_even(void)
{
	struct port_pool *pool;
	uint16_t port;
	bool even = true;

	if (port_pool_create(50001, 50010, &pool) != OK)
		abort();
	for (int i = 0; i < 5; i++)
		even = port_pool_take_even(pool, &port) == OK && port % 2 == 0 && even;
	ok(even, "five even ports of ten");
	is_int(port_pool_take_even(pool, &port), ERR_FULL, "no sixth");
	is_int(port_pool_take(pool, &port), OK, "odd ones are left");
	is_int(port % 2, 1, "and are what is taken now");
	port_pool_destroy(pool);
}

static void test_pair(void)
{
	struct port_pool *pool;
	uint16_t port;

	if (port_pool_create(50001, 50004, &pool) != OK)
		abort();
	is_int(port_pool_take_pair(pool, &port), OK, "a pair");
	is_int(port, 50002, "is the only one that fits: 50002 and 50003");
	ok(port_pool_holds(pool, 50003, false), "the higher port is held too");
	is_int(port_pool_take_pair(pool, &port), ERR_FULL, "50004 has no next port in the range");
	ok(!port_pool_holds(pool, 50004, false),
	   "a pair that could not be had leaves nothing taken");
	port_pool_give(pool, 50002);
	is_int(port_pool_take_pair(pool, &port), ERR_FULL, "half a pair is none");
	ok(!port_pool_holds(pool, 50002, false), "and its free half stays free");
	port_pool_destroy(pool);
}

static void test_unpredictable(void)
{
	struct port_pool *pool;
	uint16_t before = 0, port;
	int neighbours = 0, low = 0;

	if (port_pool_create(49152, 65535, &pool) != OK)
		abort();
	for (int i = 0; i < 1000; i++) {
		if (port_pool_take(pool, &port) != OK)
			abort();
		neighbours += abs(port - before) < 3;
		low += port < 57344;
		before = port;
		port_pool_give(pool, port);
	}
	ok(neighbours < 10, "ports do not follow each other (%d of 1000)", neighbours);
	ok(low > 400 && low < 600, "and come from the whole range (%d of 1000 below its middle)",
	   low);
	port_pool_destroy(pool);
}

enum { THREADS = 4, EACH = 1000 };

static void *take_many(void *pool)
{
	uint16_t *ports = calloc(EACH, sizeof *ports);

	for (int i = 0; ports != NULL && i < EACH; i++)
		if (port_pool_take(pool, &ports[i]) != OK)
			abort();
	return ports;
}

static void test_threads(void)
{
	struct port_pool *pool;
	pthread_t threads[THREADS];
	static uint8_t seen[65536];
	bool distinct = true;

	if (port_pool_create(60000, 60000 + THREADS * EACH - 1, &pool) != OK)
		abort();
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, take_many, pool);
	for (int i = 0; i < THREADS; i++) {
		void *result;
		pthread_join(threads[i], &result);
		for (int j = 0; j < EACH; j++)
			distinct = distinct && seen[((uint16_t *)result)[j]]++ == 0;
		free(result);
	}
	ok(distinct, "four threads at once take each port of the range once");
	port_pool_destroy(pool);
}

int main(void)
{
	test_range();
	test_even();
	test_pair();
	test_unpredictable();
	test_threads();
	return tap_end();
}
