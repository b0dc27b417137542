/* What makes a program a well-behaved process. */
#include "relay/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <malloc.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "relay/capabilities.h"
#include "relay/fence.h"
#include "relay/fence_paths.h"

void process_raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	/* Root may go beyond the hard limit; who may not keeps what there is. */
	struct rlimit wanted = {1 << 20, 1 << 20};
	if (files.rlim_max < wanted.rlim_max && setrlimit(RLIMIT_NOFILE, &wanted) == 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

/* Bursts take and free a few hundred kilobytes a round: giving those back to the kernel each time, and
 * having them cleared again, was a sixth of the time of a thread that sends over TLS. */
void process_keep_memory(void)
{
	enum { KEPT = 8 << 20, GROWTH = 256 << 10 }; /* of each thread */

	(void)mallopt(M_TRIM_THRESHOLD, KEPT);
	(void)mallopt(M_TOP_PAD, GROWTH);
}

enum err process_daemonise(char problem[256])
{
	/* The folder stays: files may be named from here, and a log is opened anew later. */
	if (daemon(1, 0) == 0)
		return OK;
	snprintf(problem, 256, "daemon: %s", strerror(errno));
	return ERR_SYSTEM;
}

enum err process_write_pidfile(const char *path, char problem[256])
{
	char text[32];
	int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd >= 0 && write(fd, text, (size_t)len) == len) {
		close(fd);
		return OK;
	}
	snprintf(problem, 256, "pidfile %s: %s: name a file in a folder that can be written", path,
	         strerror(errno));
	if (fd >= 0)
		close(fd);
	return ERR_SYSTEM;
}

void process_remove_pidfile(const char *path)
{
	unlink(path);
}

enum err process_find_ids(const struct config *config, uid_t *uid, gid_t *gid, char problem[256])
{
	*uid = getuid();
	*gid = getgid();
	if (config->proc_user != NULL) {
		const struct passwd *user = getpwnam(config->proc_user);
		if (user == NULL) {
			snprintf(problem, 256,
			         "proc-user %s: no such user: make one with adduser --system",
			         config->proc_user);
			return ERR_NOT_FOUND;
		}
		*uid = user->pw_uid;
		*gid = user->pw_gid;
	}
	if (config->proc_group != NULL) {
		const struct group *group = getgrnam(config->proc_group);
		if (group == NULL) {
			snprintf(problem, 256, "proc-group %s: no such group", config->proc_group);
			return ERR_NOT_FOUND;
		}
		*gid = group->gr_gid;
	}
	return OK;
}

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

static enum err become(uid_t uid, gid_t gid, char problem[256])
{
	if (uid == getuid() && gid == getgid())
		return OK;
	if ((geteuid() == 0 && setgroups(1, &gid) != 0) || setgid(gid) != 0 || setuid(uid) != 0) {
		snprintf(problem, 256,
		         "proc-user: cannot change to uid %u, gid %u: %s: start as root", uid, gid,
		         strerror(errno));
		return ERR_SYSTEM;
	}
	return OK;
}

enum err process_drop_privileges(const struct config *config, char problem[256])
{
	uint64_t needed;
	uid_t uid;
	gid_t gid;
	enum err err = process_find_ids(config, &uid, &gid, problem);

	if (err != OK)
		return err;
	if (!is_fenced(config))
		return become(uid, gid, problem);
	needed = capabilities_needed(config, uid);
	capabilities_outlive_setuid(needed);
	err = become(uid, gid, problem);
	if (err == OK && capabilities_keep(needed) != OK) {
		snprintf(problem, 256, "fence: capabilities cannot be dropped: %s: use fence=off",
		         strerror(errno));
		err = ERR_SYSTEM;
	}
	return err;
}

enum err process_fence(const struct config *config, char problem[256])
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
