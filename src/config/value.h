/* Texts into the typed members of struct config, and back out of memory. */
#pragma once

#include "config/option.h"

/* Reads text into the option's member: a list gets one item more, anything else is replaced.
 * ERR_INVALID: problem says what is wrong with the text, without quoting a secret. */
MUST_CHECK enum err value_read(struct config *config, const struct option *option, const char *text,
                               char problem[OPTION_PROBLEM_SIZE]);
/* Frees what the member holds, secrets wiped. */
void value_deinit(struct config *config, const struct option *option);
bool value_equal(const struct config *a, const struct config *b, const struct option *option);
/* Replaces the member of to by a copy. ERR_NO_MEMORY: it is as it was. */
MUST_CHECK enum err value_copy(struct config *to, const struct config *from,
                               const struct option *option);

/* Reads coturn's words for true and false; nothing at all is true. */
MUST_CHECK enum err flag_parse(const char *text, bool *flag);
