/* Landlock: of the file system nothing is left but what is listed. The kernel's numbers are written
 * out here, as the headers of a distribution are older than the kernels that it runs on. Sockets are
 * none of its matter: a relay connects to whom its clients name, and a name's addresses change. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/fence.h"

enum {
	FIRST_OF_FILES = 1,
	FIRST_WITH_REFER = 2,
	FIRST_WITH_TRUNCATE = 3,
	FIRST_WITH_NETWORK = 4,
	FIRST_WITH_IOCTL = 5,
	FIRST_WITH_SCOPE = 6,
	ALL_OF_FIRST = (1 << 13) - 1, /* LANDLOCK_ACCESS_FS_EXECUTE to _MAKE_SYM */
	REFER = 1 << 13,              /* links and renames from one folder to another */
	TRUNCATE = 1 << 14,
	IOCTL = 1 << 15,   /* on devices */
	SIGNALS = 1 << 1,  /* to processes outside */
	SIZE_OF_FIRST = 8, /* of struct ruleset, in the versions of before */
	SIZE_WITH_NETWORK = 16,
};

struct ruleset { /* of the kernel */
	uint64_t files;
	uint64_t network; /* from version 4 on: ports to bind and connect to; we judge none */
	uint64_t scoped;  /* from version 6 on */
};

static const uint64_t READING = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t WRITING = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                TRUNCATE;
static const uint64_t OF_FILES = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                 TRUNCATE; /* the others are rights to a folder */

static enum err make_ruleset(int version, struct ruleset *ruleset, int *fd);
static enum err add_path(int fd, const struct ruleset *ruleset, const struct fence_path *path);
static enum err restrict_self(int fd);

enum err fence_files(const struct fence_path *paths, size_t count, int *version)
{
	struct ruleset ruleset = {0};
	enum err err;
	int fd;

	*version =
		(int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (*version < FIRST_OF_FILES)
		return ERR_UNAVAILABLE;
	err = make_ruleset(*version, &ruleset, &fd);
	if (err != OK)
		return err;
	for (size_t i = 0; i < count && err == OK; i++)
		err = add_path(fd, &ruleset, &paths[i]);
	if (err == OK)
		err = restrict_self(fd);
	close(fd);
	return err;
}

/* Whatever this version knows to forbid is forbidden. */
static enum err make_ruleset(int version, struct ruleset *ruleset, int *fd)
{
	size_t size = version >= FIRST_WITH_SCOPE     ? sizeof *ruleset
	              : version >= FIRST_WITH_NETWORK ? SIZE_WITH_NETWORK
	                                              : SIZE_OF_FIRST;

	ruleset->files = ALL_OF_FIRST;
	if (version >= FIRST_WITH_REFER)
		ruleset->files |= REFER;
	if (version >= FIRST_WITH_TRUNCATE)
		ruleset->files |= TRUNCATE;
	if (version >= FIRST_WITH_IOCTL)
		ruleset->files |= IOCTL;
	if (version >= FIRST_WITH_SCOPE)
		ruleset->scoped = SIGNALS;
	*fd = (int)syscall(SYS_landlock_create_ruleset, ruleset, size, 0);
	return *fd >= 0 ? OK : ERR_SYSTEM;
}

/* What is not there, or not to be seen, has no rule: nobody reaches it. */
static enum err add_path(int fd, const struct ruleset *ruleset, const struct fence_path *path)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = READING | (path->may_write ? WRITING : 0),
		.parent_fd = open(path->path, O_PATH | O_CLOEXEC),
	};
	struct stat status;
	enum err err = OK;

	if (rule.parent_fd < 0)
		return OK;
	if (fstat(rule.parent_fd, &status) == 0 && !S_ISDIR(status.st_mode))
		rule.allowed_access &= OF_FILES;
	rule.allowed_access &= ruleset->files;
	/* EBADFD: a pipe, which it does not judge. */
	if (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0 &&
	    errno != EBADFD)
		err = ERR_SYSTEM;
	int reason = errno;
	close(rule.parent_fd);
	errno = reason;
	return err;
}

static enum err restrict_self(int fd)
{
	return syscall(SYS_landlock_restrict_self, fd, 0) == 0 ? OK : ERR_SYSTEM;
}
