/* The shared secrets that the store has for each realm. They are kept beyond their time in the cache: a
 * store that is away does not take them back. */
#pragma once

#include "base/err.h"
#include "base/list.h"
#include "store/shared_secret.h"
#include "store/store.h"

enum { REALM_SECRETS_MAX = 1000 }; /* realms; the ones that were set longest ago are forgotten */

struct secret {
	char text[STORE_SECRET_MAX + 1];
};

/* How often a secret has let somebody in since it is known. */
struct secret_use {
	uint64_t count;
	uint64_t last_s;             /* since 1970; 0: never */
	char mark[SECRET_MARK_SIZE]; /* made when it is first asked for; "": not yet */
};

struct realm_secrets {
	struct list node; /* in secrets_table, the one set last is the last */
	char *realm;      /* owned */
	size_t count;
	struct secret_use *uses; /* owned: of each secret */
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
/* Replaces those of a realm; what is known of the use of one that stays is kept. On failure it has none. */
MUST_CHECK enum err secrets_table_set(struct secrets_table *table, const char *realm,
                                      const struct secret *secrets, size_t count);
/* Has secrets go on with the uses that others have which are the same. */
void secret_uses_take_over(struct secret_use *uses, const struct secret *secrets, size_t count,
                           const struct secret_use *uses_before,
                           const struct secret *secrets_before, size_t count_before);
