/* What the workers go by, and what a reload, a change of the store or of a certificate replaces as a whole. */
#pragma once

#include <openssl/ssl.h>

#include "base/err.h"
#include "config/config.h"
#include "signaling/hub.h"
#include "signaling/services.h"

struct http_files;
struct sinks;
struct tenancy;

struct service_set {
	struct config *config; /* owned, as all below */
	bool has_store;        /* it has what was in the store, where there is one */
	struct authority *authority;
	struct turn_source *turn_source;
	struct zones *zones;      /* NULL: none are configured */
	struct http_files *files; /* NULL: none are served */
	SSL_CTX *tls;             /* NULL: TLS is not served */
	struct sinks *sinks;      /* of events: the program's; NULL: none */
	struct signaling_services services;
};

/* Makes the context of signaling-port; NULL where TLS is not served. ERR_INVALID, ERR_NO_MEMORY: problem is one line, about
 * an option; here and below. */
MUST_CHECK enum err service_tls_create(const struct config *config, SSL_CTX **tls,
                                       char problem[256], enum option_id *about);
/* What else a set is made of. */
struct service_parts {
	const struct tenancy *tenancy; /* NULL: nothing is known of tenants */
	const struct turn_source
		*fetched; /* TURN credentials of a remote service; NULL: none yet */
	SSL_CTX *tls;
	struct sinks *sinks;
	const struct service_set *before; /* NULL: there is none */
	bool has_other_tenants;           /* than before */
	bool has_same_credentials;        /* as before: neither tenancy nor fetched are others */
};
/* Makes a set of all that config names. On success config and tls are the set's. */
MUST_CHECK enum err service_set_create(struct config *config, const struct service_parts *parts,
                                       struct service_set **set, char problem[256],
                                       enum option_id *about);
/* Makes one with the configuration of before, its files and zones, and of the rest what has not changed: they are both sets' then. */
MUST_CHECK enum err service_set_change(const struct service_parts *parts, struct service_set **set);
/* Frees all that is not other's as well, which may be NULL. */
void service_set_retire(struct service_set *set, const struct service_set *other);
static inline void service_set_destroy(struct service_set *set)
{
	service_set_retire(set, NULL);
}
