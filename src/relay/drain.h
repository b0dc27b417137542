/* The end of a server that ends no call: new allocations are made elsewhere, and when the existing ones
 * have gone, or are few enough, or the time is up, the server ends. On the main thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/timestamp.h"
#include "relay/circular.h"

struct drain;
struct event_base;

struct drain_wish {
	const char *by;           /* who wants it, static: "SIGTERM", "control socket" */
	uint32_t timeout_s;       /* 0: it may take for ever */
	uint32_t min_allocations; /* few enough to end */
	bool is_final;            /* no way back, nor to a later deadline: an earlier one stays */
};

struct drain_state {
	bool is_on;
	bool is_final;
	struct drain_wish wish;    /* the last */
	timestamp began, deadline; /* TIMESTAMP_NEVER: there is none */
};

/* Calls ended on the loop when the server is to end. */
MUST_CHECK enum err drain_create(struct event_base *base, struct circulars *circulars,
                                 void (*ended)(void *context), void *context, struct drain **drain);
/* No circular is open. NULL is fine. */
void drain_destroy(struct drain *drain);

/* Begin, or change the wish; and go back to serving. told, which may be NULL, is called once every
 * relay thread obeys. ERR_NO_MEMORY: nothing has changed. */
MUST_CHECK enum err drain_begin(struct drain *drain, const struct drain_wish *wish,
                                void (*told)(void *context), void *context);
MUST_CHECK enum err drain_stop(struct drain *drain, void (*told)(void *context), void *context);

struct drain_state drain_state(const struct drain *drain);
