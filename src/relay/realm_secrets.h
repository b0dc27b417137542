/* The shared secrets that the store has for each realm. They are kept beyond their time in the cache: a
 * store that is away does not take them back. */
#pragma once

#include "base/err.h"
#include "base/list.h"
#include "store/store.h"

enum { REALM_SECRETS_MAX = 1000 }; /* realms; the ones that were set longest ago are forgotten */

struct secret {
	char text[STORE_SECRET_MAX + 1];
};

struct realm_secrets {
	struct list node; /* in secrets_table, the one set last is the last */
	char *realm;      /* owned */
	size_t count;
	struct secret secrets[];
};

struct secrets_table {
	struct list realms; /* owned */
	size_t count;
};

void secrets_table_init(struct secrets_table *table);
/* Wipes them. */
void secrets_table_deinit(struct secrets_table *table);

/* Returns the secrets of a realm, lent until the next set; NULL: none were set. */
const struct realm_secrets *secrets_table_find(const struct secrets_table *table,
                                               const char *realm);
/* Replaces those of a realm. On failure it has none. */
MUST_CHECK enum err secrets_table_set(struct secrets_table *table, const char *realm,
                                      const struct secret *secrets, size_t count);
