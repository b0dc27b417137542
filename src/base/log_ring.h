/* The newest lines of the log, kept in memory for whoever asks the running program for them: as they were written, as JSON, whatever form the
 * log itself has. What the log holds back is not here either, and a secret is in neither.
 *
 *     loggers ──► put ──► [ oldest ... newest ] ──► next ──► one reader at a time, which is woken by fd
 *
 * It holds so many bytes and LOG_RING_LINES lines: a new one makes room for itself. A lock is held while one line is copied in or out, so
 * that nobody who logs waits for a reader. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log_line.h"

enum { LOG_RING_LINES = 8192, LOG_RING_BYTES = 1024 * 1024 };

struct log_ring;

struct log_ring_line {
	uint64_t
		number; /* grows by one from line to line, and from one start of the program to the next */
	enum log_level level;
	struct log_line json;
};

/* bytes: of the lines, LOG_LINE_SIZE at least. ERR_NO_MEMORY, ERR_SYSTEM. */
MUST_CHECK enum err log_ring_create(size_t bytes, struct log_ring **ring);
/* The log does not write into it any more. NULL is fine. */
void log_ring_destroy(struct log_ring *ring);

/* Any thread. */
void log_ring_put(struct log_ring *ring, const struct log_entry *entry);

/* Gives the first line behind a number, the oldest that there is when those are gone; false: there is none. What is behind the newest
 * number is a number of a program that was, by another clock: then it is the oldest, too. */
bool log_ring_next(struct log_ring *ring, uint64_t after, struct log_ring_line *line);
/* Gives the numbers of the first line that ever was in it, of the oldest and of the newest; of an empty one newest is first - 1. */
void log_ring_numbers(struct log_ring *ring, uint64_t *first, uint64_t *oldest, uint64_t *newest);

/* Readable when a line has come since it was armed: arm, look, and wait if there is nothing. */
int log_ring_fd(const struct log_ring *ring);
void log_ring_arm(struct log_ring *ring);
