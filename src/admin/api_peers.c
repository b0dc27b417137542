/* Which peers clients may reach and may not: those of a realm, or ("") of every realm. */
#include <string.h>

#include "admin/list_page.h"
#include "base/addr.h"
#include "control/message.h"

static const char *const lists[STORE_PEER_LIST_COUNT] = {
	[STORE_ALLOWED_PEERS] = "allowed",
	[STORE_DENIED_PEERS] = "denied",
};

/* ---- the list ---- */

struct listing {
	struct list_page *page;
	enum store_peer_list list;
};

static json_t *describe(const char *realm, enum store_peer_list list, const char *range)
{
	return json_pack("{s:o, s:s, s:o}", "realm", control_text(realm), "list", lists[list],
	                 "range", control_text(range));
}

/* In order of realm, list and range. */
static bool add(const char *realm, const char *range, void *context)
{
	const struct listing *listing = context;
	char key[STORE_RANGE_MAX + 16];

	snprintf(key, sizeof key, "%s %s", lists[listing->list], range);
	if (list_page_matches(listing->page, realm, range))
		list_page_put(listing->page, realm, key, describe(realm, listing->list, range));
	return true;
}

static enum err list_all(struct store *store, struct list_page *page)
{
	const char *realm = page->realm[0] != '\0' ? page->realm : NULL;
	struct listing listing = {.page = page};
	enum err err = OK;

	for (int i = 0; err == OK && i < STORE_PEER_LIST_COUNT; i++) {
		listing.list = i;
		err = store_peer_range_list(store, i, realm, add, &listing);
	}
	return err;
}

void api_peers(struct api_call *call)
{
	struct list_page page;
	struct store *store;

	if (list_page_init(&page, call) && (store = api_take_store(call)) != NULL &&
	    api_release_store(call, list_all(store, &page)))
		list_page_answer(&page, call, "peers");
	list_page_deinit(&page);
}

/* ---- changes ---- */

struct rule {
	const char *realm, *range; /* lent */
	enum store_peer_list list;
};

static bool read_list(struct api_call *call, enum store_peer_list *list)
{
	const char *name;

	if (!api_need_text(call, "list", &name))
		return false;
	for (int i = 0; i < STORE_PEER_LIST_COUNT; i++)
		if (strcmp(name, lists[i]) == 0) {
			*list = i;
			return true;
		}
	api_refuse(call, 400, "bad-member", "list: it is allowed or denied");
	return false;
}

static bool read_rule(struct api_call *call, struct rule *rule)
{
	*rule = (struct rule){.realm = ""};
	if (!api_get_text(call, "realm", &rule->realm) || !read_list(call, &rule->list) ||
	    !api_need_text(call, "range", &rule->range))
		return false;
	if (strlen(rule->realm) < STORE_TEXT_MAX)
		return true;
	api_refuse(call, 400, "bad-member", "realm: it has at most %d bytes", STORE_TEXT_MAX - 1);
	return false;
}

static const char *realm_or_every(const struct rule *rule)
{
	return rule->realm[0] != '\0' ? rule->realm : "(every)";
}

void api_add_peers(struct api_call *call)
{
	char kept[STORE_RANGE_MAX + 1];
	struct store *store;
	struct rule rule;

	if (!read_rule(call, &rule))
		return;
	if (store_peer_range_normalise(rule.range, kept) != OK) {
		api_refuse(call, 400, "bad-member",
		           "range: give 192.0.2.1, 192.0.2.1-192.0.2.9 or 192.0.2.0/24, IPv4 or "
		           "IPv6");
		return;
	}
	if ((store = api_take_store(call)) == NULL ||
	    !api_release_store(call, store_peer_range_add(store, rule.list, rule.realm, kept)))
		return;
	api_audit_done(call, "peers add", "realm=%s list=%s range=%s", realm_or_every(&rule),
	               lists[rule.list], kept);
	api_answer_status(call, 201, describe(rule.realm, rule.list, kept));
}

/* In any form, or as it stands in the store where it is malformed. */
void api_remove_peers(struct api_call *call)
{
	struct store *store;
	struct rule rule;

	if (!read_rule(call, &rule) || (store = api_take_store(call)) == NULL ||
	    !api_release_store(call,
	                       store_peer_range_delete(store, rule.list, rule.realm, rule.range)))
		return;
	api_audit_done(call, "peers remove", "realm=%s list=%s range=%s", realm_or_every(&rule),
	               lists[rule.list], rule.range);
	api_answer_nothing(call);
}
