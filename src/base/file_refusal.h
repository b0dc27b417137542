/* Why a file was not opened, in words for an operator, and what mends it. */
#pragma once

enum { FILE_REFUSAL_SIZE = 256 };

/* Writes and returns what errno, as open() left it, says of path. mode: R_OK, or W_OK when it was to be
 * written or made. A folder that the modes leave open and that is refused nonetheless is one that a server
 * with fence did not know at its start. */
const char *file_refusal(const char *path, int mode, int reason, char text[FILE_REFUSAL_SIZE]);
