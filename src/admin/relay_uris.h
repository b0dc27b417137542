/* Where clients reach the relay, for those who are given credentials. */
#pragma once

#include <jansson.h>

#include "admin/api.h"

/* Makes the list of URIs (RFC 7065): those of turn-uri, and where there are none those of the relay's listeners, which are asked of it
 * over the control socket. The host is then a public or a listening address of it, or, where it listens on every address, the host by
 * which the console itself was reached. NULL: it was refused. */
json_t *relay_uris(struct api_call *call);
