/* RESERVATION-TOKEN across threads: a token tells which thread holds the relayed transport address;
 * that one gives it up, and the one that was asked adopts it. */
#pragma once

#include "relay/thread.h"

/* Answers a TURN_OPEN_RELAY that has a token, at once or by mail from the holder. */
void reservation_claim(struct relay_thread *thread, const struct turn_action *action,
                       timestamp now);
