/* Where TURN credentials come from: made from the secrets that turnserver knows, or fetched from a remote service. Never changed, shared
 * by all threads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "signaling/event.h"
#include "signaling/identity.h"
#include "store/tenants.h"

struct authority;
struct config;
struct tenancy;
struct turn_source;
struct zones;

/* Makes the source of our own secrets: static-auth-secret and those that tenancy (NULL: none) has of the tenants' realms, with the
 * URIs that config names. It is whole even where there are none: then it gives no credentials. zones (NULL: none) is lent, and
 * puts the zone that is near a client first. ERR_INVALID: problem is one line for a person. */
MUST_CHECK enum err turn_source_create(const struct config *config,
                                       const struct authority *authority,
                                       const struct tenancy *tenancy, const struct zones *zones,
                                       struct turn_source **source, char problem[256]);
/* Makes the source of a remote service that has none yet: turn_source_copy makes those that give some. */
MUST_CHECK enum err turn_source_create_remote(struct turn_source **source);
void turn_source_destroy(struct turn_source *source); /* NULL is fine */

/* Holds the texts that credentials point at. */
struct turn_credentials_room {
	struct turn_credentials credentials;
	char text[8192];
};
/* Another that gives the same credentials: those of a remote service outlive what else was configured. zones is lent. */
MUST_CHECK enum err turn_source_copy(const struct turn_source *from, const struct zones *zones,
                                     struct turn_source **source);
/* Whether config has them fetched from a remote service (turn_service.h). */
bool turn_source_is_remote(const struct config *config);
/* Whether it is of a remote service. */
bool turn_source_is_fetched(const struct turn_source *source);
/* Gives credentials to someone; session_id makes them its own ("": none). ERR_UNAVAILABLE: there are none now. */
MUST_CHECK enum err turn_source_issue(const struct turn_source *source,
                                      const struct identity *identity, const char *session_id,
                                      const char *client_address, uint64_t wall_ms,
                                      struct turn_credentials_room *room);
/* Gives what has to be revoked so that these credentials count no more; false: nothing, they are a remote service's, and all
 * have the same. */
bool turn_source_revocation(const struct turn_source *source, const char *username,
                            struct store_revocation *revocation);
/* Whether a username and password are credentials of this source that have not expired. */
bool turn_source_knows(const struct turn_source *source, const char *username, const char *password,
                       uint64_t wall_ms);
/* Whether who has credentials of one source, of that tenant at that address, would get others of the other: another secret,
 * lifetime, URI or zone, or another order of zones. */
bool turn_source_differs(const struct turn_source *before, const struct turn_source *now,
                         const char *tenant, const char *client_address);
/* A short name of a source for logs: "secrets", "service". */
const char *turn_source_kind(const struct turn_source *source);
