/* Options of the running relay, and what an operator has it do: reload, drain. */
#include <string.h>

#include "admin/api.h"

enum { YEAR_S = 31536000, VALUE_SHOWN = 300 };

/* {option: NAME} */
static json_t *name_option(const struct api_call *call)
{
	return json_pack("{s:s}", "option", call->parts[0]);
}

/* "changes_live" of the control socket is called may_change here, as all that pages and programs are told of what they may do. */
static json_t *describe(json_t *option)
{
	json_object_set(option, "may_change", json_object_get(option, "changes_live"));
	json_object_del(option, "changes_live");
	if (json_string_length(json_object_get(option, "argument")) == 0)
		json_object_set_new(option, "argument", json_null());
	return option;
}

void api_options(struct api_call *call)
{
	json_t *result = api_ask(call, API_RELAY, "get", NULL), *option;
	size_t i;

	if (result == NULL)
		return;
	json_array_foreach(json_object_get(result, "options"), i, option) describe(option);
	json_object_set_new(result, "next", json_null());
	api_answer(call, result);
}

/* ---- set ---- */

/* What is, and whether it may be told; NULL: refused. */
static json_t *ask_option(struct api_call *call)
{
	json_t *result = api_ask(call, API_RELAY, "get", name_option(call)), *option;

	if (result == NULL)
		return NULL;
	option = json_incref(json_array_get(json_object_get(result, "options"), 0));
	json_decref(result);
	if (option == NULL)
		api_refuse(call, 404, "not-found", "there is no such option");
	return option;
}

static void audit_set(struct api_call *call, const json_t *before, const char *value)
{
	const char *name = json_string_value(json_object_get(before, "name"));

	if (json_is_true(json_object_get(before, "secret")))
		api_audit_done(call, "option set", "option=%s value=(secret)", name);
	else
		api_audit_done(call, "option set", "option=%s from=\"%.*s\" to=\"%.*s\"", name,
		               VALUE_SHOWN, json_string_value(json_object_get(before, "value")),
		               VALUE_SHOWN, value);
}

void api_set_option(struct api_call *call)
{
	const char *value = NULL;
	json_t *before, *arguments, *result;

	if (!api_get_text(call, "value", &value))
		return;
	if (value == NULL) {
		api_refuse(call, 400, "bad-member", "value: is missing");
		return;
	}
	before = ask_option(call);
	if (before == NULL)
		return;
	arguments = name_option(call);
	json_object_set_new(arguments, "value", json_string(value));
	result = api_ask(call, API_RELAY, "set", arguments);
	if (result != NULL) {
		audit_set(call, before, value);
		api_answer(call, result);
	}
	json_decref(before);
}

/* ---- reload and drain ---- */

/* A configuration with an error in it changes nothing, and is told as it is: by what is wrong with it. */
void api_reload(struct api_call *call)
{
	json_t *result = api_ask(call, API_RELAY, "reload", NULL);

	if (result == NULL)
		return;
	if (json_is_true(json_object_get(result, "applied")))
		api_audit_done(call, "configuration reloaded", "changed=%zu need_restart=%zu",
		               json_array_size(json_object_get(result, "changed")),
		               json_array_size(json_object_get(result, "restart")));
	api_answer(call, result);
}

void api_drain(struct api_call *call)
{
	json_int_t deadline = 0, minimum = -1;
	json_t *arguments, *result;

	if (!api_get_number(call, "deadline", 0, YEAR_S, &deadline) ||
	    !api_get_number(call, "minimum", 0, UINT32_MAX, &minimum))
		return;
	arguments = json_pack("{s:I}", "deadline", deadline);
	if (minimum >= 0)
		json_object_set_new(arguments, "minimum", json_integer(minimum));
	result = api_ask(call, API_RELAY, "drain", arguments);
	if (result == NULL)
		return;
	api_audit_done(call, "drain begun", "deadline_s=%lld", (long long)deadline);
	api_answer(call, result);
}

void api_undrain(struct api_call *call)
{
	json_t *result = api_ask(call, API_RELAY, "undrain", NULL);

	if (result == NULL)
		return;
	api_audit_done(call, "drain ended", "turnserver");
	api_answer(call, result);
}
