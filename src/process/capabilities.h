/* The capabilities of a thread (capabilities(7)), and of those that it starts. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { CAPABILITIES_TEXT_SIZE = 96 };

/* A set, as bits. */
#define CAPABILITY(number) (UINT64_C(1) << (number))

/* Keeps nothing for programs that would be executed, and has setuid() leave these capabilities
 * where they are, though not in effect. */
void capabilities_outlive_setuid(uint64_t kept);
/* Drops all others for ever, and puts those that are kept and were there into effect. ERR_SYSTEM:
 * errno says why. */
MUST_CHECK enum err capabilities_keep(uint64_t kept);

/* Writes the names of what the thread has, with a comma between; "none". */
const char *capabilities_describe(char text[CAPABILITIES_TEXT_SIZE]);
