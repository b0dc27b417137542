#include "admin/turnadmin_table.h"

#include <stdio.h>

#include "admin/turnadmin_output.h"

void turnadmin_print_value(const json_t *value)
{
	if (json_is_string(value))
		turnadmin_output_text(json_string_value(value));
	else if (json_is_integer(value))
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		fputs(json_is_true(value) ? "yes" : "no", stdout);
}

static void print_row(const json_t *row, const char *const *columns)
{
	for (size_t i = 0; columns[i] != NULL; i++) {
		if (i > 0)
			putchar('\t');
		turnadmin_print_value(json_object_get(row, columns[i]));
	}
	putchar('\n');
}

void turnadmin_print_table(const json_t *list, const char *const *columns)
{
	const json_t *row;
	size_t i;

	for (i = 0; columns[i] != NULL; i++)
		printf("%s%s", i > 0 ? "\t" : "", columns[i]);
	putchar('\n');
	json_array_foreach(list, i, row) print_row(row, columns);
}

void turnadmin_print_members(const json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value)
	{
		if (json_is_array(value) || json_is_object(value))
			continue;
		printf("%s\t", name);
		turnadmin_print_value(value);
		putchar('\n');
	}
}
