/* The side that asks: one request, and a wait for its answer, which ends in any case. */
#pragma once

#include <jansson.h>

#include "base/err.h"

enum { CONTROL_PATIENCE_S = 30 };

/* Asks whoever listens on path. arguments, which may be NULL, are taken over. Gives the result, the
 * caller's. ERR_UNAVAILABLE when nobody listens, or who does has not answered within CONTROL_PATIENCE_S,
 * ERR_DENIED when they refuse, ERR_SYSTEM or ERR_INVALID for all else; problem is a line for a person then. */
MUST_CHECK enum err control_ask(const char *path, const char *request, json_t *arguments,
                                json_t **result, char problem[256]);
/* The same for what is answered later: within so many seconds. */
MUST_CHECK enum err control_ask_within(unsigned patience_s, const char *path, const char *request,
                                       json_t *arguments, json_t **result, char problem[256]);
