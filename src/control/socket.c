/* bind() for a file: a stale one is told from a live one by connecting to it. */
#include "control/socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"

enum { OWNER_ONLY = 0600, FOLDER_MODE = 0755 };

static enum err make_folder(const struct control_socket_settings *settings);
static enum err remove_stale(const char *path, char problem[256]);
static enum err bind_file(struct control_socket *opened,
                          const struct control_socket_settings *settings);

static enum err describe(const char *path, char problem[256])
{
	snprintf(problem, 256,
	         "control-socket %.100s: %s: name a file in a folder that can be written", path,
	         strerror(errno));
	return ERR_SYSTEM;
}

static enum err make_address(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	return text_copy(address->sun_path, sizeof address->sun_path, path);
}

enum err control_socket_open(const struct control_socket_settings *settings,
                             struct control_socket *opened, char problem[256])
{
	enum err err;

	opened->fd = -1;
	opened->is_bound = false;
	if (text_copy(opened->path, sizeof opened->path, settings->path) != OK ||
	    settings->path[0] == 0) {
		snprintf(problem, 256, "control-socket: give a path of 1 to %zu bytes",
		         sizeof opened->path - 1);
		return ERR_INVALID;
	}
	if (settings->makes_folder && make_folder(settings) != OK)
		return describe(settings->path, problem);
	err = remove_stale(settings->path, problem);
	if (err != OK)
		return err;
	opened->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (opened->fd < 0 || bind_file(opened, settings) != OK) {
		err = describe(settings->path, problem);
		control_socket_close(opened);
	}
	return err;
}

void control_socket_close(struct control_socket *opened)
{
	int fd;

	if (opened->fd < 0)
		return;
	close(opened->fd);
	opened->fd = -1;
	if (!opened->is_bound)
		return;
	if (control_socket_connect(opened->path, &fd) == OK)
		close(fd);
	else if (errno == ECONNREFUSED)
		unlink(opened->path);
}

enum err control_socket_connect(const char *path, int *fd)
{
	struct sockaddr_un address;

	if (make_address(path, &address) != OK) {
		errno = ENAMETOOLONG;
		return ERR_SYSTEM;
	}
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return ERR_SYSTEM;
	if (connect(*fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return OK;

	int reason = errno;
	close(*fd);
	errno = reason;
	return ERR_SYSTEM;
}

/* A confined service may not call chown() at all, and has no need to. */
static enum err give(const char *path, const struct control_socket_settings *settings)
{
	if (settings->uid == geteuid() && settings->gid == getegid())
		return OK;
	return lchown(path, settings->uid, settings->gid) == 0 ? OK : ERR_SYSTEM;
}

static enum err make_folder(const struct control_socket_settings *settings)
{
	char folder[sizeof((struct control_socket *)NULL)->path];
	char *slash;

	if (text_copy(folder, sizeof folder, settings->path) != OK)
		return ERR_INVALID;
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return OK;
	*slash = 0;
	if (mkdir(folder, FOLDER_MODE) != 0)
		return errno == EEXIST ? OK : ERR_SYSTEM;
	return give(folder, settings);
}

static enum err remove_stale(const char *path, char problem[256])
{
	struct stat file;
	int fd;

	if (lstat(path, &file) != 0)
		return errno == ENOENT ? OK : describe(path, problem);
	if (!S_ISSOCK(file.st_mode)) {
		snprintf(problem, 256,
		         "control-socket %.100s: there is a file that is no socket: name another",
		         path);
		return ERR_INVALID;
	}
	if (control_socket_connect(path, &fd) == OK) {
		close(fd);
		snprintf(problem, 256,
		         "control-socket %.100s: another server listens there: stop it, or name "
		         "another file",
		         path);
		return ERR_EXISTS;
	}
	if (errno == ECONNREFUSED && unlink(path) == 0)
		return OK;
	return describe(path, problem);
}

/* The mode of the socket becomes that of the file: there is no moment at which others may connect.
 * Nobody may before listen() is called, by when the file has its owner. */
static enum err bind_file(struct control_socket *opened,
                          const struct control_socket_settings *settings)
{
	struct sockaddr_un address;

	if (make_address(settings->path, &address) != OK || fchmod(opened->fd, OWNER_ONLY) != 0 ||
	    bind(opened->fd, (const struct sockaddr *)&address, sizeof address) != 0)
		return ERR_SYSTEM;
	opened->is_bound = true;
	return give(settings->path, settings);
}
