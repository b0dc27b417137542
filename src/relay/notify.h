/* What the service manager is told (sd_notify(3)): that the server serves, reads its configuration anew,
 * stops, how many allocations it has; and, as long as all its threads answer, that it is alive.
 *
 * The main thread's. Without NOTIFY_SOCKET in the environment nothing is sent and nothing asked. */
#pragma once

#include "relay/circular.h"
#include "relay/drain.h"

struct event_base;
struct notify;

/* circulars and drain outlive it. */
MUST_CHECK enum err notify_create(struct event_base *base, struct circulars *circulars,
                                  const struct drain *drain, struct notify **notify);
/* What was asked of the threads has come back. NULL is fine. */
void notify_destroy(struct notify *notify);

/* The server serves. */
void notify_ready(struct notify *notify);
/* A reload begins; notify_ready when it is done, whether or not anything was changed. */
void notify_reloading(struct notify *notify);
/* The server ends, and nothing keeps it. */
void notify_stopping(struct notify *notify);
