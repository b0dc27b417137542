/* Forms of texts that a few options demand: what CHECKED names in options.def. */
#pragma once

#include <stdbool.h>

#include "config/option.h"

/* NAME:PASSWORD or NAME:0xKEY. The problem never quotes the text. */
bool check_user(const char *text, char problem[OPTION_PROBLEM_SIZE]);
/* http:// or https:// and what may follow it in a Location of HTTP, in at most 512 bytes; or nothing. */
bool check_url(const char *text, char problem[OPTION_PROBLEM_SIZE]);
