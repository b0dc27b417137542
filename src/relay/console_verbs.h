/* The text console of turnserver: coturn's verbs, each a request of the control socket's table. */
#pragma once

#include "base/err.h"

struct console;
struct main_thread;

/* Opens it where cli-ip and cli-port say; *console is NULL without cli. ERR_SYSTEM, ERR_NO_MEMORY, ERR_INVALID:
 * problem is a line. */
MUST_CHECK enum err console_open(struct main_thread *main_thread, struct console **console,
                                 char problem[256]);
