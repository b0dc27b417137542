/* Modes and owners are asked of access(), which security modules such as Landlock have no part in: what
 * those refuse shows as the difference. */
#include "base/file_refusal.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder of what path leads to; the path itself as far as it is not there. */
static const char *folder_of(const char *path, char room[PATH_MAX])
{
	char copy[PATH_MAX];

	if (realpath(path, room) != NULL)
		return dirname(room);
	snprintf(copy, sizeof copy, "%s", path);
	if (realpath(dirname(copy), room) == NULL)
		snprintf(room, PATH_MAX, "%s", dirname(copy));
	return room;
}

static bool modes_allow(const char *path, const char *folder, int mode)
{
	if (access(path, F_OK) == 0)
		return access(path, mode) == 0;
	return errno == ENOENT && mode == W_OK && access(folder, W_OK | X_OK) == 0;
}

/* The first folder on the way that may not be entered; else the file, or the folder where it would be. */
static const char *what_refuses(const char *path, const char *folder, char room[PATH_MAX])
{
	for (size_t len = 1; folder[len - 1] != '\0'; len++) {
		if (folder[len] != '/' && folder[len] != '\0')
			continue;
		snprintf(room, PATH_MAX, "%.*s", (int)len, folder);
		if (access(room, X_OK) != 0)
			return room;
	}
	return access(path, F_OK) == 0 ? path : folder;
}

const char *file_refusal(const char *path, int mode, int reason, char text[FILE_REFUSAL_SIZE])
{
	char room[PATH_MAX], refusing[PATH_MAX];
	const char *folder, *verb = mode == W_OK ? "write" : "read";

	if (reason != EACCES) {
		snprintf(text, FILE_REFUSAL_SIZE, "%s", strerror(reason));
		return text;
	}
	folder = folder_of(path, room);
	if (modes_allow(path, folder, mode))
		snprintf(
			text, FILE_REFUSAL_SIZE,
			"outside of the fence: restart the server, or keep it in a folder that was "
			"known at the start, unlike %.100s",
			folder);
	else
		snprintf(text, FILE_REFUSAL_SIZE,
		         "permission denied: let user %u %s it: %.100s refuses that",
		         (unsigned)geteuid(), verb, what_refuses(path, folder, refusing));
	return text;
}
