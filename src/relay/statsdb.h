/* redis-statsdb: what happens to allocations, told to a Redis server in coturn's words. The relay threads
 * send letters to a thread that waits for Redis, and get them back; each may have so many under way, and
 * what is beyond that, or meets a Redis that is away, is lost and counted. */
#pragma once

#include "base/err.h"
#include "turn/turn.h"

struct relay_thread;
struct statsdb;

enum {
	STATSDB_TRAFFIC_S = 10,       /* how often the traffic of an allocation is told */
	STATSDB_UNDER_WAY_MAX = 4096, /* letters of a relay thread */
};

/* problem says in one line what is wrong with the connection string. */
MUST_CHECK enum err statsdb_create(const char *connection, struct statsdb **statsdb,
                                   char problem[256]);
/* Starts its thread, which connects. On failure it is stopped with statsdb_stop. */
MUST_CHECK enum err statsdb_run(struct statsdb *statsdb, char problem[256]);
/* Writes what is waiting, then ends. No relay thread runs any more; their letters come back to their
 * mailboxes. NULL is fine. */
void statsdb_stop(struct statsdb *statsdb);

/* Tells of a report, on its relay thread; without a status database nothing. Never waits. */
void statsdb_report(struct relay_thread *thread, const struct turn_report *report);
