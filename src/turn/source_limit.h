/* How many errors a source that has proven nothing is told in a second: the addresses of UDP
 * requests can be forged, and whoever owns them should not drown in our answers. One limit is shared
 * by the servers of all threads, as a source with many ports meets them all. */
#pragma once

#include "base/addr.h"
#include "base/timestamp.h"

struct source_limit;

/* 0 a second: no limit, *limit is NULL. hash_seed is random and secret to the process. */
MUST_CHECK enum err source_limit_create(uint32_t per_second, uint64_t hash_seed,
                                        struct source_limit **limit);
void source_limit_destroy(struct source_limit *limit);
/* Counts one answer to an IPv4 address or IPv6 /64; false when it has had its share. Up to one
 * second's share may be used at once. A source on this host is never held back: the network cannot
 * forge it. limit may be NULL. Any thread. */
bool source_limit_passes(struct source_limit *limit, const struct transport_addr *source,
                         timestamp now);
