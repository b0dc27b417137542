/* Users with long-term credentials. A password comes in once, and is not kept: the keys that are made of it are. */
#include <string.h>

#include "admin/console.h"
#include "admin/list_page.h"
#include "base/bytes.h"
#include "base/random.h"
#include "control/message.h"
#include "store/store.h"
#include "store/tenants.h"

enum { PASSWORD_MAX = 512, GENERATED_BYTES = 16, GENERATED_SIZE = 2 * GENERATED_BYTES + 1 };

static json_t *describe(const struct store_user *user)
{
	return json_pack("{s:o, s:o, s:b, s:b}", "realm", control_text(user->realm), "name",
	                 control_text(user->name), "has_md5", (int)(user->key_len > 0),
	                 "has_sha256", (int)user->has_sha256);
}

/* ---- the list ---- */

static bool add(const struct store_user *user, void *context)
{
	list_page_put(context, user->realm, user->name, describe(user));
	return true;
}

static enum err list(struct store *store, struct list_page *page)
{
	char realm[STORE_TEXT_MAX], name[STORE_TEXT_MAX];
	struct store_user_page wanted = {
		.realm = page->realm[0] != '\0' ? page->realm : NULL,
		.contains = page->contains,
		.limit = page->limit + 1,
	};

	if (page->after.text[0] != '\0') {
		list_page_key_split(page->after.text, realm, name);
		wanted.after_realm = realm;
		wanted.after_name = name;
	}
	return store_user_page(store, &wanted, add, page);
}

void api_users(struct api_call *call)
{
	struct list_page page;
	struct store *store;

	if (list_page_init(&page, call) && (store = api_take_store(call)) != NULL &&
	    api_release_store(call, list(store, &page)))
		list_page_answer(&page, call, "users");
	list_page_deinit(&page);
}

/* ---- changes ---- */

/* The longest USERNAME of a request is what STUN lets a client send (RFC 8489 section 14.3). */
/* With realm-from-username NAME@REALM is of REALM, whichever realm keeps the key. */
static bool may_name(struct api_call *call, const char *name)
{
	const char *at = strrchr(name, '@');

	if (call->who.realm[0] == '\0' || !call->console->config->realm_from_username ||
	    at == NULL || strcmp(at + 1, call->who.realm) == 0)
		return true;
	api_refuse(call, 403, "another-realm", "the name is of another realm");
	return false;
}

static bool read_user(struct api_call *call, struct store_user *user)
{
	const char *realm;

	memset(user, 0, sizeof *user);
	if (!api_realm(call, call->parts[0], &realm) || !may_name(call, call->parts[1]))
		return false;
	if (text_copy(user->realm, sizeof user->realm, realm) == OK &&
	    text_copy(user->name, STORE_USERNAME_MAX + 1, call->parts[1]) == OK)
		return true;
	api_refuse(call, 400, "bad-name", "name: it has at most %d bytes", STORE_USERNAME_MAX);
	return false;
}

/* Without a password one is made, which the answer tells. */
static bool set_password(struct api_call *call, struct store_user *user,
                         char generated[GENERATED_SIZE])
{
	const char *password = NULL;
	uint8_t bytes[GENERATED_BYTES];

	if (!api_get_text(call, "password", &password))
		return false;
	if (password != NULL && (password[0] == '\0' || strlen(password) > PASSWORD_MAX)) {
		api_refuse(call, 400, "bad-member", "password: it has 1 to %d bytes", PASSWORD_MAX);
		return false;
	}
	if (password == NULL) {
		random_bytes(bytes, sizeof bytes);
		hex_put(bytes, sizeof bytes, generated);
		bytes_wipe(bytes, sizeof bytes);
		password = generated;
	}
	if (store_user_set_password(user, password) == OK)
		return true;
	api_answer(call, NULL);
	return false;
}

static enum err put(struct store *store, const struct store_user *user, bool *is_new)
{
	struct store_user before;
	enum err err = store_user_find(store, user->realm, user->name, &before);

	bytes_wipe(&before, sizeof before);
	*is_new = err == ERR_NOT_FOUND;
	return err == OK || err == ERR_NOT_FOUND ? store_user_put(store, user) : err;
}

void api_put_user(struct api_call *call)
{
	char generated[GENERATED_SIZE] = "";
	struct store_user user;
	struct store *store;
	bool is_new;

	if (read_user(call, &user) && set_password(call, &user, generated) &&
	    (store = api_take_store(call)) != NULL &&
	    api_release_store(call, put(store, &user, &is_new))) {
		json_t *json = describe(&user);

		if (generated[0] != '\0')
			json_object_set_new(json, "password", json_string(generated));
		api_audit_done(call, "user put", "realm=%s user=%s", user.realm, user.name);
		api_answer_status(call, is_new ? 201 : 200, json);
	}
	bytes_wipe(generated, sizeof generated);
	bytes_wipe(&user, sizeof user);
}

void api_delete_user(struct api_call *call)
{
	const char *name = call->parts[1], *realm;
	struct store *store;

	if (!api_realm(call, call->parts[0], &realm) || !may_name(call, name) ||
	    (store = api_take_store(call)) == NULL ||
	    !api_release_store(call, store_user_delete(store, realm, name)))
		return;
	api_audit_done(call, "user delete", "realm=%s user=%s", realm, name);
	api_answer_nothing(call);
}
