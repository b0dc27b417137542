/* A table of fixed size, so that forged sources cannot make it grow: sets of four entries, of which
 * the one longest idle gives way. To push out one source, a forger who does not know the seed has
 * to come up with as many others as the table is large. */
#include "turn/source_limit.h"

#include <stdlib.h>
#include <string.h>

enum { SETS = 1024, WAYS = 4, US_PER_S = 1000000, US_PER_MS = 1000 };

/* When the source will have paid for all answers it got; one costs 1 / per_second seconds. An entry
 * whose time has passed says as much as no entry. */
struct entry {
	uint64_t source;
	uint64_t paid_us;
};

struct source_limit {
	uint64_t hash_seed;
	uint64_t cost_us;
	struct entry entries[SETS][WAYS];
};

static uint64_t hash_source(const struct source_limit *limit, const struct transport_addr *source);
static struct entry *entry_get(struct source_limit *limit, uint64_t source);

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
	uint64_t now_us = now * US_PER_MS;

	if (limit == NULL || addr_is_loopback(source))
		return true;
	struct entry *entry = entry_get(limit, hash_source(limit, source));
	if (entry->paid_us < now_us)
		entry->paid_us = now_us;
	if (entry->paid_us + limit->cost_us > now_us + US_PER_S)
		return false;
	entry->paid_us += limit->cost_us;
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

static struct entry *entry_get(struct source_limit *limit, uint64_t source)
{
	struct entry *set = limit->entries[source % SETS], *oldest = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].source == source)
			return &set[i];
		if (set[i].paid_us < oldest->paid_us)
			oldest = &set[i];
	}
	*oldest = (struct entry){.source = source};
	return oldest;
}
