/* The Unix stream socket on which control servers listen: whose it is, and what becomes of the file
 * that a server before us left. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct control_socket {
	char path[108];
	int fd;        /* -1: not open */
	bool is_bound; /* there is a file */
};

struct control_socket_settings {
	const char *path;
	bool makes_folder; /* when it is missing; it is to be nobody else's */
	uid_t uid;         /* whom the file, and that folder, are given to */
	gid_t gid;
};

/* Binds a socket of mode 0600. A file that no server listens on any more is replaced; ERR_EXISTS
 * when one does, ERR_SYSTEM, ERR_DENIED or ERR_INVALID when there can be none: problem says why, in a line. */
MUST_CHECK enum err control_socket_open(const struct control_socket_settings *settings,
                                        struct control_socket *opened, char problem[256]);
/* Closes it, and removes the file unless another listens there by now. */
void control_socket_close(struct control_socket *opened);

/* Connects; the caller owns fd. ERR_SYSTEM: errno says why. */
MUST_CHECK enum err control_socket_connect(const char *path, int *fd);
/* The same, and no longer than so many seconds: errno is EAGAIN then. */
MUST_CHECK enum err control_socket_connect_within(unsigned patience_s, const char *path, int *fd);
