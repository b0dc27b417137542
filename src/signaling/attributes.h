/* Attributes of a participant: a JSON object that is rewritten when one of them changes. */
#pragma once

#include "base/slice.h"
#include "signaling/json_text.h"
#include "signaling/text.h"

enum { ATTRIBUTES_COUNT_MAX = 64 };

/* Writes object (or nothing) with the member name set to value; an empty value takes it out. More than ATTRIBUTES_COUNT_MAX
 * make text failed. */
void attributes_set(struct slice object, const char *name, struct slice value, struct text *text);
/* Writes object (or nothing) with the members of another set. */
void attributes_merge(struct slice object, struct slice added, struct text *text);
