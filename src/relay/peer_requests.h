/* Whether a peer would be allowed, and by which rule: a row of the table in requests.c. */
#pragma once

#include "control/server.h"

void peer_check(struct control_request *request, void *context);
