/* Which realm an ORIGIN belongs to, as the store told last. One for each relay thread; looking it up asks
 * nobody. */
#pragma once

#include "base/hash_table.h"
#include "store/store.h"
#include "stun/integrity.h"

struct origin_row;
struct origins {
	struct hash_table table;
	struct origin_row *rows;      /* owned */
	struct store_origins *stored; /* owned: the realms' texts; NULL: none were told yet */
	struct stun_hasher *hasher;   /* owner: the credentials */
	uint8_t seed[16];
};

void origins_init(struct origins *origins, struct stun_hasher *hasher);
void origins_deinit(struct origins *origins);

/* Takes what the store told, and forgets what it told before. Without memory the old ones stay. */
void origins_set(struct origins *origins, struct store_origins *stored);
/* Returns the realm, lent until origins_set; NULL when nobody has that origin, which is normalised. */
const char *origins_find(const struct origins *origins, const char *origin);
