/* Where facts wait until every sink has them: a SQLite file of its own, which no other process may have at the same time.
 * One thread uses it, and groups what it does: begin, any number of calls, commit. What was committed survives
 * the end of the process and of the machine. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "signaling/sink.h"

struct spool;

enum { SPOOL_SINKS_MAX = 32, SPOOL_NAME_MAX = 79 };

/* Opens or makes the file. ERR_UNAVAILABLE: problem is one line. */
MUST_CHECK enum err spool_open(const char *path, struct spool **spool, char problem[256]);
void spool_close(struct spool *spool);
/* Names the sinks there are now, numbered as they come: "KIND" or "KIND ID". A new one gets what waits for one that is not there any more
 * and of its kind; what waits for others is forgotten. */
struct spool_forgotten {
	uint64_t events, bytes; /* bytes: what is free now, as fact_size() counts it */
};
MUST_CHECK enum err spool_set_sinks(struct spool *spool, const char *const *names, size_t count,
                                    struct spool_forgotten *forgotten);
/* Returns the bytes of all facts in it, as fact_size() counts them. */
uint64_t spool_bytes(struct spool *spool);
/* Returns how many facts wait for a sink. It costs nothing. */
uint64_t spool_waiting(const struct spool *spool, unsigned sink);

/* All below ERR_UNAVAILABLE when the file cannot be written or read; problem says why. */
MUST_CHECK enum err spool_begin(struct spool *spool);
MUST_CHECK enum err spool_commit(struct spool *spool); /* or, when that fails, undoes all of it */
void spool_undo(struct spool *spool);
const char *spool_problem(const struct spool *spool);

/* Functions that take facts out add what is free now to *bytes, as fact_size() counts it. */
/* Adds a fact for all sinks; without any it is gone at once. */
MUST_CHECK enum err spool_put(struct spool *spool, const struct fact *fact, uint64_t *bytes);
/* A sink has the fact, or gave it up. */
MUST_CHECK enum err spool_done(struct spool *spool, unsigned sink, int64_t id, uint64_t *bytes);
/* A sink is gone: nothing waits for it any more, and nothing will. */
MUST_CHECK enum err spool_drop_sink(struct spool *spool, unsigned sink, uint64_t *bytes);

struct spooled { /* lent until the next call */
	int64_t id;
	bool was_tried;
	struct fact fact;
};
/* The first fact after one that waits for a sink: of all rooms, or of one. ERR_NOT_FOUND. */
MUST_CHECK enum err spool_next(struct spool *spool, unsigned sink, int64_t after,
                               struct spooled *spooled);
MUST_CHECK enum err spool_next_of_room(struct spool *spool, unsigned sink, const char *tenant,
                                       const char *room, struct spooled *spooled);
/* Says that a fact is about to be sent: when it is sent again, it will be marked. */
MUST_CHECK enum err spool_mark_tried(struct spool *spool, unsigned sink, int64_t id);
