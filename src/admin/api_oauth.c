/* Keys of authorization servers (RFC 7635). A key comes in, or is made and told once, and is in no list. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin/list_page.h"
#include "control/message.h"
#include "store/oauth_key.h"

/* timestamp and lifetime in seconds; a lifetime of 0 is for ever. */
static json_t *describe(const struct store_oauth_key *key)
{
	return json_pack("{s:o, s:o, s:o, s:I, s:I}", "kid", control_text(key->kid), "realm",
	                 control_text(key->realm), "algorithm", control_text(key->algorithm),
	                 "timestamp", (json_int_t)key->timestamp, "lifetime",
	                 (json_int_t)key->lifetime_s);
}

static bool add(const struct store_oauth_key *key, void *context)
{
	struct list_page *page = context;

	if (list_page_matches(page, key->kid, key->realm))
		list_page_put(page, key->kid, "", describe(key));
	return true;
}

void api_oauth_keys(struct api_call *call)
{
	struct list_page page;
	struct store *store;

	if (list_page_init(&page, call) && (store = api_take_store(call)) != NULL &&
	    api_release_store(call,
	                      store_oauth_key_list(store, page.realm[0] != '\0' ? page.realm : NULL,
	                                           add, &page)))
		list_page_answer(&page, call, "oauth_keys");
	list_page_deinit(&page);
}

/* ---- changes ---- */

static bool copy_text(struct api_call *call, const char *name, const char *text, char *to,
                      size_t size)
{
	if (text_copy(to, size, text) == OK)
		return true;
	api_refuse(call, 400, "bad-member", "%s: it has at most %zu bytes", name, size - 1);
	return false;
}

/* All but the key. */
static bool read_description(struct api_call *call, struct store_oauth_key *key)
{
	const char *realm = "", *algorithm = OAUTH_KEY_ALGORITHM;
	json_int_t lifetime_s = 0;

	if (!api_get_text(call, "realm", &realm) || !api_get_text(call, "algorithm", &algorithm) ||
	    !api_get_number(call, "lifetime", 0, UINT32_MAX, &lifetime_s) ||
	    !copy_text(call, "kid", call->parts[0], key->kid, sizeof key->kid) ||
	    !copy_text(call, "realm", realm, key->realm, sizeof key->realm) ||
	    !copy_text(call, "algorithm", algorithm, key->algorithm, sizeof key->algorithm))
		return false;
	oauth_key_start(key, (uint64_t)lifetime_s, (uint64_t)time(NULL));
	return true;
}

static bool read_key(struct api_call *call, struct store_oauth_key *key, bool *is_made)
{
	const char *text = NULL;

	if (!api_get_text(call, "key", &text))
		return false;
	*is_made = text == NULL;
	if (*is_made)
		oauth_key_generate(key);
	else if (oauth_key_read(key, text) != OK) {
		api_refuse(call, 400, "bad-member", "key: it is base64 of at most %d bytes",
		           STORE_OAUTH_KEY_MAX);
		return false;
	}
	if (oauth_key_is_usable(key))
		return true;
	api_refuse(call, 400, "bad-member", "%s: %s", *is_made ? "algorithm" : "key",
	           oauth_key_rule);
	return false;
}

static enum err put(struct store *store, const struct store_oauth_key *key, bool *is_new)
{
	struct store_oauth_key before;
	enum err err = store_oauth_key_find(store, key->kid, &before);

	bytes_wipe(&before, sizeof before);
	*is_new = err == ERR_NOT_FOUND;
	return err == OK || err == ERR_NOT_FOUND ? store_oauth_key_put(store, key) : err;
}

static json_t *describe_once(const struct store_oauth_key *key, bool is_made)
{
	char text[OAUTH_KEY_TEXT_SIZE];
	json_t *json = describe(key);

	if (!is_made)
		return json;
	oauth_key_write(key, text);
	json_object_set_new(json, "key", json_string(text));
	bytes_wipe(text, sizeof text);
	return json;
}

void api_put_oauth_key(struct api_call *call)
{
	struct store_oauth_key key = {.kid = ""};
	bool is_made, is_new;
	struct store *store;

	if (read_description(call, &key) && read_key(call, &key, &is_made) &&
	    (store = api_take_store(call)) != NULL &&
	    api_release_store(call, put(store, &key, &is_new))) {
		api_audit_done(call, "oauth key put", "kid=%s realm=%s algorithm=%s", key.kid,
		               key.realm, key.algorithm);
		api_answer_status(call, is_new ? 201 : 200, describe_once(&key, is_made));
	}
	bytes_wipe(&key, sizeof key);
}

void api_delete_oauth_key(struct api_call *call)
{
	struct store *store = api_take_store(call);

	if (store == NULL ||
	    !api_release_store(call, store_oauth_key_delete(store, call->parts[0])))
		return;
	api_audit_done(call, "oauth key delete", "kid=%s", call->parts[0]);
	api_answer_nothing(call);
}
