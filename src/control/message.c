/* The lines. Whoever writes them may err: what is not understood is refused, never ignored. */
#include "control/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_word(const char *words, const char *word);
static char *line_of(json_t *object);

PRINTF_LIKE(2, 3)
static enum err refuse(char problem[CONTROL_PROBLEM_SIZE], const char *why, ...)
{
	va_list args;

	va_start(args, why);
	vsnprintf(problem, CONTROL_PROBLEM_SIZE, why, args);
	va_end(args);
	return ERR_INVALID;
}

static enum err index_members(struct control_message *message, char problem[CONTROL_PROBLEM_SIZE])
{
	const char *key;
	json_t *value;

	json_object_foreach(message->object, key, value)
	{
		if (strcmp(key, "request") == 0 && json_is_string(value))
			message->name = json_string_value(value);
		else if (strcmp(key, "arguments") == 0 && json_is_object(value))
			message->arguments = value;
		else
			return refuse(problem,
			              "\"%.40s\": a request has the members request, a text, and "
			              "arguments, an object",
			              key);
	}
	if (message->name == NULL)
		return refuse(problem, "the member request is missing");
	return OK;
}

enum err control_message_parse(const char *line, size_t len, struct control_message *message,
                               char problem[CONTROL_PROBLEM_SIZE])
{
	json_error_t error;
	enum err err;

	*message = (struct control_message){0};
	message->object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	if (message->object == NULL)
		return refuse(problem, "not JSON: %.150s, byte %d", error.text, error.position);
	if (!json_is_object(message->object))
		err = refuse(problem, "not a JSON object");
	else
		err = index_members(message, problem);
	if (err != OK)
		control_message_deinit(message);
	return err;
}

void control_message_deinit(struct control_message *message)
{
	json_decref(message->object);
	*message = (struct control_message){0};
}

bool control_message_takes(const struct control_message *message, const char *takes,
                           char problem[CONTROL_PROBLEM_SIZE])
{
	const char *key;
	json_t *value;

	json_object_foreach(message->arguments, key, value) if (!has_word(takes, key))
	{
		(void)refuse(problem, "%.40s: takes no argument %.40s%s%s", message->name, key,
		             takes[0] != 0 ? ", but " : "", takes);
		return false;
	}
	return true;
}

char *control_request_line(const char *name, json_t *arguments)
{
	return line_of(arguments != NULL
	                       ? json_pack("{s:s, s:O}", "request", name, "arguments", arguments)
	                       : json_pack("{s:s}", "request", name));
}

char *control_result_line(json_t *result)
{
	return line_of(json_pack("{s:O}", "result", result));
}

/* Parts of a problem may be another's bytes and not UTF-8, which JSON demands: they are left out. */
char *control_problem_line(const char *problem)
{
	char text[CONTROL_PROBLEM_SIZE];
	size_t len = 0;

	for (const char *p = problem; *p != 0 && len + 1 < sizeof text; p++)
		if (*p >= ' ' && *p <= '~')
			text[len++] = *p;
	text[len] = 0;
	return line_of(json_pack("{s:s}", "problem", text));
}

json_t *control_text(const char *bytes)
{
	json_t *text = json_string(bytes);
	char *plain = text == NULL ? strdup(bytes) : NULL;

	if (plain == NULL)
		return text;
	for (char *p = plain; *p != 0; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	text = json_string(plain);
	free(plain);
	return text;
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = words; *p != 0; p += strspn(p, " ")) {
		size_t next = strcspn(p, " ");
		if (next == len && strncmp(p, word, len) == 0)
			return true;
		p += next;
	}
	return false;
}

/* Takes the object over. */
static char *line_of(json_t *object)
{
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
	size_t len = text != NULL ? strlen(text) : 0;
	char *line = text != NULL ? realloc(text, len + 2) : NULL;

	json_decref(object);
	if (line == NULL) {
		free(text);
		return NULL;
	}
	memcpy(line + len, "\n", 2);
	return line;
}
