/* What happens to allocations and requests, in words for the operator. */
#pragma once

#include "turn/turn.h"

/* thread is where the allocation is now. */
void report_log(unsigned thread, const struct turn_report *report);
/* Tells what was refused and why, and of Binding requests what was asked. */
void report_log_answer(const struct turn_answered *answered);
/* Tells which packet of a client was dropped, by which counter. */
void report_log_drop(const struct five_tuple *tuple, const struct packet *packet,
                     enum counter reason);
/* Tells whom a limit stopped. */
void report_log_limit(const struct turn_limit_reached *reached);
