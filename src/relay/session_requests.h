/* What can be asked about sessions on the control socket: rows of the table in requests.c. */
#pragma once

#include "control/server.h"

void session_list(struct control_request *request, void *context);
void session_show(struct control_request *request, void *context);
void session_cancel(struct control_request *request, void *context);
