/* What each tenant may have, and whether it has it already at this node. */
#include "signaling/hub_private.h"
#include "signaling/tenant_counts.h"

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

bool tenant_add_session(struct hub *hub, const char *tenant)
{
	return tenant_counts_take(hub->tenants, tenant, TENANT_SESSIONS,
	                          hub_tenant_limits(hub, tenant).sessions_max);
}

bool tenant_add_room(struct hub *hub, const char *tenant)
{
	return tenant_counts_take(hub->tenants, tenant, TENANT_ROOMS,
	                          hub_tenant_limits(hub, tenant).rooms_max);
}

bool tenant_is_full(const struct hub *hub, const char *tenant)
{
	uint32_t most = hub_tenant_limits(hub, tenant).sessions_max;

	return most > 0 && tenant_counts_now(hub->tenants, tenant, TENANT_SESSIONS) >= most;
}

bool tenant_move_session(struct hub *hub, const char *from, const char *to)
{
	if (!tenant_counts_take(hub->tenants, to, TENANT_SESSIONS, 0))
		return false;
	tenant_remove_session(hub, from);
	return true;
}

void tenant_remove_session(struct hub *hub, const char *tenant)
{
	tenant_counts_give(hub->tenants, tenant, TENANT_SESSIONS);
}

void tenant_remove_room(struct hub *hub, const char *tenant)
{
	tenant_counts_give(hub->tenants, tenant, TENANT_ROOMS);
}
