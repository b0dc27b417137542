/* Control requests about all that is on all nodes, a page at a time: rooms and sessions; and the end of one session. */
#pragma once

#include "control/server.h"

void ask_room_page(struct control_request *request, void *context);
void ask_session_page(struct control_request *request, void *context);
void ask_session_cancel(struct control_request *request, void *context);
