/* Files that browsers are given: a folder, read whole when it is mounted. No path of a request ever reaches the file system, and no
 * thread waits for a disk. Never changed, and shared by all threads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct http_exchange;
struct http_files;

/* Reads a folder and those in it. Names that begin with "." are left out, and so are links that lead out of it. ERR_NOT_FOUND, ERR_SYSTEM, ERR_FULL, ERR_NO_MEMORY: problem is one line. */
MUST_CHECK enum err http_files_create(const char *folder, struct http_files **files,
                                      char problem[256]);
void http_files_destroy(struct http_files *files);
size_t http_files_count(const struct http_files *files);
/* Answers where there is such a file ("/" and "/call/" are their index.html): false where there is none, or it is asked for otherwise than by GET and HEAD. */
bool http_files_answer(const struct http_files *files, struct http_exchange *exchange);
