/* Reading a small file at once. */
#pragma once

#include <stddef.h>

#include "base/err.h"

enum { WHOLE_FILE_PROBLEM_SIZE = 320 };

/* Gives the bytes of a file of at most max, and a zero behind them; the caller wipes and frees.
 * ERR_SYSTEM, ERR_FULL, ERR_INVALID (a directory, or binary): problem says which and why. */
MUST_CHECK enum err whole_file_read(const char *name, size_t max, char **bytes, size_t *len,
                                    char problem[WHOLE_FILE_PROBLEM_SIZE]);
