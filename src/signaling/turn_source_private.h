/* What the files of TURN credentials share. Private to turn_source*.c and turn_service*.c. */
#pragma once

#include "base/slice.h"
#include "signaling/turn_source.h"

struct tenant_secret {
	char tenant[TENANT_NAME_MAX + 1];
	char realm[STORE_TENANT_REALM_MAX + 1]; /* behind the name; "": the server's own */
	char secret[STORE_SECRET_MAX + 1];      /* "": it has none */
	uint32_t ttl_s;
};

enum { TURN_TEXTS_MAX = 3 * TURN_ZONES_MAX + TURN_ZONES_MAX * TURN_URIS_MAX + TURN_URIS_MAX + 3 };

struct turn_source {
	struct turn_zone zones[TURN_ZONES_MAX]; /* by priority */
	size_t zone_count;
	const char *stun_uris[TURN_URIS_MAX];
	size_t stun_uri_count;
	const char *geo_uri;         /* "": none */
	char *texts[TURN_TEXTS_MAX]; /* owned: what those point at */
	size_t text_count;
	const struct zones *near; /* lent; NULL: none */

	/* Of our own secrets: */
	struct tenant_secret *secrets; /* owned, sorted by tenant: what each is given by */
	size_t secret_count;
	char **known; /* owned: all that turnserver takes now, be it the one before the newest */
	size_t known_count;
	char separator;
	/* Of a remote service, whose credentials all have: */
	bool is_remote;
	const char *username, *password;
	uint64_t expires_ms; /* since 1970 */
};

/* turn_service_answer.c: makes a source of what the service answered to a request with that nonce, and gives the session that the
 * next request names. ERR_INVALID: it is no such answer. For the fuzzer as well. */
enum { TURN_SERVICE_SESSION_MAX = 255 };
MUST_CHECK enum err turn_service_answer(struct slice body, const char *nonce, uint64_t wall_ms,
                                        struct turn_source **source, uint32_t *ttl_s,
                                        char session[TURN_SERVICE_SESSION_MAX + 1]);

/* Returns what a tenant's credentials are made with; NULL: there is no such tenant. */
const struct tenant_secret *turn_source_secret(const struct turn_source *source,
                                               const char *tenant);
/* Keeps a copy of a text for as long as the source lives. NULL: no memory, or too many. */
const char *turn_source_keep(struct turn_source *source, struct slice text);
/* Returns the zone of that id, made if it is not there. NULL: no memory, or too many. */
struct turn_zone *turn_source_zone(struct turn_source *source, const char *id);
MUST_CHECK enum err turn_zone_add_uri(struct turn_source *source, struct turn_zone *zone,
                                      struct slice uri);
/* Sorts zones by priority. ERR_FULL: their texts do not fit a struct turn_credentials_room. */
MUST_CHECK enum err turn_source_finish(struct turn_source *source);
