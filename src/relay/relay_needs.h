/* What a relay goes on needing from inside of its fence. */
#pragma once

#include "process/privileges.h"

extern const struct privileges_needs relay_needs;
