/* ORIGIN (draft-ietf-tram-stun-origin-06): which web application a client works for. One that is the
 * same to a browser (RFC 6454) is made the same text, in the form that coturn keeps in its tables. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { STUN_ORIGIN_MAX = 255 };

/* Writes scheme://host:port in lower case, the port of a well-known scheme filled in, what follows the
 * host left out. What is no URI with a host stays as it is. ERR_INVALID when it is empty, too long or
 * has a control character in it: normal is empty then. */
MUST_CHECK enum err stun_origin_normalise(const uint8_t *text, size_t len,
                                          char normal[STUN_ORIGIN_MAX + 1]);
