/* Tenants, as the store has them. */
#include "admin/api_tenants.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/console.h"
#include "store/time_limited.h"

/* Rooms of those who say no tenant are of this one, which need not be in the store. */
static const char default_tenant[] = "default";

struct own_realm {
	char text[HOST_NAME_MAX + STORE_TENANT_REALM_MAX + 1];
};

/* The server's own realm, which is that of tenants without one: as turnsignal has it, the host's name where none is configured. */
static void find_own_realm(const struct api_call *call, struct own_realm *own)
{
	time_limited_own_realm(call->console->config, own->text, sizeof own->text);
}

static bool is_of_all(const struct api_call *call)
{
	return call->who.realm[0] == '\0';
}

static bool has_realm(const struct api_call *call, const struct own_realm *own,
                      const struct store_tenant *tenant)
{
	const char *realm = tenant->realm[0] != '\0' ? tenant->realm : own->text;

	return is_of_all(call) || strcmp(realm, call->who.realm) == 0;
}

/* ---- one ---- */

static enum err find(struct store *store, const char *name, struct store_tenant *tenant)
{
	enum err err = ERR_NOT_FOUND;

	if (store_tenant_name_is_valid(name))
		err = store_tenant_find(store, name, tenant);
	if (err != ERR_NOT_FOUND || strcmp(name, default_tenant) != 0)
		return err;
	*tenant = (struct store_tenant){.name = "default"};
	return OK;
}

/* Whether there is a tenant, too, is nothing for who is of another realm. */
bool api_may_tenant(struct api_call *call, const char *name)
{
	struct store_tenant tenant;
	struct own_realm own;
	struct store *store;
	bool may;

	if (is_of_all(call))
		return true;
	store = api_take_store(call);
	if (store == NULL)
		return false;
	enum err err = find(store, name, &tenant);
	find_own_realm(call, &own);
	may = err == OK && has_realm(call, &own, &tenant);
	explicit_bzero(&tenant, sizeof tenant);
	if (!api_release_store(call, err == ERR_NOT_FOUND ? OK : err))
		return false;
	if (!may)
		api_refuse(call, 403, "another-realm",
		           "this administrator is of the realm %s alone", call->who.realm);
	return may;
}

/* ---- all ---- */

struct gathering {
	const struct api_call *call;
	struct own_realm own;
	bool has_default;
	enum err err;
	struct api_tenants *names; /* or */
	json_t *list;
};

static enum err add_name(struct api_tenants *names, const char *name)
{
	void *grown = realloc(names->name, (names->count + 1) * sizeof *names->name);

	if (grown == NULL)
		return ERR_NO_MEMORY;
	names->name = grown;
	snprintf(names->name[names->count++], sizeof *names->name, "%s", name);
	return OK;
}

/* As turnadmin tenant list --json has it; its secret is told by nobody. */
static enum err add_tenant(json_t *list, const struct own_realm *own,
                           const struct store_tenant *tenant)
{
	json_t *one = json_pack(
		"{s:s, s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:b}", "name", tenant->name, "realm",
		tenant->realm[0] != '\0' ? tenant->realm : own->text, "anybody",
		(int)tenant->lets_anybody_in, "relay_only", (int)tenant->is_relay_only, "sessions",
		(json_int_t)tenant->sessions_max, "rooms", (json_int_t)tenant->rooms_max,
		"room_capacity", (json_int_t)tenant->room_capacity, "credentials_lifetime",
		(json_int_t)tenant->credentials_ttl_s, "has_secret", tenant->secret[0] != '\0');

	return json_array_append_new(list, one) == 0 ? OK : ERR_NO_MEMORY;
}

static bool gather(const struct store_tenant *tenant, void *context)
{
	struct gathering *gathering = context;

	gathering->has_default |= strcmp(tenant->name, default_tenant) == 0;
	if (!has_realm(gathering->call, &gathering->own, tenant))
		return true;
	gathering->err = gathering->names != NULL
	                         ? add_name(gathering->names, tenant->name)
	                         : add_tenant(gathering->list, &gathering->own, tenant);
	return gathering->err == OK;
}

static bool gather_all(struct api_call *call, struct gathering *gathering)
{
	static const struct store_tenant unwritten = {.name = "default"};
	struct store *store = api_take_store(call);

	if (store == NULL)
		return false;
	gathering->call = call;
	find_own_realm(call, &gathering->own);
	enum err err = store_tenant_list(store, gather, gathering);
	if (!api_release_store(call, err))
		return false;
	if (gathering->err == OK && !gathering->has_default)
		(void)gather(&unwritten, gathering);
	if (gathering->err == OK)
		return true;
	api_refuse(call, 500, "no-memory", "there is no memory for it");
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

bool api_take_tenants(struct api_call *call, struct api_tenants *tenants)
{
	struct gathering gathering = {.names = tenants};

	*tenants = (struct api_tenants){0};
	if (!gather_all(call, &gathering)) {
		api_give_tenants(tenants);
		return false;
	}
	if (tenants->count > 0)
		qsort(tenants->name, tenants->count, sizeof *tenants->name, by_name);
	return true;
}

void api_give_tenants(struct api_tenants *tenants)
{
	free(tenants->name);
	*tenants = (struct api_tenants){0};
}

/* They are few, so that there is one page. */
void api_tenants(struct api_call *call)
{
	struct gathering gathering = {.list = json_array()};

	if (gather_all(call, &gathering))
		api_answer(call, json_pack("{s:o, s:n}", "tenants", gathering.list, "next"));
	else
		json_decref(gathering.list);
}
