/* What the store was asked and how long it took, among a thread's counters. */
#pragma once

#include "base/counters.h"
#include "store/store.h"

/* Counts an answer to what was asked at asked_us. counters NULL: nothing is counted. */
void store_count_answer(struct counters *counters, const struct store_request *answer,
                        uint64_t asked_us);
