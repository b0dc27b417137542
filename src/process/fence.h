/* Least privilege: what a process that serves has no need of is taken from it and from all threads
 * that it starts, once its ports are open. Whoever took it over through a defect could
 * then start no program, look into no other process, and reach no file but the server's own.
 *
 *     capabilities        process/capabilities.c   dropped, but for those of ports below 1024
 *     files               process/fence_files.c      Landlock: the folders that options name, alone
 *     system calls        process/fence_calls.c      seccomp: those on a list, alone
 *
 * What a kernel does not have is left out and said. The parts can be tightened, and never undone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { FENCE_PATHS_MAX = 128, FENCE_PATH_MAX = 4096 };

struct fence_path {
	char path[FENCE_PATH_MAX];
	bool may_write; /* and make and remove files in it, when it is a folder */
};

/* System calls of one program, beside those that all of them make. Those that this architecture does not have
 * are passed over. */
struct fence_call_list {
	const char *const *names;
	size_t count;
};

struct fence_settings {
	const struct fence_path
		*paths; /* those that are missing are left out; a folder is for all in it */
	size_t path_count;
	struct fence_call_list calls;
	bool leaves_files; /* all files stay within reach: no part of this fence is about them */
	bool is_strict;    /* all parts have to be there, and who leaves them is killed */
	bool dumps_core;   /* a crash may leave an image of the memory, with its keys */
};

/* Raises the fence for the calling thread and those that it will start; there is no other yet. What
 * stands and what does not goes to the log. ERR_UNAVAILABLE or ERR_SYSTEM: problem says why; only
 * when is_strict is ERR_UNAVAILABLE a failure. */
MUST_CHECK enum err fence_raise(const struct fence_settings *settings, char problem[256]);

/* False where a sanitizer wants the process for itself. */
bool fence_is_built(void);

/* The parts. ERR_UNAVAILABLE: there is none; that and ERR_SYSTEM: errno says why. ENOSYS: it is not in the
 * kernel or this build. */
MUST_CHECK enum err fence_files(const struct fence_path *paths, size_t count, int *version);
MUST_CHECK enum err fence_calls(const struct fence_call_list *more, bool kills);
