/* Serves the console and the metrics, from the first listening port to the end of the program. */
#pragma once

#include "config/config.h"

/* Serves until a signal ends it; or, where life is a descriptor, which it takes over, until its other end is closed, and through signals
 * until then: whoever holds that end decides. The configuration stays the caller's. The exit code of main(). */
int console_serve(const struct config *config, int life);
