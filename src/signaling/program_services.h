/* What the workers go by, and what a reload, a change of the store or of a certificate replaces as a whole. */
#pragma once

#include <openssl/ssl.h>

#include "base/err.h"
#include "config/config.h"
#include "signaling/hub.h"
#include "signaling/services.h"

struct http_files;
struct store;

struct service_set {
	struct config *config; /* owned, as all below */
	bool has_store;        /* it has what was in the store, where there is one */
	struct authority *authority;
	struct turn_source *turn_source;
	struct zones *zones;      /* NULL: none are configured */
	struct http_files *files; /* NULL: none are served */
	SSL_CTX *tls;             /* NULL: TLS is not served */
	struct signaling_services services;
};

/* Makes the context of signaling-port; NULL where TLS is not served. ERR_INVALID, ERR_NO_MEMORY: problem is one line, about
 * an option; here and below. */
MUST_CHECK enum err service_tls_create(const struct config *config, SSL_CTX **tls,
                                       char problem[256], enum option_id *about);
/* Reads keys that config names, and tenants and secrets of store (NULL: none). fetched are TURN credentials of a remote service; NULL: none yet. On success config and tls are the set's. */
MUST_CHECK enum err service_set_create(struct config *config, struct store *store,
                                       const struct turn_source *fetched, SSL_CTX *tls,
                                       struct service_set **set, char problem[256],
                                       enum option_id *about);
void service_set_destroy(struct service_set *set);
