/* How many sessions and rooms each tenant has here, and how many it may. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/hub_private.h"

struct tenant_count {
	char name[TENANT_NAME_MAX + 1];
	uint32_t sessions, rooms;
};

static bool is_named(const void *item, const void *key)
{
	return strcmp(((const struct tenant_count *)item)->name, key) == 0;
}

static uint64_t hash_of(const struct hub *hub, const char *name)
{
	return seal_hash(hub->seal, slice_of(name));
}

struct tenant_limits hub_tenant_limits(const struct hub *hub, const char *tenant)
{
	if (hub->settings.tenant_limits == NULL)
		return (struct tenant_limits){0};
	return hub->settings.tenant_limits(hub->settings.context, tenant);
}

bool tenant_is_relay_only(const struct hub *hub, const char *tenant)
{
	const struct hub_settings *settings = &hub->settings;

	return settings->is_relay_only != NULL &&
	       settings->is_relay_only(settings->context, tenant);
}

static struct tenant_count *count_of(struct hub *hub, const char *tenant)
{
	uint64_t hash = hash_of(hub, tenant);
	struct tenant_count *count = hash_table_find(&hub->tenants, hash, is_named, tenant);

	if (count != NULL)
		return count;
	count = calloc(1, sizeof *count);
	if (count == NULL || text_copy(count->name, sizeof count->name, tenant) != OK ||
	    hash_table_insert(&hub->tenants, hash, count) != OK) {
		free(count);
		return NULL;
	}
	return count;
}

static void forget_empty(struct hub *hub, struct tenant_count *count)
{
	if (count->sessions > 0 || count->rooms > 0)
		return;
	hash_table_remove(&hub->tenants, hash_of(hub, count->name), count);
	free(count);
}

static bool add(struct hub *hub, uint32_t *number, uint32_t most, struct tenant_count *count)
{
	bool may = most == 0 || *number < most;

	*number += may;
	forget_empty(hub, count);
	return may;
}

bool tenant_add_session(struct hub *hub, const char *tenant)
{
	struct tenant_count *count = count_of(hub, tenant);

	return count != NULL &&
	       add(hub, &count->sessions, hub_tenant_limits(hub, tenant).sessions_max, count);
}

bool tenant_add_room(struct hub *hub, const char *tenant)
{
	struct tenant_count *count = count_of(hub, tenant);

	return count != NULL &&
	       add(hub, &count->rooms, hub_tenant_limits(hub, tenant).rooms_max, count);
}

bool tenant_is_full(const struct hub *hub, const char *tenant)
{
	uint32_t most = hub_tenant_limits(hub, tenant).sessions_max;
	const struct tenant_count *count =
		hash_table_find(&hub->tenants, hash_of(hub, tenant), is_named, tenant);

	return most > 0 && count != NULL && count->sessions >= most;
}

/* Counted whatever the limit is: one that comes back is counted twice until its old self has ended. */
void tenant_move_session(struct hub *hub, const char *from, const char *to)
{
	struct tenant_count *count = count_of(hub, to);

	if (count != NULL)
		count->sessions++;
	tenant_remove_session(hub, from);
}

void tenant_remove_session(struct hub *hub, const char *tenant)
{
	struct tenant_count *count = count_of(hub, tenant);

	if (count == NULL)
		return;
	count->sessions -= count->sessions > 0;
	forget_empty(hub, count);
}

void tenant_remove_room(struct hub *hub, const char *tenant)
{
	struct tenant_count *count = count_of(hub, tenant);

	if (count == NULL)
		return;
	count->rooms -= count->rooms > 0;
	forget_empty(hub, count);
}

void tenants_deinit(struct hub *hub)
{
	struct tenant_count *count;
	size_t position = 0;

	while ((count = hash_table_next(&hub->tenants, &position)) != NULL)
		free(count);
	hash_table_deinit(&hub->tenants);
}
