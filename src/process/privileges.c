/* What a server keeps of the rights it was started with. */
#include "process/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "process/capabilities.h"
#include "process/process.h"

/* Root goes on as root only without proc-user, and then has to reach the files of others. */
static uint64_t capabilities_needed(const struct config *config,
                                    const struct privileges_needs *needs, uid_t uid)
{
	uint64_t needed = 0;

	if (needs->opens_low_ports != NULL && needs->opens_low_ports(config))
		needed |= CAPABILITY(CAP_NET_BIND_SERVICE);
	if (uid == 0 && fence_paths_are_others(config, needs->each_file))
		needed |= CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_DAC_OVERRIDE) |
		          CAPABILITY(CAP_FOWNER);
	return needed;
}

static bool is_fenced(const struct config *config)
{
	return fence_is_built() && strcmp(config->fence, "off") != 0;
}

enum err privileges_drop(const struct config *config, const struct privileges_needs *needs,
                         char problem[256])
{
	uint64_t needed;
	uid_t uid;
	gid_t gid;
	enum err err = process_find_ids(config, &uid, &gid, problem);

	if (err != OK)
		return err;
	if (!is_fenced(config))
		return process_become(uid, gid, problem);
	needed = capabilities_needed(config, needs, uid);
	capabilities_outlive_setuid(needed);
	err = process_become(uid, gid, problem);
	if (err == OK && capabilities_keep(needed) != OK) {
		snprintf(problem, 256, "fence: capabilities cannot be dropped: %s: use fence=off",
		         strerror(errno));
		err = ERR_SYSTEM;
	}
	return err;
}

enum err privileges_fence(const struct config *config, const struct privileges_needs *needs,
                          char problem[256])
{
	struct fence_paths *paths = calloc(1, sizeof *paths);
	enum err err = ERR_NO_MEMORY;

	if (strcmp(config->fence, "off") == 0) {
		log_info("not fenced", "reason=\"fence=off\"");
		err = OK;
	} else if (paths != NULL) {
		fence_paths_list(config, needs->each_file, paths);
		const struct fence_settings settings = {
			.paths = paths->item,
			.path_count = paths->count,
			.calls = needs->calls,
			.is_strict = strcmp(config->fence, "strict") == 0,
			.dumps_core = config->core_dumps,
		};
		err = fence_raise(&settings, problem);
	}
	if (err == ERR_NO_MEMORY)
		snprintf(problem, 256, "fence: %s", err_string(err));
	free(paths);
	return err;
}

/* ---- a parent ---- */

/* clang-format off */
static const char *const parent_calls[] = {
	"clone", "fork", "kill", "wait4", "waitid",
	/* what is done once by each child: its user, its limits, its own fence */
	"setgid", "setgroups", "setresgid", "setresuid", "setuid",
	"setgid32", "setgroups32", "setresgid32", "setresuid32", "setuid32",
	"capget", "capset", "prctl", "prlimit64", "setrlimit",
	"landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "seccomp",
};
/* clang-format on */

/* To become proc-user, to end who has, to bind low ports, and to read keys and give log files away. */
static const uint64_t PARENT_CAPABILITIES =
	CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID) | CAPABILITY(CAP_SETPCAP) |
	CAPABILITY(CAP_KILL) | CAPABILITY(CAP_NET_BIND_SERVICE) | CAPABILITY(CAP_CHOWN) |
	CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_FOWNER);

enum err privileges_drop_as_parent(const struct config *config, char problem[256])
{
	const struct fence_settings settings = {
		.calls = {parent_calls, sizeof parent_calls / sizeof parent_calls[0]},
		.leaves_files = true,
		.is_strict = strcmp(config->fence, "strict") == 0,
		.dumps_core = config->core_dumps,
	};

	if (!is_fenced(config))
		return OK;
	capabilities_outlive_setuid(PARENT_CAPABILITIES);
	if (capabilities_keep(PARENT_CAPABILITIES) != OK) {
		snprintf(problem, 256, "fence: capabilities cannot be dropped: %s: use fence=off",
		         strerror(errno));
		return ERR_SYSTEM;
	}
	return fence_raise(&settings, problem);
}
