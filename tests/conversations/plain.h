/* Dialects for conversations of the core itself. */
#pragma once

#include "signaling/dialect.h"

extern const struct dialect dialect_plain, dialect_plain_delayed, dialect_plain_brief;
