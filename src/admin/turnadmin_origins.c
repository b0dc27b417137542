/* origin add, delete and list: which realm a client is of by its ORIGIN. */
#include <stdio.h>
#include <string.h>

#include "admin/turnadmin_database.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"
#include "stun/origin.h"

struct origin_list {
	const struct turnadmin_request *request;
	size_t count;
};

static turnadmin_print_all origins_print;
static bool origin_read(const struct turnadmin_request *request, char *origin);
static bool origin_print(const char *origin, const char *realm, void *context);

enum turnadmin_exit turnadmin_origin_add(const struct turnadmin_request *request)
{
	char origin[STUN_ORIGIN_MAX + 1];
	struct store *store;

	if (!origin_read(request, origin))
		return TURNADMIN_USAGE;
	store = turnadmin_database_open(request, true, true);
	if (store == NULL)
		return TURNADMIN_PROBLEM;
	return turnadmin_database_changed(request, store,
	                                  store_origin_put(store, origin, request->realm));
}

enum turnadmin_exit turnadmin_origin_delete(const struct turnadmin_request *request)
{
	char origin[STUN_ORIGIN_MAX + 1];
	struct store *store;
	enum err err;

	if (!origin_read(request, origin))
		return TURNADMIN_USAGE;
	store = turnadmin_database_open(request, true, false);
	if (store == NULL)
		return TURNADMIN_PROBLEM;
	err = store_origin_delete(store, origin);
	return turnadmin_database_removed(store, err, request, "there is no origin %s", origin);
}

enum turnadmin_exit turnadmin_origin_list(const struct turnadmin_request *request)
{
	return turnadmin_database_list(request, origins_print);
}

static enum err origins_print(struct store *store, const struct turnadmin_request *request,
                              size_t *count)
{
	struct origin_list list = {.request = request};
	enum err err = store_origin_list(store, request->realm, origin_print, &list);

	*count = list.count;
	return err;
}

/* In the form in which the server looks for it. */
static bool origin_read(const struct turnadmin_request *request, char *origin)
{
	if (stun_origin_normalise((const uint8_t *)request->name, strlen(request->name), origin) ==
	    OK)
		return true;
	turnadmin_say("an origin has 1 to %d bytes, such as https://www.example.org",
	              STUN_ORIGIN_MAX);
	return false;
}

static bool origin_print(const char *origin, const char *realm, void *context)
{
	struct origin_list *list = context;
	bool is_first = list->count++ == 0;

	if (list->request->as_json) {
		fputs(is_first ? "[\n  {\"origin\": " : ",\n  {\"origin\": ", stdout);
		turnadmin_output_json(origin);
		fputs(", \"realm\": ", stdout);
		turnadmin_output_json(realm);
		putchar('}');
		return true;
	}
	if (is_first && !list->request->is_coturn_style)
		puts("ORIGIN\tREALM");
	turnadmin_output_text(origin);
	fputs(list->request->is_coturn_style ? " ==>> " : "\t", stdout);
	turnadmin_output_text(realm);
	putchar('\n');
	return true;
}
