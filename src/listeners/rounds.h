/* When a relay thread reads and writes streams. The sockets of streams have an epoll instance of their
 * own inside libevent's, as those of io have: an event costs no look-up, and all reading can be put off
 * at once.
 *
 *   a round: epoll_wait ─► each stream that is readable or writable ─► what was gathered is written ─►
 *            io's flush ─► streams that have ended are buried
 *
 * A thread with little to do has a round whenever something is there. A busy one lets a little time pass
 * between rounds, since a system call for one message costs nearly what one for ten does: a read
 * then finds several messages, which leave to the peer as one train, and a write, or a TLS record,
 * holds several. io's patient sockets wait with the streams. Reading streams, which have flow control,
 * waits for as many rounds as the load has levels: to read costs more than to write, because it makes
 * the kernel acknowledge. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/list.h"
#include "io/io.h"
#include "listeners/thread_load.h"

struct event;
struct event_base;

struct rounds {
	struct io *io;
	int epoll;           /* owned: what the open streams wait for */
	int timer;           /* owned: a timerfd, set while a round is awaited */
	struct event *ready; /* owned: a stream is; out of the loop while a round is awaited */
	struct event *due;   /* owned: the timer has expired */
	struct event *batch_ended; /* owned: runs after all that is active now */
	struct list dirty;         /* streams that have something to write */
	struct list held;          /* streams that have messages left to be read: stream_move.c */
	struct list ended;         /* owned: streams that wait to be freed */
	struct thread_load load;
	unsigned pauses;      /* since streams were read */
	bool is_awaited;      /* the next round has its time */
	bool is_more_waiting; /* a read came back full */
	bool is_patient;      /* a busy thread waits between rounds */
};

/* base and io are lent for the life of the rounds. */
MUST_CHECK enum err rounds_create(struct event_base *base, struct io *io, bool is_patient,
                                  struct rounds **rounds);
/* NULL is fine. Call it when all listeners are gone. */
void rounds_destroy(struct rounds *rounds);
/* Ends a batch of datagrams: writes out what streams gathered, one write or one TLS record for each,
 * unless a round is awaited that will. */
void rounds_flush(struct rounds *rounds);
