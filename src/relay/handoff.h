/* Mobility across threads (RFC 8016): carries what the cores say to each other, with the sockets of an
 * allocation that moves. */
#pragma once

#include "relay/thread.h"

/* Carries out a TURN_HANDOFF. */
void handoff_send(struct relay_thread *thread, const struct turn_action *action, timestamp now);
