/* Where events go besides the clients: AMQP, webhooks. An event of the core is made into a fact once, kept in the spool until every sink has
 * it, and sent in order, each room's by its sequence number. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct sinks;
struct config;

struct fact {            /* lent */
	const char *key; /* "room.join": the routing key */
	const char *tenant, *room;
	uint64_t sequence; /* of the room, from 1 */
	uint64_t wall_ms;
	struct slice body; /* a JSON object */
};

/* Starts the thread of the sinks that config names; *sinks is NULL when it names none. ERR_INVALID, ERR_UNAVAILABLE: problem is one line. */
MUST_CHECK enum err sinks_create(const struct config *config, struct sinks **sinks,
                                 char problem[256]);
/* Sends what it can until the deadline; what is left stays in the spool for the next start. NULL is fine. */
void sinks_destroy(struct sinks *sinks, unsigned deadline_ms);
/* Takes a fact, from any thread, without waiting; NULL takes everything and keeps nothing. ERR_FULL: the spool has no room: it is
 * counted and logged. */
MUST_CHECK enum err sinks_put(struct sinks *sinks, const struct fact *fact);

/* What became of facts since the start. A fact counts once for each sink in those from confirmed on. */
struct sinks_counts {
	uint64_t taken;     /* by sinks_put */
	uint64_t refused;   /* the spool had no room */
	uint64_t kept;      /* on disk: they survive the end of the process */
	uint64_t confirmed; /* by broker or webhook */
	uint64_t repeated;  /* sent again, and marked so */
	uint64_t given_up;  /* a webhook did not take them in time, or is gone */
	uint64_t bytes_now; /* that wait, as event-spool-size counts them */
};
/* Any thread; NULL gives zeroes. */
void sinks_count(const struct sinks *sinks, struct sinks_counts *counts);
