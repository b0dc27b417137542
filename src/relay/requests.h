/* What can be asked of turnserver on its control socket. */
#pragma once

#include "control/server.h"

/* The context of each is the struct main_thread. */
extern const struct control_row requests[];
extern const size_t request_count;
