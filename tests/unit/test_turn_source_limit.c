/* The source limit: one source's share, many sources, and the fixed size of the table. */
#include "turn/source_limit.h"

#include <pthread.h>
#include <stdlib.h>

#include "tap.h"

static struct transport_addr ipv4(uint32_t ip)
{
	struct transport_addr addr;
	uint8_t bytes[4] = {(uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8),
	                    (uint8_t)ip};

	addr_init(&addr, AF_INET, bytes, 4000);
	return addr;
}

static struct transport_addr parse(const char *text)
{
	struct transport_addr addr;

	if (addr_parse(text, 4000, &addr) != OK)
		abort();
	return addr;
}

static struct source_limit *make(uint32_t per_second)
{
	struct source_limit *limit;

	if (source_limit_create(per_second, 0x1234567, &limit) != OK)
		abort();
	return limit;
}

static unsigned passed(struct source_limit *limit, struct transport_addr source, unsigned tries,
                       timestamp now)
{
	unsigned count = 0;

	for (unsigned i = 0; i < tries; i++)
		count += source_limit_passes(limit, &source, now);
	return count;
}

static void test_share(void)
{
	struct source_limit *limit = make(10);
	struct transport_addr source = ipv4(0x08080808);

	is_int(passed(limit, source, 100, 5000), 10, "a second's share at once");
	is_int(passed(limit, source, 100, 5099), 0, "and no more");
	is_int(passed(limit, source, 100, 5100), 1, "one more after a tenth of a second");
	is_int(passed(limit, source, 100, 5600), 5, "five after another half");
	is_int(passed(limit, source, 100, 60000), 10, "idle time saves up no more than a second");
	addr_set_port(&source, 1);
	is_int(passed(limit, source, 100, 60000), 0, "another port is the same source");
	source_limit_destroy(limit);
}

static void test_long_run(void)
{
	struct source_limit *limit = make(7);
	unsigned count = 0;

	for (timestamp now = 0; now < 10000; now++)
		count += passed(limit, ipv4(0x08080808), 3, now);
	ok(count >= 70 && count <= 78, "7 a second over 10 seconds: %u", count);
	source_limit_destroy(limit);
}

static void test_networks(void)
{
	struct source_limit *limit = make(1);

	is_int(passed(limit, parse("2600::1"), 5, 0), 1, "an IPv6 address");
	is_int(passed(limit, parse("2600::ffff:1"), 5, 0), 0, "another of its /64");
	is_int(passed(limit, parse("2600:0:0:1::1"), 5, 0), 1, "another /64");
	is_int(passed(limit, parse("127.0.0.1"), 5, 0), 5, "loopback is exempt");
	is_int(passed(limit, parse("::1"), 5, 0), 5, "IPv6 loopback is exempt");
	source_limit_destroy(limit);
}

static void test_flood(void)
{
	struct source_limit *limit = make(1);
	unsigned honest = 0;

	/* A flood of forged sources neither grows the table nor starves a newcomer. */
	for (uint32_t i = 0; i < 100000; i++)
		passed(limit, ipv4(0x0B000000 + i), 1, 1000);
	for (uint32_t i = 0; i < 100; i++)
		honest += passed(limit, ipv4(0x17000000 + i), 1, 1000);
	is_int(honest, 100, "newcomers are answered during a flood");

	/* Nor does a moderate one give a source that had its share another. */
	is_int(passed(limit, ipv4(0x08080808), 2, 5000), 1, "a share");
	for (uint32_t i = 0; i < 200; i++)
		passed(limit, ipv4(0x20000000 + i), 1, 5000);
	is_int(passed(limit, ipv4(0x08080808), 2, 5000), 0, "remembered among 200 others");
	source_limit_destroy(limit);
}

/* Threads with one table: a source that meets them all is told no more than one that meets one. */
struct meeting {
	struct source_limit *limit;
	pthread_barrier_t *barrier;
	unsigned passed;
};

static void *meet(void *context)
{
	struct meeting *meeting = context;

	pthread_barrier_wait(meeting->barrier);
	for (uint32_t i = 0; i < 20000; i++) {
		meeting->passed += passed(meeting->limit, ipv4(0x08080808), 1, 5000);
		passed(meeting->limit, ipv4(0x20000000 + i % 100), 1, 5000);
	}
	return NULL;
}

static void test_threads(void)
{
	struct source_limit *limit = make(1000);
	struct meeting meetings[4];
	pthread_t threads[4];
	pthread_barrier_t barrier;
	unsigned sum = 0;

	pthread_barrier_init(&barrier, NULL, 4);
	for (unsigned i = 0; i < 4; i++) {
		meetings[i] = (struct meeting){limit, &barrier, 0};
		if (pthread_create(&threads[i], NULL, meet, &meetings[i]) != 0)
			abort();
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		sum += meetings[i].passed;
	}
	is_int(sum, 1000, "four threads give one source one second's share together");
	pthread_barrier_destroy(&barrier);
	source_limit_destroy(limit);
}

static void test_off(void)
{
	struct source_limit *limit = make(0);

	ok(limit == NULL, "0 is off");
	is_int(passed(limit, ipv4(0x08080808), 1000, 0), 1000, "and all pass");
	source_limit_destroy(limit);
}

int main(void)
{
	test_share();
	test_long_run();
	test_networks();
	test_flood();
	test_threads();
	test_off();
	return tap_end();
}
