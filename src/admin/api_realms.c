/* Realms: those that have users, secrets or limits of their own, and the configured one. Besides their limits, and the peers that
 * their clients may reach and may not. */
#include <stdlib.h>
#include <string.h>

#include "admin/list_page.h"
#include "admin/console.h"
#include "control/message.h"
#include "store/time_limited.h"

/* ---- the list ---- */

static bool is_wanted(const struct list_page *page, const char *realm)
{
	return realm[0] != '\0' && list_page_matches(page, realm, NULL) &&
	       (page->realm[0] == '\0' || strcmp(page->realm, realm) == 0);
}

static bool add_realm(const char *realm, void *context)
{
	struct list_page *page = context;

	if (is_wanted(page, realm) && list_page_find(page, realm, "") == NULL)
		list_page_put(page, realm, "",
		              json_pack("{s:o, s:{}, s:i, s:i}", "realm", control_text(realm),
		                        "limits", "users", 0, "secrets", 0));
	return true;
}

static bool add_realm_of_option(const char *realm, const char *name, const char *value,
                                void *context)
{
	(void)name;
	(void)value;
	return add_realm(realm, context);
}

static enum err list_realms(const struct api_call *call, struct store *store,
                            struct list_page *page)
{
	char own[STORE_TEXT_MAX];
	enum err err;

	time_limited_own_realm(call->console->config, own, sizeof own);
	add_realm(own, page);
	if (call->who.realm[0] != '\0') {
		add_realm(call->who.realm, page);
		return OK;
	}
	err = store_realm_list(store, add_realm, page);
	return err != OK ? err : store_realm_option_list(store, NULL, add_realm_of_option, page);
}

static bool set_limit(const char *realm, const char *name, const char *value, void *context)
{
	const struct list_page_row *row = list_page_find(context, realm, "");
	enum store_realm_option option;
	uint64_t number;

	if (row != NULL && store_realm_option_parse(name, value, &option, &number) == OK)
		json_object_set_new(json_object_get(row->json, "limits"), name,
		                    json_integer((json_int_t)number));
	return true;
}

static bool count_secret(const char *realm, const char *secret, void *context)
{
	const struct list_page_row *row = list_page_find(context, realm, "");
	json_t *count;

	(void)secret;
	if (row == NULL)
		return true;
	count = json_object_get(row->json, "secrets");
	json_integer_set(count, json_integer_value(count) + 1);
	return true;
}

static enum err count_users(struct store *store, const struct list_page *page)
{
	const char *realms[LIST_PAGE_MAX + 1];
	char texts[2][STORE_TEXT_MAX];
	uint64_t counts[LIST_PAGE_MAX + 1];
	char *kept = page->count == 0 ? NULL : calloc(page->count, STORE_TEXT_MAX);
	enum err err;

	if (page->count == 0)
		return OK;
	if (kept == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < page->count; i++) {
		list_page_key_split(page->rows[i].key, texts[0], texts[1]);
		realms[i] = memcpy(kept + i * STORE_TEXT_MAX, texts[0], sizeof texts[0]);
	}
	err = store_user_counts(store, realms, page->count, counts);
	for (size_t i = 0; err == OK && i < page->count; i++)
		json_object_set_new(page->rows[i].json, "users",
		                    json_integer((json_int_t)counts[i]));
	free(kept);
	return err;
}

static enum err list(const struct api_call *call, struct store *store, struct list_page *page)
{
	const char *realm = page->realm[0] != '\0' ? page->realm : NULL;
	enum err err = list_realms(call, store, page);

	if (err == OK)
		err = store_realm_option_list(store, realm, set_limit, page);
	if (err == OK)
		err = store_secret_list(store, realm, count_secret, page);
	return err == OK ? count_users(store, page) : err;
}

void api_realms(struct api_call *call)
{
	struct list_page page;
	struct store *store;

	if (list_page_init(&page, call) && (store = api_take_store(call)) != NULL &&
	    api_release_store(call, list(call, store, &page)))
		list_page_answer(&page, call, "realms");
	list_page_deinit(&page);
}

/* ---- limits ---- */

static bool is_limit(struct api_call *call, const char *name)
{
	for (int i = 0; i < STORE_REALM_OPTION_COUNT; i++)
		if (strcmp(name, store_realm_option_name(i)) == 0)
			return true;
	api_refuse(call, 404, "not-found", "a realm has max-bps, total-quota and user-quota");
	return false;
}

static bool read_limit(struct api_call *call, const char *name, json_int_t *value)
{
	enum store_realm_option option;
	uint64_t number;
	char text[24];

	*value = -1;
	if (!api_get_number(call, "value", 0, INT64_MAX, value))
		return false;
	snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, *value);
	if (*value >= 0 && store_realm_option_parse(name, text, &option, &number) == OK)
		return true;
	api_refuse(call, 400, "bad-member",
	           "value: give a number that the option %s could have; 0 is no limit", name);
	return false;
}

void api_set_limit(struct api_call *call)
{
	const char *realm = call->parts[0], *name = call->parts[1];
	struct store *store;
	json_int_t value;
	char text[24];

	if (!is_limit(call, name) || !read_limit(call, name, &value) ||
	    (store = api_take_store(call)) == NULL)
		return;
	snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, value);
	if (!api_release_store(call, store_realm_option_put(store, realm, name, text)))
		return;
	api_audit_done(call, "limit set", "realm=%s %s=%s", realm, name, text);
	api_answer(call,
	           json_pack("{s:s, s:s, s:I}", "realm", realm, "name", name, "value", value));
}

void api_unset_limit(struct api_call *call)
{
	const char *realm = call->parts[0], *name = call->parts[1];
	struct store *store;

	if (!is_limit(call, name) || (store = api_take_store(call)) == NULL ||
	    !api_release_store(call, store_realm_option_delete(store, realm, name)))
		return;
	api_audit_done(call, "limit unset", "realm=%s %s", realm, name);
	api_answer_nothing(call);
}
