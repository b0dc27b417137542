/* The control socket's client, with words for a person. */
#include "admin/turnadmin_ask.h"

#include <stdio.h>

#include "control/client.h"

json_t *turnadmin_ask(const struct turnadmin_request *request, const char *what, json_t *arguments)
{
	char problem[256];
	json_t *result;

	if (control_ask(request->control_socket, what, arguments, &result, problem) == OK)
		return result;
	turnadmin_say("%s", problem);
	return NULL;
}

int64_t turnadmin_number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

const char *turnadmin_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

void turnadmin_print_json(const json_t *result)
{
	json_dumpf(result, stdout, JSON_INDENT(2));
	putchar('\n');
}
