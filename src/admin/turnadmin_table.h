/* Answers of the running server for people: a value, and rows of them with a tab between. */
#pragma once

#include <jansson.h>

/* Names are whatever clients sent: nothing of them reaches the terminal as it is. */
void turnadmin_print_value(const json_t *value);
/* The names of columns, ended by NULL, then the members of those names of each object of a list. */
void turnadmin_print_table(const json_t *list, const char *const *columns);
/* A line for each member that is no list and no object. */
void turnadmin_print_members(const json_t *object);
