/* What happens to allocations, in words for the operator. */
#pragma once

#include "turn/turn.h"

/* thread is where the allocation is now. */
void report_log(unsigned thread, const struct turn_report *report);
