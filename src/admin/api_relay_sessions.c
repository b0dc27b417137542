/* Sessions of the relay: found, shown, ended. A realm's administrator asks for that realm's alone, and the relay itself looks whether a session is
 * one of it: between two questions it may have become another's. */
#include <string.h>

#include "admin/api_relay_query.h"

enum {
	THREAD_MAX = 65535,
	LIMIT_MAX = 500,
	PAGE_MAX = 256, /* of the relay */
	MOST_MAX = 100000,
};

static json_t *ask_for_one(struct api_call *call, const char *request);
static json_t *find(struct api_call *call, json_t *arguments);
static void audit_cancelled(struct api_call *call, const json_t *found, const json_t *result);

static bool read_filter(struct api_call *call, json_t *arguments)
{
	static const char *const texts[] = {"id",   "user",      "contains", "origin", "client",
	                                    "peer", "transport", "sort",     "after",  NULL};

	return relay_query_texts(call, arguments, texts) &&
	       relay_put_realm(call, arguments, http_query(call->http, "realm")) &&
	       relay_query_number(call, arguments, "thread", 0, THREAD_MAX) &&
	       relay_query_number(call, arguments, "limit", 1, LIMIT_MAX) &&
	       relay_query_flag(call, arguments, "rates");
}

/* More than the relay has in a page is not wrong: there is a next one. */
static void bound_limit(json_t *arguments)
{
	if (json_integer_value(json_object_get(arguments, "limit")) > PAGE_MAX)
		json_object_set_new(arguments, "limit", json_integer(PAGE_MAX));
}

void api_sessions(struct api_call *call)
{
	json_t *arguments = json_pack("{s:i}", "limit", 100), *result;

	if (!read_filter(call, arguments)) {
		json_decref(arguments);
		return;
	}
	bound_limit(arguments);
	result = api_ask(call, API_RELAY, "session list", arguments);
	if (result == NULL)
		return;
	if (call->who.realm[0] != '\0') /* how many there are in all is for who sees all */
		json_object_set(result, "total", json_object_get(result, "matched"));
	api_answer(call, result);
}

void api_session(struct api_call *call)
{
	json_t *result = ask_for_one(call, "session show");

	if (result != NULL)
		api_answer(call, result);
}

/* By the id of the path, in the realm of who asks. */
static json_t *arguments_for_one(struct api_call *call)
{
	json_t *arguments = json_pack("{s:s}", "id", call->parts[0]);

	if (relay_put_realm(call, arguments, NULL))
		return arguments;
	json_decref(arguments);
	return NULL;
}

static json_t *ask_for_one(struct api_call *call, const char *request)
{
	json_t *arguments = arguments_for_one(call);

	return arguments != NULL ? api_ask(call, API_RELAY, request, arguments) : NULL;
}

/* ---- end ---- */

/* Whom it is about is asked first: the audit log names the user. */
void api_cancel_session(struct api_call *call)
{
	json_t *found = find(call, arguments_for_one(call)), *result;

	if (found == NULL)
		return;
	result = ask_for_one(call, "session cancel");
	if (result != NULL) {
		audit_cancelled(call, found, result);
		api_answer(call, result);
	}
	json_decref(found);
}

static json_t *read_user(struct api_call *call)
{
	const char *user, *realm = NULL;
	json_int_t most = 0;
	json_t *arguments = json_object();

	if (api_need_text(call, "user", &user) && api_get_text(call, "realm", &realm) &&
	    api_get_number(call, "most", 1, MOST_MAX, &most) &&
	    relay_put_realm(call, arguments, realm)) {
		json_object_set_new(arguments, "user", json_string(user));
		if (most != 0)
			json_object_set_new(arguments, "most", json_integer(most));
		return arguments;
	}
	json_decref(arguments);
	return NULL;
}

void api_cancel_sessions(struct api_call *call)
{
	json_t *arguments = read_user(call), *result;

	if (arguments == NULL)
		return;
	json_incref(arguments);
	result = api_ask(call, API_RELAY, "session cancel", arguments);
	if (result != NULL) {
		const char *realm = json_string_value(json_object_get(arguments, "realm"));
		api_audit_done(call, "sessions cancelled", "user=%s realm=%s count=%lld",
		               json_string_value(json_object_get(arguments, "user")),
		               realm != NULL ? realm : "",
		               (long long)json_integer_value(json_object_get(result, "cancelled")));
		api_answer(call, result);
	}
	json_decref(arguments);
}

/* One session as lists have it; NULL: refused, be it that there is none. Takes the arguments over. */
static json_t *find(struct api_call *call, json_t *arguments)
{
	json_t *list, *first;

	if (arguments == NULL)
		return NULL;
	json_object_set_new(arguments, "limit", json_integer(1));
	json_object_set_new(arguments, "rates", json_false());
	list = api_ask(call, API_RELAY, "session list", arguments);
	if (list == NULL)
		return NULL;
	first = json_incref(json_array_get(json_object_get(list, "sessions"), 0));
	json_decref(list);
	if (first == NULL)
		api_refuse(call, 404, "not-found", "there is no such session, or no longer");
	return first;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static void audit_cancelled(struct api_call *call, const json_t *found, const json_t *result)
{
	if (json_integer_value(json_object_get(result, "cancelled")) > 0)
		api_audit_done(call, "session cancelled", "id=%s user=%s realm=%s client=%s",
		               text_of(found, "id"), text_of(found, "user"),
		               text_of(found, "realm"), text_of(found, "client"));
}
