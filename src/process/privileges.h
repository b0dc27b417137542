/* Least privilege: what a server keeps of the rights that it was started with, once its ports are bound. */
#pragma once

#include "base/err.h"
#include "config/config.h"
#include "process/fence.h"
#include "process/fence_paths.h"

/* What one program goes on needing. */
struct privileges_needs {
	fence_each_fn *each_file;
	struct fence_call_list calls;
	/* Whether it opens ports below 1024 later; NULL: it never does. */
	bool (*opens_low_ports)(const struct config *config);
};

/* Becomes proc-user and proc-group where they are set, after the ports are bound, and drops the
 * capabilities that are not needed any more unless fence is off. No other thread may run. */
MUST_CHECK enum err privileges_drop(const struct config *config,
                                    const struct privileges_needs *needs, char problem[256]);
/* The same for a parent that goes on starting such a program: it keeps what that needs until it drops it by itself, executes
 * nothing, and traces nobody. */
MUST_CHECK enum err privileges_drop_as_parent(const struct config *config, char problem[256]);
/* Raises the fence, at last: what is opened later is opened from inside of it. */
MUST_CHECK enum err privileges_fence(const struct config *config,
                                     const struct privileges_needs *needs, char problem[256]);
