/* From a query to the arguments of a request on the control socket. Each refuses the call by itself, and returns false then. */
#pragma once

#include "admin/api.h"

/* Puts a text where it was given: UTF-8 without control characters. Names end with NULL. */
bool relay_query_texts(struct api_call *call, json_t *arguments, const char *const *names);
/* Puts a number where it was given. */
bool relay_query_number(struct api_call *call, json_t *arguments, const char *name, json_int_t low,
                        json_int_t high);
/* Puts a flag where it was given: true or false. */
bool relay_query_flag(struct api_call *call, json_t *arguments, const char *name);
/* Puts the realm: the one of who asks, else the one that asked says; all of them where neither does. */
bool relay_put_realm(struct api_call *call, json_t *arguments, const char *asked);
