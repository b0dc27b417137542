/* The parent of turnconsole where turnserver has started it: turnserver is behind its fence by then, and can start nothing any more.
 *
 *     turnserver ──socket──► keeper ──fork, pipe──► console, which ends by a crash or when it is to, and is started again
 *
 * The keeper keeps the rights that the console drops after its start, and so reads nothing that comes from the network. turnserver tells it by
 * a byte to read its files anew, at most once a second, and no more than that: whoever took turnserver over gains nothing by it. What an
 * option says of users, rights and the fence stays as it was at the start. The end of the socket, on standard input, is the end of both;
 * signals that end the whole process group are turnserver's to follow. */
#pragma once

#include "config/config.h"

/* Keeps a console until turnserver ends. The configuration stays the caller's. The exit code of main(). */
int keeper_run(const struct config *config, const struct config_sources *sources);
