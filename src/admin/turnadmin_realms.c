/* realm set, unset and list: what a realm has of its own instead of the server's. */
#include <stdio.h>
#include <string.h>

#include "admin/turnadmin_database.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"

struct option_list {
	const struct turnadmin_request *request;
	size_t count;
};

static turnadmin_print_all options_print;
static bool option_is_fine(const char *name, const char *value);
static enum err option_apply(struct store *store, const struct turnadmin_request *request,
                             const char *name, const char *value);
static const char *given_value(const struct turnadmin_request *request,
                               enum store_realm_option option);
static bool option_print(const char *realm, const char *name, const char *value, void *context);

/* In its own words one option; in coturn's as many as were given. */
enum turnadmin_exit turnadmin_realm_set(const struct turnadmin_request *request)
{
	struct store *store;
	enum err err = OK;
	size_t count = 0;

	for (int i = 0; i < STORE_REALM_OPTION_COUNT; i++) {
		const char *value = given_value(request, i);

		if (value == NULL)
			continue;
		if (!option_is_fine(store_realm_option_name(i), value))
			return TURNADMIN_USAGE;
		count++;
	}
	if (count == 0) {
		turnadmin_say("which option of the realm, max-bps, total-quota or user-quota, and "
		              "its value?");
		return TURNADMIN_USAGE;
	}
	store = turnadmin_database_open(request, true, true);
	if (store == NULL)
		return TURNADMIN_PROBLEM;
	for (int i = 0; i < STORE_REALM_OPTION_COUNT && err == OK; i++)
		if (given_value(request, i) != NULL)
			err = option_apply(store, request, store_realm_option_name(i),
			                   given_value(request, i));
	return turnadmin_database_changed(request, store, err);
}

enum turnadmin_exit turnadmin_realm_unset(const struct turnadmin_request *request)
{
	struct store *store = turnadmin_database_open(request, true, false);
	bool is_all = strcmp(request->realm_option, "all") == 0;
	enum err err;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	err = store_realm_option_delete(store, request->realm,
	                                is_all ? NULL : request->realm_option);
	if (err != ERR_NOT_FOUND || is_all)
		return turnadmin_database_changed(request, store, err == ERR_NOT_FOUND ? OK : err);
	turnadmin_say("realm %s has no %s of its own", request->realm, request->realm_option);
	store_close(store);
	return TURNADMIN_PROBLEM;
}

enum turnadmin_exit turnadmin_realm_list(const struct turnadmin_request *request)
{
	return turnadmin_database_list(request, options_print);
}

static enum err options_print(struct store *store, const struct turnadmin_request *request,
                              size_t *count)
{
	struct option_list list = {.request = request};
	enum err err = store_realm_option_list(store, request->realm, option_print, &list);

	*count = list.count;
	return err;
}

/* What was given for an option: as two words, or by an option of coturn's. */
static const char *given_value(const struct turnadmin_request *request,
                               enum store_realm_option option)
{
	const char *const of_coturn[STORE_REALM_OPTION_COUNT] = {
		[STORE_MAX_BPS] = request->max_bps,
		[STORE_TOTAL_QUOTA] = request->total_quota,
		[STORE_USER_QUOTA] = request->user_quota,
	};

	if (request->realm_option != NULL &&
	    strcmp(request->realm_option, store_realm_option_name(option)) == 0)
		return request->value;
	return of_coturn[option];
}

static bool option_is_fine(const char *name, const char *value)
{
	enum store_realm_option option;
	uint64_t number;

	if (store_realm_option_parse(name, value, &option, &number) == OK)
		return true;
	turnadmin_say("%s %.64s: give a number that the option of this name in turnserver.conf "
	              "could have, without a unit",
	              name, value);
	return false;
}

/* coturn's help says that 0 takes an option away; in turnserver 0 is no limit, whatever the
 * configuration's is. */
static enum err option_apply(struct store *store, const struct turnadmin_request *request,
                             const char *name, const char *value)
{
	enum err err;

	if (!request->is_coturn_style || strspn(value, "0") != strlen(value))
		return store_realm_option_put(store, request->realm, name, value);
	err = store_realm_option_delete(store, request->realm, name);
	return err == ERR_NOT_FOUND ? OK : err;
}

static bool option_print(const char *realm, const char *name, const char *value, void *context)
{
	struct option_list *list = context;
	bool is_first = list->count++ == 0;

	if (list->request->as_json) {
		fputs(is_first ? "[\n  {\"realm\": " : ",\n  {\"realm\": ", stdout);
		turnadmin_output_json(realm);
		fputs(", \"option\": ", stdout);
		turnadmin_output_json(name);
		fputs(", \"value\": ", stdout);
		turnadmin_output_json(value);
		putchar('}');
		return true;
	}
	if (list->request->is_coturn_style) {
		turnadmin_output_text(name);
		putchar('[');
		turnadmin_output_text(realm);
		fputs("]=", stdout);
	} else {
		fputs(is_first ? "REALM\tOPTION\tVALUE\n" : "", stdout);
		turnadmin_output_text(realm);
		putchar('\t');
		turnadmin_output_text(name);
		putchar('\t');
	}
	turnadmin_output_text(value);
	putchar('\n');
	return true;
}
