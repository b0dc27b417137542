/* The side that asks: one request, and a wait for its answer. */
#pragma once

#include <jansson.h>

#include "base/err.h"

/* Asks whoever listens on path. arguments, which may be NULL, are taken over. Gives the result, the
 * caller's. ERR_UNAVAILABLE when nobody listens, ERR_DENIED when they refuse, ERR_SYSTEM or
 * ERR_INVALID for all else; problem is a line for a person then. */
MUST_CHECK enum err control_ask(const char *path, const char *request, json_t *arguments,
                                json_t **result, char problem[256]);
