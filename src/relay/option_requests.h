/* Options on the control socket: what they are set to, and setting them while the server runs. Rows of
 * the table in requests.c. */
#pragma once

#include "control/server.h"

void option_get(struct control_request *request, void *context);
void option_set(struct control_request *request, void *context);
