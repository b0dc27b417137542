/* TURN credentials of our own secrets, and what those of every source have in common: zones with their URIs. */
#include "signaling/turn_source.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "config/config.h"
#include "config/turn_uri.h"
#include "signaling/authority.h"
#include "signaling/turn_source_private.h"
#include "signaling/zones.h"
#include "store/tenancy.h"
#include "store/time_limited.h"

enum {
	MILLISECONDS = 1000,
	REMOTE_LEFT_S_MIN =
		10, /* credentials of a remote service that are good for less are not given */
	USER_TEXTS_SIZE = STORE_USERNAME_MAX + 1024, /* username and password in the room */
};

static enum err uris_read(struct turn_source *source, const struct config *config);
static enum err uri_add(struct turn_source *source, const struct turn_uri *uri);
static bool texts_fit(const struct turn_source *source);
static int compare_zones(const void *a, const void *b);

/* Secrets on their way into the source. */
struct gathering {
	struct turn_source *source;
	const struct config *config;
	const struct tenancy *tenancy;                      /* NULL: none */
	char realm[HOST_NAME_MAX + STORE_TENANT_REALM_MAX]; /* the server's own */
	enum err err;
};
static enum err secrets_read(struct gathering *gathering, const struct authority *authority);
static bool secret_add(const struct tenant *tenant, void *context);
static const char *secret_find(const struct gathering *gathering, const char *realm, bool is_own);
static enum err known_read(struct gathering *gathering);
static int compare_secrets(const void *a, const void *b);

static enum err own_issue(const struct turn_source *source, const struct identity *identity,
                          const char *session_id, uint64_t wall_ms,
                          struct turn_credentials_room *room, char **at);
static void username_make(const struct turn_source *source, const struct tenant_secret *secret,
                          const struct identity *identity, const char *session_id,
                          uint64_t expires_s, char username[STORE_USERNAME_MAX + 1]);
static enum err password_make(const char *secret, const char *username,
                              char password[TIME_LIMITED_PASSWORD_SIZE]);
static enum err remote_issue(const struct turn_source *source, uint64_t wall_ms,
                             struct turn_credentials_room *room, char **at);
static const char *room_put(struct turn_credentials_room *room, char **at, const char *text);
static void zones_put(const struct turn_source *source, struct turn_credentials_room *room,
                      char **at);
static void nearest_first(const struct turn_source *source, const char *client_address,
                          struct turn_credentials *credentials);

enum err turn_source_create(const struct config *config, const struct authority *authority,
                            const struct tenancy *tenancy, const struct zones *zones,
                            struct turn_source **result, char problem[256])
{
	struct turn_source *source = calloc(1, sizeof *source);
	struct gathering gathering = {source, config, tenancy, "", OK};
	enum err err;

	problem[0] = '\0';
	if (source == NULL)
		return ERR_NO_MEMORY;
	time_limited_own_realm(config, gathering.realm, sizeof gathering.realm);
	source->near = zones;
	source->separator =
		config->rest_api_separator == NULL ? ':' : config->rest_api_separator[0];
	err = uris_read(source, config);
	if (err == ERR_FULL)
		snprintf(problem, 256,
		         "turn-uri: they are more than %d zones of %d URIs, or too "
		         "long all together",
		         TURN_ZONES_MAX, TURN_URIS_MAX);
	if (err == OK)
		err = secrets_read(&gathering, authority);
	if (err != OK) {
		turn_source_destroy(source);
		return err == ERR_FULL ? ERR_INVALID : err;
	}
	*result = source;
	return OK;
}

enum err turn_source_create_remote(struct turn_source **result)
{
	struct turn_source *source = calloc(1, sizeof *source);

	if (source == NULL)
		return ERR_NO_MEMORY;
	source->is_remote = true;
	source->geo_uri = source->username = source->password = "";
	*result = source;
	return OK;
}

static void texts_wipe(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bytes_wipe(texts[i], strlen(texts[i]));
		free(texts[i]);
	}
}

void turn_source_destroy(struct turn_source *source)
{
	if (source == NULL)
		return;
	texts_wipe(source->texts, source->text_count);
	texts_wipe(source->known, source->known_count);
	free(source->known);
	if (source->secrets != NULL)
		bytes_wipe(source->secrets, source->secret_count * sizeof source->secrets[0]);
	free(source->secrets);
	free(source);
}

bool turn_source_is_remote(const struct config *config)
{
	return config->turn_service_url != NULL;
}

enum err turn_source_issue(const struct turn_source *source, const struct identity *identity,
                           const char *session_id, const char *client_address, uint64_t wall_ms,
                           struct turn_credentials_room *room)
{
	struct turn_credentials *credentials = &room->credentials;
	char *at = room->text;
	enum err err;

	memset(credentials, 0, sizeof *credentials);
	if (source->zone_count == 0)
		return ERR_UNAVAILABLE;
	err = source->is_remote ? remote_issue(source, wall_ms, room, &at)
	                        : own_issue(source, identity, session_id, wall_ms, room, &at);
	if (err != OK)
		return err;
	zones_put(source, room, &at);
	for (size_t i = 0; i < source->stun_uri_count; i++)
		credentials->stun_uris[i] = room_put(room, &at, source->stun_uris[i]);
	credentials->stun_uri_count = source->stun_uri_count;
	credentials->geo_uri = room_put(room, &at, source->geo_uri);
	nearest_first(source, client_address, credentials);
	return OK;
}

bool turn_source_revocation(const struct turn_source *source, const char *username,
                            struct store_revocation *revocation)
{
	if (source->is_remote ||
	    text_copy(revocation->username, sizeof revocation->username, username) != OK)
		return false;
	revocation->expires_s = strtoull(username, NULL, 10); /* it is one of ours: it begins so */
	return revocation->expires_s > 0;
}

/* Every secret is tried, and the name alone says nothing of which: it takes the same time for any. */
bool turn_source_knows(const struct turn_source *source, const char *username, const char *password,
                       uint64_t wall_ms)
{
	size_t len = strlen(password);
	struct stun_hasher *hasher;
	bool is_known = false;

	if (source->is_remote)
		return source->expires_ms > wall_ms && strcmp(username, source->username) == 0 &&
		       len == strlen(source->password) &&
		       bytes_equal_secret(password, source->password, len);
	if (strtoull(username, NULL, 10) <= wall_ms / MILLISECONDS ||
	    stun_hasher_create(&hasher) != OK)
		return false;
	for (size_t i = 0; i < source->known_count; i++) {
		char right[TIME_LIMITED_PASSWORD_SIZE];

		time_limited_password(hasher, source->known[i], username, right);
		is_known |= len == strlen(right) && bytes_equal_secret(password, right, len);
		bytes_wipe(right, sizeof right);
	}
	stun_hasher_destroy(hasher);
	return is_known;
}

bool turn_source_is_fetched(const struct turn_source *source)
{
	return source->is_remote;
}

const char *turn_source_kind(const struct turn_source *source)
{
	return source->is_remote ? "service" : "secrets";
}

/* ---- zones and their URIs ---- */

static enum err uris_read(struct turn_source *source, const struct config *config)
{
	enum err err = OK;

	source->geo_uri = turn_source_keep(source, slice_of(config->turn_geo_uri));
	if (source->geo_uri == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; err == OK && i < config->turn_uri.count; i++) {
		struct turn_uri uri;

		err = turn_uri_parse(config->turn_uri.item[i], &uri);
		if (err == OK)
			err = uri_add(source, &uri);
	}
	for (size_t i = 0; err == OK && i < config->stun_uri.count; i++) {
		const char *kept = turn_source_keep(source, slice_of(config->stun_uri.item[i]));

		if (kept == NULL || source->stun_uri_count == TURN_URIS_MAX)
			return ERR_FULL;
		source->stun_uris[source->stun_uri_count++] = kept;
	}
	return err == OK ? turn_source_finish(source) : err;
}

/* What the first row of a zone says holds for it; a later one may complete it. */
static enum err uri_add(struct turn_source *source, const struct turn_uri *uri)
{
	size_t before = source->zone_count;
	struct turn_zone *zone = turn_source_zone(source, uri->zone);

	if (zone == NULL)
		return ERR_FULL;
	if (source->zone_count > before)
		zone->priority = (int)before;
	if (uri->has_priority)
		zone->priority = uri->priority;
	if (uri->label[0] != '\0')
		zone->label = turn_source_keep(source, slice_of(uri->label));
	return zone->label == NULL ? ERR_FULL : turn_zone_add_uri(source, zone, slice_of(uri->uri));
}

const char *turn_source_keep(struct turn_source *source, struct slice text)
{
	char *copy;

	if (source->text_count == TURN_TEXTS_MAX)
		return NULL;
	copy = strndup(text.at == NULL ? "" : text.at, text.len);
	if (copy != NULL)
		source->texts[source->text_count++] = copy;
	return copy;
}

struct turn_zone *turn_source_zone(struct turn_source *source, const char *id)
{
	struct turn_zone *zone;

	for (size_t i = 0; i < source->zone_count; i++)
		if (strcmp(source->zones[i].id, id) == 0)
			return &source->zones[i];
	if (source->zone_count == TURN_ZONES_MAX)
		return NULL;
	zone = &source->zones[source->zone_count];
	*zone = (struct turn_zone){.id = turn_source_keep(source, slice_of(id)), .label = ""};
	if (zone->id == NULL)
		return NULL;
	source->zone_count++;
	return zone;
}

enum err turn_zone_add_uri(struct turn_source *source, struct turn_zone *zone, struct slice uri)
{
	const char *kept;

	if (zone->uri_count == TURN_URIS_MAX)
		return ERR_FULL;
	kept = turn_source_keep(source, uri);
	if (kept == NULL)
		return ERR_FULL;
	zone->uris[zone->uri_count++] = kept;
	return OK;
}

enum err turn_source_finish(struct turn_source *source)
{
	qsort(source->zones, source->zone_count, sizeof source->zones[0], compare_zones);
	return texts_fit(source) ? OK : ERR_FULL;
}

static bool texts_fit(const struct turn_source *source)
{
	size_t len = USER_TEXTS_SIZE;

	for (size_t i = 0; i < source->text_count; i++)
		len += strlen(source->texts[i]) + 1;
	return len <= sizeof((struct turn_credentials_room *)NULL)->text;
}

static int compare_zones(const void *a, const void *b)
{
	const struct turn_zone *left = a, *right = b;

	if (left->priority != right->priority)
		return left->priority < right->priority ? -1 : 1;
	return strcmp(left->id, right->id);
}

/* ---- secrets ---- */

static enum err secrets_read(struct gathering *gathering, const struct authority *authority)
{
	authority_tenants(authority, secret_add, gathering);
	return gathering->err == OK ? known_read(gathering) : gathering->err;
}

static bool secret_add(const struct tenant *tenant, void *context)
{
	struct gathering *gathering = context;
	struct turn_source *source = gathering->source;
	bool is_own = tenant->realm[0] == '\0' || strcmp(tenant->realm, gathering->realm) == 0;
	const char *realm = is_own ? gathering->realm : tenant->realm;
	size_t count = source->secret_count;
	struct tenant_secret *secret;

	/* The count is the room when it is a power of two. */
	if ((count & (count - 1)) == 0) {
		struct tenant_secret *grown = calloc(count == 0 ? 1 : 2 * count, sizeof *grown);

		gathering->err = grown == NULL ? ERR_NO_MEMORY : OK;
		if (grown == NULL)
			return false;
		if (count > 0) {
			memcpy(grown, source->secrets, count * sizeof *grown);
			bytes_wipe(source->secrets, count * sizeof *grown);
		}
		free(source->secrets);
		source->secrets = grown;
	}
	secret = &source->secrets[source->secret_count++];
	snprintf(secret->tenant, sizeof secret->tenant, "%s", tenant->name);
	snprintf(secret->realm, sizeof secret->realm, "%s", is_own ? "" : tenant->realm);
	secret->ttl_s = tenant->credentials_ttl_s != 0
	                        ? tenant->credentials_ttl_s
	                        : gathering->config->turn_credentials_lifetime;
	gathering->err = text_copy(secret->secret, sizeof secret->secret,
	                           secret_find(gathering, realm, is_own));
	return gathering->err == OK;
}

/* None at all: "". */
static const char *secret_find(const struct gathering *gathering, const char *realm, bool is_own)
{
	return time_limited_secret(gathering->config,
	                           tenancy_newest_secret(gathering->tenancy, realm), is_own);
}

static enum err known_add(struct turn_source *source, const char *secret)
{
	char *copy = strdup(secret);

	if (copy == NULL)
		return ERR_NO_MEMORY;
	source->known[source->known_count++] = copy;
	return OK;
}

static enum err known_read(struct gathering *gathering)
{
	const struct text_list *fixed = &gathering->config->static_auth_secret;
	const struct tenancy *tenancy = gathering->tenancy;
	size_t stored = tenancy == NULL ? 0 : tenancy->secret_count;
	struct turn_source *source = gathering->source;
	enum err err = OK;

	source->known = calloc(fixed->count + stored + 1, sizeof source->known[0]);
	if (source->known == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < fixed->count && err == OK; i++)
		err = known_add(source, fixed->item[i]);
	for (size_t i = 0; i < stored && err == OK; i++)
		err = known_add(source, tenancy->secrets[i].secret);
	return err;
}

const struct tenant_secret *turn_source_secret(const struct turn_source *source, const char *tenant)
{
	struct tenant_secret wanted = {.tenant = ""};

	if (text_copy(wanted.tenant, sizeof wanted.tenant, tenant) != OK)
		return NULL;
	return bsearch(&wanted, source->secrets, source->secret_count, sizeof wanted,
	               compare_secrets);
}

static int compare_secrets(const void *a, const void *b)
{
	const struct tenant_secret *left = a, *right = b;

	return strcmp(left->tenant, right->tenant);
}

/* ---- giving them ---- */

static enum err own_issue(const struct turn_source *source, const struct identity *identity,
                          const char *session_id, uint64_t wall_ms,
                          struct turn_credentials_room *room, char **at)
{
	char username[STORE_USERNAME_MAX + 1], password[TIME_LIMITED_PASSWORD_SIZE];
	const struct tenant_secret *secret = turn_source_secret(source, identity->tenant);
	uint64_t left_s;

	if (secret == NULL || secret->secret[0] == '\0')
		return ERR_UNAVAILABLE;
	/* Who may do nothing later shall not relay later. */
	left_s = secret->ttl_s;
	if (identity->expires_ms != 0 && identity->expires_ms < wall_ms + left_s * MILLISECONDS)
		left_s = identity->expires_ms <= wall_ms
		                 ? 0
		                 : (identity->expires_ms - wall_ms) / MILLISECONDS;
	if (left_s == 0)
		return ERR_UNAVAILABLE;
	username_make(source, secret, identity, session_id, wall_ms / MILLISECONDS + left_s,
	              username);
	if (password_make(secret->secret, username, password) != OK)
		return ERR_UNAVAILABLE;
	room->credentials.username = room_put(room, at, username);
	room->credentials.password = room_put(room, at, password);
	room->credentials.ttl_s = (uint32_t)left_s;
	bytes_wipe(password, sizeof password);
	return OK;
}

/* The name is the user's, or the tenant's. */
static void username_make(const struct turn_source *source, const struct tenant_secret *secret,
                          const struct identity *identity, const char *session_id,
                          uint64_t expires_s, char username[STORE_USERNAME_MAX + 1])
{
	const struct time_limited_name name = {
		.expires_s = expires_s,
		.separator = source->separator,
		.user = identity->user[0] != '\0' ? identity->user : identity->tenant,
		.session = session_id,
		.realm = secret->realm,
	};

	time_limited_username(&name, username);
}

/* The source is all threads', and a hasher one thread's: each call has its own. */
static enum err password_make(const char *secret, const char *username,
                              char password[TIME_LIMITED_PASSWORD_SIZE])
{
	struct stun_hasher *hasher;
	enum err err = stun_hasher_create(&hasher);

	if (err != OK)
		return err;
	time_limited_password(hasher, secret, username, password);
	stun_hasher_destroy(hasher);
	return OK;
}

static enum err remote_issue(const struct turn_source *source, uint64_t wall_ms,
                             struct turn_credentials_room *room, char **at)
{
	if (source->expires_ms < wall_ms + REMOTE_LEFT_S_MIN * MILLISECONDS)
		return ERR_UNAVAILABLE;
	room->credentials.username = room_put(room, at, source->username);
	room->credentials.password = room_put(room, at, source->password);
	room->credentials.ttl_s = (uint32_t)((source->expires_ms - wall_ms) / MILLISECONDS);
	return OK;
}

/* The room is as large as texts_fit has made sure. */
static const char *room_put(struct turn_credentials_room *room, char **at, const char *text)
{
	size_t len = strlen(text) + 1;
	char *put = *at;

	if (len > sizeof room->text - (size_t)(put - room->text))
		return "";
	memcpy(put, text, len);
	*at += len;
	return put;
}

static void zones_put(const struct turn_source *source, struct turn_credentials_room *room,
                      char **at)
{
	for (size_t i = 0; i < source->zone_count; i++) {
		const struct turn_zone *from = &source->zones[i];
		struct turn_zone *to = &room->credentials.zones[i];

		*to = (struct turn_zone){
			.id = room_put(room, at, from->id),
			.label = room_put(room, at, from->label),
			.priority = from->priority,
			.uri_count = from->uri_count,
		};
		if (!slice_is_empty(from->labels)) /* it is a text with an end */
			to->labels = slice_of(room_put(room, at, from->labels.at));
		for (size_t uri = 0; uri < from->uri_count; uri++)
			to->uris[uri] = room_put(room, at, from->uris[uri]);
	}
	room->credentials.zone_count = source->zone_count;
}

/* Zones that are near the client's address come first, and priorities say so too. */
static void nearest_first(const struct turn_source *source, const char *client_address,
                          struct turn_credentials *credentials)
{
	struct zones_near near;
	size_t place = 0;

	zones_find(source->near, client_address, &near);
	for (size_t i = 0; i < near.count; i++)
		for (size_t zone = place; zone < credentials->zone_count; zone++) {
			struct turn_zone found = credentials->zones[zone];

			if (strcmp(found.id, near.id[i]) != 0)
				continue;
			memmove(&credentials->zones[place + 1], &credentials->zones[place],
			        (zone - place) * sizeof found);
			credentials->zones[place++] = found;
			break;
		}
	for (size_t zone = 0; place > 0 && zone < credentials->zone_count; zone++)
		credentials->zones[zone].priority = (int)zone;
}
