/* What happens to allocations, in words for the operator. */
#pragma once

#include "base/log.h"
#include "turn/turn.h"

/* thread is where the allocation is now. */
void report_log(unsigned thread, const struct turn_report *report);
/* Tells whom a limit stopped, as often as *limit lets it. */
void report_log_limit(struct log_limit *limit, const struct turn_limit_reached *reached,
                      timestamp now);
