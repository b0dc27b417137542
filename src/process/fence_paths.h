/* Which files a server needs once it runs: what its options name, and what the C library reads. */
#pragma once

#include "config/config.h"
#include "process/fence.h"

struct fence_paths {
	struct fence_path item[FENCE_PATHS_MAX];
	size_t count;
};

struct fence_file { /* that is opened again later */
	const char *path;
	bool may_write;
	bool is_folder; /* all in it, and nothing beside it */
};
typedef void fence_file_fn(const struct fence_file *file, void *context);
/* Calls each for the files of one program, beside those that all of them have: certificates and configuration,
 * the database, the log, and what variables of the environment name. */
typedef void fence_each_fn(const struct config *config, fence_file_fn *each, void *context);

/* Lists them, for the user that the process is now. */
void fence_paths_list(const struct config *config, fence_each_fn *own, struct fence_paths *paths);
/* Whether one of those that options name, or a folder on the way to it, is another user's than root's: root
 * could not go there without its capabilities. */
bool fence_paths_are_others(const struct config *config, fence_each_fn *own);
