/* peer allow, deny, remove and list: which peers the clients of a realm may reach, or of every realm. */
#include <stdio.h>
#include <string.h>

#include "admin/turnadmin_database.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"
#include "base/addr.h"

struct range_list_printed {
	const struct turnadmin_request *request;
	const char *rule;
	size_t count;
};

static const char *const rules[STORE_PEER_LIST_COUNT] = {
	[STORE_ALLOWED_PEERS] = "allow",
	[STORE_DENIED_PEERS] = "deny",
};

static turnadmin_print_all ranges_print;
static enum turnadmin_exit add(const struct turnadmin_request *request, enum store_peer_list list);
static const char *realm_of(const struct turnadmin_request *request);
static bool range_print(const char *realm, const char *range, void *context);

enum turnadmin_exit turnadmin_peer_allow(const struct turnadmin_request *request)
{
	return add(request, STORE_ALLOWED_PEERS);
}

enum turnadmin_exit turnadmin_peer_deny(const struct turnadmin_request *request)
{
	return add(request, STORE_DENIED_PEERS);
}

/* From both lists: what is asked for is that there be no rule for it. */
enum turnadmin_exit turnadmin_peer_remove(const struct turnadmin_request *request)
{
	struct store *store = turnadmin_database_open(request, true, false);
	bool was_there = false;

	if (store == NULL)
		return TURNADMIN_PROBLEM;
	for (int i = 0; i < STORE_PEER_LIST_COUNT; i++) {
		enum err err = store_peer_range_delete(store, i, realm_of(request), request->name);

		if (err != OK && err != ERR_NOT_FOUND)
			return turnadmin_database_close(store, err);
		was_there = was_there || err == OK;
	}
	if (was_there)
		return turnadmin_database_changed(request, store, OK);
	store_close(store);
	turnadmin_say("there is no rule for %s of %s%s", request->name,
	              request->realm != NULL ? "realm " : "every realm",
	              request->realm != NULL ? request->realm : "");
	return TURNADMIN_PROBLEM;
}

enum turnadmin_exit turnadmin_peer_list(const struct turnadmin_request *request)
{
	return turnadmin_database_list(request, ranges_print);
}

static enum err ranges_print(struct store *store, const struct turnadmin_request *request,
                             size_t *count)
{
	struct range_list_printed list = {.request = request};
	enum err err = OK;

	for (int i = 0; i < STORE_PEER_LIST_COUNT && err == OK; i++) {
		list.rule = rules[i];
		err = store_peer_range_list(store, i, request->realm, range_print, &list);
	}
	*count = list.count;
	return err;
}

static enum turnadmin_exit add(const struct turnadmin_request *request, enum store_peer_list list)
{
	struct addr_range range;
	struct store *store;
	enum err err;

	if (addr_range_parse(request->name, &range) != OK) {
		turnadmin_say("%.64s: not a range of addresses: give 192.0.2.1, "
		              "192.0.2.1-192.0.2.9 or 192.0.2.0/24, IPv4 or IPv6",
		              request->name);
		return TURNADMIN_USAGE;
	}
	store = turnadmin_database_open(request, true, true);
	if (store == NULL)
		return TURNADMIN_PROBLEM;
	err = store_peer_range_add(store, list, realm_of(request), request->name);
	return turnadmin_database_changed(request, store, err == ERR_EXISTS ? OK : err);
}

/* coturn's rows for every realm have none. */
static const char *realm_of(const struct turnadmin_request *request)
{
	return request->realm != NULL ? request->realm : "";
}

static bool range_print(const char *realm, const char *range, void *context)
{
	struct range_list_printed *list = context;
	bool is_first = list->count++ == 0;

	if (list->request->as_json) {
		printf("%s\n  {\"rule\": \"%s\", \"range\": ", is_first ? "[" : ",", list->rule);
		turnadmin_output_json(range);
		fputs(", \"realm\": ", stdout);
		turnadmin_output_json(realm);
		putchar('}');
		return true;
	}
	printf("%s%s\t", is_first ? "RULE\tRANGE\tREALM\n" : "", list->rule);
	turnadmin_output_text(range);
	putchar('\t');
	turnadmin_output_text(realm);
	putchar('\n');
	return true;
}
