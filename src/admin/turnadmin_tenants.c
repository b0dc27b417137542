/* tenant add, set, secret, delete, show and list: who else has rooms at turnsignal, and what each may have. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/turnadmin_database.h"
#include "admin/turnadmin_input.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"
#include "base/bytes.h"
#include "base/random.h"
#include "store/tenants.h"

enum { GENERATED_SIZE = 32, NUMBER_DIGITS = 9, SECRET_LEN_MIN = 16 };

/* What of a tenant is set by name. */
enum setting_kind { SETTING_TEXT, SETTING_YES_NO, SETTING_NUMBER };
static const struct setting {
	const char *name;
	enum setting_kind kind;
	size_t offset, size;
} settings[] = {
#define SETTING(name, kind, member)                                          \
	{                                                                    \
		name, SETTING_##kind, offsetof(struct store_tenant, member), \
			sizeof(((struct store_tenant *)NULL)->member)        \
	}
	SETTING("realm", TEXT, realm),
	SETTING("anybody", YES_NO, lets_anybody_in),
	SETTING("relay-only", YES_NO, is_relay_only),
	SETTING("sessions", NUMBER, sessions_max),
	SETTING("rooms", NUMBER, rooms_max),
	SETTING("room-capacity", NUMBER, room_capacity),
	SETTING("credentials-lifetime", NUMBER, credentials_ttl_s),
#undef SETTING
};
enum { SETTINGS = sizeof settings / sizeof settings[0] };

struct tenant_list {
	const struct turnadmin_request *request;
	size_t count;
};

static turnadmin_print_all tenants_print;
static enum turnadmin_exit change(const struct turnadmin_request *request,
                                  bool (*apply)(const struct turnadmin_request *request,
                                                struct store_tenant *tenant));
static bool setting_apply(const struct turnadmin_request *request, struct store_tenant *tenant);
static bool value_set(const struct setting *setting, const char *text, struct store_tenant *tenant);
static bool secret_apply(const struct turnadmin_request *request, struct store_tenant *tenant);
static bool name_is_valid(const char *name);
static bool tenant_print(const struct store_tenant *tenant, void *context);
static void setting_print(const struct setting *setting, const struct store_tenant *tenant,
                          bool as_json);

enum turnadmin_exit turnadmin_tenant_add(const struct turnadmin_request *request)
{
	struct store_tenant tenant = {.name = ""}, there;
	struct store *store;
	enum err err;

	if (!name_is_valid(request->name))
		return TURNADMIN_USAGE;
	snprintf(tenant.name, sizeof tenant.name, "%s", request->name);
	if (request->realm != NULL &&
	    text_copy(tenant.realm, sizeof tenant.realm, request->realm) != OK) {
		turnadmin_say("the realm of a tenant has at most %d bytes", STORE_TENANT_REALM_MAX);
		return TURNADMIN_USAGE;
	}
	store = turnadmin_database_open(request, true, true);
	if (store == NULL)
		return TURNADMIN_PROBLEM;
	err = store_tenant_find(store, tenant.name, &there);
	if (err == OK) {
		turnadmin_say("there is a tenant %s: change it with tenant set", tenant.name);
		bytes_wipe(&there, sizeof there);
		store_close(store);
		return TURNADMIN_PROBLEM;
	}
	return turnadmin_database_changed(
		request, store, err == ERR_NOT_FOUND ? store_tenant_put(store, &tenant) : err);
}

enum turnadmin_exit turnadmin_tenant_set(const struct turnadmin_request *request)
{
	return change(request, setting_apply);
}

enum turnadmin_exit turnadmin_tenant_secret(const struct turnadmin_request *request)
{
	return change(request, secret_apply);
}

enum turnadmin_exit turnadmin_tenant_delete(const struct turnadmin_request *request)
{
	struct store *store = turnadmin_database_open(request, true, false);
	enum err err;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	err = store_tenant_delete(store, request->name);
	return turnadmin_database_removed(store, err, request, "there is no tenant %s",
	                                  request->name);
}

enum turnadmin_exit turnadmin_tenant_show(const struct turnadmin_request *request)
{
	struct store *store = turnadmin_database_open(request, false, false);
	struct store_tenant tenant;
	enum err err;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	err = store_tenant_find(store, request->name, &tenant);
	if (err == ERR_NOT_FOUND) {
		store_close(store);
		return turnadmin_say_missing(request, "there is no tenant %s", request->name);
	}
	for (size_t i = 0; err == OK && i < SETTINGS; i++) {
		if (request->as_json)
			fputs(i == 0 ? "{" : ", ", stdout);
		setting_print(&settings[i], &tenant, request->as_json);
	}
	if (err == OK)
		printf(request->as_json ? ", \"secret\": %s}\n" : "secret %s\n",
		       request->as_json ? (tenant.secret[0] != '\0' ? "true" : "false")
		                        : (tenant.secret[0] != '\0' ? "yes" : "no"));
	bytes_wipe(&tenant, sizeof tenant);
	return turnadmin_database_close(store, err);
}

enum turnadmin_exit turnadmin_tenant_list(const struct turnadmin_request *request)
{
	return turnadmin_database_list(request, tenants_print);
}

static enum err tenants_print(struct store *store, const struct turnadmin_request *request,
                              size_t *count)
{
	struct tenant_list list = {.request = request};
	enum err err = store_tenant_list(store, tenant_print, &list);

	*count = list.count;
	return err;
}

/* Reads the tenant, changes it, and writes it. */
static enum turnadmin_exit change(const struct turnadmin_request *request,
                                  bool (*apply)(const struct turnadmin_request *request,
                                                struct store_tenant *tenant))
{
	struct store *store = turnadmin_database_open(request, true, false);
	struct store_tenant tenant;
	enum err err;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	err = store_tenant_find(store, request->name, &tenant);
	if (err == ERR_NOT_FOUND) {
		store_close(store);
		turnadmin_say("there is no tenant %s: add it first", request->name);
		return TURNADMIN_PROBLEM;
	}
	if (err == OK && !apply(request, &tenant)) {
		store_close(store);
		return TURNADMIN_PROBLEM;
	}
	if (err == OK)
		err = store_tenant_put(store, &tenant);
	bytes_wipe(&tenant, sizeof tenant);
	return turnadmin_database_changed(request, store, err);
}

static bool setting_apply(const struct turnadmin_request *request, struct store_tenant *tenant)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (strcmp(settings[i].name, request->realm_option) == 0)
			return value_set(&settings[i], request->value, tenant);
	turnadmin_say("a tenant has no %s, but realm, anybody, relay-only, sessions, rooms, "
	              "room-capacity and credentials-lifetime",
	              request->realm_option);
	return false;
}

static bool value_set(const struct setting *setting, const char *text, struct store_tenant *tenant)
{
	void *at = (char *)tenant + setting->offset;
	size_t digits = strspn(text, "0123456789");
	bool is_yes = strcmp(text, "yes") == 0;

	switch (setting->kind) {
	case SETTING_TEXT:
		if (text_copy(at, setting->size, text) == OK)
			return true;
		turnadmin_say("%s is longer than %zu bytes", setting->name, setting->size - 1);
		return false;
	case SETTING_YES_NO:
		if (is_yes || strcmp(text, "no") == 0) {
			*(bool *)at = is_yes;
			return true;
		}
		turnadmin_say("%s is yes or no", setting->name);
		return false;
	case SETTING_NUMBER:
		break;
	}
	if (digits == 0 || digits > NUMBER_DIGITS || text[digits] != '\0') {
		turnadmin_say("%s is a number of at most %d digits; 0 is as turnserver.conf has it",
		              setting->name, NUMBER_DIGITS);
		return false;
	}
	*(uint32_t *)at = (uint32_t)strtoul(text, NULL, 10);
	return true;
}

static bool secret_apply(const struct turnadmin_request *request, struct store_tenant *tenant)
{
	struct turnadmin_input input = {
		.what = "secret", .repeat = true, .max = sizeof tenant->secret - 1};
	uint8_t bytes[GENERATED_SIZE];

	if (request->wants_generated) {
		random_bytes(bytes, sizeof bytes);
		hex_put(bytes, sizeof bytes, tenant->secret);
		bytes_wipe(bytes, sizeof bytes);
		printf(request->as_json ? "{\"secret\": \"%s\"}\n" : "%s\n", tenant->secret);
		return true;
	}
	if (!turnadmin_input_read(&input, tenant->secret))
		return false;
	if (strlen(tenant->secret) >= SECRET_LEN_MIN)
		return true;
	turnadmin_say("a secret of less than %d characters can be guessed", SECRET_LEN_MIN);
	bytes_wipe(tenant, sizeof *tenant);
	return false;
}

static bool name_is_valid(const char *name)
{
	if (store_tenant_name_is_valid(name))
		return true;
	turnadmin_say("the name of a tenant has letters, digits, . _ and -, at most %d of them",
	              STORE_TENANT_MAX);
	return false;
}

static bool tenant_print(const struct store_tenant *tenant, void *context)
{
	struct tenant_list *list = context;
	bool is_first = list->count++ == 0, as_json = list->request->as_json;

	if (!as_json) {
		puts(tenant->name); /* there is nothing in a name that a terminal obeys */
		return true;
	}
	printf("%s{\"name\": \"%s\"", is_first ? "[\n  " : ",\n  ", tenant->name);
	for (size_t i = 0; i < SETTINGS; i++) {
		fputs(", ", stdout);
		setting_print(&settings[i], tenant, true);
	}
	putchar('}');
	return true;
}

static void setting_print(const struct setting *setting, const struct store_tenant *tenant,
                          bool as_json)
{
	const char *at = (const char *)tenant + setting->offset;
	uint32_t number;
	bool is_yes;

	printf(as_json ? "\"%s\": " : "%s ", setting->name);
	switch (setting->kind) {
	case SETTING_TEXT:
		if (as_json)
			turnadmin_output_json(at);
		else
			turnadmin_output_text(at);
		break;
	case SETTING_YES_NO:
		memcpy(&is_yes, at, sizeof is_yes);
		fputs(as_json ? (is_yes ? "true" : "false") : (is_yes ? "yes" : "no"), stdout);
		break;
	case SETTING_NUMBER:
		memcpy(&number, at, sizeof number);
		printf("%" PRIu32, number);
		break;
	}
	if (!as_json)
		putchar('\n');
}
