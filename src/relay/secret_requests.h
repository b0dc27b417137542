/* Which shared secrets still let somebody in: a row of the table in requests.c. */
#pragma once

#include "control/server.h"

void secret_uses(struct control_request *request, void *context);
