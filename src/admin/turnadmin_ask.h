/* What the running server is asked, and what it answers, for verbs that make something of it. */
#pragma once

#include <inttypes.h>

#include <jansson.h>

#include "admin/turnadmin_request.h"

/* Asks over the control socket; the arguments, which may be NULL, are taken over. Returns the result, the
 * caller's; NULL after having said what is wrong. */
json_t *turnadmin_ask(const struct turnadmin_request *request, const char *what, json_t *arguments);

/* Puts an argument where it was given. What is not UTF-8 is null in JSON, and refused: what fits would else be all that
 * there is. */
void turnadmin_add_text(json_t *arguments, const char *name, const char *text);
void turnadmin_add_number(json_t *arguments, const char *name, long number); /* -1: not given */

/* Asks, and prints the result: for programs, or by print. */
typedef void turnadmin_print(const json_t *result);
enum turnadmin_exit turnadmin_ask_and_print(const struct turnadmin_request *request,
                                            const char *what, json_t *arguments,
                                            turnadmin_print *print);

/* A list that is asked for a page at a time, as many rows as --limit says: {"matched": N, ITEMS: [...], "next": "..." or null}. */
struct turnadmin_pages {
	const char *what, *items;
	json_t *(*arguments)(const struct turnadmin_request *request);
};
enum turnadmin_exit turnadmin_ask_pages_and_print(const struct turnadmin_request *request,
                                                  const struct turnadmin_pages *pages,
                                                  turnadmin_print *print);
/* Says so where not all that matched is in a list. */
void turnadmin_say_more(const json_t *result, const char *items);

/* Members of an answer; 0 and "" for those that are not there. */
int64_t turnadmin_number(const json_t *object, const char *name);
const char *turnadmin_text(const json_t *object, const char *name);
/* Prints an answer for programs. */
void turnadmin_print_json(const json_t *result);
