/* Which files the server needs once it runs: what its options name, and what the C library reads. */
#pragma once

#include "config/config.h"
#include "relay/fence.h"

struct fence_paths {
	struct fence_path item[FENCE_PATHS_MAX];
	size_t count;
};

/* Lists them, for the user that the process is now. */
void fence_paths_list(const struct config *config, struct fence_paths *paths);
/* Whether one of those that options name, or a folder on the way to it, is another user's than root's: root
 * could not go there without its capabilities. */
bool fence_paths_are_others(const struct config *config);
