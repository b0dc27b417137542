/* Writes to a Redis server what nobody waits for: commands are gathered, sent together, and their replies
 * looked at for errors alone. */
#pragma once

#include <stddef.h>

#include "base/err.h"

struct redis_writer;

/* ERR_INVALID: it is no connection string. problem says in one line what is wrong. */
MUST_CHECK enum err redis_writer_check(const char *connection, char problem[256]);
/* Connects; waits as long as the connection string says. ERR_UNAVAILABLE, ERR_DENIED. */
MUST_CHECK enum err redis_writer_open(const char *connection, struct redis_writer **writer,
                                      char problem[256]);
void redis_writer_close(struct redis_writer *writer); /* NULL is fine */
/* Gathers a command. Its words are arguments, never formats. */
MUST_CHECK enum err redis_writer_put(struct redis_writer *writer, const char *const *words,
                                     size_t count);
/* Sends what was gathered and takes the replies. Not OK: the connection is of no more use. refused tells
 * how many commands Redis did not carry out; problem says why. */
MUST_CHECK enum err redis_writer_flush(struct redis_writer *writer, size_t *refused,
                                       char problem[256]);
