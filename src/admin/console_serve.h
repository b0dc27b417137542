/* Serves the console and the metrics, from the first listening port to the end of the program. */
#pragma once

#include "config/config.h"

/* Serves until a signal ends it. The configuration stays the caller's. The exit code of main(). */
int console_serve(const struct config *config, const struct config_sources *sources);
