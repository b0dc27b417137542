/* Answers, problems (RFC 9457), and members of what was asked. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api.h"
#include "admin/api_path.h"
#include "control/message.h"

enum { PROBLEM_SIZE = 512 };

static const char *title_of(unsigned status)
{
	static const struct {
		unsigned status;
		const char *title;
	} titles[] = {
		{400, "Bad request"},        {401, "Unauthorized"},
		{403, "Forbidden"},          {404, "Not found"},
		{405, "Method not allowed"}, {409, "Conflict"},
		{413, "Content too large"},  {415, "Unsupported media type"},
		{429, "Too many requests"},  {500, "Internal server error"},
		{502, "Bad gateway"},        {503, "Service unavailable"},
	};

	for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Problem";
}

/* Takes json over. Numbers have the digits that a double keeps for sure: 1.699 is not 1.6989999999999999. */
static void answer(struct api_call *call, unsigned status, const char *type, json_t *json)
{
	static const char no_memory[] = "{\"status\":500,\"title\":\"Internal server error\"}";
	char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15));

	json_decref(json);
	if (text == NULL) {
		http_answer_lent(call->http, 500, "application/problem+json", no_memory,
		                 sizeof no_memory - 1);
		return;
	}
	http_answer(call->http, status, type, text, strlen(text));
	explicit_bzero(text, strlen(text)); /* some tell a secret once */
	free(text);
}

void api_answer_status(struct api_call *call, unsigned status, json_t *json)
{
	answer(call, status, "application/json", json);
}

void api_answer(struct api_call *call, json_t *json)
{
	answer(call, 200, "application/json", json);
}

void api_answer_nothing(struct api_call *call)
{
	http_answer(call->http, 204, NULL, NULL, 0);
}

void api_refuse(struct api_call *call, unsigned status, const char *code, const char *text, ...)
{
	char detail[PROBLEM_SIZE];
	va_list args;

	va_start(args, text);
	vsnprintf(detail, sizeof detail, text, args);
	va_end(args);
	if (status == 401 && call->who.kind == NOBODY && call->route != NULL &&
	    call->route->area[0] != '\0')
		http_set_header(call->http, "WWW-Authenticate", "Bearer");
	answer(call, status, "application/problem+json",
	       json_pack("{s:s, s:s, s:i, s:s, s:o}", "type", "about:blank", "title",
	                 title_of(status), "status", (int)status, "code", code, "detail",
	                 control_text(detail)));
}

/* ---- what was asked ---- */

static bool refuse_member(struct api_call *call, const char *name, const char *wanted)
{
	api_refuse(call, 400, "bad-member", "%s: %s", name, wanted);
	return false;
}

bool api_get_text(struct api_call *call, const char *name, const char **text)
{
	const json_t *value = json_object_get(call->body, name);
	const char *given = json_string_value(value);

	if (value == NULL || json_is_null(value))
		return true;
	if (given == NULL || strlen(given) != json_string_length(value) ||
	    !api_text_is_plain(given))
		return refuse_member(call, name, "give a text without control characters");
	*text = given;
	return true;
}

bool api_need_text(struct api_call *call, const char *name, const char **text)
{
	*text = NULL;
	if (!api_get_text(call, name, text))
		return false;
	if (*text == NULL || **text == '\0')
		return refuse_member(call, name, "is missing");
	return true;
}

static bool refuse_number(struct api_call *call, const char *name, json_int_t low, json_int_t high)
{
	api_refuse(call, 400, "bad-number", "%s: give a number from %lld to %lld", name,
	           (long long)low, (long long)high);
	return false;
}

bool api_get_number(struct api_call *call, const char *name, json_int_t low, json_int_t high,
                    json_int_t *number)
{
	const json_t *value = json_object_get(call->body, name);

	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < low ||
	    json_integer_value(value) > high)
		return refuse_number(call, name, low, high);
	*number = json_integer_value(value);
	return true;
}

bool api_get_flag(struct api_call *call, const char *name, bool *flag)
{
	const json_t *value = json_object_get(call->body, name);

	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_boolean(value))
		return refuse_member(call, name, "give true or false");
	*flag = json_is_true(value);
	return true;
}

bool api_query_number(struct api_call *call, const char *name, json_int_t low, json_int_t high,
                      json_int_t *number)
{
	const char *text = http_query(call->http, name);
	char *end;
	long long value;

	if (text == NULL)
		return true;
	value = strtoll(text, &end, 10);
	if (*text == '\0' || *end != '\0' || value < low || value > high)
		return refuse_number(call, name, low, high);
	*number = value;
	return true;
}

bool api_realm(struct api_call *call, const char *asked, const char **realm)
{
	const char *own = call->who.realm;

	*realm = own[0] != '\0' ? own : asked != NULL ? asked : "";
	if (own[0] == '\0' || asked == NULL || asked[0] == '\0' || strcmp(asked, own) == 0)
		return true;
	api_refuse(call, 403, "another-realm", "this administrator is of the realm %s alone", own);
	return false;
}
