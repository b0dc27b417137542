/* bind() for a file: a stale one is told from a live one by connecting to it. */
#include "control/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"

enum { OWNER_ONLY = 0600, FOLDER_MODE = 0755 };

static enum err make_folder(const struct control_socket_settings *settings, char problem[256]);
static enum err take_folder(const char *folder, const struct control_socket_settings *settings,
                            char problem[256]);
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
	err = remove_stale(settings->path, problem);
	if (err == OK && settings->makes_folder)
		err = make_folder(settings, problem);
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
	return control_socket_connect_within(0, path, fd);
}

/* connect() waits while the backlog is full, which is for ever when nobody accepts: SO_SNDTIMEO bounds it (unix(7)); 0 does not. */
enum err control_socket_connect_within(unsigned patience_s, const char *path, int *fd)
{
	struct timeval patience = {(time_t)patience_s, 0};
	struct sockaddr_un address;

	if (make_address(path, &address) != OK) {
		errno = ENAMETOOLONG;
		return ERR_SYSTEM;
	}
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return ERR_SYSTEM;
	setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(*fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return OK;

	int reason = errno;
	close(*fd);
	errno = reason;
	return ERR_SYSTEM;
}

static enum err make_folder(const struct control_socket_settings *settings, char problem[256])
{
	char folder[sizeof((struct control_socket *)NULL)->path];
	char *slash;

	if (text_copy(folder, sizeof folder, settings->path) != OK)
		return ERR_INVALID;
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return OK;
	*slash = 0;
	if (mkdir(folder, FOLDER_MODE) != 0 && errno != EEXIST)
		return describe(settings->path, problem);
	return take_folder(folder, settings, problem);
}

/* Whoever owns it, or may write to it, decides what is found there. */
static bool is_others(const struct stat *folder, const struct control_socket_settings *settings)
{
	return (folder->st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
	       (folder->st_uid != 0 && folder->st_uid != settings->uid);
}

/* The folder may be there from a start with another proc-user. Root gives it to this one, by a
 * descriptor, since another folder could take its name meanwhile. */
static enum err take_folder(const char *folder, const struct control_socket_settings *settings,
                            char problem[256])
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	enum err err = OK;

	if (fd < 0 || fstat(fd, &status) != 0) {
		err = describe(folder, problem);
	} else if (geteuid() == 0 &&
	           (is_others(&status, settings) || status.st_uid != settings->uid)) {
		if (fchown(fd, settings->uid, settings->gid) != 0 || fchmod(fd, FOLDER_MODE) != 0)
			err = describe(folder, problem);
	} else if (is_others(&status, settings)) {
		snprintf(problem, 256,
		         "control-socket: the folder %.100s is another user's, or others may write "
		         "to it: remove it, or name another file",
		         folder);
		err = ERR_DENIED;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

/* A file that takes the place of the one that was bound, in a folder that others may write to, must
 * not be given away. A confined service may not call chown() at all, and has no need to. */
static enum err give(const char *path, const struct control_socket_settings *settings)
{
	struct stat status;
	enum err err = ERR_SYSTEM;
	int fd;

	if (settings->uid == geteuid() && settings->gid == getegid())
		return OK;
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ERR_SYSTEM;
	errno = EEXIST;
	if (fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) && status.st_nlink == 1 &&
	    status.st_uid == geteuid() &&
	    fchownat(fd, "", settings->uid, settings->gid, AT_EMPTY_PATH) == 0)
		err = OK;
	int reason = errno;
	close(fd);
	errno = reason;
	return err;
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
	if (errno != EACCES && errno != EPERM)
		return describe(path, problem);
	snprintf(problem, 256,
	         "control-socket %.100s: it is of user %u, and only that user and root may replace "
	         "it: remove it, or name another file",
	         path, (unsigned)file.st_uid);
	return ERR_DENIED;
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
