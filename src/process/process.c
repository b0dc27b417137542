/* What makes a program a well-behaved process. */
#include "process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

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

enum err process_become(uid_t uid, gid_t gid, char problem[256])
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
