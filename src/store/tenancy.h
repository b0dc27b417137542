/* All that turnsignal goes by, as it was read together: tenants, their API keys, and the secrets that turnserver knows of their
 * realms. It is never changed, and may be secret in every part. */
#pragma once

#include "store/tenants.h"

struct tenancy_secret {
	char realm[STORE_TENANT_REALM_MAX + 1];
	char secret[STORE_SECRET_MAX + 1];
};
struct tenancy {
	struct mail mail;
	void *context; /* of the watch */
	/* Owned, in order: of name; of tenant and name; of realm, the newest first. */
	struct store_tenant *tenants;
	struct store_api_key *api_keys;
	struct tenancy_secret *secrets;
	size_t tenant_count, api_key_count, secret_count;
};

/* Reads it, with the secrets of realm, the server's own, and those of tenants' realms. before (NULL: nothing) has the same tenants and
 * keys: they are not read. */
MUST_CHECK enum err tenancy_read(struct store *store, const char *realm,
                                 const struct tenancy *before, struct tenancy **tenancy);
MUST_CHECK enum err tenancy_copy(const struct tenancy *from, struct tenancy **tenancy);
void tenancy_destroy(struct tenancy *tenancy); /* NULL is fine */

/* NULL is none that has anything. */
bool tenancy_has_same_tenants(const struct tenancy *a, const struct tenancy *b);
bool tenancy_has_same_secrets(const struct tenancy *a, const struct tenancy *b);
/* Returns the newest secret of a realm; NULL: it has none. tenancy may be NULL. */
const char *tenancy_newest_secret(const struct tenancy *tenancy, const char *realm);
