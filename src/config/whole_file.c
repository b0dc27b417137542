/* Reading a small file at once. Pipes are files too: -c <(generate). */
#include "config/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file_refusal.h"

static enum err refuse(char *problem, enum err err, const char *why, const char *detail)
{
	snprintf(problem, WHOLE_FILE_PROBLEM_SIZE, "%s%s", why, detail);
	return err;
}

/* Reads up to size bytes, or fewer at the end of the file. */
static ssize_t read_all(int fd, char *bytes, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, bytes + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* Copies n bytes of room to memory of their size. */
static enum err take(const char *room, size_t n, char **bytes, size_t *len, char *problem)
{
	if (memchr(room, 0, n) != NULL)
		return refuse(problem, ERR_INVALID, "is not a text file: it has zero bytes", "");
	*bytes = malloc(n + 1);
	if (*bytes == NULL)
		return refuse(problem, ERR_NO_MEMORY, "out of memory", "");
	memcpy(*bytes, room, n);
	(*bytes)[n] = 0;
	*len = n;
	return OK;
}

/* One byte more than allowed is asked for, so that a file that is too large shows. */
static enum err read_open(int fd, size_t max, char **bytes, size_t *len, char *problem)
{
	char *room = malloc(max + 1);
	enum err err;

	if (room == NULL)
		return refuse(problem, ERR_NO_MEMORY, "out of memory", "");
	ssize_t n = read_all(fd, room, max + 1);
	if (n < 0)
		err = refuse(problem, ERR_SYSTEM, "cannot be read: ", strerror(errno));
	else if ((size_t)n > max)
		err = refuse(problem, ERR_FULL, "is too large to be what is meant", "");
	else
		err = take(room, (size_t)n, bytes, len, problem);
	bytes_wipe(room, max + 1);
	free(room);
	return err;
}

enum err whole_file_read(const char *name, size_t max, char **bytes, size_t *len,
                         char problem[WHOLE_FILE_PROBLEM_SIZE])
{
	char refusal[FILE_REFUSAL_SIZE];
	struct stat status;
	enum err err;
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return refuse(problem, ERR_SYSTEM,
		              "cannot be opened: ", file_refusal(name, R_OK, errno, refusal));
	if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
		err = refuse(problem, ERR_INVALID, "is a directory, not a file", "");
	else
		err = read_open(fd, max, bytes, len, problem);
	close(fd);
	return err;
}
