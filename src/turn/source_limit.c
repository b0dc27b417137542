/* A table of fixed size, so that forged sources cannot make it grow: sets of four entries, of which
 * the one longest idle gives way. To push out one source, a forger who does not know the seed has
 * to come up with as many others as the table is large.
 *
 * Threads share it without a lock, for an entry is one word, replaced only when it is still what was
 * read. Relaxed order will do throughout: nothing is published by an entry but the entry itself.
 *
 *   | 16 bits of the source's hash | 48 bits: when it will have paid for all answers, in us |
 *
 * An answer costs 1 / per_second seconds. An entry whose time has passed says as much as no entry.
 *
 * Two sources that differ in fewer bits than these and the set's share one allowance: one pair in
 * 67 million does. */
#include "turn/source_limit.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SETS = 1024, WAYS = 4, TIME_BITS = 48, US_PER_S = 1000000, US_PER_MS = 1000 };

#define TIME_MASK (((uint64_t)1 << TIME_BITS) - 1) /* 8.9 years since the machine started */

struct source_limit {
	uint64_t hash_seed;
	uint64_t cost_us;
	_Atomic uint64_t entries[SETS][WAYS];
};

static uint64_t hash_source(const struct source_limit *limit, const struct transport_addr *source);
static _Atomic uint64_t *entry_find(struct source_limit *limit, uint64_t source, uint64_t *value);

enum err source_limit_create(uint32_t per_second, uint64_t hash_seed, struct source_limit **limit)
{
	*limit = NULL;
	if (per_second == 0)
		return OK;
	*limit = calloc(1, sizeof **limit);
	if (*limit == NULL)
		return ERR_NO_MEMORY;
	(*limit)->hash_seed = hash_seed;
	(*limit)->cost_us = US_PER_S / per_second;
	return OK;
}

void source_limit_destroy(struct source_limit *limit)
{
	free(limit);
}

bool source_limit_passes(struct source_limit *limit, const struct transport_addr *source,
                         timestamp now)
{
	uint64_t now_us = now * US_PER_MS & TIME_MASK, hash, old, paid_us;
	_Atomic uint64_t *entry;

	if (limit == NULL || addr_is_loopback(source))
		return true;
	hash = hash_source(limit, source);
	do { /* another thread was faster: look again */
		entry = entry_find(limit, hash, &old);
		paid_us = old & TIME_MASK;
		if ((old ^ hash) >> TIME_BITS != 0 || paid_us < now_us)
			paid_us = now_us;
		paid_us += limit->cost_us;
		if (paid_us > now_us + US_PER_S)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		entry, &old, (hash & ~TIME_MASK) | (paid_us & TIME_MASK), memory_order_relaxed,
		memory_order_relaxed));
	return true;
}

/* One host has all of an IPv6 /64. */
static uint64_t hash_source(const struct source_limit *limit, const struct transport_addr *source)
{
	struct transport_addr network;
	uint8_t ip[16] = {0};
	size_t len;

	if (addr_family(source) != AF_INET6)
		return addr_hash_ip(source, limit->hash_seed);
	memcpy(ip, addr_ip(source, &len), 8);
	addr_init(&network, AF_INET6, ip, 0);
	return addr_hash_ip(&network, limit->hash_seed);
}

/* Gives the source's entry, or the one to replace, with the value it had when it was chosen. */
static _Atomic uint64_t *entry_find(struct source_limit *limit, uint64_t source, uint64_t *value)
{
	_Atomic uint64_t *set = limit->entries[source % SETS], *oldest = NULL;
	uint64_t oldest_us = 0;

	for (unsigned i = 0; i < WAYS; i++) {
		uint64_t got = atomic_load_explicit(&set[i], memory_order_relaxed);
		if (oldest == NULL || (got & TIME_MASK) < oldest_us) {
			oldest = &set[i];
			oldest_us = got & TIME_MASK;
			*value = got;
		}
		if (got != 0 && (got ^ source) >> TIME_BITS == 0) {
			*value = got;
			return &set[i];
		}
	}
	return oldest;
}
