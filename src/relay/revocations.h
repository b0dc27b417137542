/* TURN usernames that count no more though they have not expired, as the store told last. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "store/store.h"

struct revocations {
	struct store_revocations *letter; /* owned; NULL: none yet */
	const char **names;               /* owned, sorted: into the letter */
	size_t count;
};

void revocations_init(struct revocations *revocations);
void revocations_deinit(struct revocations *revocations);
/* Goes by a letter of the store from now on, and owns it. ERR_NO_MEMORY: those of before stay. */
MUST_CHECK enum err revocations_take(struct revocations *revocations,
                                     struct store_revocations *letter);
bool revocations_have(const struct revocations *revocations, const char *username);
