/* The control socket of a server, as its options say. */
#pragma once

#include "base/err.h"
#include "config/config.h"
#include "control/socket.h"

/* path is what option id says; "off": none. One server has the default socket; the others on the machine, and those
 * whose user may not make it, go without: opened is left as it was. One that was asked for has to be there. Its file
 * is given to proc-user. */
MUST_CHECK enum err process_control_open(const struct config *config, enum option_id id,
                                         const char *path, struct control_socket *opened,
                                         char problem[256]);
