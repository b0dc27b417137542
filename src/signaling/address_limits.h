/* What one client address may do: an IPv4 address, or the /64 of an IPv6 one. One table for all worker threads, with a lock: it is asked
 * when connections and requests come, and not for messages. It is bounded: who has no connection and was not seen for longest goes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/timestamp.h"

struct address_limits;
struct address_limits_settings { /* 0: no bound */
	unsigned connections;    /* at a time, of an address */
	unsigned requests_s;     /* a second, and as many at once */
	unsigned failures_min;   /* proofs that did not hold, a minute */
};

/* connections_max: of all addresses. */
MUST_CHECK enum err address_limits_create(size_t connections_max,
                                          const struct address_limits_settings *settings,
                                          struct address_limits **limits);
void address_limits_destroy(struct address_limits *limits);
void address_limits_change(struct address_limits *limits,
                           const struct address_limits_settings *settings);

/* A connection of the process: false when it has as many as it may. */
bool address_limits_take_connection(struct address_limits *limits);
void address_limits_give_connection(struct address_limits *limits);
/* The same of an address. */
bool address_limits_open(struct address_limits *limits, const struct transport_addr *addr,
                         timestamp now);
void address_limits_close(struct address_limits *limits, const struct transport_addr *addr);
/* A request: false when there were too many. */
bool address_limits_request(struct address_limits *limits, const struct transport_addr *addr,
                            timestamp now);
/* A proof that did not hold. */
void address_limits_failed(struct address_limits *limits, const struct transport_addr *addr,
                           timestamp now);
/* Whether too many did not hold, and no other is to be looked at for now. */
bool address_limits_is_barred(struct address_limits *limits, const struct transport_addr *addr,
                              timestamp now);
/* Addresses that are known, for tests. */
size_t address_limits_count(struct address_limits *limits);
