/* UTF-8 in what others send: which bytes are a character, and which are better not shown as one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_LEN_MAX = 4 };

/* Gives the character that text begins with, and returns how many bytes it has; 0: they are none
 * (RFC 3629: overlong, a surrogate, cut off). text ends with a zero. */
size_t utf8_next(const char *text, uint32_t *character);
/* True for what terminals obey instead of showing it: C0, DEL, C1, separators of lines, and marks that
 * turn the direction of writing. */
bool utf8_is_control(uint32_t character);
