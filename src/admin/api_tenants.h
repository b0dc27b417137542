/* Who may see which tenants of turnsignal: a tenant has a realm, and who is of one realm sees that realm's tenants alone. */
#pragma once

#include "admin/api.h"
#include "store/tenants.h"

struct api_tenants {
	char (*name)[STORE_TENANT_MAX + 1]; /* owned; in order */
	size_t count;
};

/* Whether who asks may see and change what is of a tenant; false: it was refused. */
bool api_may_tenant(struct api_call *call, const char *tenant);
/* Gives the names of all tenants of the realm of who asks. False: it was refused. */
bool api_take_tenants(struct api_call *call, struct api_tenants *tenants);
void api_give_tenants(struct api_tenants *tenants);
