/* The log, asked for over the control socket: lines that there are, and lines that are waited for. A row of the table in requests.c. */
#pragma once

#include "base/err.h"
#include "base/log_ring.h"
#include "control/server.h"

struct event_base;
struct log_tails;

enum { LOG_TAIL_WAIT_MAX_S = 20, LOG_TAIL_LINES_MAX = 500, LOG_TAILS_MAX = 16 };

/* Who waits for lines of a ring, which outlives this. */
MUST_CHECK enum err log_tails_create(struct event_base *base, struct log_ring *ring,
                                     struct log_tails **tails);
/* Answers all who wait, and has nobody wait from now on. */
void log_tails_close(struct log_tails *tails);
/* Nobody waits. NULL is fine. */
void log_tails_destroy(struct log_tails *tails);

void log_tail(struct control_request *request, void *context);
