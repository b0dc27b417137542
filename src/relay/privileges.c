/* What a relay keeps of the rights it was started with. */
#include "relay/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "process/capabilities.h"
#include "process/process.h"
#include "relay/fence.h"
#include "relay/fence_paths.h"

/* Whether there is a port that only the privileged open. */
static bool has_low_port(const struct config *config)
{
	enum { FIRST_FREE_PORT = 1024 };
	const unsigned ports[] = {
		config->listening_port,     config->tls_listening_port,
		config->alt_listening_port, config->alt_tls_listening_port,
		config->tcp_proxy_port,     config->udp_proxy_port,
		config->min_port,           config->cli ? config->cli_port : 0,
	};

	for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
		if (ports[i] != 0 && ports[i] < FIRST_FREE_PORT)
			return true;
	for (size_t i = 0; i < config->aux_server.count; i++) {
		unsigned port = addr_port(&config->aux_server.item[i]);
		if (port != 0 && port < FIRST_FREE_PORT)
			return true;
	}
	return false;
}

/* Root goes on as root only without proc-user, and then has to reach the files of others. */
static uint64_t capabilities_needed(const struct config *config, uid_t uid)
{
	uint64_t needed = 0;

	/* The console, a client of network-engine=dedicated, an allocation, a reload open it later. */
	if (has_low_port(config))
		needed |= CAPABILITY(CAP_NET_BIND_SERVICE);
	if (uid == 0 && fence_paths_are_others(config))
		needed |= CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_DAC_OVERRIDE) |
		          CAPABILITY(CAP_FOWNER);
	return needed;
}

static bool is_fenced(const struct config *config)
{
	return fence_is_built() && strcmp(config->fence, "off") != 0;
}

enum err privileges_drop(const struct config *config, char problem[256])
{
	uint64_t needed;
	uid_t uid;
	gid_t gid;
	enum err err = process_find_ids(config, &uid, &gid, problem);

	if (err != OK)
		return err;
	if (!is_fenced(config))
		return process_become(uid, gid, problem);
	needed = capabilities_needed(config, uid);
	capabilities_outlive_setuid(needed);
	err = process_become(uid, gid, problem);
	if (err == OK && capabilities_keep(needed) != OK) {
		snprintf(problem, 256, "fence: capabilities cannot be dropped: %s: use fence=off",
		         strerror(errno));
		err = ERR_SYSTEM;
	}
	return err;
}

enum err privileges_fence(const struct config *config, char problem[256])
{
	struct fence_paths *paths = calloc(1, sizeof *paths);
	enum err err = ERR_NO_MEMORY;

	if (strcmp(config->fence, "off") == 0) {
		log_info("not fenced", "reason=\"fence=off\"");
		err = OK;
	} else if (paths != NULL) {
		fence_paths_list(config, paths);
		const struct fence_settings settings = {
			.paths = paths->item,
			.path_count = paths->count,
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
