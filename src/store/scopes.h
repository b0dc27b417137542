/* What the token of a machine is for: an area of the console's interface, to read or to write, as a word ("users:read") or a bit. Words
 * are what is stored. */
#pragma once

#include <stdint.h>

/* 0: there is no such scope. */
uint64_t scope_bit(const char *scope);
/* Calls each with the name of each scope among the bits. */
void scope_names(uint64_t scopes, void (*each)(const char *name, void *context), void *context);

enum { SCOPES_TEXT_SIZE = 512 };
/* Writes all names with a space between, and returns text. */
const char *scopes_put(uint64_t scopes, char text[SCOPES_TEXT_SIZE]);
/* Reads words with spaces or commas between. Those that a newer version has made are let go: what is not known is not allowed.
 * unknown, where it is not NULL, is set to the first of them, lent and not ended. */
uint64_t scopes_get(const char *text, const char **unknown);
