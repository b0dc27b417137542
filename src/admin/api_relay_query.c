/* The names are those of the control socket, so that what turnadmin asks for and what a page asks for are one. */
#include "admin/api_relay_query.h"

#include <string.h>

#include "admin/api_path.h"

bool relay_query_texts(struct api_call *call, json_t *arguments, const char *const *names)
{
	for (; *names != NULL; names++) {
		const char *text = http_query(call->http, *names);
		if (text == NULL)
			continue;
		if (!api_text_is_plain(text)) {
			api_refuse(call, 400, "bad-member",
			           "%s: give a text without control characters", *names);
			return false;
		}
		json_object_set_new(arguments, *names, json_string(text));
	}
	return true;
}

bool relay_query_number(struct api_call *call, json_t *arguments, const char *name, json_int_t low,
                        json_int_t high)
{
	const json_int_t none = low - 1;
	json_int_t number = none;

	if (!api_query_number(call, name, low, high, &number))
		return false;
	if (number != none)
		json_object_set_new(arguments, name, json_integer(number));
	return true;
}

bool relay_query_flag(struct api_call *call, json_t *arguments, const char *name)
{
	const char *text = http_query(call->http, name);

	if (text == NULL)
		return true;
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
		api_refuse(call, 400, "bad-member", "%s: give true or false", name);
		return false;
	}
	json_object_set_new(arguments, name, json_boolean(strcmp(text, "true") == 0));
	return true;
}

bool relay_put_realm(struct api_call *call, json_t *arguments, const char *asked)
{
	const char *realm;

	if (asked != NULL && !api_text_is_plain(asked)) {
		api_refuse(call, 400, "bad-member",
		           "realm: give a text without control characters");
		return false;
	}
	if (!api_realm(call, asked, &realm))
		return false;
	if (realm[0] != '\0')
		json_object_set_new(arguments, "realm", json_string(realm));
	return true;
}
