/* Which realm clients are of by the ORIGIN that they send. */
#include <string.h>

#include "admin/list_page.h"
#include "control/message.h"
#include "stun/origin.h"

static json_t *describe(const char *origin, const char *realm)
{
	return json_pack("{s:o, s:o}", "origin", control_text(origin), "realm",
	                 control_text(realm));
}

static bool add(const char *origin, const char *realm, void *context)
{
	struct list_page *page = context;

	if (list_page_matches(page, origin, realm))
		list_page_put(page, origin, "", describe(origin, realm));
	return true;
}

void api_origins(struct api_call *call)
{
	struct list_page page;
	struct store *store;

	if (list_page_init(&page, call) && (store = api_take_store(call)) != NULL &&
	    api_release_store(call,
	                      store_origin_list(store, page.realm[0] != '\0' ? page.realm : NULL,
	                                        add, &page)))
		list_page_answer(&page, call, "origins");
	list_page_deinit(&page);
}

/* In the form in which the server looks for it. */
static bool read_origin(struct api_call *call, char origin[STUN_ORIGIN_MAX + 1])
{
	const char *text;

	if (!api_need_text(call, "origin", &text))
		return false;
	if (stun_origin_normalise((const uint8_t *)text, strlen(text), origin) == OK)
		return true;
	api_refuse(call, 400, "bad-member",
	           "origin: it has 1 to %d bytes, such as https://www.example.org",
	           STUN_ORIGIN_MAX);
	return false;
}

void api_put_origin(struct api_call *call)
{
	char origin[STUN_ORIGIN_MAX + 1];
	struct store *store;
	const char *realm;

	if (!read_origin(call, origin) || !api_need_text(call, "realm", &realm))
		return;
	if (strlen(realm) >= STORE_TEXT_MAX) {
		api_refuse(call, 400, "bad-member", "realm: it has at most %d bytes",
		           STORE_TEXT_MAX - 1);
		return;
	}
	if ((store = api_take_store(call)) == NULL ||
	    !api_release_store(call, store_origin_put(store, origin, realm)))
		return;
	api_audit_done(call, "origin put", "origin=%s realm=%s", origin, realm);
	api_answer(call, describe(origin, realm));
}

void api_delete_origin(struct api_call *call)
{
	char origin[STUN_ORIGIN_MAX + 1];
	struct store *store;

	if (!read_origin(call, origin) || (store = api_take_store(call)) == NULL ||
	    !api_release_store(call, store_origin_delete(store, origin)))
		return;
	api_audit_done(call, "origin delete", "origin=%s", origin);
	api_answer_nothing(call);
}
