/* A message in words, for logs at level debug, tests and tools. */
#pragma once

#include "stun/message.h"

/* Writes "Allocate request, REQUESTED-TRANSPORT 17, USERNAME anna" into at most size bytes, its end
 * included, and returns text. Keys and MACs are left out. */
const char *stun_dump(const struct stun_message *message, char *text, size_t size);
