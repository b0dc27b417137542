/* What the running server is asked, and what it answers, for verbs that make something of it. */
#pragma once

#include <inttypes.h>

#include <jansson.h>

#include "admin/turnadmin_request.h"

/* Asks over the control socket; the arguments, which may be NULL, are taken over. Returns the result, the
 * caller's; NULL after having said what is wrong. */
json_t *turnadmin_ask(const struct turnadmin_request *request, const char *what, json_t *arguments);

/* Members of an answer; 0 and "" for those that are not there. */
int64_t turnadmin_number(const json_t *object, const char *name);
const char *turnadmin_text(const json_t *object, const char *name);
/* Prints an answer for programs. */
void turnadmin_print_json(const json_t *result);
