/* What happens to allocations, in words for the operator. */
#pragma once

#include "turn/turn.h"

void report_log(const struct turn_report *report);
