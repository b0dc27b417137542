/* Which realm an ORIGIN belongs to, as the store told last. One for each relay thread; looking it up asks
 * nobody. */
#pragma once

#include "base/hash_table.h"
#include "store/store.h"
#include "stun/integrity.h"

struct origin_row;
struct origins {
	struct hash_table table;
	struct origin_row *rows;    /* owned */
	struct stun_hasher *hasher; /* owner: the realms */
	uint8_t seed[16];
};

void origins_init(struct origins *origins, struct stun_hasher *hasher);
void origins_deinit(struct origins *origins);

/* Fills an empty table with count rows of an origin and its realm, each a text with its end, which
 * outlive the table. */
MUST_CHECK enum err origins_set(struct origins *origins, const char *texts, size_t count);
/* Returns the realm, as long as the texts live; NULL when nobody has that origin, which is normalised. */
const char *origins_find(const struct origins *origins, const char *origin);
