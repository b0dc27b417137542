/* Administrators, tokens of machines, and the audit log: for administrators of all realms. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/api_passwords.h"
#include "admin/console.h"
#include "base/bytes.h"
#include "control/message.h"
#include "store/audit.h"
#include "store/console_tokens.h"
#include "store/password_hash.h"

enum { LIMIT = 100, LIMIT_MAX = 500 };

/* Rows behind after, limit of them, and whether there is one more. */
struct page {
	json_t *rows; /* owned */
	const char *after;
	json_int_t limit;
	char last[2 * STORE_TEXT_MAX]; /* what the next page is behind */
	bool has_more;
};

/* Refuses what is no limit. */
static bool page_begin(struct api_call *call, struct page *page)
{
	*page = (struct page){.limit = LIMIT, .after = http_query(call->http, "after")};
	if (!api_query_number(call, "limit", 1, LIMIT_MAX, &page->limit))
		return false;
	page->rows = json_array();
	return true;
}

/* Takes the row over, and key is what the next page would be behind. False: it is full. */
static bool page_add(struct page *page, json_t *row, const char *key)
{
	page->has_more = (json_int_t)json_array_size(page->rows) >= page->limit;
	if (page->has_more)
		json_decref(row);
	else if (json_array_append_new(page->rows, row) == 0)
		snprintf(page->last, sizeof page->last, "%s", key);
	return !page->has_more;
}

static void page_answer(struct api_call *call, struct page *page, const char *name)
{
	api_answer(call, json_pack("{s:o, s:o}", name, page->rows, "next",
	                           page->has_more ? control_text(page->last) : json_null()));
}

/* ---- administrators ---- */

/* What is gathered of the store before anything else is asked of it. */
struct administrators {
	struct page *page;
	bool is_full;
	struct store_administrator *all; /* owned */
	size_t count;
};

static json_t *describe(const struct store_administrator *administrator, bool has_codes)
{
	enum password_strength strength = password_hash_strength(administrator->password);

	return json_pack("{s:o, s:o, s:b, s:b}", "name", control_text(administrator->name), "realm",
	                 control_text(administrator->realm), "has_codes", has_codes, "is_weak",
	                 strength != PASSWORD_STRONG && strength != PASSWORD_AGED);
}

/* The order is that of the list, by realm and name; a line end is in neither. */
static void key_of(const struct store_administrator *administrator, char key[2 * STORE_TEXT_MAX])
{
	snprintf(key, 2 * STORE_TEXT_MAX, "%s\n%s", administrator->realm, administrator->name);
}

static bool is_behind(const struct store_administrator *administrator, const char *after)
{
	const char *end = after == NULL ? NULL : strchr(after, '\n');
	size_t len;
	int order;

	if (end == NULL)
		return true;
	len = (size_t)(end - after);
	order = strncmp(administrator->realm, after, len);
	if (order == 0 && administrator->realm[len] != '\0')
		order = 1;
	return order > 0 || (order == 0 && strcmp(administrator->name, end + 1) > 0);
}

static bool administrator_gather(const struct store_administrator *administrator, void *context)
{
	struct administrators *gathered = context;

	if (!is_behind(administrator, gathered->page->after))
		return true;
	gathered->all[gathered->count++] = *administrator;
	return (json_int_t)gathered->count <= gathered->page->limit;
}

static enum err administrators_give(struct store *store, struct administrators *gathered)
{
	char key[2 * STORE_TEXT_MAX];
	struct store_totp totp;
	bool goes_on = true;
	enum err err = store_administrator_list(store, NULL, administrator_gather, gathered);

	for (size_t i = 0; err == OK && goes_on && i < gathered->count; i++) {
		enum err codes = store_totp_find(store, gathered->all[i].name, &totp);

		key_of(&gathered->all[i], key);
		goes_on = page_add(gathered->page, describe(&gathered->all[i], codes == OK), key);
		if (codes != OK && codes != ERR_NOT_FOUND)
			err = codes;
	}
	bytes_wipe(&totp, sizeof totp);
	return err;
}

void api_administrators(struct api_call *call)
{
	struct page page;
	struct administrators gathered = {.page = &page};
	struct store *store;
	bool is_done = false;

	if (!page_begin(call, &page))
		return;
	gathered.all = calloc((size_t)page.limit + 1, sizeof *gathered.all);
	if (gathered.all == NULL)
		api_answer(call, NULL);
	else if ((store = api_take_store(call)) != NULL)
		is_done = api_release_store(call, administrators_give(store, &gathered));
	if (gathered.all != NULL)
		bytes_wipe(gathered.all, ((size_t)page.limit + 1) * sizeof *gathered.all);
	free(gathered.all);
	if (is_done)
		page_answer(call, &page, "administrators");
	else
		json_decref(page.rows);
}

struct others {
	const char *name;
	bool are_there;
};

static bool is_another(const struct store_administrator *administrator, void *context)
{
	struct others *others = context;

	others->are_there = strcmp(administrator->name, others->name) != 0;
	return !others->are_there;
}

/* Nobody could change anything any more. */
static enum err is_last(struct store *store, const struct store_administrator *administrator,
                        bool *is)
{
	struct others others = {.name = administrator->name};
	enum err err = OK;

	*is = false;
	if (administrator->realm[0] == '\0')
		err = store_administrator_list(store, "", is_another, &others);
	if (err == OK && administrator->realm[0] == '\0')
		*is = !others.are_there;
	return err;
}

static void refuse_last(struct api_call *call)
{
	api_refuse(call, 409, "last-administrator", "this is the last administrator of all realms");
}

/* What a change of an administrator asks for, and what came of it. */
struct change {
	struct store_administrator wanted; /* name; realm and password where they are given */
	const char *realm, *password;      /* NULL: not given */
	struct store_administrator now;
	bool is_new, has_codes, would_be_last, lacks_password;
};

static bool change_read(struct api_call *call, struct change *change)
{
	if (!api_get_text(call, "realm", &change->realm) ||
	    !api_get_text(call, "password", &change->password))
		return false;
	if (text_copy(change->wanted.name, sizeof change->wanted.name, call->parts[0]) != OK ||
	    (change->realm != NULL &&
	     text_copy(change->wanted.realm, sizeof change->wanted.realm, change->realm) != OK)) {
		api_refuse(call, 400, "bad-member", "the name or realm is too long");
		return false;
	}
	if (change->password != NULL && call->who.kind == ADMINISTRATOR &&
	    strcmp(change->wanted.name, call->who.name) == 0) {
		api_refuse(call, 409, "own-password",
		           "set your own by showing the old one: /me/password");
		return false;
	}
	return change->password == NULL ||
	       api_hash_password(call, change->password, &change->wanted);
}

static enum err codes_look(struct store *store, struct change *change)
{
	struct store_totp totp;
	enum err err = store_totp_find(store, change->now.name, &totp);

	bytes_wipe(&totp, sizeof totp);
	change->has_codes = err == OK;
	return err == ERR_NOT_FOUND ? OK : err;
}

/* What is not given stays; of a new one the password has to be. */
static void change_merge(struct change *change)
{
	if (change->is_new)
		change->now = change->wanted;
	if (change->realm != NULL)
		snprintf(change->now.realm, sizeof change->now.realm, "%s", change->wanted.realm);
	if (change->password != NULL)
		snprintf(change->now.password, sizeof change->now.password, "%s",
		         change->wanted.password);
}

static enum err change_make(struct store *store, struct change *change)
{
	enum err err = store_administrator_find(store, change->wanted.name, &change->now);

	change->is_new = err == ERR_NOT_FOUND;
	if (err != OK && !change->is_new)
		return err;
	change->lacks_password = change->is_new && change->password == NULL;
	if (!change->is_new && change->realm != NULL && change->realm[0] != '\0') {
		err = is_last(store, &change->now, &change->would_be_last);
		if (err != OK)
			return err;
	}
	if (change->lacks_password || change->would_be_last)
		return OK;
	err = change->is_new ? OK : codes_look(store, change);
	if (err != OK)
		return err;
	change_merge(change);
	return store_administrator_put(store, &change->now);
}

void api_put_administrator(struct api_call *call)
{
	struct change change = {.realm = NULL};
	struct store *store;

	if (change_read(call, &change) && (store = api_take_store(call)) != NULL &&
	    api_release_store(call, change_make(store, &change))) {
		if (change.lacks_password) {
			api_refuse(call, 400, "bad-member", "password: is missing");
		} else if (change.would_be_last) {
			refuse_last(call);
		} else {
			sign_in_end_all(call->console->sign_in, change.now.name);
			api_audit_done(call,
			               change.is_new ? "administrator add" : "administrator set",
			               "name=%s realm=%s password=%s", change.now.name,
			               change.now.realm, change.password != NULL ? "new" : "kept");
			api_answer_status(call, change.is_new ? 201 : 200,
			                  describe(&change.now, change.has_codes));
		}
	}
	bytes_wipe(&change, sizeof change);
}

static enum err administrator_remove(struct store *store, const char *name, bool *would_be_last)
{
	struct store_administrator administrator;
	enum err err = store_administrator_find(store, name, &administrator);

	if (err == OK)
		err = is_last(store, &administrator, would_be_last);
	bytes_wipe(&administrator, sizeof administrator);
	if (err == ERR_NOT_FOUND) /* also one that nobody could sign in by */
		return store_administrator_delete(store, name);
	return err == OK && !*would_be_last ? store_administrator_delete(store, name) : err;
}

void api_delete_administrator(struct api_call *call)
{
	const char *name = call->parts[0];
	struct store *store = api_take_store(call);
	bool would_be_last = false;

	if (store == NULL ||
	    !api_release_store(call, administrator_remove(store, name, &would_be_last)))
		return;
	if (would_be_last) {
		refuse_last(call);
		return;
	}
	sign_in_end_all(call->console->sign_in, name);
	api_audit_done(call, "administrator delete", "name=%s", name);
	api_answer_nothing(call);
}

/* ---- tokens of machines ---- */

static void scope_add(const char *name, void *context)
{
	json_array_append_new(context, json_string(name));
}

static json_t *describe_token(const struct store_console_token *token)
{
	json_t *scopes = json_array();

	scope_names(token->areas, scope_add, scopes);
	return json_pack("{s:s, s:o, s:o, s:I, s:I, s:I}", "name", token->name, "realm",
	                 control_text(token->realm), "scopes", scopes, "created",
	                 (json_int_t)token->created_s, "expires", (json_int_t)token->expires_s,
	                 "used", (json_int_t)token->used_s);
}

static bool token_give(const struct store_console_token *token, void *context)
{
	struct page *page = context;

	if (page->after != NULL && strcmp(token->name, page->after) <= 0)
		return true;
	return page_add(page, describe_token(token), token->name);
}

void api_machine_tokens(struct api_call *call)
{
	struct page page;
	struct store *store;

	if (!page_begin(call, &page))
		return;
	store = api_take_store(call);
	if (store != NULL &&
	    api_release_store(call, store_console_token_list(store, token_give, &page)))
		page_answer(call, &page, "tokens");
	else
		json_decref(page.rows);
}

static bool scopes_read(struct api_call *call, uint64_t *areas)
{
	const json_t *scopes = json_object_get(call->body, "scopes"), *scope;
	size_t i;

	*areas = 0;
	json_array_foreach(scopes, i, scope)
	{
		const char *name = json_string_value(scope);
		uint64_t bit = name != NULL ? scope_bit(name) : 0;

		if (bit == 0) {
			api_refuse(call, 400, "unknown-scope", "there is no scope %.64s",
			           name != NULL ? name : "that is no text");
			return false;
		}
		*areas |= bit;
	}
	if (call->who.kind == MACHINE && (*areas & ~call->who.areas) != 0) {
		api_refuse(call, 403, "scope-missing", "a token gives no scope that it lacks");
		return false;
	}
	if (*areas == 0)
		api_refuse(call, 400, "bad-member", "scopes: give a list of at least one");
	return *areas != 0;
}

static bool token_read(struct api_call *call, struct store_console_token *token)
{
	enum { LIFETIME_MAX_S = 100 * 365 * 24 * 3600L };
	const char *name, *realm = "";
	json_int_t lifetime_s = 0;

	if (!api_need_text(call, "name", &name) || !api_get_text(call, "realm", &realm) ||
	    !api_get_number(call, "lifetime", 0, LIFETIME_MAX_S, &lifetime_s) ||
	    !scopes_read(call, &token->areas))
		return false;
	if (text_copy(token->name, sizeof token->name, name) != OK ||
	    text_copy(token->realm, sizeof token->realm, realm) != OK) {
		api_refuse(call, 400, "bad-member", "the name or realm is too long");
		return false;
	}
	token->created_s = (uint64_t)time(NULL);
	token->expires_s = lifetime_s == 0 ? 0 : token->created_s + (uint64_t)lifetime_s;
	return true;
}

static bool token_store(struct api_call *call, const struct store_console_token *token)
{
	struct store *store = api_take_store(call);
	enum err err;

	if (store == NULL)
		return false;
	err = store_console_token_add(store, token);
	if (err != ERR_FULL)
		return api_release_store(call, err);
	if (api_release_store(call, OK))
		api_refuse(call, 409, "too-many", "there are %d tokens: remove some",
		           CONSOLE_TOKENS_MAX);
	return false;
}

void api_make_machine_token(struct api_call *call)
{
	struct store_console_token token = {.used_s = 0};
	char text[CONSOLE_TOKEN_SIZE], scopes[SCOPES_TEXT_SIZE];
	json_t *answer;

	if (!token_read(call, &token))
		return;
	if (store_console_token_make(&token, text) != OK) {
		api_answer(call, NULL);
		return;
	}
	if (token_store(call, &token)) {
		api_audit_done(call, "token add", "name=%s realm=%s scopes=%s", token.name,
		               token.realm, scopes_put(token.areas, scopes));
		answer = describe_token(&token);
		json_object_set_new(answer, "token", json_string(text));
		api_answer_status(call, 201, answer);
	}
	bytes_wipe(text, sizeof text);
}

void api_delete_machine_token(struct api_call *call)
{
	const char *name = call->parts[0];
	struct store *store = api_take_store(call);

	if (store == NULL || !api_release_store(call, store_console_token_delete(store, name)))
		return;
	sign_in_forget_machines(call->console->sign_in);
	api_audit_done(call, "token delete", "name=%s", name);
	api_answer_nothing(call);
}

/* ---- the audit log ---- */

static bool entry_give(const struct store_audit_entry *entry, void *context)
{
	char id[24];

	snprintf(id, sizeof id, "%" PRIu64, entry->id);
	return page_add(context,
	                json_pack("{s:I, s:f, s:o, s:o, s:o, s:o}", "id", (json_int_t)entry->id,
	                          "time", (double)entry->time_ms / 1000, "who",
	                          control_text(entry->who), "from", control_text(entry->from),
	                          "what", control_text(entry->what), "on", control_text(entry->on)),
	                id);
}

void api_audit(struct api_call *call)
{
	json_int_t before = 0;
	struct page page;
	struct store *store;

	if (!api_query_number(call, "after", 1, INT64_MAX, &before) || !page_begin(call, &page))
		return;
	store = api_take_store(call);
	if (store != NULL &&
	    api_release_store(call, store_audit_list(store, (uint64_t)before, entry_give, &page)))
		page_answer(call, &page, "audit");
	else
		json_decref(page.rows);
}
