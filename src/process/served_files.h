/* Files that browsers are given: a folder, read whole. No path of a request ever reaches the file system, and no thread waits for a
 * disk. Never changed, and shared by all threads. */
#pragma once

#include <stddef.h>

#include "base/err.h"

enum { SERVED_TAG_SIZE = 35 };
struct served_file { /* the table's own */
	char *path;  /* "/call/index.html" */
	char *bytes;
	size_t len;
	char tag[SERVED_TAG_SIZE]; /* for ETag, in quotes: a hash of the bytes */
	const char *type;          /* for Content-Type, by the path's ending */
};
struct served_files;

/* Reads a folder and those in it. Names that begin with "." are left out, and so are links. ERR_NOT_FOUND, ERR_SYSTEM,
 * ERR_FULL, ERR_NO_MEMORY: problem is one line. */
MUST_CHECK enum err served_files_read(const char *folder, struct served_files **files,
                                      char problem[256]);
void served_files_destroy(struct served_files *files);
size_t served_files_count(const struct served_files *files);
/* NULL: there is none of this path, which begins with a slash. */
const struct served_file *served_files_find(const struct served_files *files, const char *path);
