/* token add, delete and list: API keys, by which servers act for a tenant at turnsignal. And revoke, which takes TURN credentials back. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/turnadmin_database.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"
#include "base/bytes.h"
#include "store/permissions.h"
#include "store/tenants.h"

static const char default_tenant[] = "default";

struct key_list {
	const struct turnadmin_request *request;
	size_t count, words; /* keys; permissions of the one that is printed */
};

static turnadmin_print_all keys_print;
static bool key_describe(const struct turnadmin_request *request, struct store_api_key *key);
static bool tenant_is_there(struct store *store, const char *name);
static bool key_print(const struct store_api_key *key, void *context);
static void permission_print(const char *name, void *context);

enum turnadmin_exit turnadmin_token_add(const struct turnadmin_request *request)
{
	struct store_api_key key = {.tenant = ""};
	char text[STORE_API_KEY_SIZE];
	struct store *store;
	enum err err;

	if (!key_describe(request, &key))
		return TURNADMIN_USAGE;
	store = turnadmin_database_open(request, true, true);
	if (store == NULL)
		return TURNADMIN_PROBLEM;
	if (!tenant_is_there(store, key.tenant)) {
		turnadmin_say("there is no tenant %s: add it first", key.tenant);
		store_close(store);
		return TURNADMIN_PROBLEM;
	}
	err = store_api_key_make(&key, text);
	if (err == OK)
		err = store_api_key_put(store, &key);
	if (err == OK)
		printf(request->as_json ? "{\"token\": \"%s\"}\n" : "%s\n", text);
	bytes_wipe(text, sizeof text);
	return turnadmin_database_changed(request, store, err);
}

enum turnadmin_exit turnadmin_token_delete(const struct turnadmin_request *request)
{
	const char *tenant = request->tenant != NULL ? request->tenant : default_tenant;
	struct store *store = turnadmin_database_open(request, true, false);
	enum err err;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	err = store_api_key_delete(store, tenant, request->name);
	return turnadmin_database_removed(store, err, request, "tenant %s has no token %s", tenant,
	                                  request->name);
}

enum turnadmin_exit turnadmin_token_list(const struct turnadmin_request *request)
{
	return turnadmin_database_list(request, keys_print);
}

static enum err keys_print(struct store *store, const struct turnadmin_request *request,
                           size_t *count)
{
	struct key_list list = {.request = request};
	enum err err = store_api_key_list(store, request->tenant, key_print, &list);

	*count = list.count;
	return err;
}

/* EXPIRY:...: until then it is refused, and then it is nothing any more. */
enum turnadmin_exit turnadmin_revoke(const struct turnadmin_request *request)
{
	struct store_revocation revocation;
	size_t digits = strspn(request->name, "0123456789");
	struct store *store;

	if (digits == 0 || digits > 18 ||
	    text_copy(revocation.username, sizeof revocation.username, request->name) != OK) {
		turnadmin_say("give the user name of TURN credentials, which begins with the time "
		              "when they expire");
		return TURNADMIN_USAGE;
	}
	revocation.expires_s = strtoull(request->name, NULL, 10);
	store = turnadmin_database_open(request, true, false);
	if (store == NULL)
		return TURNADMIN_PROBLEM;
	return turnadmin_database_changed(request, store,
	                                  store_revoke(store, &revocation, (uint64_t)time(NULL)));
}

static bool key_describe(const struct turnadmin_request *request, struct store_api_key *key)
{
	const char *tenant = request->tenant != NULL ? request->tenant : default_tenant;
	unsigned permissions;
	uint64_t lifetime_s = 0;

	if (!store_tenant_name_is_valid(tenant) || !store_tenant_name_is_valid(request->name)) {
		turnadmin_say("names have letters, digits, . _ and -, at most %d of them",
		              STORE_KEY_NAME_MAX);
		return false;
	}
	snprintf(key->tenant, sizeof key->tenant, "%s", tenant);
	snprintf(key->name, sizeof key->name, "%s", request->name);
	if (permissions_parse(request->permissions != NULL ? request->permissions : "all",
	                      &permissions) != OK) {
		turnadmin_say("--permissions has words of join, create, send, chat, moderate, "
		              "change-room, close-room, list, hide, participant and all");
		return false;
	}
	key->permissions = permissions;
	if (!turnadmin_lifetime_read(request, &lifetime_s))
		return false;
	key->created_s = (uint64_t)time(NULL);
	key->expires_s = lifetime_s == 0 ? 0 : key->created_s + lifetime_s;
	return true;
}

/* The default one is there without being in the database. */
static bool tenant_is_there(struct store *store, const char *name)
{
	struct store_tenant tenant;
	bool is_there =
		strcmp(name, default_tenant) == 0 || store_tenant_find(store, name, &tenant) == OK;

	bytes_wipe(&tenant, sizeof tenant);
	return is_there;
}

static bool key_print(const struct store_api_key *key, void *context)
{
	struct key_list *list = context;
	bool is_first = list->count++ == 0, as_json = list->request->as_json;

	list->words = 0;
	if (as_json)
		printf("%s{\"tenant\": \"%s\", \"name\": \"%s\", \"created\": %" PRIu64
		       ", \"expires\": %" PRIu64 ", \"permissions\": [",
		       is_first ? "[\n  " : ",\n  ", key->tenant, key->name, key->created_s,
		       key->expires_s);
	else
		printf("%s[%s] ", key->name, key->tenant);
	permissions_list(key->permissions, permission_print, list);
	if (as_json)
		fputs("]}", stdout);
	else if (key->expires_s != 0)
		printf(" until %" PRIu64 "\n", key->expires_s);
	else
		putchar('\n');
	return true;
}

static void permission_print(const char *name, void *context)
{
	struct key_list *list = context;

	printf(list->request->as_json ? "%s\"%s\"" : "%s%s",
	       list->words++ == 0 ? "" : (list->request->as_json ? ", " : ","), name);
}
