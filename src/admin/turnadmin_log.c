/* log tail: the newest lines of the running server's log, and those that come. */
#include <stdio.h>
#include <string.h>

#include "admin/turnadmin_ask.h"
#include "admin/turnadmin_output.h"
#include "admin/turnadmin_verbs.h"
#include "control/client.h"

enum { LINES_DEFAULT = 50, LINES_MAX = 500, WAIT_S = 20 };

static json_t *arguments_of(const struct turnadmin_request *request)
{
	json_t *arguments = json_object();

	turnadmin_add_text(arguments, "level", request->level);
	turnadmin_add_text(arguments, "event", request->event);
	turnadmin_add_text(arguments, "key", request->key);
	turnadmin_add_text(arguments, "contains", request->contains);
	return arguments;
}

static json_t *ask_newest(const struct turnadmin_request *request)
{
	json_t *arguments = arguments_of(request);
	long limit = request->limit < 0 ? LINES_DEFAULT : request->limit;

	turnadmin_add_number(arguments, "limit",
	                     limit == 0 || limit > LINES_MAX ? LINES_MAX : limit);
	return turnadmin_ask(request, "log tail", arguments);
}

static json_t *ask_next(const struct turnadmin_request *request, json_int_t after)
{
	json_t *arguments = arguments_of(request), *result;
	char problem[256];

	json_object_set_new(arguments, "after", json_integer(after));
	turnadmin_add_number(arguments, "wait", WAIT_S);
	turnadmin_add_number(arguments, "limit", LINES_MAX);
	if (control_ask_within(WAIT_S + CONTROL_PATIENCE_S, request->control_socket, "log tail",
	                       arguments, &result, problem) == OK)
		return result;
	turnadmin_say("%s", problem);
	return NULL;
}

/* ---- for people: as the log has it ---- */

static void print_value(const json_t *value)
{
	const char *text = json_string_value(value);
	bool is_quoted = text != NULL && (*text == '\0' || strpbrk(text, " \"=") != NULL);

	if (text == NULL) {
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return;
	}
	if (!is_quoted) {
		turnadmin_output_text(text);
		return;
	}
	putchar('"');
	for (; *text != '\0'; text++) {
		char one[] = {*text, '\0'};
		if (*text == '"' || *text == '\\')
			putchar('\\');
		if ((unsigned char)*text < 0x20 || *text == 0x7F)
			turnadmin_output_text(one);
		else
			putchar(*text);
	}
	putchar('"');
}

static void print_keys(json_t *keys)
{
	const char *name, *before = ": ";
	json_t *value;

	json_object_foreach(keys, name, value)
	{
		fputs(before, stdout);
		turnadmin_output_text(name);
		putchar('=');
		print_value(value);
		before = " ";
	}
}

static void print_line(const json_t *line)
{
	const char *text = json_string_value(json_object_get(line, "text"));

	turnadmin_output_text(turnadmin_text(line, "time"));
	putchar(' ');
	for (const char *letter = turnadmin_text(line, "level"); *letter != '\0'; letter++)
		putchar(*letter >= 'a' && *letter <= 'z' ? *letter - 'a' + 'A' : *letter);
	putchar(' ');
	turnadmin_output_text(text != NULL ? text : turnadmin_text(line, "event"));
	if (text == NULL)
		print_keys(json_object_get(line, "keys"));
	putchar('\n');
}

static void print_lines(const struct turnadmin_request *request, const json_t *result)
{
	json_t *line;
	size_t i;

	if (turnadmin_number(result, "lost") > 0)
		turnadmin_say("%" PRId64 " lines came faster than they were read",
		              turnadmin_number(result, "lost"));
	json_array_foreach(json_object_get(result, "lines"), i, line)
	{
		if (!request->as_json) {
			print_line(line);
			continue;
		}
		json_dumpf(line, stdout, JSON_COMPACT);
		putchar('\n');
	}
	fflush(stdout);
}

enum turnadmin_exit turnadmin_log_tail(const struct turnadmin_request *request)
{
	json_t *result = ask_newest(request);

	while (result != NULL) {
		json_int_t next = turnadmin_number(result, "next");

		print_lines(request, result);
		json_decref(result);
		if (!request->follows)
			return ferror(stdout) ? TURNADMIN_PROBLEM : TURNADMIN_DONE;
		result = ferror(stdout) ? NULL : ask_next(request, next);
	}
	return TURNADMIN_PROBLEM;
}
