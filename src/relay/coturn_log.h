/* The lines that coturn writes about sessions, word for word, for what was made to read them: option
 * log-coturn-sessions. Ours stand beside them. */
#pragma once

#include "turn/turn.h"

void coturn_log_report(const struct turn_report *report);
void coturn_log_answer(const struct turn_answered *answered, unsigned thread);
/* What scripts wait for before they send clients. */
void coturn_log_ready(unsigned store_threads);
