/* How many lines of one event pass in a second. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/log_entry.h"

enum { LOG_RATE_SLOTS = 256 }; /* events; beyond that some share one */

struct log_rate {
	unsigned per_second; /* 0: no bound */
	struct log_rate_slot {
		uint64_t hash; /* of event and kind; 0: unused */
		const char *event;
		uint64_t second;
		unsigned used, held_back;
	} slots[LOG_RATE_SLOTS];
};

/* Tells whether the entry may be written now, and how many like it were held back before it. */
bool log_rate_passes(struct log_rate *rate, const struct log_entry *entry, uint64_t now_ms,
                     unsigned *held_back);
