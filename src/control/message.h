/* What is written on the control socket: one JSON object (RFC 8259) in a line for each request, and
 * one in a line for each answer, in the order of the requests.
 *
 *     {"request": "drain", "arguments": {"deadline": 60}}
 *     {"result": {"allocations": 12}}         or
 *     {"problem": "deadline: give seconds, 1 to 31536000"} */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/err.h"

enum { CONTROL_PROBLEM_SIZE = 256, CONTROL_LINE_MAX = 64 * 1024 };

struct control_message {   /* a request */
	json_t *object;    /* owned */
	const char *name;  /* lent from it */
	json_t *arguments; /* lent from it; NULL: there are none */
};

/* Reads a request, a line without its end. ERR_INVALID: problem says what is wrong with it. */
MUST_CHECK enum err control_message_parse(const char *line, size_t len,
                                          struct control_message *message,
                                          char problem[CONTROL_PROBLEM_SIZE]);
void control_message_deinit(struct control_message *message);

/* Whether each argument is among the words of takes; the first that is not goes into problem. */
bool control_message_takes(const struct control_message *message, const char *takes,
                           char problem[CONTROL_PROBLEM_SIZE]);

/* Make a line with its end, to be freed; NULL when there is no memory. What is given stays the
 * caller's. */
char *control_request_line(const char *name, json_t *arguments);
char *control_result_line(json_t *result);
char *control_problem_line(const char *problem);

/* Makes a JSON string of bytes that may be anything: with ? for what is not ASCII when they are not UTF-8,
 * which JSON demands (RFC 8259 section 8.1). NULL when there is no memory. */
json_t *control_text(const char *bytes);
