/* turnconsole as a child of the relay: started before the fence, which lets nothing be started, and kept by a keeper of its own
 * (admin/keeper.h). What ties them is a socket: a byte from here has something read anew, its end is the end of the console. */
#pragma once

#include "base/err.h"
#include "config/config.h"

struct event_base;
struct console_child;

/* What the keeper is told, a byte each. */
enum console_child_word {
	CONSOLE_CHILD_CONFIGURATION = 'r', /* read the configuration anew, and all below */
	CONSOLE_CHILD_FILES = 'f',         /* certificates and log */
};

/* Starts it where web-admin or prometheus asks for it; *child is NULL otherwise, and where there is no turnconsole beside this
 * program, which is said. No thread runs yet. ERR_SYSTEM, ERR_NO_MEMORY: problem is one line. */
MUST_CHECK enum err console_child_start(const struct config *config,
                                        const struct config_sources *sources,
                                        struct console_child **child, char problem[256]);
/* NULL is fine, here and below. Has its end told of, on a libevent loop. */
MUST_CHECK enum err console_child_watch(struct console_child *child, struct event_base *base);
void console_child_tell(struct console_child *child, enum console_child_word word);
/* It is to end, and does so by itself. No loop watches it any more. */
void console_child_end(struct console_child *child);
/* Ends it, and waits until it has: its ports are free then. */
void console_child_destroy(struct console_child *child);
