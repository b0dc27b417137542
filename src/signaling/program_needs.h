/* What turnsignal goes on needing from inside of its fence. */
#pragma once

#include "process/privileges.h"

extern const struct privileges_needs program_needs;
