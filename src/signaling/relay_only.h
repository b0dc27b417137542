/* Relaying enforced: candidates that are not relayed are taken out of what passes, so that no client learns the
 * other's address. */
#pragma once

#include <stdbool.h>

#include "signaling/event.h"
#include "signaling/text.h"

/* Gives the message without them: filtered's slices lie within out, or, where nothing had to go, within message. False: nothing
 * of it may pass. */
bool relay_only_filter(const struct message *message, struct text *out, struct message *filtered);
