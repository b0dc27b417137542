/* The console's pages: files of one folder, read whole at the start. No path of a request ever reaches the file system. */
#pragma once

#include <stdbool.h>

#include "admin/http.h"
#include "base/err.h"

struct web_files;

/* ERR_NOT_FOUND, ERR_SYSTEM, ERR_FULL, ERR_NO_MEMORY: problem is one line. */
MUST_CHECK enum err web_files_read(const char *folder, struct web_files **files, char problem[256]);
void web_files_destroy(struct web_files *files);
/* Answers GET and HEAD for a file ("/" is index.html), with ETag, compressed where the build has made NAME.gz, Content-Security-Policy without inline code. False: there is no such file. */
bool web_files_answer(const struct web_files *files, struct http_call *call);
