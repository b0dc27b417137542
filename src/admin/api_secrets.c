/* Shared secrets of time-limited credentials. One that was made is told once; all else goes by marks, also what the relay tells of
 * their use, by which somebody who rotates them sees when the old one is not needed any more. */
#include <string.h>

#include "admin/list_page.h"
#include "admin/console.h"
#include "base/bytes.h"
#include "control/client.h"
#include "control/message.h"
#include "store/shared_secret.h"

/* ---- the list ---- */

struct listing {
	struct list_page *page;
	struct stun_hasher *hasher;
};

static json_t *describe(const char *realm, const char *mark)
{
	return json_pack("{s:o, s:s, s:n, s:n}", "realm", control_text(realm), "mark", mark, "uses",
	                 "last_used");
}

static bool add(const char *realm, const char *secret, void *context)
{
	const struct listing *listing = context;
	char mark[SECRET_MARK_SIZE];

	secret_mark(listing->hasher, realm, secret, mark);
	if (list_page_matches(listing->page, realm, mark))
		list_page_put(listing->page, realm, mark, describe(realm, mark));
	return true;
}

static enum err list(struct store *store, struct list_page *page)
{
	struct listing listing = {.page = page};
	enum err err = stun_hasher_create(&listing.hasher);

	if (err != OK)
		return err;
	err = store_secret_list(store, page->realm[0] != '\0' ? page->realm : NULL, add, &listing);
	stun_hasher_destroy(listing.hasher);
	return err;
}

/* Asks the relay how the secrets of a realm, "": of all, were used; NULL: it does not say. */
static json_t *ask_uses(const struct api_call *call, const char *realm)
{
	const char *path = call->console->relay_socket;
	char problem[256];
	json_t *result = NULL;

	if (path == NULL || path[0] == '\0' ||
	    control_ask(path, "secret uses",
	                realm[0] != '\0' ? json_pack("{s:s}", "realm", realm) : NULL, &result,
	                problem) != OK)
		return NULL;
	return result;
}

/* What the relay does not name was not used since it started. */
static void set_uses(json_t *row, const json_t *uses)
{
	const char *mark = json_string_value(json_object_get(row, "mark"));
	const char *realm = json_string_value(json_object_get(row, "realm"));
	json_t *use;
	size_t i;

	json_object_set_new(row, "uses", json_integer(0));
	json_array_foreach(json_object_get(uses, "secrets"), i, use)
	{
		const char *of = json_string_value(json_object_get(use, "mark"));
		const char *in = json_string_value(json_object_get(use, "realm"));

		if (of == NULL || in == NULL || realm == NULL || strcmp(of, mark) != 0 ||
		    strcmp(in, realm) != 0)
			continue;
		json_object_set(row, "uses", json_object_get(use, "uses"));
		json_object_set(row, "last_used", json_object_get(use, "last_used"));
	}
}

/* The relay is asked once, as each question goes through all of its threads. */
static void add_uses(const struct api_call *call, struct list_page *page)
{
	json_t *uses = page->count > 0 ? ask_uses(call, page->realm) : NULL;

	for (size_t i = 0; i < page->count && uses != NULL; i++)
		set_uses(page->rows[i].json, uses);
	json_decref(uses);
}

void api_secrets(struct api_call *call)
{
	struct list_page page;
	struct store *store;

	if (list_page_init(&page, call) && (store = api_take_store(call)) != NULL &&
	    api_release_store(call, list(store, &page))) {
		add_uses(call, &page);
		list_page_answer(&page, call, "secrets");
	}
	list_page_deinit(&page);
}

/* ---- changes ---- */

/* Without a secret one is made, which the answer tells. */
static bool read_secret(struct api_call *call, char secret[STORE_SECRET_MAX + 1], bool *is_made)
{
	const char *given = NULL;

	if (!api_get_text(call, "secret", &given))
		return false;
	*is_made = given == NULL;
	if (*is_made) {
		secret_generate(secret);
		return true;
	}
	if (given[0] != '\0' && text_copy(secret, STORE_SECRET_MAX + 1, given) == OK)
		return true;
	api_refuse(call, 400, "bad-member", "secret: it has 1 to %d bytes", STORE_SECRET_MAX);
	return false;
}

static bool read_realm(struct api_call *call, const char **realm)
{
	const char *asked = NULL;

	if (!api_get_text(call, "realm", &asked) || !api_realm(call, asked, realm))
		return false;
	if ((*realm)[0] != '\0' && strlen(*realm) < STORE_TEXT_MAX)
		return true;
	api_refuse(call, 400, "bad-member", "realm: it has 1 to %d bytes", STORE_TEXT_MAX - 1);
	return false;
}

static bool make_mark(struct api_call *call, const char *realm, const char *secret,
                      char mark[SECRET_MARK_SIZE])
{
	struct stun_hasher *hasher;

	if (stun_hasher_create(&hasher) != OK) {
		api_answer(call, NULL);
		return false;
	}
	secret_mark(hasher, realm, secret, mark);
	stun_hasher_destroy(hasher);
	return true;
}

void api_add_secret(struct api_call *call)
{
	char secret[STORE_SECRET_MAX + 1] = "", mark[SECRET_MARK_SIZE];
	const char *realm;
	struct store *store;
	bool is_made;

	if (read_realm(call, &realm) && read_secret(call, secret, &is_made) &&
	    make_mark(call, realm, secret, mark) && (store = api_take_store(call)) != NULL &&
	    api_release_store(call, store_secret_add(store, realm, secret))) {
		json_t *json = describe(realm, mark);

		if (is_made)
			json_object_set_new(json, "secret", json_string(secret));
		api_audit_done(call, "secret add", "realm=%s mark=%s", realm, mark);
		api_answer_status(call, 201, json);
	}
	bytes_wipe(secret, sizeof secret);
}

struct search {
	struct stun_hasher *hasher;
	const char *mark;
	char secret[STORE_SECRET_MAX + 1]; /* "": not found yet */
};

static bool compare(const char *realm, const char *secret, void *context)
{
	struct search *search = context;
	char mark[SECRET_MARK_SIZE];

	secret_mark(search->hasher, realm, secret, mark);
	if (strcmp(mark, search->mark) != 0)
		return true;
	return text_copy(search->secret, sizeof search->secret, secret) != OK;
}

static enum err delete_by_mark(struct store *store, const char *realm, const char *mark)
{
	struct search search = {.mark = mark};
	enum err err = stun_hasher_create(&search.hasher);

	if (err != OK)
		return err;
	err = store_secret_list(store, realm, compare, &search);
	if (err == OK)
		err = search.secret[0] == '\0' ? ERR_NOT_FOUND
		                               : store_secret_delete(store, realm, search.secret);
	bytes_wipe(search.secret, sizeof search.secret);
	stun_hasher_destroy(search.hasher);
	return err;
}

void api_delete_secret(struct api_call *call)
{
	const char *mark = call->parts[1], *realm;
	struct store *store;

	if (!api_realm(call, call->parts[0], &realm) || (store = api_take_store(call)) == NULL ||
	    !api_release_store(call, delete_by_mark(store, realm, mark)))
		return;
	api_audit_done(call, "secret delete", "realm=%s mark=%s", realm, mark);
	api_answer_nothing(call);
}
