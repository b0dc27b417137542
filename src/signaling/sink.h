/* Where events go besides the clients: AMQP, webhooks. An event of the core is made into a fact once, kept in the spool until every sink has
 * it, and sent in order, each room's by its sequence number. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
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

/* Opens what config has otherwise than before; has_other_broker: so is the broker. Not OK: problem is one line, and nothing has changed. */
struct sinks_change;
MUST_CHECK enum err sinks_prepare(struct sinks *sinks, const struct config *config,
                                  bool has_other_broker, struct sinks_change **change,
                                  char problem[256]);
/* Has the sinks go by it as soon as what was taken and confirmed until then is in the spool. What waits for a webhook that has another
 * URL now goes to it. Takes change over. */
void sinks_change(struct sinks *sinks, struct sinks_change *change);
void sinks_change_destroy(struct sinks_change *change); /* NULL is fine */

/* What became of the facts of one sink, since the start. */
enum sink_count {
	SINK_WAITING,  /* on disk: a number that goes up and down */
	SINK_SENT,     /* it has them */
	SINK_FAILED,   /* it did not take them: they are sent again */
	SINK_REPEATED, /* they were sent again, and marked so */
	SINK_LOST,     /* it did not take them in time, or is gone */
	SINK_COUNTS    /* the number of counts */
};
enum { SINKS_MAX = 32, SINK_NAME_SIZE = 16 };
const char *sink_count_name(enum sink_count count);
const char *sink_count_help(enum sink_count count);
struct sink_counts {
	char name[SINK_NAME_SIZE]; /* "amqp", "webhook-1" */
	uint64_t value[SINK_COUNTS];
};
/* What became of facts since the start. A fact counts once for each sink in those from confirmed on. */
struct sinks_counts {
	uint64_t taken;     /* by sinks_put */
	uint64_t refused;   /* the spool had no room */
	uint64_t kept;      /* on disk: they survive the end of the process */
	uint64_t confirmed; /* by broker or webhook */
	uint64_t repeated;  /* sent again, and marked so */
	uint64_t given_up;  /* a webhook did not take them in time, or is gone */
	uint64_t bytes_now; /* that wait, as event-spool-size counts them */
	struct sink_counts sinks[SINKS_MAX];
	size_t sink_count;
};
/* Any thread; NULL gives zeroes. */
void sinks_count(const struct sinks *sinks, struct sinks_counts *counts);
