/* Paths of routes.def, which have segments in braces, and paths that clients ask for. */
#pragma once

#include <stdbool.h>

#include "admin/api.h"

/* Whether a path, as it was sent, is one of the pattern. Its segments that are in braces are decoded into parts in order: UTF-8 without
 * control characters, not empty; else it does not fit. */
bool api_path_fits(const char *pattern, const char *path, char parts[API_PARTS_MAX][API_PART_SIZE]);
/* Whether a text is UTF-8 without control characters. */
bool api_text_is_plain(const char *text);
