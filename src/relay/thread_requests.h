/* How busy the threads are, asked on the control socket: a row of the table in requests.c. */
#pragma once

#include "control/server.h"

void thread_list(struct control_request *request, void *context);
