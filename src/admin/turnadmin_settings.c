/* get and set: the options of the running server. */
#include <stdio.h>

#include "admin/turnadmin_ask.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"

typedef void print_fn(const json_t *result);

static enum turnadmin_exit ask(const struct turnadmin_request *request, const char *what,
                               json_t *arguments, print_fn *print)
{
	json_t *result = turnadmin_ask(request, what, arguments);

	if (result == NULL)
		return TURNADMIN_PROBLEM;
	if (request->as_json)
		turnadmin_print_json(result);
	else
		print(result);
	json_decref(result);
	return TURNADMIN_DONE;
}

static void print_options(const json_t *result)
{
	json_t *option;
	size_t i;

	json_array_foreach(json_object_get(result, "options"), i, option)
	{
		turnadmin_output_text(turnadmin_text(option, "name"));
		putchar('\t');
		turnadmin_output_text(turnadmin_text(option, "value"));
		putchar('\t');
		turnadmin_output_text(turnadmin_text(option, "source"));
		puts(json_is_true(json_object_get(option, "changes_live")) ? "\tlive" : "\t");
	}
}

enum turnadmin_exit turnadmin_get(const struct turnadmin_request *request)
{
	json_t *arguments =
		request->name != NULL ? json_pack("{s:s}", "option", request->name) : json_object();

	return ask(request, "get", arguments, print_options);
}

static void print_changes(const json_t *result)
{
	json_t *change;
	size_t i;

	json_array_foreach(json_object_get(result, "changed"), i, change)
	{
		turnadmin_output_text(turnadmin_text(change, "name"));
		putchar('\t');
		turnadmin_output_text(turnadmin_text(change, "to"));
		fputs("\twas ", stdout);
		turnadmin_output_text(turnadmin_text(change, "from"));
		putchar('\n');
	}
}

enum turnadmin_exit turnadmin_set(const struct turnadmin_request *request)
{
	return ask(request, "set",
	           json_pack("{s:s, s:s}", "option", request->name, "value", request->value),
	           print_changes);
}
