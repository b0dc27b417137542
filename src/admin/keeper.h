/* The parent of turnconsole where turnserver has started it: turnserver is behind its fence by then, and can start nothing any more.
 *
 *     turnserver ──socket──► keeper ──fork──► console, which ends by a crash or by a signal, and is started again
 *
 * The keeper reads nothing that comes from the network. turnserver tells it by a byte to read the configuration anew, and no more than that, so
 * that whoever took turnserver over gains nothing by it; the end of the socket, on standard input, is the end of both. */
#pragma once

#include "config/config.h"

/* Keeps a console until turnserver ends. The configuration stays the caller's. The exit code of main(). */
int keeper_run(const struct config *config, const struct config_sources *sources);
