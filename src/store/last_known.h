/* What a store has answered, for the time in which it is away: whoever was let in before is let in then
 * too, on every relay thread. Of a store that answers nothing here counts. Private to the folder. */
#pragma once

#include "base/timestamp.h"
#include "store/store.h"

enum {
	LAST_KNOWN_MAX = 20000,         /* answers; the ones confirmed longest ago are forgotten */
	LAST_KNOWN_MS = 60 * 60 * 1000, /* who was removed meanwhile shall not go on for ever */
};

struct last_known;

MUST_CHECK enum err last_known_create(struct last_known **known);
void last_known_destroy(struct last_known *known); /* NULL is fine */
/* Remembers the answer to a question that was OK, forgets one that was ERR_NOT_FOUND. Without memory it
 * does not remember. */
void last_known_learn(struct last_known *known, const struct store_request *request, timestamp now);
/* Fills in the answer as it last was. False when it is not known, or was not confirmed for too long. */
bool last_known_answer(struct last_known *known, struct store_request *request, timestamp now);
