/* Where TURN credentials come from: made from the secrets that turnserver knows, or fetched from a remote service. Never changed, shared
 * by all threads. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "signaling/event.h"
#include "signaling/identity.h"

struct turn_source;

/* Holds the texts that credentials point at. */
struct turn_credentials_room {
	struct turn_credentials credentials;
	char text[8192];
};
/* Gives credentials to someone; session_id makes them its own ("": none). ERR_UNAVAILABLE: there are none now. */
MUST_CHECK enum err turn_source_issue(const struct turn_source *source,
                                      const struct identity *identity, const char *session_id,
                                      const char *client_address, uint64_t wall_ms,
                                      struct turn_credentials_room *room);
