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

/* Starts the thread of the sinks that config names. ERR_INVALID, ERR_UNAVAILABLE: problem is one line. */
MUST_CHECK enum err sinks_create(const struct config *config, struct sinks **sinks,
                                 char problem[256]);
/* Sends what it can until the deadline; what is left stays in the spool for the next start. */
void sinks_destroy(struct sinks *sinks, unsigned deadline_ms);
/* Takes a fact, from any thread, without waiting. ERR_FULL: the spool has no room: it is counted and logged. */
MUST_CHECK enum err sinks_put(struct sinks *sinks, const struct fact *fact);
