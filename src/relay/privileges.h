/* Least privilege: what a relay keeps of the rights that it was started with, once its ports are bound. */
#pragma once

#include "base/err.h"
#include "config/config.h"

/* Becomes proc-user and proc-group where they are set, after the ports are bound, and drops the
 * capabilities that are not needed any more unless fence is off. No other thread may run. */
MUST_CHECK enum err privileges_drop(const struct config *config, char problem[256]);
/* Raises the fence, at last: what is opened later is opened from inside of it. */
MUST_CHECK enum err privileges_fence(const struct config *config, char problem[256]);
