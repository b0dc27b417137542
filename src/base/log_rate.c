/* A table of what was written in this second, found by hash. Two that meet in one slot share its
 * bound. */
#include "base/log_rate.h"

#include <stddef.h>

/* FNV-1a: events are the program's own words, nobody can choose them. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text != '\0'; text++)
		hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return hash;
}

static struct log_rate_slot *find(struct log_rate *rate, const struct log_entry *entry)
{
	uint64_t hash = hash_text(UINT64_C(0xcbf29ce484222325), entry->event);
	struct log_rate_slot *slot = NULL;

	if (entry->kind != NULL)
		hash = hash_text(hash, entry->kind);
	hash += hash == 0;
	for (unsigned i = 0; i < LOG_RATE_SLOTS; i++) {
		slot = &rate->slots[(hash + i) % LOG_RATE_SLOTS];
		if (slot->hash == hash || slot->hash == 0)
			break;
	}
	slot->hash = hash;
	slot->event = entry->event;
	return slot;
}

bool log_rate_passes(struct log_rate *rate, const struct log_entry *entry, uint64_t now_ms,
                     unsigned *held_back)
{
	struct log_rate_slot *slot = find(rate, entry);

	*held_back = 0;
	if (slot->second != now_ms / 1000) {
		slot->second = now_ms / 1000;
		slot->used = 0;
	}
	if (rate->per_second != 0 && slot->used >= rate->per_second) {
		slot->held_back++;
		return false;
	}
	slot->used++;
	*held_back = slot->held_back;
	slot->held_back = 0;
	return true;
}
