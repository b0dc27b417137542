/* The control socket's client, with words for a person. */
#include "admin/turnadmin_ask.h"

#include <stdio.h>
#include <string.h>

#include "control/client.h"

enum { PAGE = 256, LIMIT_DEFAULT = 50 };

json_t *turnadmin_ask(const struct turnadmin_request *request, const char *what, json_t *arguments)
{
	char problem[256];
	json_t *result;

	if (control_ask(request->control_socket, what, arguments, &result, problem) == OK)
		return result;
	turnadmin_say("%s", problem);
	return NULL;
}

void turnadmin_add_text(json_t *arguments, const char *name, const char *text)
{
	json_t *string = text != NULL ? json_string(text) : NULL;

	if (text != NULL)
		json_object_set_new(arguments, name, string != NULL ? string : json_null());
}

void turnadmin_add_number(json_t *arguments, const char *name, long number)
{
	if (number >= 0)
		json_object_set_new(arguments, name, json_integer(number));
}

/* Takes the result over; NULL: all was said. */
static enum turnadmin_exit print_result(const struct turnadmin_request *request, json_t *result,
                                        turnadmin_print *print)
{
	if (result == NULL)
		return TURNADMIN_PROBLEM;
	if (request->as_json)
		turnadmin_print_json(result);
	else
		print(result);
	json_decref(result);
	return TURNADMIN_DONE;
}

enum turnadmin_exit turnadmin_ask_and_print(const struct turnadmin_request *request,
                                            const char *what, json_t *arguments,
                                            turnadmin_print *print)
{
	return print_result(request, turnadmin_ask(request, what, arguments), print);
}

/* ---- pages ---- */

static json_t *ask_page(const struct turnadmin_request *request,
                        const struct turnadmin_pages *pages, long limit, const char *after)
{
	json_t *arguments = pages->arguments(request);

	turnadmin_add_text(arguments, "after", after);
	turnadmin_add_number(arguments, "limit", limit < PAGE ? limit : PAGE);
	return turnadmin_ask(request, pages->what, arguments);
}

/* Nodes that did not answer, each once. */
static void add_missing(json_t *first, const json_t *page)
{
	json_t *all = json_object_get(first, "missing"), *known, *name;
	size_t i, j;

	json_array_foreach(json_object_get(page, "missing"), i, name)
	{
		json_array_foreach(all, j, known) if (json_equal(known, name)) break;
		if (j == json_array_size(all))
			json_array_append(all, name);
	}
}

/* Has the pages that follow behind the rows of the first. */
static bool add_pages(const struct turnadmin_request *request, const struct turnadmin_pages *pages,
                      long limit, json_t *first)
{
	json_t *rows = json_object_get(first, pages->items), *page;

	while (json_is_string(json_object_get(first, "next")) &&
	       (long)json_array_size(rows) < limit) {
		page = ask_page(request, pages, limit - (long)json_array_size(rows),
		                turnadmin_text(first, "next"));
		if (page == NULL)
			return false;
		json_array_extend(rows, json_object_get(page, pages->items));
		json_object_set(first, "next", json_object_get(page, "next"));
		add_missing(first, page);
		json_decref(page);
	}
	return true;
}

enum turnadmin_exit turnadmin_ask_pages_and_print(const struct turnadmin_request *request,
                                                  const struct turnadmin_pages *pages,
                                                  turnadmin_print *print)
{
	long limit = request->limit < 0    ? LIMIT_DEFAULT
	             : request->limit == 0 ? INT32_MAX
	                                   : request->limit;
	json_t *result = ask_page(request, pages, limit, NULL);

	if (result != NULL && !add_pages(request, pages, limit, result)) {
		json_decref(result);
		return TURNADMIN_PROBLEM;
	}
	return print_result(request, result, print);
}

void turnadmin_say_more(const json_t *result, const char *items)
{
	int64_t matched = turnadmin_number(result, "matched");
	size_t count = json_array_size(json_object_get(result, items));

	if ((int64_t)count < matched)
		turnadmin_say("%zu of %" PRId64 " %s: --limit 0 prints all", count, matched, items);
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
