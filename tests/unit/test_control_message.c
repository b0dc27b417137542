/* Lines of the control socket: what is a request, and what is refused with which words. */
#include "control/message.h"

#include <stdlib.h>

#include "tap.h"

static void test_requests(void)
{
	struct control_message message;
	char problem[CONTROL_PROBLEM_SIZE];
	static const char plain[] = "{\"request\": \"status\"}";
	static const char full[] = " {\"arguments\":{\"deadline\":60},\"request\":\"drain\"}\r";

	is_int(control_message_parse(plain, strlen(plain), &message, problem), OK, "a request");
	is_text(message.name, "status", "its name");
	ok(message.arguments == NULL, "no arguments");
	ok(control_message_takes(&message, "", problem), "none are taken");
	control_message_deinit(&message);

	is_int(control_message_parse(full, strlen(full), &message, problem), OK,
	       "members in any order, white space around");
	is_int(json_integer_value(json_object_get(message.arguments, "deadline")), 60,
	       "an argument");
	ok(control_message_takes(&message, "minimum deadline", problem), "it is taken");
	ok(!control_message_takes(&message, "minimum deadlines", problem), "another is not");
	is_text(problem, "drain: takes no argument deadline, but minimum deadlines", "says so");
	control_message_deinit(&message);
}

static void test_text(void)
{
	static const struct {
		const char *bytes, *text;
	} rows[] = {
		{"alice", "alice"},
		{"caf\xc3\xa9", "caf\xc3\xa9"},
		{"caf\xe9", "caf?"},
		{"\xff\n\xc3", "???"},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_t *text = control_text(rows[i].bytes);
		is_text(json_string_value(text), rows[i].text, "what JSON has of %s", rows[i].text);
		json_decref(text);
	}
}

static void test_refused(void)
{
	static const struct {
		const char *line, *problem;
	} rows[] = {
		{"", "not JSON"},
		{"status", "not JSON"},
		{"{\"request\": \"status\"", "not JSON"},
		{"{\"request\": \"status\"} x", "not JSON"},
		{"{\"request\": \"a\", \"request\": \"b\"}", "not JSON"},
		{"{\"request\": \"a\xff\"}", "not JSON"},
		{"{\"request\": \"a\\u0000b\"}", "not JSON"},
		{"[\"status\"]", "not a JSON object"},
		{"{}", "request is missing"},
		{"{\"arguments\": {}}", "request is missing"},
		{"{\"request\": 1}", "\"request\": a request has"},
		{"{\"request\": \"a\", \"arguments\": []}", "\"arguments\": a request has"},
		{"{\"request\": \"a\", \"more\": 1}", "\"more\": a request has"},
	};
	struct control_message message;
	char problem[CONTROL_PROBLEM_SIZE];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		problem[0] = 0;
		is_int(control_message_parse(rows[i].line, strlen(rows[i].line), &message, problem),
		       ERR_INVALID, "refused: %s", rows[i].line);
		ok(strstr(problem, rows[i].problem) != NULL, "says %s: %s", rows[i].problem,
		   problem);
		ok(message.object == NULL, "nothing is left");
	}
}

static void test_deep(void)
{
	enum { DEPTH = 30000 };
	struct control_message message;
	char problem[CONTROL_PROBLEM_SIZE], *line = malloc(DEPTH);

	memset(line, '[', DEPTH);
	is_int(control_message_parse(line, DEPTH, &message, problem), ERR_INVALID,
	       "what is nested without end is refused");
	free(line);
}

static void test_lines(void)
{
	json_t *result = json_pack("{s:s}", "text", "two\nlines");
	char *line = control_result_line(result);

	is_text(line, "{\"result\":{\"text\":\"two\\nlines\"}}\n", "a result is one line");
	free(line);
	line = control_request_line("drain", result);
	is_text(line, "{\"request\":\"drain\",\"arguments\":{\"text\":\"two\\nlines\"}}\n",
	        "a request");
	free(line);
	json_decref(result);
	line = control_request_line("status", NULL);
	is_text(line, "{\"request\":\"status\"}\n", "a request without arguments");
	free(line);
	line = control_problem_line("a \"b\"\n\xff\x1b[0m");
	is_text(line, "{\"problem\":\"a \\\"b\\\"[0m\"}\n", "a problem is printable");
	free(line);
}

int main(void)
{
	test_requests();
	test_text();
	test_refused();
	test_deep();
	test_lines();
	return tap_end();
}
