/* --help, from the tables of verbs and options. */
#pragma once

#include "admin/turnadmin_request.h"

/* Prints what verbs there are and all options. */
void turnadmin_help_all(void);
/* Prints what there is to know of the verbs that begin with these words, and the options they take.
 * Returns false when there is none. */
bool turnadmin_help_words(char **words, int count);
