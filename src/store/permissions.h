/* Permissions of API keys, as people write them. */
#pragma once

#include "base/err.h"
#include "base/slice.h"

/* Adds the permission of a word: "join", "change-room"; "participant" and "all" are several. False: there is none of that
 * name. */
bool permission_add(struct slice word, unsigned *permissions);
/* Reads words with a comma or a space between. ERR_INVALID: one is no permission, or there is none. */
MUST_CHECK enum err permissions_parse(const char *text, unsigned *permissions);
/* Calls each with the name of every single permission among them. */
void permissions_list(unsigned permissions, void (*each)(const char *name, void *context),
                      void *context);
