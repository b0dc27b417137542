/* A source beside another: a copy of it, and whether two of them give the same. */
#include <stdlib.h>
#include <string.h>

#include "signaling/turn_source_private.h"
#include "signaling/zones.h"

static enum err zone_copy(const struct turn_zone *from, struct turn_source *to);
static bool has_same_zones(const struct turn_source *a, const struct turn_source *b);
static bool is_same_zone(const struct turn_zone *a, const struct turn_zone *b);
static bool has_same_order(const struct turn_source *a, const struct turn_source *b,
                           const char *client_address);

enum err turn_source_copy(const struct turn_source *from, const struct zones *zones,
                          struct turn_source **result)
{
	struct turn_source *source = calloc(1, sizeof *source);
	enum err err = OK;

	if (source == NULL)
		return ERR_NO_MEMORY;
	source->near = zones;
	source->is_remote = true;
	source->expires_ms = from->expires_ms;
	source->username = turn_source_keep(source, slice_of(from->username));
	source->password = turn_source_keep(source, slice_of(from->password));
	source->geo_uri = turn_source_keep(source, slice_of(from->geo_uri));
	if (source->username == NULL || source->password == NULL || source->geo_uri == NULL)
		err = ERR_NO_MEMORY;
	for (size_t i = 0; err == OK && i < from->zone_count; i++)
		err = zone_copy(&from->zones[i], source);
	if (err != OK) {
		turn_source_destroy(source);
		return err;
	}
	*result = source;
	return OK;
}

bool turn_source_differs(const struct turn_source *before, const struct turn_source *now,
                         const char *tenant, const char *client_address)
{
	const struct tenant_secret *a, *b;

	if (before->is_remote != now->is_remote || !has_same_zones(before, now) ||
	    !has_same_order(before, now, client_address))
		return true;
	if (now->is_remote)
		return before->expires_ms != now->expires_ms ||
		       strcmp(before->username, now->username) != 0 ||
		       strcmp(before->password, now->password) != 0;
	a = turn_source_secret(before, tenant);
	b = turn_source_secret(now, tenant);
	if (a == NULL || b == NULL)
		return a != b;
	return strcmp(a->secret, b->secret) != 0 || strcmp(a->realm, b->realm) != 0 ||
	       a->ttl_s != b->ttl_s || before->separator != now->separator;
}

static enum err zone_copy(const struct turn_zone *from, struct turn_source *to)
{
	struct turn_zone *zone = turn_source_zone(to, from->id);
	enum err err = zone == NULL ? ERR_NO_MEMORY : OK;

	if (err != OK)
		return err;
	zone->priority = from->priority;
	zone->label = turn_source_keep(to, slice_of(from->label));
	zone->labels = from->labels;
	if (!slice_is_empty(from->labels))
		zone->labels.at = turn_source_keep(to, from->labels);
	if (zone->label == NULL || (zone->labels.at == NULL && zone->labels.len > 0))
		return ERR_NO_MEMORY;
	for (size_t i = 0; err == OK && i < from->uri_count; i++)
		err = turn_zone_add_uri(to, zone, slice_of(from->uris[i]));
	return err;
}

static bool has_same_zones(const struct turn_source *a, const struct turn_source *b)
{
	if (a->zone_count != b->zone_count || a->stun_uri_count != b->stun_uri_count ||
	    strcmp(a->geo_uri, b->geo_uri) != 0)
		return false;
	for (size_t i = 0; i < a->zone_count; i++)
		if (!is_same_zone(&a->zones[i], &b->zones[i]))
			return false;
	for (size_t i = 0; i < a->stun_uri_count; i++)
		if (strcmp(a->stun_uris[i], b->stun_uris[i]) != 0)
			return false;
	return true;
}

static bool is_same_zone(const struct turn_zone *a, const struct turn_zone *b)
{
	if (strcmp(a->id, b->id) != 0 || strcmp(a->label, b->label) != 0 ||
	    a->priority != b->priority || a->uri_count != b->uri_count ||
	    a->labels.len != b->labels.len ||
	    (a->labels.len > 0 && memcmp(a->labels.at, b->labels.at, a->labels.len) != 0))
		return false;
	for (size_t i = 0; i < a->uri_count; i++)
		if (strcmp(a->uris[i], b->uris[i]) != 0)
			return false;
	return true;
}

static bool has_same_order(const struct turn_source *a, const struct turn_source *b,
                           const char *client_address)
{
	struct zones_near near_a, near_b;

	if (a->near == b->near)
		return true;
	zones_find(a->near, client_address, &near_a);
	zones_find(b->near, client_address, &near_b);
	if (near_a.count != near_b.count)
		return false;
	for (size_t i = 0; i < near_a.count; i++)
		if (strcmp(near_a.id[i], near_b.id[i]) != 0)
			return false;
	return true;
}
